"""tools/analysis_tools/removal_table.py: rows, paired differences, and the marked part of a page."""

import importlib.util

import numpy as np
import pytest

from sparsevision.utils import tools_dir


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("removal_table", tools_dir() / "analysis_tools" / "removal_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def results(tool):
    numbers = {0: (24.0, 22.0, 20.0, 95.0, 96.0), 1: (26.0, 22.0, 25.0, 94.0, 96.0)}
    return {seed: dict(zip((*tool.ROWS, *tool.MASKS), values, strict=True)) for seed, values in numbers.items()}


def test_every_number_says_its_protocol_and_its_lead(tool):
    table = tool.table_of(results(tool))
    assert "| whole chain (PSNR/masked, dB) | 24.00 | 26.00 | **25.00** |  |" in table
    assert "| masked NeRF (PSNR/masked, dB) | 22.00 | 22.00 | **22.00** | +3.00 ± 1.00 (+2.00, +4.00) |" in table
    assert "| each view inpainted, no NeRF (PSNR/masked, dB) | 20.00 | 25.00 | **22.50** | +2.50 ± 1.50" in table
    assert "| masks of the field (IoU, %) | 96.00 | 96.00 | **96.00** |  |" in table
    assert "+1.50 ± 0.50 (+1.00, +2.00)" in table


def test_one_seed_has_no_spread(tool):
    assert tool.paired(np.array([0.5])) == "+0.50 ± 0.00 (+0.50)"
