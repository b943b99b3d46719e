"""The model zoo: `model-index.yml` and the tables of the READMEs are generated from checked metafiles."""

from sparsevision.zoo.metafile import Collection, Model, Result, read_metafile
from sparsevision.zoo.pages import Page, read_zoo, render_pages
from sparsevision.zoo.tables import collection_tables, replace_between_markers

__all__ = [
    "Collection",
    "Model",
    "Page",
    "Result",
    "collection_tables",
    "read_metafile",
    "read_zoo",
    "render_pages",
    "replace_between_markers",
]
