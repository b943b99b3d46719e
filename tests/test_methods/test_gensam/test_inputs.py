"""Public functions take what people have: tensors, arrays, lists, flipped views."""

import numpy as np
import pytest
import torch

from sparsevision.methods.gensam import (
    box_from_mask,
    points_from_heatmap,
    resolve_options,
    reweight_image,
    select_pass,
    similarity_heatmap,
)
from sparsevision.utils import UserError

LOGITS = np.random.default_rng(0).normal(size=(4, 6, 5)).astype(np.float32)


def test_passes_are_chosen_alike_from_arrays_tensors_and_lists():
    tensor = torch.from_numpy(LOGITS)
    answers = {select_pass(given) for given in (LOGITS, tensor, list(LOGITS), list(tensor), LOGITS[:, ::-1])}
    assert len(answers) == 1


def test_a_flipped_heatmap_gives_points_and_weights():
    heat = np.linspace(0, 1, 16, dtype=np.float32)
    xy, labels = points_from_heatmap(heat[::-1], image_size=(40, 40))
    assert len(xy) == len(labels) > 0
    image = np.ones((4, 4, 3))
    assert reweight_image(image, image, heat.reshape(4, 4)[::-1], 0.3).shape == (4, 4, 3)


def test_reweighting_keeps_the_kind_of_the_current_image():
    array, tensor = np.ones((8, 8, 3)), torch.ones(8, 8, 3)
    heat = torch.linspace(0, 1, 4)
    assert isinstance(reweight_image(array, tensor, heat, 0.3), np.ndarray)
    assert isinstance(reweight_image(tensor, array, heat, 0.3), torch.Tensor)


def test_similarities_of_arrays_are_those_of_tensors():
    rng = np.random.default_rng(1)
    features, text, empty = rng.normal(size=(1, 5, 3)), rng.normal(size=(2, 3)), rng.normal(size=(1, 3))
    given = [torch.from_numpy(each) for each in (features, text, empty)]
    expected = similarity_heatmap(*given, normalize_dim=1)
    torch.testing.assert_close(similarity_heatmap(features, text, empty, normalize_dim=1), expected)


def test_a_mask_needs_two_dimensions():
    with pytest.raises(UserError, match="must be \\(H,W\\)"):
        box_from_mask(np.ones((1, 4, 4), bool))


@pytest.mark.parametrize("option", [{"recursive": "5"}, {"recursive": 2.0}, {"down_sample": float("nan")}])
def test_options_of_the_wrong_kind_are_refused(option):
    with pytest.raises(UserError, match=next(iter(option))):
        resolve_options(**option)


def test_a_grid_cannot_shrink_to_nothing():
    with pytest.raises(UserError, match="down_sample=20 leaves no cell"):
        points_from_heatmap(np.arange(16.0), image_size=(8, 8), down_sample=20)
