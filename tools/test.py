"""Test a method on the data set of a config."""

from sparsevision.engine import run_tool
from sparsevision.engine.test import main

if __name__ == "__main__":
    run_tool(main)
