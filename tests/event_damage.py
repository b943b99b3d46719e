"""What the tests of damaged recordings share."""

import pytest

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.reader import read_events
from sparsevision.datasets.events.types import Events


def error_of(path, **options):
    """The message of the error that reading everything gives; it says how to go on."""
    with pytest.raises(EventFileError) as caught:
        read_events(path, **options)
    message = str(caught.value)
    assert str(path.parent) in message
    return message


def recovered(path, **options):
    """The events that `recover` keeps, and its warning."""
    with pytest.warns(UserWarning, match="left out") as caught:
        found = read_events(path, recover=True, **options)
    assert len(caught) == 1, [str(each.message) for each in caught]
    return found, str(caught[0].message)


def cut(path, size):
    """Keep the first bytes of a file."""
    path.write_bytes(path.read_bytes()[:size])


def times_fall(events, index):
    """The same events, of which number `index` happens 5 us before the one before it."""
    times = events.t.copy()
    times[index:] += times[index - 1] - times[index] - 5
    return Events(x=events.x, y=events.y, t=times, p=events.p)
