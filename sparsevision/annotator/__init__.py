"""The annotation page: points, clicks, scribbles, boxes and tracks by hand, in a browser, on this machine."""

from sparsevision.annotator.assistant import Assistant, Backend, choose_backend
from sparsevision.annotator.gallery import Gallery
from sparsevision.annotator.project import Project
from sparsevision.annotator.server import AnnotatorServer

__all__ = ["AnnotatorServer", "Assistant", "Backend", "Gallery", "Project", "choose_backend"]
