"""Train a method from a config."""

from sparsevision.engine import run_tool
from sparsevision.engine.train import main

if __name__ == "__main__":
    run_tool(main)
