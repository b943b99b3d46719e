"""What command lines share."""

import pytest

from sparsevision.utils import UserError
from sparsevision.utils.command_line import resumable, tool_parser


def test_help_keeps_line_breaks():
    text = tool_parser("First.\n\n  second", "examples:\n  one\n  two").format_help()
    assert "First.\n\n  second\n" in text
    assert text.endswith("examples:\n  one\n  two\n")


def test_an_unknown_option_names_the_closest(capsys):
    parser = tool_parser("x")
    parser.add_argument("--out-dir")
    make = parser.add_subparsers().add_parser("make")
    make.add_argument("--frames")
    for words, end in {
        ("--outdir=a",): "--outdir=a Did you mean '--out-dir'?\n",
        ("make", "--frame-count", "3"): "--frame-count 3 Did you mean '--frames'?\n",
        ("--zzz",): "--zzz\n",
    }.items():
        with pytest.raises(SystemExit, match="2"):
            parser.parse_args(words)
        assert capsys.readouterr().err.endswith(f"unrecognized arguments: {end}")


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (UserError("a.png: is no picture."), 2, "error: a.png: is no picture.\n"),
        (ModuleNotFoundError('pip install "sparsevision[event]"'), 2, 'error: pip install "sparsevision[event]"\n'),
        (OSError(28, "No space", "a.png"), 2, "error: a.png: cannot be written (No space); free some space.\n"),
        (
            PermissionError(13, "Denied", "a"),
            2,
            "error: a: cannot be used (Denied); see whose it is, or choose another place.\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here\n"),
    ],
)
def test_known_ends_are_told_in_a_sentence(error, code, told, capsys):
    def work():
        raise error

    assert resumable(work) == code
    assert capsys.readouterr().err == told


def test_other_ends_keep_their_traceback():
    assert resumable(lambda: 1) == 1
    with pytest.raises(ImportError):
        resumable(lambda: __import__("no_such_module"))
    with pytest.raises(ConnectionError):
        resumable(lambda: (_ for _ in ()).throw(ConnectionError(104, "reset")))
