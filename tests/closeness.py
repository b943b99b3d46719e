"""Comparisons of arrays that say where they differ, and that `comparisons.py` can hear."""

import numpy as np
import torch


def _array(value: object) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def assert_near(ours: object, theirs: object, *, within: float, name: str = "") -> None:
    """max|ours - theirs| is at most `within`; shapes are the same. The message has the `name`.

    Raises:
        AssertionError: they are not.
    """
    ours, theirs = _array(ours), _array(theirs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=within, equal_nan=False, err_msg=name)


def assert_relatively_near(ours: object, theirs: object, *, within: float) -> None:
    """max|ours - theirs| / max|theirs| is at most `within`; shapes are the same.

    Raises:
        AssertionError: they are not.
    """
    assert_near(ours, theirs, within=within * float(np.abs(_array(theirs)).max()))
