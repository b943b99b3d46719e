import warnings

import pytest

from sparsevision.engine import plain_warnings, run_tool
from sparsevision.engine.cli import Interrupted, plain_sentence
from sparsevision.utils import UserError, atomic_write, require


def ending(capsys, error):
    def main():
        raise error

    with pytest.raises(SystemExit) as stop:
        run_tool(main)
    return stop.value.code, capsys.readouterr().err


def test_a_users_error_is_one_sentence(capsys):
    code, text = ending(capsys, UserError("class `Set` in a/b.py: no folder [data]."))
    assert (code, text) == (2, "Error: no folder [data].\n")


def test_a_missing_extra_is_one_sentence(capsys):
    def main():
        require("no_such_module", extra="sam", why="the test")

    with pytest.raises(SystemExit):
        run_tool(main)
    assert 'pip install "sparsevision[sam]"' in capsys.readouterr().err


def test_warnings_are_sentences(capsys):
    with plain_warnings():
        warnings.warn("a.raw: left out the last byte", stacklevel=1)
    assert capsys.readouterr().err == "Warning: a.raw: left out the last byte\n"


def test_an_interrupt_says_how_to_go_on(capsys):
    assert ending(capsys, Interrupted("Go on with: x")) == (130, "Go on with: x\n")
    assert ending(capsys, KeyboardInterrupt())[0] == 130


def test_an_interrupt_that_a_library_disguised_is_no_error_of_ours(capsys):
    def format_config():
        try:
            raise KeyboardInterrupt
        except BaseException as error:
            raise SyntaxError("cannot format") from error

    with pytest.raises(SystemExit) as stop:
        run_tool(format_config)
    assert (stop.value.code, capsys.readouterr().err) == (130, "Interrupted.\n")


def test_our_own_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run_tool(lambda: 1 / 0)
    with pytest.raises(ImportError, match="numpy_typo"):
        run_tool(lambda: __import__("numpy_typo"))


def test_a_loader_process_is_unwrapped():
    wrapped = (
        "Caught UserError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        '  File "x.py", line 1, in f\nsparsevision.utils.errors.UserError: a.png is not an image.\n'
    )
    assert plain_sentence(wrapped) == "a.png is not an image."


def test_a_full_disk_is_one_sentence(capsys, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    def main():
        with atomic_write(tmp_path / "a.bin") as stream:
            stream.write(b"1")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit) as stop:
        run_tool(main)
    assert stop.value.code == 2
    told = f"Error: {tmp_path / 'a.bin'}: cannot be written (No space left on device); free some space.\n"
    assert capsys.readouterr().err == told


def test_errors_of_every_kind_of_reader_are_unwrapped():
    wrapped = (
        "Caught WrongContent in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        '  File "x.py", line 1, in f\nsparsevision.weights.download.WrongContent: a.zip: cut off.\n'
    )
    assert plain_sentence(wrapped) == "a.zip: cut off."
