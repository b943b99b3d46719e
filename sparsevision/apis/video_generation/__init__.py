"""Image to video: Motion-I2V for people who want no Runner."""

from sparsevision.apis.video_generation.clip_motion import clip_motion
from sparsevision.apis.video_generation.inferencer import I2VInferencer
from sparsevision.apis.video_generation.result import I2VResult, warped_preview
from sparsevision.apis.video_generation.stages import Stages, load_stages, stage_of, stages_of
from sparsevision.apis.video_generation.steering import REGIONS, DragSettings, Steering
from sparsevision.layers.optical_flow import FLOWS, flow_extractor

__all__ = [
    "FLOWS",
    "REGIONS",
    "DragSettings",
    "I2VInferencer",
    "I2VResult",
    "Stages",
    "Steering",
    "clip_motion",
    "flow_extractor",
    "load_stages",
    "stage_of",
    "stages_of",
    "warped_preview",
]
