"""Pairs of a kernel map cut into blocks that are gathered at once, every offset filled up to a full side.

A full side is a multiple of 16 rows: a BLAS picks other kernels for ragged sides, and which ones depends on the number
of threads.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

SIDE = 16


class Block(NamedTuple):
    """Some pairs, offset after offset.

    in_rows, out_rows: (R,) int64, row 0 where there is no pair.
    empty: (E,) int64, the positions that hold no pair.
    offsets: of the kernel; sizes: rows of each, full sides, R together.
    """

    in_rows: Tensor
    out_rows: Tensor
    empty: Tensor
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


class Chunk(NamedTuple):
    """Pairs of one offset: `count` of them from `start` on."""

    offset: int
    start: int
    count: int


def full(count: int) -> int:
    """The multiple of a side that holds `count`."""
    return count + -count % SIDE


def make_blocks(
    in_rows: Tensor, out_rows: Tensor, starts: Sequence[int], *, rows: int, together: bool
) -> tuple[Block, ...]:
    """Blocks of at most `rows` rows, which hold every pair once, in order.

    Args:
        in_rows, out_rows: (P,) int64, sorted by offset.
        starts: K+1 positions; the pairs of offset k are starts[k] to starts[k+1].
        rows: a multiple of a side.
        together: whether a block may hold several offsets.
    """
    return tuple(make_block(in_rows, out_rows, chunks) for chunks in grouped(starts, rows=rows, together=together))


def grouped(starts: Sequence[int], *, rows: int, together: bool) -> Iterator[list[Chunk]]:
    """The chunks of each block."""
    group: list[Chunk] = []
    for offset, (first, stop) in enumerate(pairwise(starts)):
        for start in range(first, stop, rows):
            chunk = Chunk(offset, start, min(rows, stop - start))
            if group and not (together and sum(full(one.count) for one in [*group, chunk]) <= rows):
                yield group
                group = []
            group.append(chunk)
    if group:
        yield group


def make_block(in_rows: Tensor, out_rows: Tensor, chunks: Sequence[Chunk]) -> Block:
    """The rows of consecutive chunks, with room between them."""
    sizes = tuple(full(chunk.count) for chunk in chunks)
    pairs = slice(chunks[0].start, chunks[-1].start + chunks[-1].count)
    held = torch.cat(
        [torch.arange(size, device="cpu") < chunk.count for size, chunk in zip(sizes, chunks, strict=True)]
    )
    places = held.nonzero().squeeze(1).to(in_rows.device)
    return Block(
        in_rows=in_rows.new_zeros(sum(sizes)).index_copy_(0, places, in_rows[pairs]),
        out_rows=out_rows.new_zeros(sum(sizes)).index_copy_(0, places, out_rows[pairs]),
        empty=held.logical_not().nonzero().squeeze(1).to(in_rows.device),
        offsets=tuple(chunk.offset for chunk in chunks),
        sizes=sizes,
    )
