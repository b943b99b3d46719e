"""GenSAM's task-generic prompts: a name stands for the foreground query words, one chain of thought each.

Names and words are those of the released code; `DEFAULT_PROMPT_SET` is the one that every released configuration uses.
"""

from types import MappingProxyType

from sparsevision.utils import UserError, did_you_mean

DEFAULT_PROMPT_SET = "3attriTheBgSynCamo"
GENERIC_BACKGROUND = "environment"

PROMPT_SETS = MappingProxyType(
    {
        "3attriTheBgSynCamo": ("camouflaged animal", "disguised animal", "hidden animal"),
        "3attriTheBgSynCamo_test": ("camouflaged animal", "disguised animal", "hidden animal"),
        "3attriTheBgSyn": ("concealed animal", "hidden animal", "unseen animal"),
        "3attriTheBgSynCamoSpec": ("camouflaged species", "disguised species", "hidden species"),
        "1attriTheCamouflageBg_test": ("camouflaged animal",),
        "TheCamo": ("camouflaged animal",),
        "TheShadow": ("shadow",),
        "TheGlass": ("glass",),
        "ThePolyp": ("polyp",),
        "3TheGlassSyn": ("glass", "window", "mirror"),
        "3TheGlassSyn1": ("glass", "window", "transparent material"),
        "3TheShadowSyn": ("shadow", "silhouette", "profile"),
        "3TheShadowSyn1": ("shadow", "silhouette", "outline"),
        "3ThePolypSyn": ("polyp", "appendage", "tentacle"),
        "3ThePolypSyn1": ("polyp", "appendage", "tumor"),
        "3ThePolypSyn2": ("polyp", "tumor", "growth"),
    }
)


def prompt_words(prompt_set: str) -> tuple[str, ...]:
    """The query words of a prompt set, e.g. ("camouflaged animal", "disguised animal", "hidden animal").

    Raises:
        UserError: no prompt set has this name; names the closest ones and all of them.
    """
    if prompt_set in PROMPT_SETS:
        return PROMPT_SETS[prompt_set]
    raise UserError(
        f"no prompt set is called {prompt_set!r}.{did_you_mean(str(prompt_set), PROMPT_SETS)} "
        f"Known: {', '.join(PROMPT_SETS)}"
    )


def foreground_question(word: str) -> str:
    """What the language model is asked about the object."""
    return f"Name of the {word} in one word."


def background_question(word: str) -> str:
    """What the language model is asked about the object's surroundings."""
    return f"Name of the environment of the {word} in one word."


def caption_request(word: str) -> str:
    """The opening turn of the LLaVA variant; its answer serves as context only."""
    return f"This image is from {word} detection task, describe the {word} in one sentence"
