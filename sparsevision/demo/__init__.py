"""The demo: every method brings one entry, `make demo` runs the main ones, `make gallery` all; both write a page."""

from sparsevision.demo import (
    annotations,
    cpcm,
    ev_wsss,
    focus_detr,
    gensam,
    motion_i2v,
    sparse_seg,
    spin_nerf,
)
from sparsevision.demo.entry import DemoEntry, DemoResult, Outcome, Picture
from sparsevision.demo.run import Demo, run_demo

ENTRIES: tuple[DemoEntry, ...] = (
    gensam.ENTRY,
    annotations.ENTRY,
    sparse_seg.ENTRY,
    ev_wsss.ENTRY,
    cpcm.ENTRY,
    spin_nerf.ENTRY,
    focus_detr.ENTRY,
    motion_i2v.ENTRY,
)

__all__ = ["ENTRIES", "Demo", "DemoEntry", "DemoResult", "Outcome", "Picture", "run_demo"]
