"""`python -m sparsevision.doctor`: what it says of good, poor and broken environments. Nothing here imports torch."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import source_tree as source
from tool_runner import ROOT

from sparsevision.doctor import Examination, examine, report
from sparsevision.doctor import requirements as asked
from sparsevision.doctor.__main__ import main
from sparsevision.doctor.child import first_line
from sparsevision.doctor.examination import (
    Library,
    MethodState,
    ability_of,
    cached_weights,
    import_all,
    library_of,
    state_of,
    versions_of,
)
from sparsevision.doctor.machine import cpu_cores, free_disk, memory
from sparsevision.doctor.needs import KNOWN, Use, method_needs
from sparsevision.doctor.probe import Imported, probe
from sparsevision.doctor.requirements import Requirement, allows, canonical, needs_torch, requirements
from sparsevision.weights import CATALOGUE

GIB = 2**30
QUICK_TORCH = """
class version:
    cuda = "13.0"


class cuda:
    def device_count():
        return 1

    def get_device_properties(index):
        return type("Properties", (), {"name": "Quick 1", "total_memory": 2**30})
"""


def library(name, *, version="1.0", problem="", works=True):
    return Library(name, name, ">=1", version, problem, works)


def gone(name):
    return library(name, version="", problem="missing", works=False)


@pytest.fixture
def healthy() -> Examination:
    """A machine on which all is well."""
    return Examination(
        sparsevision="0.1.0",
        python="3.11.9",
        system="Linux x86_64",
        core=(library("torch"), library("onedl-mmengine")),
        extras={"event": (library("h5py"),), "video": (library("av"),)},
        opencv={"opencv-python": "5.0"},
        clashes={},
        cuda="13.0",
        gpus=({"name": "H100", "memory": 80 * GIB},),
        gpu_problem="",
        cpu_cores=2,
        memory=16 * GIB,
        memory_free=8 * GIB,
        weights={"mobile_sam": "/cache/mobile_sam.pt"},
        weights_problem="",
        cache="/cache",
        cache_free=50 * GIB,
        h264="libx264",
        ffmpeg="",
        methods=(MethodState("EV-WSSS", (ability_of(Use("training"), {}, {}),)),),
    )


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Makes modules: `packages(name="source code")`."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**sources):
        for name, text in sources.items():
            (tmp_path / f"{name}.py").write_text(text)
        return list(sources)

    return make


def test_a_healthy_machine_takes_about_ten_lines(healthy):
    lines = report(healthy).splitlines()
    assert len(lines) == 9
    assert healthy.core_works
    assert not any(line.startswith("->") for line in lines)
    for said in ("works: torch 1.0, onedl-mmengine 1.0", "one: opencv-python 5.0", "H100 with 80.0 GiB", "H.264"):
        assert said in report(healthy)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"core": (gone("torch"),)}, 'DOES NOT WORK: missing: torch\n.*pip install "torch>=1"'),
        ({"core": ()}, "sparsevision is not installed.*pip install -e"),
        (
            {"core": (library("torch", problem="cannot be imported (OSError: no)", works=False),)},
            r"torch cannot be imported \(OSError: no\).*pip install --force-reinstall --no-deps \"torch",
        ),
        ({"core": (library("torch", problem="is 1.0, wanted >=2.6"),)}, r"works: torch 1\.0; but torch is 1\.0, want"),
        (
            {"opencv": {"opencv-python": "5.0", "opencv-python-headless": "4.9"}},
            "opencv-python 5.0 and opencv-python-headless 4.9.*pip uninstall -y opencv-python opencv-python-headless",
        ),
        ({"clashes": {"mmcv": "onedl-mmcv"}}, "pip uninstall -y mmcv && pip install .*--no-deps onedl-mmcv"),
        (
            {"extras": {"demo": (library("gradio", problem="(its import was not done after 9 s)"),)}},
            r"(?!.*reinstall)-> python -m sparsevision.doctor --timeout 300    \(gradio: slow, not surely broken",
        ),
        ({"extras": {"event": (gone("h5py"),)}}, r"not complete: event.*sparsevision\[EXTRA\].*event \(h5py\)"),
        ({"gpus": (), "cuda": ""}, "no GPU; 2 CPU cores, 16.0 GiB"),
        ({"gpus": (), "gpu_problem": "driver too old"}, r"a GPU that cannot be used \(driver too old\)"),
        ({"h264": ""}, "PyAV is there"),
        ({"h264": "", "extras": {}}, "MPEG-4 by OpenCV"),
        ({"weights_problem": "No module named 'rich'"}, "not looked up: No module named 'rich'"),
        ({"cache_free": GIB}, "little room.*SPARSEVISION_CACHE"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_remedy(healthy, changes, said):
    import re

    assert re.search(said, report(replace(healthy, **changes)), re.DOTALL)


def test_a_method_says_what_it_lacks(healthy):
    uses = (
        Use("training", {"event": ("h5py", "numba")}),
        Use("photos", {}, ("mobile_sam", "gmflow")),
    )
    state = MethodState("EV-WSSS", tuple(ability_of(use, healthy.extras, healthy.weights) for use in uses))
    assert not state.abilities[0].works
    text = report(replace(healthy, methods=(state,)))
    assert "EV-WSSS  does not work: numba ([event]); for photos: weights gmflow" in text
    assert "get_weights.py gmflow    (gmflow: EV-WSSS, photos)" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise RuntimeError('no such driver')", "RuntimeError: no such driver"),
        ("import no_such_thing", "No module named 'no_such_thing'"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("import os; os._exit(3)", "its import ends Python (exit code 3)"),
        ("import os; os.kill(os.getpid(), 11)", "its import ends Python (SIGSEGV)"),
        ("import time; time.sleep(60)", "its import was not done after 3 s"),
    ],
)
def test_a_broken_module_is_an_answer_and_the_next_one_is_tried(packages, text, said):
    names = packages(fine="print('noise')", broken=text, after="")
    found = probe([names], timeout=3)
    assert said in found["broken"].error
    assert (found["fine"], found["after"]) == (Imported(), Imported())


def test_groups_are_imported_side_by_side(packages):
    names = packages(one="import time; time.sleep(1.5)", two="import time; time.sleep(1.5)")
    start = time.monotonic()
    assert set(probe([[name] for name in names], timeout=30)) == set(names)
    assert time.monotonic() - start < 2.9


def test_an_error_of_many_lines_is_one_line():
    assert first_line(ValueError("first\nsecond")) == "ValueError: first"
    assert first_line(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_requirements_are_those_of_setup_cfg():
    found = requirements()
    assert Requirement("torch", ">=2.6") in found[""]
    assert Requirement("laspy", ">=2.5") in found["points"]
    assert "all" not in found
    assert not any("#" in one.distribution for own in found.values() for one in own)


def test_requirements_of_an_installed_wheel_are_read_from_its_metadata(monkeypatch, tmp_path):
    monkeypatch.setattr(asked, "CHECKOUT", tmp_path)
    lines = ["torch>=2.6", 'laspy[lazrs]>=2.5; extra == "points"', 'sparsevision[points]; extra == "all"']
    monkeypatch.setattr(asked.importlib.metadata, "requires", lambda name: lines)
    assert requirements() == {"": [Requirement("torch", ">=2.6")], "points": [Requirement("laspy", ">=2.5")]}


def test_without_an_installation_nothing_is_required(monkeypatch, tmp_path):
    def absent(name):
        raise asked.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(asked, "CHECKOUT", tmp_path)
    monkeypatch.setattr(asked.importlib.metadata, "requires", absent)
    assert requirements() == {}


def test_every_module_of_an_extra_has_the_right_name():
    """As long as it is installed: what can be found under its name is not looked up further."""
    import importlib.util

    wrong = [
        (one.distribution, one.module)
        for own in requirements().values()
        for one in own
        if versions_of([one.distribution]) and importlib.util.find_spec(one.module) is None
    ]
    assert not wrong


def test_versions_are_compared():
    assert allows(">=2,<3", "2.14.1")
    assert not allows(">=2.6", "2.5")
    assert canonical("Open_CLIP.torch") == "open-clip-torch"
    assert needs_torch("torchvision")
    assert not needs_torch("numpy")
    old = library_of(Requirement("numpy", ">=99"), {})
    assert old.works
    assert old.problem.endswith("wanted >=99")
    assert library_of(Requirement("no-such-thing", ""), {}).problem == "missing"


def test_quick_imports_the_core_alone(monkeypatch):
    asked_for = []
    monkeypatch.setattr("sparsevision.doctor.examination.probe", lambda groups, timeout: asked_for.extend(groups) or {})
    wanted = {"": [Requirement("numpy", "")], "event": [Requirement("rich", "")]}
    import_all(wanted, quick=True, timeout=1)
    assert asked_for == [["numpy"]]


def test_the_machine_is_measured(tmp_path):
    total, free = memory()
    assert 0 < free <= total
    assert cpu_cores() >= 1
    assert free_disk(tmp_path / "not" / "there") > 0


def test_weights_of_the_catalogue_are_looked_up(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEVISION_CACHE", str(tmp_path))
    (tmp_path / "mobile_sam").mkdir()
    (tmp_path / "mobile_sam" / "mobile_sam.pt").write_bytes(b"weights")
    weights, cache, problem = cached_weights()
    assert (list(weights), cache, problem) == (list(CATALOGUE), tmp_path, "")
    assert [name for name, path in weights.items() if path] == ["mobile_sam"]


def test_all_methods_are_known_and_their_needs_exist():
    folders = {path.parent.name for path in (ROOT / "sparsevision" / "methods").glob("*/__init__.py")}
    assert {method.folder for method in method_needs()} == folders
    extras = requirements()
    for method in KNOWN:
        for use in method.uses:
            assert set(use.weights) <= set(CATALOGUE), method.name
            for extra, modules in use.modules.items():
                assert set(modules) <= {one.module for one in extras[extra]}, (method.name, use.what)


def test_what_methods_require_is_among_their_needs():
    import ast

    optional = {"nerfstudio"}  # told by `make nerfstudio`
    for method in KNOWN:
        known = {module for use in method.uses for modules in use.modules.values() for module in modules} | optional
        for path in source.python_files(f"sparsevision/methods/{method.folder}"):
            for name, call in source.calls_of(path):
                if name == "require" and isinstance(call.args[0], ast.Constant):
                    assert call.args[0].value.split(".")[0] in known, f"{source.where(path)}: add it to doctor/needs.py"


def test_a_method_without_an_entry_needs_the_core(tmp_path, monkeypatch):
    from sparsevision.doctor import needs

    (tmp_path / "my_method").mkdir()
    (tmp_path / "my_method" / "__init__.py").touch()
    monkeypatch.setattr(needs, "METHODS_FOLDER", tmp_path)
    mine = list(needs.method_needs())[-1]
    assert state_of(mine, {}, {}).abilities[0].works
    assert mine.name == "my_method"


def test_a_broken_optional_library_is_told_and_the_core_works(tmp_path):
    quick = {one.module: "" for own in requirements().values() for one in own}
    quick |= {"torch": QUICK_TORCH, "h5py": "raise RuntimeError('built for another numpy')"}
    for name, text in quick.items():
        (tmp_path / f"{name}.py").write_text(text)
    script = "import sys; from sparsevision.doctor.__main__ import main; sys.exit(main(['--json', '--timeout', '120']))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    finished = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    found = json.loads(finished.stdout)
    assert finished.returncode == 0
    assert found["core_works"]
    assert [gpu["name"] for gpu in found["gpus"]] == ["Quick 1"]
    h5py = next(one for one in found["extras"]["event"] if one["distribution"] == "h5py")
    assert h5py["problem"] == "cannot be imported (RuntimeError: built for another numpy)"
    ev_wsss = next(method for method in found["methods"] if method["name"] == "EV-WSSS")
    assert ev_wsss["abilities"][0]["missing"] == ["h5py"]


def test_a_python_without_any_package_gets_a_clear_answer(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-S", "-m", "sparsevision.doctor"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert finished.returncode == 1, finished.stderr
    assert "DOES NOT WORK: missing: torch" in finished.stdout
    assert 'pip install "torch>=2.6"' in finished.stdout


def test_main_prints_json(monkeypatch, capsys, healthy):
    monkeypatch.setattr("sparsevision.doctor.__main__.examine", lambda **options: healthy)
    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["core_works"] is True
    with pytest.raises(SystemExit):
        main(["--timeout", "0"])


@pytest.mark.slow
def test_this_environment_works():
    found = examine()
    assert found.core_works
    assert len(found.opencv) == 1
    assert not found.clashes
