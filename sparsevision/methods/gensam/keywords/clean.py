"""From a language model's answer to a word: the released code's rules, as pure functions."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sparsevision.utils import UserError, did_you_mean

END_TOKENS = ("<im_end>", "<|im_end|>", "</s>")


def blip_foreground(text: str) -> str:
    """What stands before the first "-", without single quotes."""
    return text.split("-", 1)[0].replace("'", "")


def blip_background(text: str) -> str:
    """`blip_foreground`, then cut at the word "Question", then at the first "."."""
    return blip_foreground(text).split("Question", 1)[0].split(".", 1)[0]


def llava(text: str) -> str:
    """The quoted part, else what follows "is an" or "is a" (up to the next one); then without end tokens, one trailing
    "." and leading blanks, in this order (published: blanks and a "." before an end token stay).

    A quotation mark at the very start does not count as one (published). An answer without content becomes "", which
    the chains treat as no answer; the released code stops with an IndexError there.
    """
    if text.find('"') > 0:
        text = text.split('"')[1]
    elif " is an " in text:
        text = text.split(" is an ")[1]
    elif " is a " in text:
        text = text.split(" is a ")[1]
    for token in END_TOKENS:
        text = text.replace(token, "")
    return text.removesuffix(".").lstrip()


CLEANERS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"blip": blip_background, "blip_foreground": blip_foreground, "llava": llava}
)


def clean_answer(text: str, style: str) -> str:
    """The word in a language model's answer, "" if there is none (GenSAM, released code).

    Args:
        text: the raw answer.
        style: "blip" (all of the BLIP-2 rules), "blip_foreground" (the part of them that the released code applies to
            foreground answers: cut at "-", no single quotes) or "llava".

    Raises:
        UserError: unknown style.
    """
    if str(style).lower() not in CLEANERS:
        raise UserError(
            f"no clean-up style is called {style!r}.{did_you_mean(str(style), CLEANERS)} Known: {', '.join(CLEANERS)}"
        )
    return CLEANERS[style.lower()](text)
