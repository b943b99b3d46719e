"""The process that imports: one line of JSON a module, so that a module which takes Python down is known by name.

It is started as a plain script (nothing of sparsevision is imported here) with the parent's `sys.path` and the modules
to import on its standard input.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO


def torch_facts() -> dict[str, Any]:
    """CUDA's version, and name and memory (bytes) of each GPU, or why there is none to be used."""
    import torch

    facts: dict[str, Any] = {"cuda": torch.version.cuda or "", "gpus": [], "gpu_problem": ""}
    try:
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            facts["gpus"].append({"name": properties.name, "memory": properties.total_memory})
    except Exception as error:  # a driver that does not fit says so in many ways
        facts["gpu_problem"] = first_line(error)
    return facts


def av_facts() -> dict[str, Any]:
    """Whether PyAV writes H.264."""
    codec = importlib.import_module("av.codec")

    try:
        return {"h264": codec.Codec("libx264", "w").name}
    except Exception:  # each build of ffmpeg has its own errors
        return {"h264": ""}


FACTS: dict[str, Callable[[], dict[str, Any]]] = {"torch": torch_facts, "av": av_facts}


def first_line(error: BaseException) -> str:
    """E.g. "ImportError: libGL.so.1: cannot open shared object file"."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}"[:200] if text else type(error).__name__


def attempt(module: str) -> dict[str, Any]:
    """What importing it gave."""
    try:
        importlib.import_module(module)
        return {"error": "", "facts": FACTS.get(module, dict)()}
    except BaseException as error:  # a module may even call sys.exit
        return {"error": first_line(error), "facts": {}}


def own_output() -> TextIO:
    """The standard output for us alone; what modules print goes to stderr."""
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return ours


def main() -> None:
    """Import what standard input names."""
    out = own_output()
    sys.path[:], modules = json.load(sys.stdin)
    for module in modules:
        print(json.dumps({"begin": module}), file=out, flush=True)
        print(json.dumps({"module": module, **attempt(module)}), file=out, flush=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # without the modules' farewells
