"""Puts configs, tools and the model index into the wheel as `sparsevision/.mim`, where OpenMMLab's `mim` looks."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PAYLOAD = ("configs", "tools", "model-index.yml")


class BuildWithMim(build_py):
    """`build_py` that also copies PAYLOAD; an editable install reads the checkout instead."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self._copy_payload(Path(self.build_lib) / "sparsevision" / ".mim")

    def _copy_payload(self, target: Path) -> None:
        for name in PAYLOAD:
            source, copy = ROOT / name, target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, copy)


setup(cmdclass={"build_py": BuildWithMim})
