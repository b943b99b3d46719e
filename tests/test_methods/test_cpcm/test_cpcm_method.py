"""The method: its terms, its masked pass, its presets, what it refuses."""

import numpy as np
import pytest
import torch

from sparsevision.datasets.points.sample import PointSegSample
from sparsevision.layers.sparse_conv import CoordinateManager, SparseTensor
from sparsevision.methods.cpcm import CPCM, Res16UNet
from sparsevision.methods.cpcm import method as method_file
from sparsevision.methods.cpcm.masked_statistics import MaskedStatistics, batch_norms
from sparsevision.methods.cpcm.presets import PRESETS, Mask, Switches
from sparsevision.synthetic.batches import example_batch
from sparsevision.utils import UserError

MASK = {"weight": 5.0, "grid_size": 4}


def a_model(**options):
    torch.manual_seed(0)
    network = Res16UNet(3, 5, planes=(8,) * 8, layers=(1,) * 8, first_channels=8)
    return CPCM(network=network, **options)


def a_batch(model, *, count=2, training=True):
    batch = example_batch(model, size=(12, 14), count=count, rng=np.random.default_rng(0))
    return model.data_preprocessor(batch, training)


@pytest.fixture
def late(monkeypatch):
    """Past the ramp."""
    monkeypatch.setattr(method_file, "training_epoch", lambda: 9)


@pytest.mark.parametrize(
    ("options", "terms"),
    [
        ({"consistency": 0.0}, {"loss_seg"}),
        ({"consistency": 5.0}, {"loss_seg", "loss_consistency"}),
        ({"consistency": 0.0, "mask": MASK}, {"loss_seg", "loss_mask_corresponding", "loss_mask_self"}),
    ],
)
def test_it_has_the_terms_that_are_asked_for(options, terms, late):
    model = a_model(**options)
    losses = model(**a_batch(model), mode="loss")
    assert {name for name in losses if "loss" in name} == terms
    assert losses["labelled_voxels"] > 0
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_weights_rise_with_the_epochs(monkeypatch):
    model, sizes = a_model(consistency=0.0, mask=MASK), []
    batch = a_batch(model)
    for epoch in (0, 5):
        monkeypatch.setattr(method_file, "training_epoch", lambda epoch=epoch: epoch)
        torch.manual_seed(1)
        sizes.append(model.train()(**batch, mode="loss")["loss_mask_self"].item())
    assert sizes[0] == pytest.approx(np.exp(-5) * sizes[1], rel=1e-4)


def test_kernel_maps_are_built_once_for_a_view_and_its_masked_copy(monkeypatch, late):
    built = []
    init = CoordinateManager.__init__
    monkeypatch.setattr(
        CoordinateManager, "__init__", lambda self, *args, **options: built.append(1) or init(self, *args, **options)
    )
    model = a_model(mask=MASK)
    batch = a_batch(model)
    built.clear()
    model(**batch, mode="loss")
    assert len(built) == 2


def test_masking_is_a_matter_of_the_seed(late):
    model = a_model(mask=MASK).eval()
    batch = a_batch(model)
    values = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        values.append(model(**batch, mode="loss")["loss_mask_self"].item())
    assert values[0] == values[1] != values[2]


def test_the_masked_pass_has_statistics_of_its_own_in_the_fixed_preset(late):
    after = {}
    for name, options in {"none": {}, "fixed": {"mask": MASK}, "published": {"mask": MASK}}.items():
        model = a_model(preset="published" if name == "published" else "fixed", **options)
        model.train()(**a_batch(model), mode="loss")
        after[name] = model.network.bn0.bn.running_mean.clone()
        if name == "fixed":
            assert not torch.equal(model.masked_statistics.running_mean_0, after[name])
            assert model.masked_statistics.num_batches_tracked_0 == 1
    assert torch.equal(after["none"], after["fixed"])
    assert not torch.equal(after["none"], after["published"])


def test_statistics_are_put_back_when_the_pass_fails():
    network = Res16UNet(3, 5, planes=(8,) * 8, layers=(1,) * 8, first_channels=8)
    statistics = MaskedStatistics(network)
    before = [layer.running_mean for layer in batch_norms(network)]
    with pytest.raises(UserError, match="feats"), statistics.use(network):
        network(SparseTensor(torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 9)))
    assert all(layer.running_mean is old for layer, old in zip(batch_norms(network), before, strict=True))


def test_a_learnt_token_stands_for_what_is_hidden(late):
    model = a_model(mask=MASK | {"token": True})
    losses = model(**a_batch(model), mode="loss")
    losses["loss_mask_self"].backward()
    assert model.mask_token.grad.abs().sum() > 0
    plain = a_model(mask=MASK)
    assert plain.mask_token is None


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_nothing_is_nan_without_labels_or_matches(preset, late):
    model = a_model(mask=MASK, preset=preset)
    batch = a_batch(model)
    for sample in batch["data_samples"]:
        sample.sparse_voxel_labels1 = torch.full_like(sample.sparse_voxel_labels1, 255)
        sample.sparse_voxel_labels2 = torch.full_like(sample.sparse_voxel_labels2, 255)
    for name in ("pairs1", "pairs2"):
        pairs = batch["inputs"][name]
        batch["inputs"][name] = pairs[pairs[:, 0] == 0]
    losses = model(**batch, mode="loss")
    assert losses["loss_seg"] == 0
    assert all(value.isfinite() for value in losses.values())
    assert (losses["loss_mask_self"] == 0) == (preset == "published")


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_a_scene_of_one_voxel_is_learnt(preset, late):
    """torch's batch normalisation would refuse a batch that has no more than it."""
    model = a_model(mask=MASK, preset=preset).train()
    views = {f"{name}{number}": value for number in (1, 2) for name, value in
             (("coords", [torch.zeros(1, 3, dtype=torch.int64)]), ("colours", [torch.full((1, 3), 9.0)]),
              ("rows", [torch.tensor([0])]))}  # fmt: skip
    label = torch.tensor([2])
    samples = [PointSegSample(sparse_voxel_labels1=label, sparse_voxel_labels2=label)]
    losses = model(**model.data_preprocessor({"inputs": views, "data_samples": samples}, True), mode="loss")
    total, _ = model.parse_losses(losses)
    total.backward()
    assert losses["loss_seg"] > 0
    assert all(value.isfinite() for value in losses.values())
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_it_predicts_voxels_and_every_point():
    model = a_model().eval()
    batch = a_batch(model, training=False)
    sample = batch["data_samples"][1]
    sample.point_to_voxel = torch.tensor([0, 0, 5])
    alone = model.network(_part(batch, 1))[0].softmax(dim=1)
    samples = model(**batch, mode="predict")
    assert torch.equal(samples[1].pred_voxel_labels, alone.argmax(dim=1))
    assert samples[1].pred_point_labels.tolist() == alone.argmax(dim=1)[[0, 0, 5]].tolist()
    torch.testing.assert_close(samples[1].pred_point_scores, alone.amax(dim=1)[[0, 0, 5]])
    bare = model({name: batch["inputs"][name] for name in ("coords", "feats")}, mode="predict")
    assert [len(sample.pred_voxel_labels) for sample in bare] == [168, 168]


def test_votes_are_for_points_and_need_them():
    model = a_model(voting={"voxel_size": 1.0, "turns": (0.0,), "scales": (1.0,), "fragments": False}).eval()
    batch = a_batch(model, training=False, count=1)
    with pytest.raises(UserError, match="keep_points=True"):
        model(**batch, mode="predict")
    sample, inputs = batch["data_samples"][0], batch["inputs"]
    sample.points = inputs["coords"][:, 1:].float() + 0.5
    sample.colours = (inputs["feats"] + 0.5) * 255
    sample.original_to_point = torch.tensor([4, 4, 7])
    plain = model(**batch, mode="predict")[0]
    assert plain.pred_point_labels.tolist() == plain.pred_voxel_labels[[4, 4, 7]].tolist()
    assert ((plain.pred_point_scores > 0) & (plain.pred_point_scores <= 1)).all()


def _part(batch, index):
    rows = batch["inputs"]["coords"][:, 0] == index
    return SparseTensor(batch["inputs"]["coords"][rows], batch["inputs"]["feats"][rows])


def test_features_are_one_vector_a_scene():
    model = a_model().eval()
    batch = a_batch(model, count=3)
    assert model.extract_features(batch["inputs"]).shape == (3, 8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "best"}, "expected one of published, fixed"),
        ({"switches": {"typo": True}}, "expected some of skip_unmatched_batches"),
        ({"consistency": -1.0}, "weight of 0 or more"),
        ({"mask": {"grid": 4}}, "expected some of weight, grid_size"),
        ({"voting": {"turn": 4}}, "expected some of voxel_size, turns"),
        ({"mask": {"ratio": 1.5}}, r"share in \(0, 1\]"),
        ({"mask": {"weight": 0.0}}, "mask=None"),
        ({"mask": {"grid_size": 0}}, "cells an axis"),
        ({"mask": {"mode": "boxes"}}, "grid, geometric, random"),
    ],
)
def test_wrong_settings_are_named(options, said):
    with pytest.raises(UserError, match=said):
        a_model(**options)


def test_wrong_batches_are_named():
    model = a_model()
    batch = a_batch(model)
    one_view = {name: batch["inputs"][name] for name in ("coords", "feats")}
    with pytest.raises(UserError, match="MakeTwoViews"):
        model(one_view, batch["data_samples"], mode="loss")
    batch["data_samples"][0].sparse_voxel_labels2[3] = 5
    with pytest.raises(UserError, match="class 5, but the network has 5 classes"):
        model(**batch, mode="loss")
    del batch["data_samples"][0].sparse_voxel_labels1
    with pytest.raises(UserError, match="a sample lacks"):
        model(**batch, mode="loss")
    with pytest.raises(ValueError, match="expected 'tensor'"):
        model(one_view, mode="train")


def test_presets_and_settings():
    assert PRESETS["published"] == Switches(skip_unmatched_batches=True, shared_statistics=True)
    model = a_model(mask={"grid_size": 8}, switches={"shared_statistics": False})
    assert model.mask == Mask(grid_size=8)
    assert not model.switches.shared_statistics
    assert model.switches.skip_unmatched_batches
