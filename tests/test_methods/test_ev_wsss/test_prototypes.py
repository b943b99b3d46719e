"""The low-resolution prototype block against the plain formula, and the bank of prototypes."""

import pytest
import torch
import torch.nn.functional as F

from sparsevision.methods.ev_wsss.bilinear import BilinearUp, interpolation_matrix
from sparsevision.methods.ev_wsss.prototypes import PrototypeBank, UpsampledFeatures, region_prototypes
from sparsevision.methods.ev_wsss.prototypes_plain import PlainUpsampledFeatures

SIZES = [((5, 8), (40, 64)), ((3, 4), (24, 32)), ((1, 1), (8, 8)), ((4, 1), (7, 3)), ((6, 5), (6, 5))]


def features(size, *, dtype=torch.float64, batch=2, dim=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, dim, *size, generator=generator, dtype=dtype)


@pytest.mark.parametrize(("small", "large"), SIZES)
def test_matrices_are_torch_s_interpolation(small, large):
    maps = features(small)
    ours = BilinearUp.between(small, large, like=maps).up(maps)
    theirs = F.interpolate(maps, size=large, mode="bilinear", align_corners=False)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_rows_of_a_matrix_sum_to_one():
    torch.testing.assert_close(interpolation_matrix(5, 17, like=torch.zeros(())).sum(1), torch.ones(17))


@pytest.mark.parametrize(("small", "large"), SIZES)
def test_cosines_sums_and_gradients_equal_the_plain_formula(small, large):
    prototypes = F.normalize(torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)), dim=1)
    weights = torch.rand(2, 4, *large, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    answers = []
    for kind in (UpsampledFeatures, PlainUpsampledFeatures):
        leaf = features(small).requires_grad_()
        block = kind(leaf, large)
        cosines, sums = block.cosines(prototypes), block.weighted_sums(weights)
        (cosines.square().sum() + sums.square().sum()).backward()
        answers.append((cosines.detach(), sums.detach(), leaf.grad))
    for ours, theirs in zip(*answers, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


def test_single_precision_is_close_and_zero_features_give_zero():
    leaf = features((5, 8), dtype=torch.float32)
    leaf[0] = 0
    prototypes = F.normalize(torch.randn(3, 6, generator=torch.Generator().manual_seed(1)), dim=1)
    ours = UpsampledFeatures(leaf, (40, 64)).cosines(prototypes)
    theirs = PlainUpsampledFeatures(leaf, (40, 64)).cosines(prototypes)
    assert float((ours - theirs).abs().max()) < 1e-5
    assert not ours[0].any()


def test_a_region_prototype_is_the_weighted_mean_direction():
    leaf, size = features((3, 4), dtype=torch.float32), (24, 32)
    confidence = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(3))
    confidence[0, 1] = 0.5
    confidence[1, 2] = 0
    confidence[1, 2, 0, :12] = 0.8
    ours, counts = region_prototypes(UpsampledFeatures(leaf, size), confidence, min_confidence=0.7, min_mass=10)
    full = PlainUpsampledFeatures(leaf, size).features
    for image, label in [(0, 0), (0, 2), (1, 0), (1, 1)]:
        weight = confidence[image, label] * (confidence[image, label] > 0.7)
        mean = (full[image] * weight).sum(dim=(1, 2)) / (weight.sum() + 1e-5)
        torch.testing.assert_close(ours[image, label], mean / mean.norm(), rtol=1e-4, atol=1e-5)
    assert counts.tolist() == [[True, False, True], [True, True, False]]


def test_the_bank_keeps_the_last_ones_and_means_what_it_keeps():
    bank = PrototypeBank(num_classes=2, dim=3, length=4, min_count=2)
    vectors = F.normalize(torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    for vector in vectors:
        bank.append(vector[None], torch.tensor([[True, False]]))
    assert bank.counts.tolist() == [4, 0]
    assert bank.ready.tolist() == [True, False]
    torch.testing.assert_close(bank.newest()[0], vectors[-1, 0])
    torch.testing.assert_close(bank.means()[0], F.normalize(vectors[2:, 0].mean(0), dim=0))
    assert not bank.means()[1].any()


def test_a_batch_enters_image_by_image_and_the_bank_survives_a_checkpoint():
    bank = PrototypeBank(num_classes=1, dim=2, length=3, min_count=0)
    bank.append(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), torch.tensor([[True], [True]]))
    assert bank.newest().tolist() == [[0.0, 1.0]]
    again = PrototypeBank(num_classes=1, dim=2, length=3, min_count=0)
    again.load_state_dict(bank.state_dict())
    torch.testing.assert_close(again.means(), bank.means())
    assert again.counts.tolist() == [2]
