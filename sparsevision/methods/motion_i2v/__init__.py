"""Motion-I2V: image to video steered by a few tracks (Shi et al., SIGGRAPH 2024)."""

from sparsevision.layers.forward_splat import SplatOperator, forward_splat
from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.attention import MotionAugmentedAttention, TemporalAttention, WarpedSumAttention
from sparsevision.methods.motion_i2v.autoencoder import GaussianLatents, KLAutoencoder, rename_old_attention
from sparsevision.methods.motion_i2v.brush import (
    brush_from_painting,
    checked_brush,
    freeze_anchors,
    freeze_flow,
    latent_brush,
    paste_frozen,
)
from sparsevision.methods.motion_i2v.cameras import CAMERA_MOVES, CameraMove, camera_flow
from sparsevision.methods.motion_i2v.codecs import (
    FlowCodec,
    FlowVAECodec,
    ImageCodec,
    ImageVAECodec,
    PatchFlowCodec,
    PixelShuffleCodec,
    TinyFlowVAE,
)
from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.methods.motion_i2v.paths import TrackPaths, annotated_paths, clicked_paths, interpolate_track
from sparsevision.methods.motion_i2v.preview import gaussian_forward_warp, preview_video
from sparsevision.methods.motion_i2v.regions import BoxRegion, GaussianRegion, ObjectRegion, Region
from sparsevision.methods.motion_i2v.schedule import NoiseSchedule, clip_noise, seeded
from sparsevision.methods.motion_i2v.speed import SPEEDS, Speed, keyed_speed, named_speed
from sparsevision.methods.motion_i2v.tracks import encode_sparse_flow, paint_paths, rasterise_tracks
from sparsevision.methods.motion_i2v.unet import UNetMotion3D, stage1_unet, stage2_unet

__all__ = [
    "CAMERA_MOVES",
    "SPEEDS",
    "Architecture",
    "BoxRegion",
    "CameraMove",
    "FlowCodec",
    "FlowVAECodec",
    "GaussianLatents",
    "GaussianRegion",
    "ImageCodec",
    "ImageVAECodec",
    "KLAutoencoder",
    "MotionAugmentedAttention",
    "MotionFields",
    "NoiseSchedule",
    "ObjectRegion",
    "PatchFlowCodec",
    "PixelShuffleCodec",
    "Region",
    "Speed",
    "SplatOperator",
    "TemporalAttention",
    "TinyFlowVAE",
    "TrackPaths",
    "TrajectoryControlNet",
    "UNetMotion3D",
    "WarpedSumAttention",
    "annotated_paths",
    "brush_from_painting",
    "camera_flow",
    "checked_brush",
    "clicked_paths",
    "clip_noise",
    "encode_sparse_flow",
    "forward_splat",
    "freeze_anchors",
    "freeze_flow",
    "gaussian_forward_warp",
    "interpolate_track",
    "keyed_speed",
    "latent_brush",
    "named_speed",
    "paint_paths",
    "paste_frozen",
    "preview_video",
    "rasterise_tracks",
    "rename_old_attention",
    "seeded",
    "stage1_unet",
    "stage2_unet",
]
