"""Cuts and changed bytes at random places of every format: events or an error in words; `recover` gives a prefix."""

import warnings
from dataclasses import replace

import event_encoders as encode
import numpy as np
import pytest

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.reader import read_events

TRIES = 25
LOST_AS_A_WHOLE = {"npz", "hdf5"}  # columns stand one after the other: a cut may leave nothing that can be recovered


@pytest.fixture(params=sorted(encode.WRITERS))
def damaged(request, tmp_path):
    """(path of a recording, the file of it to damage, its events, format)."""
    events = encode.random_events(1500, start=1_000_000)
    path = encode.write_recording(request.param, tmp_path, events)
    return path, path / "events.dat.t" if path.is_dir() else path, events, request.param


def outcome(path, **options):
    """Events, or the message of the error; no other exception passes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return read_events(path, **options)
        except EventFileError as error:
            return str(error)


def on_the_clock_of(events, found):
    """Found events on the recording's clock: of HDF5 the cut may have taken /t_offset, which a warning says."""
    lost = len(found) and found.t[0] != events.t[0]
    return replace(found, t=found.t + int(events.t[0]) - 1234) if lost else found


def test_cuts(damaged):
    path, file, events, format = damaged
    content = file.read_bytes()
    for size in np.random.default_rng(5).integers(600, len(content), TRIES).tolist():
        file.write_bytes(content[:size])
        plain = outcome(path, format=format)
        if not isinstance(plain, str):
            assert encode.same(plain, events[: len(plain)]), size
        else:
            assert "at byte " in plain or "at or before byte " in plain
        found = outcome(path, format=format, recover=True)
        if isinstance(found, str):
            assert format in LOST_AS_A_WHOLE, found
        else:
            assert encode.same(on_the_clock_of(events, found), events[: len(found)]), size


def test_changed_bytes(damaged):
    path, file, events, format = damaged
    content = file.read_bytes()
    rng = np.random.default_rng(6)
    for place in rng.integers(0, len(content), TRIES).tolist():
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        file.write_bytes(changed)
        for recover in (False, True):
            found = outcome(path, format=format, recover=recover)
            if not isinstance(found, str):
                assert len(found) <= len(events) + 24  # a changed mask of a vector adds a few
                assert (np.diff(found.t) >= 0).all()
