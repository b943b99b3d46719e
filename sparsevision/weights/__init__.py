"""Pretrained weights: one catalogue, one cache, and a record of where every file came from."""

from sparsevision.weights.cache import Provenance, cache_dir, read_provenance
from sparsevision.weights.catalogue import CATALOGUE, PackageRecipe, WeightEntry, weight_entry
from sparsevision.weights.download import Digest, SourceUnavailable, WrongContent
from sparsevision.weights.get import describe, find_weights, get_weights, resolve_weights

__all__ = [
    "CATALOGUE",
    "Digest",
    "PackageRecipe",
    "Provenance",
    "SourceUnavailable",
    "WeightEntry",
    "WrongContent",
    "cache_dir",
    "describe",
    "find_weights",
    "get_weights",
    "read_provenance",
    "resolve_weights",
    "weight_entry",
]
