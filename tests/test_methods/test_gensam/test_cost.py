"""The cost tool on tiny networks; its full-size figures take minutes."""

import pytest
import torch
from tool_runner import load_tool
from torch import nn

from .conftest import StandInSAM


@pytest.fixture(scope="module")
def tool():
    return load_tool("analysis_tools/gensam_cost.py")


class SAMWithEncoder(StandInSAM):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 4)

    def set_image(self, image):
        self.encoder(torch.zeros(1, 4))
        return super().set_image(image)


def test_text_work_is_counted(tool, clip, golden):
    segmenter = SAMWithEncoder()
    cost = tool.measure(
        golden["heatmaps/image"], clip=clip, segmenter=segmenter, sam_encoder=segmenter.encoder, passes=2
    )
    assert cost.text_ratio > 8
    assert cost.published_text_macs == tool.text_macs(2 * 5 * 85, 77, clip.config)
    assert segmenter.embedded == 2
    assert not cost.bars_met


def test_work_of_the_full_size_text_tower(tool):
    """2.98 GMAC for a prompt of 77 tokens through the text tower of ViT-B/16."""
    assert tool.text_macs(1, 77, tool.VIT_B_16) == pytest.approx(2.98e9, rel=2e-3)
