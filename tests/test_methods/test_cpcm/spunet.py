"""A SpUNet by its published names and layout (Pointcept), with dense convolutions on a full grid, for comparison."""

import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-3


def spunet_shapes(*, in_channels, num_classes, base, channels, layers) -> dict[str, tuple[int, ...]]:
    """{name: shape} of its state dict."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(name, count):
        shapes.update({f"{name}.{part}": (count,) for part in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{name}.num_batches_tracked"] = ()

    def unit(name, given, made, size):
        shapes[f"{name}.0.weight"] = (made, size, size, size, given)
        norm(f"{name}.1", made)

    def block(name, given, made):
        for index, count in ((1, given), (2, made)):
            shapes[f"{name}.conv{index}.weight"] = (made, 3, 3, 3, count)
            norm(f"{name}.bn{index}", made)
        if given != made:
            unit(f"{name}.proj", given, made, 1)

    unit("conv_input", in_channels, base, 5)
    skips = [base, *channels[:3]]
    for level in range(4):
        unit(f"down.{level}", skips[level], channels[level], 2)
        for index in range(layers[level]):
            block(f"enc.{level}.block{index}", channels[level], channels[level])
        made = channels[7 - level]
        unit(f"up.{level}", channels[6 - level], made, 2)
        for index in range(layers[7 - level]):
            block(f"dec.{level}.block{index}", made if index else made + skips[level], made)
    shapes |= {"final.weight": (num_classes, 1, 1, 1, channels[7]), "final.bias": (num_classes,)}
    return shapes


def spunet_state(shapes: dict[str, tuple[int, ...]], *, seed: int = 0) -> dict[str, Tensor]:
    """Random weights in double precision; variances are positive."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        if name.endswith("num_batches_tracked"):
            values = torch.tensor(7)
        elif len(shape) == 5:
            values = values / (shape[1] ** 3 * shape[4]) ** 0.5
        elif name.endswith("running_var"):
            values = 0.01 + values.abs()  # small ones, so that the epsilon counts
        state[name] = values
    return state


def dense_weight(weight: Tensor) -> Tensor:
    """spconv's (C_out,kx,ky,kz,C_in) -> conv3d's (C_out,C_in,kx,ky,kz)."""
    return weight.permute(0, 4, 1, 2, 3)


def dense_spunet(state: dict[str, Tensor], x: Tensor, *, layers: tuple[int, ...]) -> Tensor:
    """x (B,C,X,Y,Z), every voxel occupied -> logits (B,classes,X,Y,Z), in evaluation mode."""

    def norm(x, name):
        mean, var, weight, bias = (
            state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias, eps=EPS)

    def same(x, name):
        weight = dense_weight(state[name])
        return F.conv3d(x, weight, padding=weight.shape[-1] // 2)

    def block(x, name):
        inner = norm(same(x, f"{name}.conv1.weight"), f"{name}.bn1").relu()
        inner = norm(same(inner, f"{name}.conv2.weight"), f"{name}.bn2")
        if f"{name}.proj.0.weight" in state:
            x = norm(same(x, f"{name}.proj.0.weight"), f"{name}.proj.1")
        return (inner + x).relu()

    x = norm(same(x, "conv_input.0.weight"), "conv_input.1").relu()
    skips = [x]
    for level in range(4):
        x = F.conv3d(x, dense_weight(state[f"down.{level}.0.weight"]), stride=2)
        x = norm(x, f"down.{level}.1").relu()
        for index in range(layers[level]):
            x = block(x, f"enc.{level}.block{index}")
        skips.append(x)
    for level in (3, 2, 1, 0):
        x = F.conv_transpose3d(x, dense_weight(state[f"up.{level}.0.weight"]).transpose(0, 1), stride=2)
        x = torch.cat([norm(x, f"up.{level}.1").relu(), skips[level]], dim=1)
        for index in range(layers[7 - level]):
            x = block(x, f"dec.{level}.block{index}")
    return same(x, "final.weight") + state["final.bias"].reshape(1, -1, 1, 1, 1)
