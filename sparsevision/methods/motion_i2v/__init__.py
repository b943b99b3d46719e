"""Motion-I2V: image to video steered by a few tracks (Shi et al., SIGGRAPH 2024)."""

from sparsevision.datasets.video.brush import brush_from_painting
from sparsevision.layers.forward_splat import SplatOperator, forward_splat
from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.attention import MotionAugmentedAttention, TemporalAttention, WarpedSumAttention
from sparsevision.methods.motion_i2v.autoencoder import GaussianLatents, KLAutoencoder, rename_old_attention
from sparsevision.methods.motion_i2v.brush import (
    checked_brush,
    clip_brush,
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
from sparsevision.methods.motion_i2v.convert import convert_checkpoint
from sparsevision.methods.motion_i2v.flow_stage import FlowAutoencoder
from sparsevision.methods.motion_i2v.frame_stage import FrameRenderer
from sparsevision.methods.motion_i2v.method import MotionI2V
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.methods.motion_i2v.motion_stage import MotionPredictor
from sparsevision.methods.motion_i2v.paths import (
    TrackPaths,
    annotated_paths,
    clicked_paths,
    interpolate_track,
    scale_clicks,
)
from sparsevision.methods.motion_i2v.predictors import frame_network, motion_network
from sparsevision.methods.motion_i2v.preview import gaussian_forward_warp, preview_video
from sparsevision.methods.motion_i2v.regions import BoxRegion, GaussianRegion, ObjectRegion, Region
from sparsevision.methods.motion_i2v.sampling import Conditions, Guidance, denoise, guided
from sparsevision.methods.motion_i2v.schedule import NoiseSchedule, clip_noise, seeded
from sparsevision.methods.motion_i2v.sparse_samplers import (
    DenseMotion,
    DenseToSparse,
    DragLike,
    Mixture,
    RandomBlocks,
    RandomTracks,
    SparseSampler,
    sample_batch,
)
from sparsevision.methods.motion_i2v.speed import SPEEDS, Speed, keyed_speed, named_speed
from sparsevision.methods.motion_i2v.stage_one import decode_motion, frame_strides, sample_motion
from sparsevision.methods.motion_i2v.stage_two import sample_frames, with_reference_field
from sparsevision.methods.motion_i2v.text import CLIPText, HashedText, StoredCLIPText
from sparsevision.methods.motion_i2v.tracks import encode_sparse_flow, paint_paths, rasterise_tracks
from sparsevision.methods.motion_i2v.unet import UNetMotion3D, stage1_unet, stage2_unet

__all__ = [
    "CAMERA_MOVES",
    "SPEEDS",
    "Architecture",
    "BoxRegion",
    "CLIPText",
    "CameraMove",
    "Conditions",
    "DenseMotion",
    "DenseToSparse",
    "DragLike",
    "FlowAutoencoder",
    "FlowCodec",
    "FlowVAECodec",
    "FrameRenderer",
    "GaussianLatents",
    "GaussianRegion",
    "Guidance",
    "HashedText",
    "ImageCodec",
    "ImageVAECodec",
    "KLAutoencoder",
    "Mixture",
    "MotionAugmentedAttention",
    "MotionFields",
    "MotionI2V",
    "MotionPredictor",
    "NoiseSchedule",
    "ObjectRegion",
    "PatchFlowCodec",
    "PixelShuffleCodec",
    "RandomBlocks",
    "RandomTracks",
    "Region",
    "SparseSampler",
    "Speed",
    "SplatOperator",
    "StoredCLIPText",
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
    "clip_brush",
    "clip_noise",
    "convert_checkpoint",
    "decode_motion",
    "denoise",
    "encode_sparse_flow",
    "forward_splat",
    "frame_network",
    "frame_strides",
    "freeze_anchors",
    "freeze_flow",
    "gaussian_forward_warp",
    "guided",
    "interpolate_track",
    "keyed_speed",
    "latent_brush",
    "motion_network",
    "named_speed",
    "paint_paths",
    "paste_frozen",
    "preview_video",
    "rasterise_tracks",
    "rename_old_attention",
    "sample_batch",
    "sample_frames",
    "sample_motion",
    "scale_clicks",
    "seeded",
    "stage1_unet",
    "stage2_unet",
    "with_reference_field",
]
