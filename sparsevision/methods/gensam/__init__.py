"""GenSAM (Hu et al., AAAI 2024): camouflaged objects from one generic text prompt, without training."""

from sparsevision.methods.gensam.clip_heatmap import ClipHeatmap
from sparsevision.methods.gensam.conse import ConSE
from sparsevision.methods.gensam.heatmap import similarity_heatmap
from sparsevision.methods.gensam.heatmap_backend import HeatmapBackend
from sparsevision.methods.gensam.keywords.clean import clean_answer
from sparsevision.methods.gensam.loop import run_gensam
from sparsevision.methods.gensam.method import GenSAM, OpenClipHeatmap
from sparsevision.methods.gensam.network import SpatialCLIP
from sparsevision.methods.gensam.presets import GenSAMOptions, resolve_options
from sparsevision.methods.gensam.progressive import reweight_image, select_pass
from sparsevision.methods.gensam.prompts import box_from_mask, points_from_heatmap

__all__ = [
    "ClipHeatmap",
    "ConSE",
    "GenSAM",
    "GenSAMOptions",
    "HeatmapBackend",
    "OpenClipHeatmap",
    "SpatialCLIP",
    "box_from_mask",
    "clean_answer",
    "points_from_heatmap",
    "resolve_options",
    "reweight_image",
    "run_gensam",
    "select_pass",
    "similarity_heatmap",
]
