"""GenSAM on the promptable back-ends of the codebase instead of the stand-in."""

import numpy as np
import pytest
import torch

from sparsevision.layers.promptable import MobileSAM
from sparsevision.methods.gensam.method import GenSAM

from .test_loop import CountingBackend

pytest.importorskip("segment_anything")
pytest.importorskip("timm")


@pytest.fixture(scope="module")
def mobile_sam():
    torch.manual_seed(0)
    return MobileSAM(image_size=64)


@pytest.mark.parametrize("options", [{"preset": "published"}, {"preset": "fixed", "mask_feedback": True}])
def test_a_batch_on_an_untrained_mobile_sam_equals_singles(mobile_sam, options):
    model = GenSAM(heatmap_backend=CountingBackend(), segmenter=mobile_sam, recursive=2, diagnostics=True, **options)
    images = [torch.randint(0, 255, (3, *size), dtype=torch.uint8) for size in ((40, 60), (1, 1), (64, 30))]
    batch = model.predict({"image": images})
    for image, sample in zip(images, batch, strict=True):
        (single,) = model.predict({"image": [image]})
        assert sample.pred_mask.data.shape == (1, *image.shape[1:])
        assert torch.equal(single.pred_mask.data, sample.pred_mask.data)
        assert [record["box"] for record in single.gensam_passes] == [record["box"] for record in sample.gensam_passes]


def test_a_flat_heatmap_is_a_prompt_too(mobile_sam):
    class Flat(CountingBackend):
        def heatmap(self, images, words_fg, words_bg):
            return torch.zeros(len(images), 16)

    model = GenSAM(heatmap_backend=Flat(), segmenter=mobile_sam, recursive=1)
    (result,) = model.segment([np.full((20, 30, 3), 127, np.uint8)])
    assert result.passes[0].box == (0, 0, 30, 20)
    assert result.mask.shape == (20, 30)
