"""Models of COLMAP (structure from motion): cameras, images and points, from .bin or .txt and back."""

from sparsevision.datasets.views.colmap.files import find_model, read_model, write_model
from sparsevision.datasets.views.colmap.model import Camera, Image, Model, Points

__all__ = ["Camera", "Image", "Model", "Points", "find_model", "read_model", "write_model"]
