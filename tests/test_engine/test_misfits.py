"""A class of the config that does not take what the config gives to it."""

import pytest
from mmengine.registry import Registry

from sparsevision.engine.misfits import misfit

SHAPES = Registry("shape")


@SHAPES.register_module()
class Box:
    def __init__(self, width, *, height=1, **others):
        self.sides = (width, height)
        if others:
            (lambda: None)(**others)


@SHAPES.register_module()
class Disc:
    def __init__(self, radius, *, centre=(0, 0)):
        self.radius = radius + ""


@SHAPES.register_module()
class Keys:
    def __init__(self):
        {}["there is none"]


def told(**config):
    with pytest.raises((TypeError, KeyError)) as caught:
        SHAPES.build(config)
    return misfit(caught.value)


def test_an_unknown_option_is_named_with_the_closest():
    assert told(type="Disc", radius=1, center=3) == (
        "config: Disc has no option 'center' (here 3); expected options: radius, centre. Did you mean 'centre'?"
    )


def test_a_missing_option_is_named():
    assert told(type="Disc") == "config: Disc needs radius; expected options: radius, centre."
    assert told(type="Box", height=2) == "config: Box needs width; expected options: width, height."


def test_a_class_that_is_not_there_is_named_with_the_closest():
    assert told(type="Dics", radius=1) == (
        "config: type is 'Dics', and there is no shape of that name. Expected the full name of one, or the class "
        f"itself. Did you mean '{Disc.__module__}.Disc'?"
    )


def test_errors_inside_of_the_class_are_ours():
    assert told(type="Disc", radius=1) is None
    assert told(type="Box", width=1, height=1, depth=1) is None
    with pytest.raises(KeyError) as caught:
        SHAPES.build({"type": "Keys"})
    assert misfit(caught.value) is None
    assert misfit(ValueError("unexpected keyword argument")) is None
    assert misfit(TypeError("unexpected keyword argument")) is None
