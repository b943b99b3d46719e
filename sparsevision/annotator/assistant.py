"""A promptable segmenter at the side of the page: embeds images in the background and answers clicks and boxes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sparsevision.annotator.masks import runs_of
from sparsevision.layers.promptable import GrabCut, ImageEmbedding, MobileSAM, PromptableSegmenter
from sparsevision.utils import UserError
from sparsevision.weights import find_weights

KEPT = 16
MAX_CLICKS = 200


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A segmenter that can be had.

    Args:
        name: for the page.
        build: makes it, once.
        note: a sentence for the page: which it is, and how to get a better one.
    """

    name: str
    build: Callable[[], PromptableSegmenter]
    note: str = ""


def choose_backend(name: str | None) -> Backend | None:
    """ "mobile_sam", "grabcut" or "none" (None); left open: MobileSAM when its weights are cached, else GrabCut.

    Raises:
        UserError: MobileSAM was asked for and its weights are not cached.
    """
    if name == "none":
        return None
    weights = find_weights("mobile_sam") if name in (None, "mobile_sam") else None
    if weights is not None:
        return Backend(name="MobileSAM", build=lambda: MobileSAM(checkpoint=weights))
    if name == "mobile_sam":
        raise UserError("the weights of MobileSAM are not here: run `python tools/get_weights.py mobile_sam` first.")
    better = "" if name == "grabcut" else " For better masks run: python tools/get_weights.py mobile_sam"
    return Backend(name="GrabCut", build=GrabCut, note=f"GrabCut goes by colour alone.{better}")


class Assistant:
    """Embeds one image at a time in a thread of its own, the latest wish first, and keeps the last embeddings.

    Args:
        backend: what to build; it is built in the background at the first wish.
        pixels: image number -> uint8 RGB (H, W, 3).
    """

    def __init__(self, *, backend: Backend, pixels: Callable[[int], np.ndarray]) -> None:
        self.backend = backend
        self._pixels = pixels
        self._segmenter: PromptableSegmenter | None = None
        self._embeddings: OrderedDict[int, ImageEmbedding | str] = OrderedDict()
        self._wish: int | None = None
        self._at_work: int | None = None
        self._news = threading.Condition()
        self._model = threading.Lock()
        threading.Thread(target=self._work, daemon=True).start()

    def state(self, index: int) -> dict:
        """{"state": "idle", "working", "ready" or "error", "message": why}, for one image."""
        with self._news:
            found = self._embeddings.get(index)
            if isinstance(found, str):
                return {"state": "error", "message": found}
            if found is not None:
                return {"state": "ready", "message": ""}
            return {"state": "working" if index in (self._wish, self._at_work) else "idle", "message": ""}

    def prepare(self, index: int) -> None:
        """Wish for an image; an earlier wish that was not begun is forgotten."""
        with self._news:
            if index not in self._embeddings and index != self._at_work:
                self._wish = index
                self._news.notify_all()

    def predict(self, index: int, prompt: object, *, timeout: float = 120.0) -> dict:
        """The mask for {"points": [[x, y], ...], "labels": [1, 0, ...], "box": [x0, y0, x1, y1] (edges)}, any of them.

        Returns:
            {"runs": pixels of the mask, "score": predicted IoU}.

        Raises:
            UserError: a bad prompt, an image that cannot be read, or no embedding within `timeout` seconds.
        """
        fields = _checked_prompt(prompt)
        embedding = self._embedding(index, timeout)
        with self._model:
            masks = self._segmenter.predict(embedding, **fields, multimask=None)
            mask = masks.upsample().numpy() > 0
        return {"runs": runs_of(mask), "score": float(masks.scores[masks.best])}

    def _embedding(self, index: int, timeout: float) -> ImageEmbedding:
        self.prepare(index)
        with self._news:
            if not self._news.wait_for(lambda: index in self._embeddings, timeout):
                raise UserError(f"{self.backend.name} is still busy; try again in a moment.")
            found = self._embeddings[index]
            self._embeddings.move_to_end(index)
        if isinstance(found, str):
            raise UserError(found)
        return found

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wish is not None)
                index, self._wish = self._wish, None
                self._at_work = index
            outcome = self._embed(index)
            with self._news:
                self._embeddings[index] = outcome
                self._at_work = None
                while len(self._embeddings) > KEPT:
                    self._embeddings.popitem(last=False)
                self._news.notify_all()

    def _embed(self, index: int) -> ImageEmbedding | str:
        """The embedding, or the sentence why there is none: a thread must not die of an odd image."""
        try:
            if self._segmenter is None:
                self._segmenter = self.backend.build()
            with self._model:
                return self._segmenter.set_image(self._pixels(index))
        except Exception as error:
            return f"{self.backend.name} cannot be used here: {error}"


def _checked_prompt(prompt: object) -> dict:
    if not isinstance(prompt, dict) or not prompt or set(prompt) - {"points", "labels", "box"}:
        raise UserError('a prompt is an object with "points" and "labels", a "box", or both.')
    for name, value in prompt.items():
        if not isinstance(value, list) or len(value) > MAX_CLICKS:
            raise UserError(f"{name}: expected a list of at most {MAX_CLICKS}.")
    try:
        fields = {name: np.array(value, dtype=np.float64) for name, value in prompt.items()}
    except (ValueError, TypeError, OverflowError):
        raise UserError(
            "a prompt holds numbers only: points [[x, y], ...], labels [1, 0, ...], box [x0, y0, x1, y1]."
        ) from None
    if "box" in fields:
        fields["box"] = fields["box"] - 0.5  # our boxes count edges, a segmenter's pixel centres
    return fields
