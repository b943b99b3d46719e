"""Keyword sources: from an image and a task-generic prompt to the words that GenSAM looks for."""

from sparsevision.methods.gensam.keywords.blip2 import Blip2Keywords
from sparsevision.methods.gensam.keywords.cache import CachedKeywords
from sparsevision.methods.gensam.keywords.chains import blip_keywords, llava_keywords
from sparsevision.methods.gensam.keywords.clean import clean_answer
from sparsevision.methods.gensam.keywords.conse_keywords import ConSEKeywords
from sparsevision.methods.gensam.keywords.llava import LlavaKeywords
from sparsevision.methods.gensam.keywords.openai_compatible import OpenAICompatibleKeywords
from sparsevision.methods.gensam.keywords.prompt_sets import DEFAULT_PROMPT_SET, PROMPT_SETS, prompt_words
from sparsevision.methods.gensam.keywords.source import GenericPrompt, JsonKeywords, KeywordSource, image_hash
from sparsevision.methods.gensam.keywords.types import Keywords

__all__ = [
    "DEFAULT_PROMPT_SET",
    "PROMPT_SETS",
    "Blip2Keywords",
    "CachedKeywords",
    "ConSEKeywords",
    "GenericPrompt",
    "JsonKeywords",
    "KeywordSource",
    "Keywords",
    "LlavaKeywords",
    "OpenAICompatibleKeywords",
    "blip_keywords",
    "clean_answer",
    "image_hash",
    "llava_keywords",
    "prompt_words",
]
