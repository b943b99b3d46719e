import itertools
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from torch.utils.data import DataLoader
from toy import ToyAugmentation, ToyDataset

from sparsevision.datasets import seeded
from sparsevision.datasets.seeded import SampleIndex, SeededInfiniteSampler, SeededSampler
from sparsevision.utils import UserError
from sparsevision.utils.randomness import capture_rng, preserved_rng, restore_rng


def drawn(sampler, count=None):
    return [(int(index), index.draw) for index in itertools.islice(sampler, count)]


def on_rank(monkeypatch, rank, build):
    monkeypatch.setattr(seeded, "get_dist_info", lambda: (rank, 2))
    return build()


@pytest.mark.parametrize("kind", [SeededSampler, SeededInfiniteSampler])
def test_two_ranks_see_together_what_one_sees(monkeypatch, kind):
    whole = drawn(kind(range(12), seed=1), 12)
    halves = [drawn(on_rank(monkeypatch, rank, lambda: kind(range(12), seed=1)), 6) for rank in (0, 1)]
    for step in range(3):
        both = [pair for half in halves for pair in half[2 * step : 2 * step + 2]]
        assert sorted(both) == sorted(whole[4 * step : 4 * step + 4])


@pytest.mark.parametrize("kind", [SeededSampler, SeededInfiniteSampler])
def test_skip_is_a_position_in_the_stream(kind):
    whole, rest = kind(range(7), seed=1), kind(range(7), seed=1)
    rest.skip(5)
    assert drawn(rest, 2) == drawn(whole, 7)[5:]


def test_skipping_lasts_for_one_pass():
    sampler = SeededSampler(range(4), seed=0)
    sampler.skip(3)
    assert [len(drawn(sampler)) for _ in range(2)] == [1, 4]


def test_epochs_differ_and_cover_everything():
    sampler = SeededSampler(range(20), seed=0)
    first = drawn(sampler)
    sampler.set_epoch(1)
    second = drawn(sampler)
    assert sorted(index for index, _ in first) == sorted(index for index, _ in second) == list(range(20))
    assert first != second
    assert [draw for _, draw in second] == list(range(20, 40))


def test_ranks_get_the_same_number(monkeypatch):
    samplers = [on_rank(monkeypatch, rank, lambda: SeededSampler(range(5), seed=0)) for rank in (0, 1)]
    assert [len(sampler) for sampler in samplers] == [len(drawn(sampler)) for sampler in samplers] == [3, 3]
    samplers = [on_rank(monkeypatch, rank, lambda: SeededSampler(range(5), seed=0, round_up=False)) for rank in (0, 1)]
    assert [len(sampler) for sampler in samplers] == [len(drawn(sampler)) for sampler in samplers] == [3, 2]


def test_an_empty_data_set_is_told():
    with pytest.raises(UserError, match="is empty"):
        SeededSampler([], seed=0)


def test_an_index_travels_to_worker_processes():
    index = pickle.loads(pickle.dumps(SampleIndex(3, draw=9, seed=2)))
    assert (index, index.draw, index.seed) == (3, 9, 2)


def toy(**options):
    return ToyDataset(pipeline=[ToyAugmentation()], **options)


def pixel(item):
    return item["inputs"]["image"][0, 0, 0].item()


def test_a_sample_follows_from_seed_and_draw_alone():
    data = toy()
    first = pixel(data[SampleIndex(3, draw=5, seed=1)])
    random.seed(0)
    assert pixel(data[SampleIndex(3, draw=5, seed=1)]) == first
    assert pixel(data[SampleIndex(3, draw=6, seed=1)]) != first
    assert pixel(data[SampleIndex(3, draw=5, seed=2)]) != first


def test_the_global_streams_go_on_undisturbed():
    def three():
        return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002

    state = capture_rng()
    expected = three()
    restore_rng(state)
    toy()[SampleIndex(0, draw=0)]
    assert three() == expected
    restore_rng(state)
    with preserved_rng():
        three()
    assert three() == expected


def test_plain_integers_vary_in_training_and_are_fixed_in_tests():
    assert pixel(toy()[1]) != pixel(toy()[1])
    assert pixel(toy(test_mode=True)[1]) == pixel(toy(test_mode=True)[1])


@pytest.mark.parametrize("workers", [0, 2])
def test_worker_count_changes_nothing(workers):
    loader = DataLoader(
        toy(), sampler=SeededSampler(range(12), seed=4), batch_size=3, num_workers=workers, collate_fn=list
    )
    assert [pixel(item) for batch in loader for item in batch] == [
        pixel(toy()[index]) for index in SeededSampler(range(12), seed=4)
    ]


def test_joined_and_repeated_sets_pass_the_draw_on():
    index = SampleIndex(14, draw=3, seed=1)
    expected = pixel(toy()[SampleIndex(2, draw=3, seed=1)])
    assert pixel(ConcatDataset([toy(), toy()])[index]) == expected
    assert pixel(RepeatDataset(toy(), times=2)[index]) == expected


class Dropping:
    """Returns None for even values."""

    def __call__(self, results):
        return results if results["value"] % 2 else None


def test_dropped_samples_are_replaced_from_the_same_stream():
    data = ToyDataset(pipeline=[Dropping(), ToyAugmentation()])
    replaced = [pixel(data[SampleIndex(2, draw=draw)]) for draw in (1, 1, 2, 3)]
    assert replaced[0] == replaced[1]
    assert len(set(replaced)) > 1
    nothing = ToyDataset(length=1, pipeline=[Dropping()], max_refetch=3)
    with pytest.raises(UserError, match="gave nothing for sample 0 and 3 others"):
        nothing[SampleIndex(0, draw=0)]
