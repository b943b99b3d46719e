"""The wheel: what is in it, and that it works where there is no checkout."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from tool_runner import ROOT

from sparsevision import __version__

CONFIG = "tiny_sparseseg_resnet18_scribble_30e_camouflage"


def tracked() -> list[str]:
    """What git tracks and has not lost, without the tests; the test is skipped where that cannot be known."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if files.returncode:
        pytest.skip("not a git checkout")
    names = filter(None, files.stdout.split("\0"))
    return [name for name in names if (ROOT / name).is_file() and not name.startswith("tests/")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy of what git tracks, without an environment of its own (setuptools must be here)."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked():
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(folder / "source")], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel; what it depends on comes from this one, through a .pth file."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*install, str(wheel)], check=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    borrowed = folder / "borrowed"
    borrowed.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "sparsevision" not in entry.name and entry.suffix != ".pth":
            (borrowed / entry.name).symlink_to(entry)
    (own / "borrowed.pth").write_text(f"{borrowed}\n")
    return python.parent


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess:
    """A command of that environment in a folder that is no checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(installed / words[0]), *words[1:]]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_wheel_has_package_configs_tools_and_pages_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert f"sparsevision-{__version__}" in wheel.name
    for name in (
        "sparsevision/doctor/child.py",
        "sparsevision/annotator/page/index.html",
        "sparsevision/.mim/model-index.yml",
        f"sparsevision/.mim/configs/sparse_seg/{CONFIG}.py",
        "sparsevision/.mim/configs/_base_/default_runtime.py",
        "sparsevision/.mim/tools/dist_train.sh",
        *(f"sparsevision/.mim/{name}" for name in tracked() if name.startswith("tools/")),
    ):
        assert name in names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"sparsevision", f"sparsevision-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pth", ".pyc"))]
    assert sum(entry.file_size for entry in zipfile.ZipFile(wheel).infolist()) < 10 * 2**20


@pytest.mark.slow
def test_an_installed_wheel_works_without_a_checkout(installed, tmp_path):
    doctor = run(installed, tmp_path, "sparsevision", "doctor", "--quick")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "core " in doctor.stdout
    script = (
        "import sparsevision; from sparsevision.methods.registered import *; from sparsevision.registry import MODELS;"
        f"from sparsevision.utils import find_config, tool_command; assert '.mim' in str(find_config({CONFIG!r}));"
        "assert tool_command('train.py') == 'sparsevision train'; print(sparsevision.__file__)"
    )
    imported = run(installed, tmp_path, "python", "-c", script)
    assert imported.returncode == 0, imported.stderr
    assert str(ROOT) not in imported.stdout
    shown = run(installed, tmp_path, "sparsevision", "print_config", CONFIG)
    assert shown.returncode == 0, shown.stderr
    assert "SparseSegmentor" in shown.stdout


@pytest.mark.slow
def test_an_installed_wheel_trains(installed, tmp_path):
    data = tmp_path / "data"
    made = run(
        installed,
        tmp_path,
        "sparsevision",
        "make_synthetic",
        "camouflage",
        "--out",
        str(data),
        "--train",
        "4",
        "--test",
        "2",
    )
    assert made.returncode == 0, made.stderr
    options = ["train_cfg.max_epochs=2", f"train_dataloader.dataset.data_root={data}"]
    options += [f"test_dataloader.dataset.data_root={data}"]
    arguments = [CONFIG, "--work-dir", "out", "--cfg-options", *options]
    trained = run(installed, tmp_path, "sparsevision", "train", *arguments)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert (tmp_path / "out" / "epoch_2.pth").is_file()
