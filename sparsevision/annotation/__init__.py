"""The heart of the package: sparse annotations, how to make them from dense truth, save, load and cost them."""

from sparsevision.annotation.box_protocols import BOX_PROTOCOLS, kept_boxes, points_in_boxes
from sparsevision.annotation.boxes import simulate_boxes
from sparsevision.annotation.budget import CostModel, annotation_cost, measured_seconds
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import (
    read_coco,
    read_cvat,
    read_labelme,
    write_coco,
    write_cvat,
    write_labelme,
)
from sparsevision.annotation.io import annotations_from_json, annotations_to_json, load_annotations, save_annotations
from sparsevision.annotation.label_png import read_label_png, write_label_png
from sparsevision.annotation.noise import drop, mislabel, shift
from sparsevision.annotation.point_protocols import POINT_PROTOCOLS, simulate_point_labels
from sparsevision.annotation.simulate import points_from_label_map, simulate_clicks, simulate_points
from sparsevision.annotation.strokes import simulate_scribbles
from sparsevision.annotation.tracks import simulate_tracks, visible_by_consistency
from sparsevision.annotation.tracks_flow import read_flow
from sparsevision.annotation.types import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks

__all__ = [
    "BOX_PROTOCOLS",
    "POINT_PROTOCOLS",
    "Annotation",
    "AnnotationError",
    "Boxes",
    "Clicks",
    "CostModel",
    "PointLabels",
    "Scribbles",
    "Tracks",
    "annotation_cost",
    "annotations_from_json",
    "annotations_to_json",
    "drop",
    "kept_boxes",
    "load_annotations",
    "measured_seconds",
    "mislabel",
    "points_from_label_map",
    "points_in_boxes",
    "read_coco",
    "read_cvat",
    "read_flow",
    "read_label_png",
    "read_labelme",
    "save_annotations",
    "shift",
    "simulate_boxes",
    "simulate_clicks",
    "simulate_point_labels",
    "simulate_points",
    "simulate_scribbles",
    "simulate_tracks",
    "visible_by_consistency",
    "write_coco",
    "write_cvat",
    "write_label_png",
    "write_labelme",
]
