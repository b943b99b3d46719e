"""Imports every method, so that its classes are in the registries: for configs that name them by string."""

import importlib
import pkgutil

import sparsevision.methods

METHODS = tuple(name for _, name, is_package in pkgutil.iter_modules(sparsevision.methods.__path__) if is_package)

for name in METHODS:
    importlib.import_module(f"sparsevision.methods.{name}")
