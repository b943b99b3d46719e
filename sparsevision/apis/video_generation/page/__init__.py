"""A page in the browser that makes videos of images: drags and a brush, a preview, sampling, files to download."""

from sparsevision.apis.video_generation.page.layout import build_page, launch_page
from sparsevision.apis.video_generation.page.sketch import Mark, Sketch
from sparsevision.apis.video_generation.page.workbench import Settings, Workbench

__all__ = ["Mark", "Settings", "Sketch", "Workbench", "build_page", "launch_page"]
