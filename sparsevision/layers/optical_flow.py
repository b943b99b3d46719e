"""Flow from the first frame of a clip to every later one: by GMFlow, by OpenCV's DIS step by step, by RAFT.

A clip is uint8 RGB (F+1,H,W,3), its flow float32 (F,2,H,W) in pixels as (dx,dy).
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparsevision.engine.checkpoint import load_checkpoint, load_state_dict, weights_of
from sparsevision.evaluation.functional.flow import visible_both_ways
from sparsevision.layers.gmflow import GMFlow
from sparsevision.utils import UserError, did_you_mean

FLOWS = ("gmflow", "dis", "raft", "raft_small")
RAFT_MULTIPLE, RAFT_SMALLEST = 8, 128  # what torchvision's RAFT asks of sides

Extractor = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def chain_flows(steps: NDArray) -> NDArray[np.float32]:
    """Flow from the first frame to each later one, from flows (F,2,H,W) of each frame to the next.

    A step is read where the flow so far leads, bilinearly; outside of the image, at its border.
    """
    height, width = steps.shape[2:]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    total, found = np.zeros((2, height, width), np.float32), []
    for step in np.asarray(steps, np.float32):
        places = (x + total[0], y + total[1])
        moved = [cv2.remap(axis, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for axis in step]
        total = total + np.stack(moved)
        found.append(total)
    return np.stack(found)


def dis_flow(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Chained flow of OpenCV's DIS (Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016).

    Raises:
        UserError: no clip, or one of a single frame.
    """
    _check(clip)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    steps = [dis.calc(one, other, None) for one, other in pairwise(grey)]
    return chain_flows(np.stack(steps).transpose(0, 3, 1, 2))


class PairwiseFlow:
    """An `Extractor` that asks a network for the flow of each pair: first frame and later one, or step by step.

    Args:
        network: (B,3,H,W), (B,3,H,W) in [0,1] -> (B,2,H,W) in pixels; `GMFlow` or `RAFT`.
        chained: from each frame to the next, then `chain_flows`: for clips whose last frames are far from the first.
    """

    def __init__(self, network: nn.Module, *, chained: bool = False) -> None:
        self.network, self.chained = network, chained

    @torch.no_grad()
    def __call__(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See the class. Raises: UserError, no clip, or one of a single frame."""
        _check(clip)
        device = next((parameter.device for parameter in self.network.parameters()), torch.device("cpu"))
        frames = torch.from_numpy(np.ascontiguousarray(clip)).to(device).movedim(-1, 1).float() / 255
        firsts = frames[:-1] if self.chained else frames[:1].expand(len(frames) - 1, -1, -1, -1)
        pairs = zip(firsts.split(1), frames[1:].split(1), strict=True)
        flow = torch.cat([self.network(*pair) for pair in pairs]).cpu().numpy()
        return chain_flows(flow) if self.chained else flow


class RAFT(nn.Module):
    """torchvision's RAFT (Teed and Deng, ECCV 2020) with weights from a file; same call as `GMFlow`.

    Args:
        weights: a state file of `raft_large` or `raft_small`.
        small: which of the two.

    Raises:
        UserError: no such file.
        CheckpointError: weights of another network.
    """

    def __init__(self, weights: str | Path, *, small: bool = False) -> None:
        super().__init__()
        from torchvision.models import optical_flow  # here, since torch's compiler comes with it, which takes a second

        self.network = (optical_flow.raft_small if small else optical_flow.raft_large)(weights=None)
        load_state_dict(self.network, weights_of(load_checkpoint(weights)), source=weights)
        self.requires_grad_(False).eval()

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow (B,2,H,W) in pixels of images (B,3,H,W) in [0,1] of any size."""
        height, width = first.shape[-2:]
        down, right = (max(side, RAFT_SMALLEST) - side for side in (height, width))
        down, right = down + -(height + down) % RAFT_MULTIPLE, right + -(width + right) % RAFT_MULTIPLE
        padded = (nn.functional.pad(2 * image - 1, (0, right, 0, down), mode="replicate") for image in (first, second))
        return self.network(*padded)[-1][..., :height, :width]


def flow_extractor(
    name: str, weights: str | Path | None = None, *, chained: bool = False, device: str | torch.device = "cpu"
) -> Extractor:
    """One of `FLOWS` by its name.

    Args:
        name: see there; "dis" is always chained.
        weights: a file; GMFlow takes its cached weights without one.
        chained: see `PairwiseFlow`.
        device: of the network.

    Raises:
        UserError: an unknown name, RAFT without weights, or weights that are not there.
        CheckpointError: weights of another network.
    """
    if name not in FLOWS:
        known = ", ".join(FLOWS)
        raise UserError(f"there is no extractor '{name}'; expected one of {known}.{did_you_mean(name, FLOWS)}")
    if name == "dis":
        return dis_flow
    if name == "gmflow":
        return PairwiseFlow(GMFlow(weights or "gmflow").to(device), chained=chained)
    small = name == "raft_small"
    if weights is None:
        of = name if small else f"{name}_large"
        raise UserError(f"{name}: give its weights. It needs a file of weights of torchvision's {of}.")
    return PairwiseFlow(RAFT(weights, small=small).to(device), chained=chained)


def checked_flow(
    clip: NDArray[np.uint8], extract: Extractor, *, chained: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Flow (F,2,H,W) of a clip, and where it can be trusted, bool (F,H,W): the way back ends where it began.

    Args:
        clip: uint8 RGB (F+1,H,W,3).
        extract: asked for the way there once, and for the way back for pairs of frames.
        chained: the way back, too, goes step by step.

    Raises:
        UserError: no clip, or one of a single frame.
    """
    forward = extract(clip)
    later = range(1, len(clip))
    pairs = [clip[[number, number - 1 if chained else 0]] for number in later]
    backward = np.concatenate([extract(pair) for pair in pairs])
    if chained:
        backward = np.stack([chain_flows(backward[number - 1 :: -1])[-1] for number in later])
    return forward, visible_both_ways(forward, backward)


def _check(clip: NDArray) -> None:
    if clip.ndim != 4 or clip.shape[-1] != 3 or len(clip) < 2 or clip.dtype != np.uint8:
        raise UserError(f"expected a clip of two or more frames, uint8 (F+1,H,W,3), got {clip.dtype} {clip.shape}.")
