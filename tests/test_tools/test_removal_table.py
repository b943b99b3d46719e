"""tools/analysis_tools/removal_table.py: rows, paired differences, and the marked part of a page."""

import numpy as np
import pytest
from tool_runner import load_tool


@pytest.fixture(scope="module")
def tool():
    return load_tool("analysis_tools/removal_table.py")


def results(tool):
    numbers = {0: (24.0, 22.0, 20.0), 1: (26.0, 22.0, 25.0)}
    rows = {seed: dict(zip(tool.ROWS, values, strict=True)) for seed, values in numbers.items()}
    masks = {0: (95.0, 96.0), 1: (94.0, 96.0)}
    return {
        seed: dict.fromkeys(tool.METRICS, rows[seed]) | {tool.IOU: dict(zip(tool.MASKS, masks[seed], strict=True))}
        for seed in numbers
    }


def test_every_number_says_its_protocol_and_the_difference(tool):
    table = tool.table_of(results(tool))
    assert "| whole chain (PSNR/masked, dB) | 24.000 | 26.000 | **25.000** |  |" in table
    assert "| masked NeRF (PSNR/masked, dB) | 22.000 | 22.000 | **22.000** | +3.000 ± 1.000 (+2.000, +4.000) |" in table
    assert "| each view inpainted, no NeRF (LPIPS/masked, less is better) | 20.000 | 25.000 |" in table
    assert "| propagated masks (IoU/annotated_views, %) | 95.000 | 94.000 | **94.500** | +1.500 ± 0.500" in table
    assert table.count("\n") == 1 + 2 * 3 + 2


def test_one_seed_has_no_spread(tool):
    assert tool.paired(np.array([0.5])) == "+0.500 ± 0.000 (+0.500)"
