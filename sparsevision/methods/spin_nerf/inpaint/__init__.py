"""2-D inpainting priors behind one interface: `inpaint(image or disparity, mask, name=...)`."""

from sparsevision.methods.spin_nerf.inpaint.base import Inpainter
from sparsevision.methods.spin_nerf.inpaint.classical import OpenCVInpainter, PatchMatchInpainter, harmonic_fill
from sparsevision.methods.spin_nerf.inpaint.lama import LaMaInpainter
from sparsevision.methods.spin_nerf.inpaint.lama_network import LaMaGenerator
from sparsevision.methods.spin_nerf.inpaint.precomputed import PrecomputedInpainter

__all__ = [
    "Inpainter",
    "LaMaGenerator",
    "LaMaInpainter",
    "OpenCVInpainter",
    "PatchMatchInpainter",
    "PrecomputedInpainter",
    "harmonic_fill",
]
