"""Scores of rendered views by protocol: names, means, the table, and what is refused."""

import csv

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement
from torch import nn

from sparsevision.evaluation import ViewMaskMetric, ViewMetric
from sparsevision.evaluation.functional.views import PERFECT_PSNR, frechet_distance, psnr, spin_bbox10, ssim
from sparsevision.evaluation.views import means_of
from sparsevision.layers.lpips import LPIPS
from sparsevision.registry import METRICS
from sparsevision.utils import UserError

SIZE = (40, 48)


class MeanColours(nn.Module):
    """Stands for Inception: three numbers an image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.dtype == torch.uint8
        return images.float().mean((2, 3))


def view_of(number: int, *, mask: str = "square") -> BaseDataElement:
    rng = np.random.default_rng(number)
    gt = torch.from_numpy(rng.random((3, *SIZE), dtype=np.float32))
    pred = gt + 0.1 * torch.from_numpy(rng.normal(size=gt.shape).astype(np.float32))
    gt_mask = torch.zeros(SIZE, dtype=torch.bool)
    if mask == "square":
        gt_mask[8:30, 10:32] = True
    fields = {"pred_view": pred, "gt_view": gt, "gt_mask": gt_mask, "pred_mask": gt_mask.roll(number, 0)}
    return BaseDataElement(metainfo={"scene": "room", "view": f"image{number:03d}"}, **fields)


def evaluate(metric, samples) -> dict[str, float]:
    evaluator = Evaluator(metric)
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.clamp(0, 1).permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def lpips() -> LPIPS:
    torch.manual_seed(0)
    return LPIPS("vgg").eval()


def test_every_protocol_by_its_name(lpips, tmp_path):
    samples = [view_of(number) for number in range(3)]
    scores = evaluate(ViewMetric(lpips=lpips, fid=MeanColours(), out_dir=tmp_path), samples)
    kinds = {"PSNR", "SSIM", "LPIPS"}
    assert set(scores) == {f"{kind}/{protocol}" for kind in kinds for protocol in ("full", "masked", "spin_bbox10")} | {
        "FID/full",
        "FID/spin_bbox10",
    }
    pairs = [(array(sample.pred_view), array(sample.gt_view), sample.gt_mask.numpy()) for sample in samples]
    assert scores["PSNR/full"] == pytest.approx(np.mean([psnr(pred, gt) for pred, gt, _ in pairs]))
    assert scores["PSNR/masked"] == pytest.approx(np.mean([psnr(*pair) for pair in pairs]))
    box = spin_bbox10(pairs[0][2])
    assert tuple(box) == (6, 32, 8, 34)
    assert scores["SSIM/spin_bbox10"] == pytest.approx(np.mean([ssim(box.of(p), box.of(gt)) for p, gt, _ in pairs]))
    crops = [[torch.from_numpy(box.of(image)).permute(2, 0, 1) for image in pair[:2]] for pair in pairs]
    distances = [float(lpips(2 * pred[None] - 1, 2 * gt[None] - 1)) for pred, gt in crops]
    assert scores["LPIPS/spin_bbox10"] == pytest.approx(np.mean(distances), rel=1e-4)
    means = [
        np.stack([np.rint(255 * side.numpy()).mean((1, 2)) for side in sides]) for sides in zip(*crops, strict=True)
    ]
    assert scores["FID/spin_bbox10"] == pytest.approx(frechet_distance(*means), rel=1e-3)
    with (tmp_path / "views.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["view"] for row in rows] == ["image000", "image001", "image002"]
    assert float(rows[1]["PSNR/full"]) == pytest.approx(psnr(*pairs[1][:2]), rel=1e-4)


def test_views_without_an_object_count_in_full_alone():
    samples = [view_of(0), view_of(1, mask="empty")]
    both, first = (evaluate(ViewMetric(), some) for some in (samples, samples[:1]))
    assert both["PSNR/masked"] == first["PSNR/masked"]
    assert both["PSNR/full"] != first["PSNR/full"]
    assert set(evaluate(ViewMetric(), samples[1:])) == {"PSNR/full", "SSIM/full"}


def test_a_perfect_view_counts_and_a_broken_one_shows():
    perfect, broken = view_of(1), view_of(2)
    perfect.pred_view = perfect.gt_view.clone()
    broken.pred_view[:, 0, 0] = torch.nan
    first = evaluate(ViewMetric(), [view_of(0)])["PSNR/full"]
    assert evaluate(ViewMetric(), [view_of(0), perfect])["PSNR/full"] == pytest.approx((first + PERFECT_PSNR) / 2)
    assert np.isnan(evaluate(ViewMetric(), [view_of(0), broken])["PSNR/full"])


def test_one_view_has_no_fid_but_all_other_scores():
    samples = [view_of(0), view_of(1, mask="empty")]
    scores = evaluate(ViewMetric(fid=MeanColours()), samples)
    assert "FID/full" in scores
    assert "FID/spin_bbox10" not in scores
    assert "PSNR/spin_bbox10" in scores


def test_masks_of_another_size_and_samples_as_dicts():
    sample = view_of(2)
    larger = view_of(2)
    larger.gt_mask = larger.gt_mask.repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert evaluate(ViewMetric(), [sample]) == evaluate(ViewMetric(), [larger.to_dict()])


def test_another_net_says_so(lpips):
    scores = evaluate(ViewMetric(protocols=("full",), lpips=LPIPS("alex").eval(), prefix="test"), [view_of(0)])
    assert set(scores) == {"test/PSNR/full", "test/SSIM/full", "test/LPIPS_alex/full"}


def test_a_config_builds_the_published_lpips(weights):
    weights("lpips_alexnet")
    metric = METRICS.build({"type": "ViewMetric", "protocols": ["full"], "lpips": "alex"})
    assert evaluate(metric, [view_of(0)])["LPIPS_alex/full"] > 0


def test_masks(tmp_path):
    samples = [view_of(number) for number in range(2)]
    unmarked = view_of(5)
    del unmarked.gt_mask
    scores = evaluate(ViewMaskMetric(out_dir=tmp_path), [*samples, unmarked])
    wrong = 2 * 22  # the second mask is one row off: 22 pixels missed, 22 too many
    assert scores == pytest.approx(
        {
            "accuracy/annotated_views": 50 * (2 - wrong / (SIZE[0] * SIZE[1])),
            "IoU/annotated_views": 50 * (1 + 21 / 23),
        }
    )
    rows = (tmp_path / "masks.csv").read_text().splitlines()
    assert rows[0] == "scene,view,accuracy/annotated_views,IoU/annotated_views"
    assert rows[-1] == "room,image005,,"
    assert evaluate(ViewMaskMetric(), [unmarked]) == {}
    assert means_of([]) == {}


def test_what_is_refused(tmp_path):
    with pytest.raises(UserError, match="no protocol 'bbox'"):
        ViewMetric(protocols=("bbox",))
    with pytest.raises(UserError, match="one of vgg, alex"):
        ViewMetric(lpips="squeeze")
    with pytest.raises(UserError, match="nothing is downloaded"):
        ViewMetric(fid=tmp_path / "absent.pth")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="takes a folder"):
        ViewMetric(out_dir=tmp_path / "file")
    sample = view_of(3)
    del sample.gt_view
    with pytest.raises(UserError, match="view image003: the sample has no gt_view"):
        evaluate(ViewMetric(), [sample])
    small = view_of(4)
    small.gt_mask[:] = False
    small.gt_mask[4:9, 4:9] = True
    with pytest.raises(UserError, match="view image004: SSIM needs images of at least 11"):
        evaluate(ViewMetric(protocols=("spin_bbox10",)), [small])
    del small.pred_mask
    with pytest.raises(UserError, match="view image004: the sample has no pred_mask"):
        evaluate(ViewMaskMetric(), [small])
