"""sparsevision/zoo/timings.py: turns, bars, pages and options of benchmarks."""

import argparse
import json
import time

import pytest

from sparsevision.utils import UserError
from sparsevision.zoo.timings import (
    Bar,
    Figure,
    Report,
    add_timing_options,
    bar_sentences,
    fastest,
    measure,
    medians,
    publish,
    start_clock,
    take_turns,
)

PAGE = "above\n<!-- a:begin -->\n{}\n<!-- a:end -->\nbelow\n"
REPORT = Report("one thread", [(["what", "ms"], [["work", "1.0"]])], ["fast enough"])


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_timing_options(parser, marker="a")
    args = parser.parse_args([str(argument) for argument in arguments])
    return args, parser


def test_the_fastest_turn_counts_but_never_the_first():
    turns = []
    ticks = iter([0.0, 1.0, 10.0, 13.0, 20.0, 22.0])  # turns of 1 (the first), 3 and 2 seconds
    figures = measure("work", {"it": lambda: turns.append(1)}, rounds=2, clock=lambda: next(ticks))
    assert figures == [Figure("work", "it", 2000.0)]
    assert len(turns) == 3


def test_turns_are_taken_in_turn():
    order = []
    ways = {name: lambda name=name: order.append(name) or len(order) for name in "ab"}
    assert take_turns("work", ways, rounds=2) == {"a": [3, 5], "b": [4, 6]}
    assert order == list("ababab")


def test_a_median_is_told_with_the_fastest_turn():
    assert medians("work", {"it": [5.0, 1.0, 3.0]}) == [
        Figure("work", "it", 3.0),
        Figure("work", fastest("it"), 1.0),
    ]


def test_a_bar_is_told_where_both_sides_were_measured():
    figures = [Figure("work", "ours", 10.0), Figure("work", "plain", 14.0)]
    bars = [Bar("work", "ours", "plain", 1.3), Bar("work", "ours", "plain", 1.5), Bar("work", "ours", "other", 2)]
    assert bar_sentences(figures, bars) == [
        "work: ours 1.40x plain (at least 1.3x wanted)",
        "work: ours 1.40x plain (at least 1.5x wanted, NOT MET)",
    ]


def test_figures_and_page_are_written(tmp_path, capsys):
    page, out = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text(PAGE.format("old"))
    publish(options("--out", out, "--readme", page)[0], [Figure("work", "it", 1.0)], REPORT, marker="a")
    assert "fast enough" in capsys.readouterr().out
    assert json.loads(out.read_text()) == [{"work": "work", "name": "it", "value": 1.0}]
    table = "| what | ms |\n| --- | --- |\n| work | 1.0 |"
    assert page.read_text() == PAGE.format(f"one thread\n\n{table}\n\n* fast enough")


def test_a_page_that_is_absent_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.md does not exist"):
        publish(options("--readme", tmp_path / "absent.md")[0], [], REPORT, marker="a")


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"figures\.json: cannot be written"):
        publish(options("--out", tmp_path / "file" / "figures.json")[0], [], REPORT, marker="a")


def test_the_clock_is_as_the_options_say(monkeypatch):
    threads = []
    monkeypatch.setattr("torch.set_num_threads", threads.append)
    assert start_clock(*options()) is time.perf_counter
    assert start_clock(*options("--threads", 1, "--processor-time")) is time.process_time
    assert threads == [1]


@pytest.mark.parametrize("arguments", [("--threads", 0), ("--processor-time",), ("--processor-time", "--threads", 2)])
def test_options_that_mean_nothing_are_told(arguments):
    with pytest.raises(SystemExit):
        start_clock(*options(*arguments))
