"""Which class is taken for which, as a picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WHITE_INK_ABOVE = 0.5  # share at which a cell is so dark that its number is written in white


def draw_confusion(matrix: NDArray, names: Sequence[str], *, counts: bool = False) -> NDArray[np.uint8]:
    """Cells tinted by the share of their true class, with that share written in them.

    Args:
        matrix: (C,C) counts; entry [t, p] is class t predicted as p.
        names: of the C classes.
        counts: write counts instead of shares.

    Returns:
        uint8 RGB (H,W,3).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(4.0, 0.7 * len(names) + 2)
    figure = Figure(figsize=(side, side), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for (row, column), share in np.ndenumerate(shares):
        text = str(matrix[row, column]) if counts else f"{100 * share:.1f} %"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > WHITE_INK_ABOVE else "black")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
