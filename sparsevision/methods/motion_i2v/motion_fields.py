"""The displacement fields that stage 2 follows, with splatting prepared once for each resolution of the network."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.layers.forward_splat import SparseMatrix, SplatOperator
from sparsevision.utils import UserError


class MotionFields:
    """Where the first frame's pixels go, for a batch of clips.

    Make it once a clip and hand it to every step of a sampling run: the operators of the few resolutions are kept.

    Args:
        flow: (B,F,2,H,W) displacement in pixels from frame 0 to each frame, (dx, dy) right and down; field 0 is zero.
        legacy_batch_mixing: as in the released code, features of frame 0 are repeated frame by frame while fields are
            in the order of clips, so that in a batch a clip is warped from the first frames of others.

    Attributes:
        clips: B.
        frames: F.

    Raises:
        UserError: another shape, fewer than two frames, or a field 0 that moves.
    """

    def __init__(self, flow: Tensor, *, legacy_batch_mixing: bool = False) -> None:
        if flow.ndim != 5 or flow.shape[2] != 2 or flow.shape[1] < 2:
            raise UserError(f"flow has shape {tuple(flow.shape)}; expected (B,F,2,H,W) with two frames or more.")
        if not flow.is_meta and flow[:, 0].any():
            raise UserError("flow: field 0 moves; the fields start in frame 0, so its own field must be zero.")
        self.flow = flow.detach()
        self.clips, self.frames = flow.shape[:2]
        self.legacy_batch_mixing = legacy_batch_mixing
        self._operators: dict[tuple[int, int], SplatOperator] = {}
        self._sequences: dict[tuple[int, int], SparseMatrix] = {}

    def at(self, size: tuple[int, int]) -> SplatOperator:
        """The splatting of frame 0 into frames 1..F-1 on a grid of that height and width."""
        if size not in self._operators:
            self._operators[size] = SplatOperator(self.resized(size), source=self._mixed_clips())
        return self._operators[size]

    def sequence_at(self, size: tuple[int, int]) -> SparseMatrix:
        """The matrix that puts z_0, z'_1, z_1, z'_2, z_2, ... together at each pixel (paper, Sec. 3.3).

        A row is (clip, pixel, place in time), of which there are 2F-1. Columns are, one after the other, the tokens
        (clip, pixel, frame) of all frames, those (clip, pixel) of the first frame, which are carried along the motion,
        and F-1 rows, of which one is added to each z'_i.
        """
        if size not in self._sequences:
            self._sequences[size] = self._sequence(self.at(size))
        return self._sequences[size]

    def resized(self, size: tuple[int, int]) -> Tensor:
        """Fields 1..F-1 (B,F-1,2,h,w) in pixels of that grid; bilinear between pixel centres, as released."""
        height, width = self.flow.shape[3:]
        scale = self.flow.new_tensor([size[1] / width, size[0] / height], dtype=torch.float32)
        fields = F.interpolate(self.flow[:, 1:].flatten(0, 1).float(), size, mode="bilinear", align_corners=False)
        return (fields * scale.view(2, 1, 1)).unflatten(0, (self.clips, -1))

    def _sequence(self, splat: SplatOperator) -> SparseMatrix:
        later, length = self.frames - 1, 2 * self.frames - 1
        pixels = splat.clips * splat.pixels
        own = torch.arange(pixels * self.frames, device=self.flow.device)
        warped = torch.arange(pixels * later, device=self.flow.device)
        targets, sources, shares = splat.matrix.entries

        def place(row: Tensor) -> Tensor:
            return row // later * length + 2 * (row % later) + 1

        rows = [own // self.frames * length + 2 * (own % self.frames), place(targets), place(warped)]
        columns = [own, len(own) + sources, len(own) + pixels + warped % later]
        weights = [shares.new_ones(len(own)), shares, shares.new_ones(len(warped))]
        shape = (pixels * length, len(own) + pixels + later)
        return SparseMatrix(torch.cat(rows), torch.cat(columns), torch.cat(weights), shape)

    def _mixed_clips(self) -> Tensor | None:
        """(B,F-1) whose first frame each field moves, None for its own clip's."""
        if not self.legacy_batch_mixing:
            return None
        later = self.frames - 1
        return torch.arange(self.clips * later, device=self.flow.device).view(self.clips, later) % self.clips
