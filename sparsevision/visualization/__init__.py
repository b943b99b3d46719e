"""Draw points, masks, boxes, label maps and heatmaps on images; one visualiser for the Runner."""

from sparsevision.visualization.canvas import as_rgb, class_colours
from sparsevision.visualization.clouds import draw_cloud, draw_segmented_cloud
from sparsevision.visualization.detections import draw_detections
from sparsevision.visualization.drawing import draw_box, draw_label_map, draw_mask, draw_points, draw_scribbles
from sparsevision.visualization.events import draw_clicks, draw_event_frame, draw_event_grid, draw_events, draw_legend
from sparsevision.visualization.files import write_image
from sparsevision.visualization.gif import write_gif
from sparsevision.visualization.panels import heatmap_overlay, side_by_side
from sparsevision.visualization.passes import draw_passes
from sparsevision.visualization.tokens import draw_foreground, draw_kept_tokens, draw_token_sheet
from sparsevision.visualization.tracks import draw_tracks, frames_with_tracks
from sparsevision.visualization.video import write_video
from sparsevision.visualization.view_samples import draw_view_sample
from sparsevision.visualization.visualizer import SparseVisualizer

__all__ = [
    "SparseVisualizer",
    "as_rgb",
    "class_colours",
    "draw_box",
    "draw_clicks",
    "draw_cloud",
    "draw_detections",
    "draw_event_frame",
    "draw_event_grid",
    "draw_events",
    "draw_foreground",
    "draw_kept_tokens",
    "draw_label_map",
    "draw_legend",
    "draw_mask",
    "draw_passes",
    "draw_points",
    "draw_scribbles",
    "draw_segmented_cloud",
    "draw_token_sheet",
    "draw_tracks",
    "draw_view_sample",
    "frames_with_tracks",
    "heatmap_overlay",
    "side_by_side",
    "write_gif",
    "write_image",
    "write_video",
]
