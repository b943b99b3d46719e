"""Clicks to masks with MobileSAM's weights: on the real scene statue, and on a rendered room."""

from pathlib import Path

import numpy as np
import pytest

from sparsevision.annotation import Clicks
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.keypoints import keypoint_depths
from sparsevision.datasets.views.labels import OBJECT, read_labels
from sparsevision.datasets.views.llff import load_llff
from sparsevision.layers.promptable import ImageEmbedding, MobileSAM
from sparsevision.methods.spin_nerf.segment import (
    SamEncoder,
    propagate_by_features,
    propagate_by_geometry,
    read_clicks,
    segment_from_clicks,
)
from sparsevision.synthetic.removal_room_set import SMALL, write_removal_room

pytestmark = pytest.mark.slow
VIEWS = [0, 1, 2, 3, 4]


class Remembering(MobileSAM):
    """MobileSAM that encodes no image twice."""

    def set_image(self, image: np.ndarray) -> ImageEmbedding:
        key = hash(image.tobytes())
        if key not in self.known:
            self.known[key] = super().set_image(image)
        return self.known[key]


@pytest.fixture(scope="module")
def segmenter(weights) -> MobileSAM:
    pytest.importorskip("segment_anything")
    pytest.importorskip("timm")
    segmenter = Remembering(checkpoint=weights("mobile_sam"))
    segmenter.known = {}
    return segmenter


def mean_iou(masks: np.ndarray, truths: np.ndarray) -> float:
    return np.mean([(mask & truth).sum() / (mask | truth).sum() for mask, truth in zip(masks, truths, strict=True)])


@pytest.fixture(scope="module")
def statue(shared_folder):
    folder = shared_folder("nerf/statue")
    scene = load_llff(folder, factor=2)
    keypoints = keypoint_depths(scene)
    scene, keypoints = scene.only(VIEWS), [keypoints[view] for view in VIEWS]
    return scene, read_images(scene), read_labels(scene) == OBJECT, keypoints


def test_the_statue_from_three_clicks(statue, segmenter):
    scene, images, truths, keypoints = statue
    clicks = Clicks(
        xy=np.array([[305.0, 150.0], [300.0, 310.0], [280.0, 360.0]]),
        positive=np.array([True, True, False]),
        size=images.shape[1:3],
    )
    mask = segment_from_clicks(images[0], clicks, segmenter=segmenter)
    assert mean_iou(mask[None], truths[:1]) > 0.93
    by_geometry = propagate_by_geometry(images, mask, 0, scene=scene, keypoints=keypoints, segmenter=segmenter)
    assert mean_iou(by_geometry, truths) > 0.92
    by_features = propagate_by_features(images, mask, 0, encoder=SamEncoder(segmenter))
    assert mean_iou(by_features, truths) > 0.92
    by_colours = propagate_by_geometry(images, mask, 0, scene=scene, keypoints=keypoints)
    assert mean_iou(by_colours, truths) > 0.88


def test_the_rendered_room_from_its_clicks(tmp_path: Path, segmenter):
    write_removal_room(tmp_path, SMALL)
    scene = load_llff(tmp_path, factor=SMALL.factor)
    images, truths = read_images(scene), read_labels(scene) == OBJECT
    clicked = read_clicks(tmp_path / "clicks.json", names=scene.image_names, size=images.shape[1:3])
    mask = segment_from_clicks(images[clicked.view], clicked.clicks, segmenter=segmenter)
    assert mean_iou(mask[None], truths[[clicked.view]]) > 0.9
    views = list(scene.train)
    masks = propagate_by_geometry(
        images[views],
        mask,
        views.index(clicked.view),
        scene=scene.only(views),
        keypoints=[keypoint_depths(scene)[view] for view in views],
        segmenter=segmenter,
    )
    assert mean_iou(masks, truths[views]) > 0.9
