"""Small prediction/truth pairs, made of integers only so that they are the same on every machine."""

import numpy as np


def squared_distance(shape: tuple[int, int], centre: tuple[int, int]) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2


def grey_disc(shape: tuple[int, int], centre: tuple[int, int], *, noise: int, seed: int) -> np.ndarray:
    """Grey levels that fall off around the centre, uint8 (H,W)."""
    jitter = np.random.default_rng(seed).integers(-noise, noise + 1, shape)
    return np.clip(255 - squared_distance(shape, centre) + jitter, 0, 255).astype(np.uint8)


def pixels(shape: tuple[int, int], *places: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for place in places:
        mask[place] = True
    return mask


def grey_cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """name -> (uint8 prediction, bool truth)."""
    shape = (40, 56)
    disc = squared_distance(shape, (18, 25)) <= 120
    near = grey_disc(shape, (20, 27), noise=20, seed=0)
    random = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    two = disc | (squared_distance(shape, (34, 50)) <= 9)
    return {
        "near": (near, disc),
        "random": (random, disc),
        "two_objects": (near, two),
        "inverted": (255 - near, disc),
        "binary": ((near > 127).astype(np.uint8) * 255, disc),
        "perfect": (disc.astype(np.uint8) * 255, disc),
        "all_zero": (np.zeros(shape, np.uint8), disc),
        "all_one": (np.full(shape, 255, np.uint8), disc),
        "constant": (np.full(shape, 77, np.uint8), disc),
        "narrow_range": ((near // 8 + 100).astype(np.uint8), disc),
        "empty_truth": (near, np.zeros(shape, bool)),
        "full_truth": (near, np.ones(shape, bool)),
        "one_pixel": (near, pixels(shape, (18, 25))),
        "one_pixel_corner": (near, pixels(shape, (0, 0))),
        "one_background_pixel": (near, ~pixels(shape, (5, 7))),
        "scattered": (random, np.random.default_rng(2).integers(0, 10, shape) == 0),
        "two_by_two": (random[:2, :2], pixels((2, 2), (0, 0))),
        "row": (random[:1, :17], pixels((1, 17), (0, 3), (0, 4))),
        "column": (random[:17, :1], pixels((17, 1), (3, 0), (9, 0))),
    }
