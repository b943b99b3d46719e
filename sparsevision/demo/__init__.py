"""The demo: every method brings one entry, `make demo` runs them all and writes a page."""

from sparsevision.demo import annotations, cpcm, ev_wsss, gensam, sparse_seg
from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.demo.run import run_demo

ENTRIES: tuple[DemoEntry, ...] = (gensam.ENTRY, annotations.ENTRY, sparse_seg.ENTRY, ev_wsss.ENTRY, cpcm.ENTRY)

__all__ = ["ENTRIES", "DemoEntry", "DemoResult", "Picture", "run_demo"]
