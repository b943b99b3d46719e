"""Work spread over processes gives what one process gives, in the same order."""

import multiprocessing
import os
import time

import pytest

from sparsevision.utils import UserError
from sparsevision.utils.processes import map_in_processes, usable_processors


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_keys(workers):
    seen = []
    assert map_in_processes(abs, [-3, 2, -1], workers=workers, done=lambda: seen.append(1)) == [3, 2, 1]
    assert len(seen) == 3


def test_an_error_of_a_worker_is_raised_here():
    with pytest.raises(ValueError, match="invalid literal"):
        map_in_processes(int, ["1", "two"], workers=2)
    assert multiprocessing.active_children() == []


def test_there_is_a_processor():
    assert usable_processors() >= 1


def test_ctrl_c_stops_the_workers_where_they_are():
    def interrupt():
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        map_in_processes(time.sleep, [0.01, 300, 300, 300], workers=2, done=interrupt)
    assert time.monotonic() - begun < 150
    assert multiprocessing.active_children() == []


def test_no_key_needs_no_process():
    assert map_in_processes(len, [], workers=2) == []


def test_a_killed_worker_is_told_in_a_sentence():
    with pytest.raises(UserError, match=r"one of 2 processes at work was killed.*Take fewer"):
        map_in_processes(os._exit, [3, 4], workers=2)
    assert multiprocessing.active_children() == []
