"""Keywords from any vision-language model behind an OpenAI-compatible HTTP endpoint (hosted, or a local server)."""

import base64
import json
import os
import time
import urllib.error
import urllib.request

import cv2
import numpy as np

from sparsevision.methods.gensam.keywords.chains import Turn, llava_keywords
from sparsevision.methods.gensam.keywords.prompt_sets import prompt_words
from sparsevision.methods.gensam.keywords.source import KeywordSource
from sparsevision.methods.gensam.keywords.types import Keywords
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

BUSY = (408, 429, 500, 502, 503, 504)


@MODELS.register_module()
class OpenAICompatibleKeywords(KeywordSource):
    """The LLaVA variant's chats, sent to `{base_url}/chat/completions`.

    Args:
        base_url: e.g. "http://localhost:8000/v1".
        model: the endpoint's name of the model.
        api_key_env: environment variable with the key; where it is unset, no key is sent (local servers want none).
        temperature: 0 counts as deterministic and is asked once per image.
        max_tokens: longest answer.
        with_caption, generic_foreground: see `llava_keywords`.
        max_side: images are shrunk to this longer side before they are sent, in pixels.
        timeout: seconds to wait for one answer.
        retries: further attempts after a time-out, a broken connection or a busy server.
        pause: seconds before the first further attempt; doubles every time.

    Raises:
        UserError: (on a call) the endpoint cannot be reached, refuses, or answers no chat completion.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key_env: str = "OPENAI_API_KEY",
        temperature: float = 0.0,
        max_tokens: int = 256,
        with_caption: bool = True,
        generic_foreground: bool = False,
        max_side: int = 1024,
        timeout: float = 60.0,
        retries: int = 3,
        pause: float = 1.0,
    ):
        if not base_url.startswith(("http://", "https://")):
            raise UserError(f"base_url must start with http:// or https://, got {base_url!r}")
        self.url = base_url.rstrip("/") + "/chat/completions"
        self.model, self.api_key_env = model, api_key_env
        self.temperature, self.max_tokens = temperature, max_tokens
        self.with_caption, self.generic_foreground = with_caption, generic_foreground
        self.max_side, self.timeout, self.retries, self.pause = max_side, timeout, retries, pause
        self.deterministic = temperature == 0

    @property
    def identity(self) -> str:
        return (
            f"openai:{self.url}:{self.model}:temperature={self.temperature}:tokens={self.max_tokens}"
            f":caption={self.with_caption}:generic_foreground={self.generic_foreground}:side={self.max_side}"
        )

    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        words = prompt_words(prompt_set)
        picture = _data_url(image, self.max_side)
        return llava_keywords(
            lambda history, question: self._complete(_messages(picture, history, question)),
            words,
            with_caption=self.with_caption,
            generic_foreground=self.generic_foreground,
        )

    def _complete(self, messages: list[dict]) -> str:
        request = {
            "model": self.model,
            "messages": messages,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        body = self._post(json.dumps(request).encode())
        try:
            answer = json.loads(body)["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError):
            answer = None
        if not isinstance(answer, str):
            raise UserError(
                f"{self.url} did not answer with a chat completion (choices[0].message.content): {_short(body)}"
            )
        return answer.strip()

    def _post(self, body: bytes) -> str:
        problem = ""
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                request = urllib.request.Request(self.url, body, self._headers())
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    return response.read().decode("utf-8", "replace")
            except urllib.error.HTTPError as error:
                answer = _short(error.read().decode("utf-8", "replace"))
                if error.code not in BUSY:
                    raise UserError(self._refusal(error.code, answer)) from error
                problem = f"HTTP {error.code}: {answer}"
            except OSError as error:  # URLError, time-outs and broken connections
                problem = str(getattr(error, "reason", error)) or type(error).__name__
        raise UserError(
            f"no answer from {self.url} after {self.retries + 1} attempts ({problem}). Is the server running, and is "
            f"`base_url` right?"
        )

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(self.api_key_env, "")
        return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def _refusal(self, code: int, answer: str) -> str:
        hint = {
            401: f" Put a valid key into the environment variable {self.api_key_env}.",
            403: f" Put a valid key into the environment variable {self.api_key_env}.",
            404: " `base_url` usually ends in /v1, and `model` must be one that the server knows.",
        }.get(code, "")
        return f"{self.url} refused the request for model {self.model!r} (HTTP {code}: {answer}).{hint}"


def _messages(picture: str, history: list[Turn], question: str) -> list[dict]:
    """The chat so far and the next question; the picture belongs to the first question."""
    messages = []
    for asked, told in history:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]
    messages.append({"role": "user", "content": question})
    messages[0]["content"] = [
        {"type": "image_url", "image_url": {"url": picture}},
        {"type": "text", "text": messages[0]["content"]},
    ]
    return messages


def _data_url(image: np.ndarray, max_side: int) -> str:
    """An image, uint8 RGB (H,W,3), as a JPEG data URL whose longer side is at most `max_side` pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, max_side / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def _short(text: str, limit: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit] + "..."
