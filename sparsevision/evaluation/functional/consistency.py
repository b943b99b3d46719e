"""How alike the frames of a clip are, and how well they fit a text, in CLIP's space: pure functions of vectors."""

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.utils import UserError

LOGIT_SCALE = 100.0  # of CLIP's logits after its training (Radford et al., ICML 2021, section 2.5)


def frame_consistency(frames: ArrayLike) -> float:
    """Mean cosine of the vectors (T,D) of consecutive frames (Motion-I2V, section 4.1).

    Raises:
        UserError: fewer than two frames.
    """
    frames = _units(frames)
    if len(frames) < 2:
        raise UserError(f"frame consistency needs two frames or more, got {len(frames)}.")
    return float((frames[1:] * frames[:-1]).sum(1).mean())


def prompt_scores(frames: ArrayLike, text: ArrayLike) -> dict[str, float]:
    """How well the frames' vectors (T,D) fit that of a text (D,), in the mean over frames.

    Returns:
        "CLIPSIM", the mean cosine, and "prompt_consistency", the mean logit, 100 times as large.
    """
    similarity = float((_units(frames) @ _units(np.asarray(text)[None])[0]).mean())
    return {"CLIPSIM": similarity, "prompt_consistency": LOGIT_SCALE * similarity}


def _units(vectors: ArrayLike) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
