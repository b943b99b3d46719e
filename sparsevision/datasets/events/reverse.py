"""Events backwards in time."""

from dataclasses import replace

from sparsevision.datasets.events.types import Events


def reverse_events(events: Events) -> Events:
    """Newest first: p <- 1 - p, because a rise seen backward is a fall, and t <- t_last - t (EV-WSSS, Sec. 3.2).

    Places are views of the given arrays. Doing it twice gives the events back, their times counted from the first one.
    """
    if not len(events):
        return events
    x, y, t, p = (values[::-1] for values in (events.x, events.y, events.t, events.p))
    return replace(events, x=x, y=y, t=t[0] - t, p=1 - p)
