"""Which input voxel meets which output voxel at which place of the kernel: all that a convolution needs to know."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from sparsevision.layers.sparse_conv.blocks import Block, make_blocks


@dataclass(frozen=True, kw_only=True)
class KernelMap:
    """Pairs of input and output rows, grouped by the offset of the kernel, K offsets with x fastest.

    Within one offset every input row and every output row occurs at most once: adding up one offset after the other
    therefore never has two threads at one address.

    Args:
        in_rows: (P,) int64 row of the input voxel of each pair, sorted by offset.
        out_rows: (P,) int64 row of the output voxel of each pair.
        starts: K+1 positions; the pairs of offset k are starts[k] to starts[k+1].
        identity: offset at which every row meets itself; its pairs are not listed. None without one.
        num_in: input voxels.
        num_out: output voxels.
    """

    in_rows: Tensor
    out_rows: Tensor
    starts: tuple[int, ...]
    identity: int | None
    num_in: int
    num_out: int

    @property
    def volume(self) -> int:
        """Number of offsets K."""
        return len(self.starts) - 1

    @cached_property
    def transposed(self) -> "KernelMap":
        """The same pairs with input and output exchanged, as a transposed convolution sees them."""
        return KernelMap(
            in_rows=self.out_rows,
            out_rows=self.in_rows,
            starts=self.starts,
            identity=self.identity,
            num_in=self.num_out,
            num_out=self.num_in,
        )

    def blocks(self, rows: int, *, together: bool) -> tuple[Block, ...]:
        """The pairs in blocks of at most `rows` rows, made once (see `make_blocks`)."""
        if (rows, together) not in self._blocks:
            self._blocks[rows, together] = make_blocks(
                self.in_rows, self.out_rows, self.starts, rows=rows, together=together
            )
        return self._blocks[rows, together]

    @cached_property
    def _blocks(self) -> dict[tuple[int, bool], tuple[Block, ...]]:
        return {}

    @cached_property
    def table(self) -> Tensor:
        """(K, num_out) int64 input row of each output row at each offset; num_in where there is none."""
        table = self.in_rows.new_full((self.volume, self.num_out), self.num_in)
        counts = torch.tensor(self.starts, device=table.device).diff()
        offset = torch.repeat_interleave(torch.arange(self.volume, device=table.device), counts)
        table[offset, self.out_rows] = self.in_rows
        if self.identity is not None:
            table[self.identity] = torch.arange(self.num_out, device=table.device)
        return table

    @cached_property
    def padded_pairs(self) -> Tensor:
        """(2, K, most pairs of an offset) int32 rows of the input and of the output, then -1; the identity included."""
        counts = self.pair_counts.tolist()
        pairs = self.in_rows.new_full((2, self.volume, max(counts)), -1, dtype=torch.int32)
        everyone = torch.arange(self.num_in, device=pairs.device)
        for offset, (start, count) in enumerate(zip(self.starts, counts, strict=False)):
            for rows, side in zip((self.in_rows, self.out_rows), pairs, strict=True):
                side[offset, :count] = everyone if offset == self.identity else rows[start : start + count]
        return pairs

    @cached_property
    def pair_counts(self) -> Tensor:
        """(K,) int32 pairs of each offset, the identity included."""
        counts = [stop - start for start, stop in pairwise(self.starts)]
        if self.identity is not None:
            counts[self.identity] = self.num_in
        return torch.tensor(counts, dtype=torch.int32, device=self.in_rows.device)


def identity_map(num_voxels: int, *, device: torch.device) -> KernelMap:
    """The map of a 1x1x1 kernel: each voxel meets itself."""
    none = torch.empty(0, dtype=torch.int64, device=device)
    return KernelMap(in_rows=none, out_rows=none, starts=(0, 0), identity=0, num_in=num_voxels, num_out=num_voxels)
