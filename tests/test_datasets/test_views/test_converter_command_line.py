"""What the converters of scenes share: an interrupted run, a failed scene among others, refused folders."""

import argparse
from pathlib import Path

import pytest

from sparsevision.datasets.views.prepare.command_line import run_conversion
from sparsevision.datasets.views.prepare.report import SceneReport
from sparsevision.utils import UserError


class Letters:
    """Scenes a, b and c, each a file with its letter; one of them may go wrong."""

    def __init__(self, wrong: str = "", error: BaseException | None = None) -> None:
        self.settings = {"case": "lower"}
        self.wrong, self.error, self.made = wrong, error, []

    def folders(self, out: Path) -> dict[str, Path]:
        return {letter: out / letter for letter in "abc"}

    def prepare(self, key: str, folder: Path) -> SceneReport:
        (folder / "letter.txt").write_text(key)
        self.made.append(key)
        if key == self.wrong:
            raise self.error
        return SceneReport(views=1, notes=["a note"])


@pytest.fixture
def run(tmp_path):
    (tmp_path / "raw").mkdir()

    def _run(letters: Letters, *more: str, out: str = "out") -> int:
        arguments = [str(tmp_path / "raw"), "--out", str(tmp_path / out), *more]

        def make(args: argparse.Namespace) -> Letters:
            return letters

        return run_conversion(arguments, description="Letters.", make=make, add_options=lambda parser: None)

    return _run


def test_a_failed_scene_does_not_stop_the_others(run, tmp_path, capsys):
    letters = Letters("b", UserError(f"{tmp_path}: b is amiss"))
    assert run(letters) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "c"]
    assert "error: b: " in capsys.readouterr().err
    again = Letters()
    assert run(again) == 0
    assert again.made == ["b"]


def test_an_interrupted_run_leaves_whole_scenes_and_goes_on(run, tmp_path, capsys):
    assert run(Letters("b", KeyboardInterrupt())) == 130
    assert "the same command goes on from here" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a"]
    again = Letters()
    assert run(again) == 0
    assert again.made == ["b", "c"]


def test_verify_names_what_was_changed_and_writes_nothing(run, tmp_path, capsys):
    run(Letters())
    (tmp_path / "out" / "c" / "letter.txt").write_text("C")
    before = sorted(tmp_path.rglob("*"))
    assert run(Letters(), "--verify", "--scenes", "a", "b") == 0
    assert run(Letters(), "--verify") == 1
    assert "letter.txt: is not what the raw files give" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_other_settings_are_told(run, capsys):
    run(Letters())
    letters = Letters()
    letters.settings = {"case": "upper"}
    assert run(letters) == 2
    assert "was prepared with {'case': 'lower'}" in capsys.readouterr().err
    assert run(letters, "--overwrite") == 0


@pytest.mark.parametrize(("out", "message"), [("raw/in", "lies in the raw files"), ("file/x", "takes a folder")])
def test_places_that_are_refused(run, tmp_path, capsys, out, message):
    (tmp_path / "file").write_text("mine")
    assert run(Letters(), out=out) == 2
    assert message in capsys.readouterr().err
