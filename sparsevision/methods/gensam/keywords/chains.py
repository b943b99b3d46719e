"""Cross-modal chains of thought: the questions to a vision-language model and what its answers become.

GenSAM (arXiv 2312.07374, section "Cross-modal Chains of Thought Prompting"); wording and rules of the released code.
Every query word of the prompt set starts a chain: its foreground question, then its background question in context.
"""

from collections.abc import Callable, Sequence

from sparsevision.methods.gensam.keywords.clean import clean_answer
from sparsevision.methods.gensam.keywords.prompt_sets import (
    DEFAULT_PROMPT_SET,
    GENERIC_BACKGROUND,
    background_question,
    caption_request,
    foreground_question,
    prompt_words,
)
from sparsevision.methods.gensam.keywords.types import Keywords

Turn = tuple[str, str]  # a question and its raw answer
Ask = Callable[[str], str]
AskInChat = Callable[[list[Turn], str], str]

DEFAULT_WORDS = prompt_words(DEFAULT_PROMPT_SET)


def blip_keywords(caption: str, ask: Ask, words: Sequence[str] = DEFAULT_WORDS) -> Keywords:
    """Keywords from a model that completes prompts (BLIP-2).

    An empty foreground answer skips its chain; an empty background answer is left out. Without any foreground answer
    the query words stand in. When both lists hold the same words (blanks aside), or no background is left, the
    background is "environment".

    Args:
        caption: the model's caption of the image; what follows its first "-" is ignored.
        ask: the model: prompt -> raw answer.
        words: query words, one chain each.
    """
    context = f"Question: Image caption. Answer: {caption.split('-', 1)[0]}."
    foreground, background = [], []
    for word in words:
        prompt = f"{context} Question: {foreground_question(word)} Answer:"
        found = clean_answer(ask(prompt), "blip_foreground")
        if not found.strip():
            continue
        foreground.append(found)
        surroundings = clean_answer(ask(f"{prompt}{found}. Question: {background_question(word)} Answer:"), "blip")
        if surroundings.strip():
            background.append(surroundings)
    if _without_blanks(foreground or words) == _without_blanks(background):
        background = []
    return Keywords(tuple(foreground or words), tuple(background or [GENERIC_BACKGROUND]))


def llava_keywords(
    ask: AskInChat,
    words: Sequence[str] = DEFAULT_WORDS,
    *,
    with_caption: bool = True,
    generic_foreground: bool = False,
) -> Keywords:
    """Keywords from a model that chats (LLaVA).

    A background answer equal (case aside) to its chain's foreground word is dropped; without any background the word
    is "background". Where the released code fails on an empty answer, the BLIP-2 rules hold: an empty foreground
    answer skips its chain, and without any foreground answer the query words stand in.

    Args:
        ask: the model: (earlier turns of this chat, question) -> raw answer.
        words: query words, one chat each.
        with_caption: open every chat by asking for a description.
        generic_foreground: take the query words themselves as foreground and ask for the background only.
    """
    foreground, background = [], []
    for word in words:
        chat: list[Turn] = []
        if with_caption:
            _take_turn(ask, chat, caption_request(word))
        found = word if generic_foreground else clean_answer(_take_turn(ask, chat, foreground_question(word)), "llava")
        if not found.strip():
            continue
        foreground.append(found)
        surroundings = clean_answer(_take_turn(ask, chat, background_question(word)), "llava")
        if surroundings.strip() and surroundings.lower() != found.lower():
            background.append(surroundings)
    return Keywords(tuple(foreground or words), tuple(background or ["background"]))


def _take_turn(ask: AskInChat, chat: list[Turn], question: str) -> str:
    answer = ask(list(chat), question).strip()
    chat.append((question, answer))
    return answer


def _without_blanks(words: Sequence[str]) -> set[str]:
    return {word.replace(" ", "") for word in words}
