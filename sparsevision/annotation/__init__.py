"""The heart of the package: sparse annotations, how to make them from dense truth, save, load and cost them."""

from sparsevision.annotation.budget import CostModel, annotation_cost
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.io import load_annotations, save_annotations
from sparsevision.annotation.label_png import read_label_png, write_label_png
from sparsevision.annotation.simulate import points_from_label_map, simulate_clicks, simulate_points
from sparsevision.annotation.strokes import simulate_scribbles
from sparsevision.annotation.types import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks

__all__ = [
    "Annotation",
    "AnnotationError",
    "Boxes",
    "Clicks",
    "CostModel",
    "PointLabels",
    "Scribbles",
    "Tracks",
    "annotation_cost",
    "load_annotations",
    "points_from_label_map",
    "read_label_png",
    "save_annotations",
    "simulate_clicks",
    "simulate_points",
    "simulate_scribbles",
    "write_label_png",
]
