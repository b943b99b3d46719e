"""What the 1000 ImageNet classes of the classifier are called."""

from functools import cache

from sparsevision.utils import require

WHY = "ConSE's class names"


@cache
def class_names() -> tuple[str, ...]:
    """The 1000 ImageNet classes by index, each with its synonyms: "tiger cat", "lion, king of beasts, Panthera leo"."""
    info = require("timm.data", extra="sam", why=WHY).ImageNetInfo()
    return tuple(info.index_to_description(index) for index in range(1000))


@cache
def class_glosses() -> tuple[str, ...]:
    """The same with WordNet's definition: "tiger cat: a cat having a striped coat"."""
    info = require("timm.data", extra="sam", why=WHY).ImageNetInfo()
    return tuple(info.index_to_description(index, detailed=True) for index in range(1000))
