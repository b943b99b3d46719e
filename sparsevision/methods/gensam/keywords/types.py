"""The words that one image is asked about."""

from dataclasses import dataclass

from sparsevision.utils import UserError


@dataclass(frozen=True)
class Keywords:
    """Foreground words (what to segment; at least one) and background words (what surrounds it; may be none).

    The lists may differ in length and repeat words: GenSAM averages the heatmaps of each list by itself.

    Raises:
        UserError: no foreground word, or an entry that is not a non-empty string.
    """

    foreground: tuple[str, ...]
    background: tuple[str, ...] = ()

    def __post_init__(self):
        for field in ("foreground", "background"):
            words = getattr(self, field)
            listed = isinstance(words, (tuple, list))
            if not listed or not all(isinstance(word, str) and word.strip() for word in words):
                raise UserError(f"keywords: '{field}' must be a list of non-empty strings, got {words!r}")
            object.__setattr__(self, field, tuple(words))
        if not self.foreground:
            raise UserError("keywords: 'foreground' needs at least one word, got none")
