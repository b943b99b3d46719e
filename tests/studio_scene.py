"""A scene of six small views on disk, with all that the final fit wants, for what goes to nerfstudio."""

from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import write_png

VIEWS, TEST, HEIGHT, WIDTH, FOCAL = 6, 2, 16, 24, 30.0
NAMES = tuple(f"img_{view:02d}" for view in range(VIEWS))


def write_scene(root: Path) -> Path:
    """SPIn-NeRF's layout at factor 2; the first two views are without the object. No COLMAP model."""
    rng = np.random.default_rng(0)
    images = root / "images_2"
    for view, name in enumerate(NAMES):
        write_png(images / f"{name}.png", _picture(rng))
        if view < TEST:
            write_png(images / "test_label" / f"out_{view + 1:05d}.png", _mask())
            continue
        write_png(images / "label" / f"{name}.png", _mask())
        write_png(images / "lama_images" / f"{name}.png", _picture(rng))
        (images / "depth").mkdir(exist_ok=True)
        np.save(images / "depth" / f"{name}.npy", np.full((HEIGHT, WIDTH), 0.5, np.float32))
    for name in NAMES[:TEST]:
        write_png(images / "lama_images" / f"{name}.png", _picture(rng))
    np.save(root / "poses_bounds.npy", np.stack([_row(view) for view in range(VIEWS)]))
    return root


def _picture(rng: np.random.Generator) -> np.ndarray:
    ramp = np.linspace(0, 200, WIDTH).astype(np.uint8)[None, :, None].repeat(HEIGHT, axis=0).repeat(3, axis=2)
    return ramp + rng.integers(0, 40, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def _mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[6:10, 8:14] = 1
    return mask


def _row(view: int) -> np.ndarray:
    """A camera that looks along -z, in LLFF's columns down, right, back, centre, size; then near and far."""
    centre = np.array([0.3 * view - 0.7, 0.1 * (view % 2), 0.0])
    down, right, back = (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    hwf = (HEIGHT * 2.0, WIDTH * 2.0, FOCAL * 2)
    return np.concatenate([np.stack([down, right, back, centre, hwf], axis=1).ravel(), [2.0, 12.0]])
