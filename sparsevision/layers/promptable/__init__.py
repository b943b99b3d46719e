"""Promptable segmenters behind one interface: Segment Anything, MobileSAM, HQ-SAM and SAM 2, GrabCut."""

from sparsevision.layers.promptable.base import (
    ImageEmbedding,
    ImageFrame,
    Prompt,
    PromptableSegmenter,
    PromptedMasks,
)
from sparsevision.layers.promptable.grabcut import GrabCut
from sparsevision.layers.promptable.huggingface import HuggingFaceSam
from sparsevision.layers.promptable.mobile_sam import MobileSAM, TinyViTEncoder, timm_names
from sparsevision.layers.promptable.sam import SegmentAnything, build_sam, sam_around

__all__ = [
    "GrabCut",
    "HuggingFaceSam",
    "ImageEmbedding",
    "ImageFrame",
    "MobileSAM",
    "Prompt",
    "PromptableSegmenter",
    "PromptedMasks",
    "SegmentAnything",
    "TinyViTEncoder",
    "build_sam",
    "sam_around",
    "timm_names",
]
