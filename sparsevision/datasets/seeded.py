"""Data whose randomness is a function of the seed and the position in the stream.

A sampler hands out `SampleIndex`es: integers that also know the seed and their `draw`, the global position in the
stream of samples. `SeededDataset` seeds every transform from them, so that a sample is the same whatever the number of
workers, the prefetching, the rank that loads it, and however often the run was interrupted.
"""

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from sparsevision.registry import DATA_SAMPLERS, DATASETS
from sparsevision.utils import UserError
from sparsevision.utils.randomness import seeded_rng


class SampleIndex(int):
    """The index of a sample, with the `seed` and the `draw` that its augmentation derives from.

    Subtraction and modulo keep both, so that concatenated and repeated data sets pass them on.
    """

    draw: int
    seed: int

    def __new__(cls, index: int, draw: int, seed: int = 0) -> "SampleIndex":
        self = super().__new__(cls, index)
        self.draw = draw
        self.seed = seed
        return self

    def __getnewargs__(self) -> tuple[int, int, int]:
        return int(self), self.draw, self.seed

    def __sub__(self, other: int) -> "SampleIndex":
        return SampleIndex(int(self) - other, self.draw, self.seed)

    def __mod__(self, other: int) -> "SampleIndex":
        return SampleIndex(int(self) % other, self.draw, self.seed)


class _StridedSampler(Sampler):
    """What both samplers share: seed, rank, the order of one pass over the data, and fast-forward."""

    def __init__(self, dataset: Sized, *, shuffle: bool = True, seed: int | None = None) -> None:
        if len(dataset) == 0:
            raise UserError(f"the data set {type(dataset).__name__} is empty: check its folder and its filter.")
        self.rank, self.world_size = get_dist_info()
        self.size = len(dataset)
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.start = 0

    def skip(self, num_samples: int) -> None:
        """Start the next iteration after this rank's first `num_samples` samples; loads nothing."""
        if num_samples < 0:
            raise ValueError(f"num_samples must be 0 or more; got {num_samples}")
        self.start = num_samples

    def _order(self, turn: int) -> np.ndarray:
        """Indices in the order of pass `turn`, the same on every rank."""
        if not self.shuffle:
            return np.arange(self.size)
        return np.random.default_rng((self.seed, turn)).permutation(self.size)

    def _sample(self, turn: int, position: int, order: np.ndarray) -> SampleIndex:
        return SampleIndex(int(order[position % self.size]), turn * self.size + position, self.seed)


@DATA_SAMPLERS.register_module()
class SeededSampler(_StridedSampler):
    """One pass over the data per epoch, every `world_size`-th sample to each rank.

    Two ranks with batch B see at each step together what one process with batch 2B sees, with the same draws.

    Args:
        dataset: anything with a length.
        shuffle: a new order every epoch, from (seed, epoch).
        seed: the same on all ranks; drawn and broadcast when None.
        round_up: repeat the first samples until every rank has the same number.
    """

    def __init__(self, dataset: Sized, *, shuffle: bool = True, seed: int | None = None, round_up: bool = True) -> None:
        super().__init__(dataset, shuffle=shuffle, seed=seed)
        self.epoch = 0
        self.total = -(-self.size // self.world_size) * self.world_size if round_up else self.size

    def __iter__(self) -> Iterator[SampleIndex]:
        order = self._order(self.epoch)
        start, self.start = self.start, 0
        for position in range(self.rank + start * self.world_size, self.total, self.world_size):
            yield self._sample(self.epoch, position, order)

    def __len__(self) -> int:
        return len(range(self.rank, self.total, self.world_size))

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass that the next iteration makes."""
        self.epoch = epoch


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(_StridedSampler):
    """Pass after pass over the data without end, for loops that count iterations; ranks as in `SeededSampler`."""

    def __iter__(self) -> Iterator[SampleIndex]:
        position = self.rank + self.start * self.world_size
        turn = -1
        while True:
            if position // self.size != turn:
                turn = position // self.size
                order = self._order(turn)
            yield self._sample(turn, position % self.size, order)
            position += self.world_size

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Nothing to choose: passes follow one another in the stream."""


@DATASETS.register_module()
class SeededDataset(BaseDataset):
    """A data set whose pipeline draws from (seed, draw) of the `SampleIndex` that asks for the sample.

    Python's, NumPy's and torch's global generators are seeded while the pipeline runs and restored afterwards. A plain
    integer leaves them alone in training (every look at the sample is a new augmentation, as anywhere in OpenMMLab) and
    stands for draw = index in `test_mode`. A pipeline that returns None is tried again with other samples, drawn from
    the same stream.
    """

    def __getitem__(self, idx: int) -> dict:
        self.full_init()
        if not isinstance(idx, SampleIndex):
            if not self.test_mode:
                return super().__getitem__(idx)
            idx = SampleIndex(idx, int(idx) % len(self))
        return self._seeded_item(idx)

    def _seeded_item(self, sample: SampleIndex) -> dict:
        index = int(sample)
        attempts = 1 if self.test_mode else self.max_refetch + 1
        for attempt in range(attempts):
            with seeded_rng(sample.seed, sample.draw, attempt):
                data = self.prepare_data(index)
                if data is not None:
                    return data
                index = self._rand_another()
        raise UserError(
            f"{type(self).__name__}: the pipeline gave nothing for sample {int(sample)} and {attempts - 1} others; "
            "check its images and labels, and the transforms that may drop a sample."
        )
