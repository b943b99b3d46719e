"""Masks in all views: projection and prompts on a scene whose truth is known, label propagation on moved features."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from box_scene import SQUARE, box_scene

from sparsevision.datasets.views.keypoints import KeyPoints
from sparsevision.datasets.views.rays import rays_at
from sparsevision.layers.promptable import GrabCut, ImageEmbedding, ImageFrame, PromptedMasks
from sparsevision.methods.spin_nerf.projection import nearest_pixels, pixels_of, project, unproject
from sparsevision.methods.spin_nerf.segment import (
    DinoEncoder,
    RegionPrompts,
    SamEncoder,
    propagate_by_features,
    propagate_by_geometry,
)
from sparsevision.methods.spin_nerf.segment.encoders import fit_short_side
from sparsevision.methods.spin_nerf.segment.features import propagate_labels
from sparsevision.methods.spin_nerf.segment.geometry import interpolate, projected_region
from sparsevision.methods.spin_nerf.segment.prompts import mask_logits, points_around, points_inside
from sparsevision.utils import UserError


@pytest.fixture(scope="module")
def box():
    return box_scene()


def iou(left, right) -> float:
    return (left & right).sum() / (left | right).sum()


def keypoints_of(box, count: int = 40) -> list[KeyPoints]:
    """Random pixels of each view with their true depths."""
    random = np.random.default_rng(0)
    points = []
    for depth in box.depths:
        rows, columns = (random.integers(0, side, count) for side in depth.shape)
        xy = np.stack([columns, rows], axis=-1).astype(np.float32)
        points.append(KeyPoints(xy=xy, depth=depth[rows, columns], weight=np.ones(count)))
    return points


class TestProjection:
    """Pinhole cameras and back."""

    def test_there_and_back(self, box):
        random = np.random.default_rng(0)
        pose = np.concatenate([np.linalg.qr(random.normal(size=(3, 3)))[0], random.normal(size=(3, 1))], axis=1)
        xy, depth = random.uniform(0, 60, (50, 2)), random.uniform(1, 9, 50)
        plain = box.scene.camera(0)
        lens = replace(plain, distortion=(0.05, -0.02, 0.003, -0.002))
        for camera, undistort in ((plain, False), (lens, True), (lens, False)):
            points = unproject(xy, depth, pose, camera, undistort=undistort)
            seen, z = project(points, pose, camera, undistort=undistort)
            np.testing.assert_allclose(seen, xy, atol=1e-7)
            np.testing.assert_allclose(z, depth)
        origins, directions = rays_at(torch.from_numpy(xy), lens, pose, undistort=True)
        points = origins + directions * torch.from_numpy(depth)[:, None]
        np.testing.assert_allclose(unproject(xy, depth, pose, lens, undistort=True), points, atol=1e-4)

    def test_the_lens_is_that_of_opencv(self, box):
        points = np.random.default_rng(0).uniform((-1, -1, -4), (1, 1, -2), (20, 3))
        camera = replace(box.scene.camera(0), distortion=(0.05, -0.02, 0.003, -0.002))
        matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
        lens = np.array(camera.distortion)
        expected, _ = cv2.projectPoints(points * (1, -1, -1), np.zeros(3), np.zeros(3), matrix, lens)
        seen, _ = project(points, np.eye(3, 4), camera, undistort=True)
        np.testing.assert_allclose(seen, expected[:, 0], atol=1e-9)

    def test_axes(self, box):
        camera, pose = box.scene.camera(0), np.eye(3, 4)
        xy, depth = project(np.array([[0.5, 1.0, -2.0], [0.0, 0.0, 3.0]]), pose, camera)
        np.testing.assert_allclose(xy[0], [40 + 80 * 0.25, 30 - 80 * 0.5])
        np.testing.assert_allclose(depth, [2, -3])
        rows, columns, inside = nearest_pixels(
            np.array([[3.6, 7.4], [79.6, 3], [-0.4, 0], [5, 5]]), np.array([1, 1, 1, -1]), (60, 80)
        )
        assert inside.tolist() == [True, False, True, False]
        assert (rows[0], columns[0], rows[2], columns[2]) == (7, 4, 0, 0)

    def test_pixels_are_x_y(self):
        mask = np.zeros((4, 5), bool)
        mask[1, 3] = True
        assert pixels_of(mask).tolist() == [[3, 1]]


class TestPrompts:
    """Points, box and mask for a region."""

    def test_points_lie_where_they_should(self):
        region = np.zeros((60, 80), bool)
        region[20:40, 30:60] = True
        inside, around = points_inside(region, 5), points_around(region, 8)
        assert len(inside) == 5
        assert len(around) == 8
        assert region[inside[:, 1].astype(int), inside[:, 0].astype(int)].all()
        near = np.zeros((60, 80), bool)
        near[17:43, 27:63] = True
        assert not near[around[:, 1].astype(int), around[:, 0].astype(int)].any()
        assert len(np.unique(around, axis=0)) == 8

    def test_a_region_of_one_pixel_and_one_of_everything(self):
        single = np.zeros((60, 80), bool)
        single[5, 7] = True
        assert points_inside(single, 5).tolist() == [[7, 5]]
        full = np.ones((60, 80), bool)
        assert len(points_inside(full, 5)) == 5
        assert len(points_around(full, 8)) == 0

    def test_the_box_holds_the_region(self):
        region = np.zeros((60, 80), bool)
        region[20:40, 30:60] = True
        frame = ImageFrame(image_size=(60, 80), scaled_size=(60, 80))
        prompt = RegionPrompts(confidence=0).of(region, frame)
        assert prompt["box"].tolist() == [30, 20, 59, 39]
        assert "mask_input" not in prompt
        assert prompt["labels"] == [1] * 5 + [0] * 8
        assert "box" not in RegionPrompts(box=False).of(region, frame)

    def test_the_mask_lies_in_the_segmenter_s_square(self):
        region = np.zeros((60, 80), bool)
        region[:30] = True
        logits = mask_logits(region, ImageFrame(image_size=(60, 80), scaled_size=(768, 1024), side=1024), 8)
        assert logits.shape == (256, 256)
        assert (logits[:95] == 8).all()
        assert (logits[97:] == -8).all()


class TestGeometry:
    """The square of the box scene from its mask in one view."""

    @pytest.mark.parametrize("source", [0, 2])
    def test_depths_carry_the_mask_into_every_view(self, box, source):
        masks = propagate_by_geometry(box.images, box.masks[source], source, scene=box.scene, depths=box.depths)
        assert masks.dtype == bool
        np.testing.assert_array_equal(masks[source], box.masks[source])
        assert min(map(iou, masks, box.masks)) > 0.9

    def test_key_points_carry_the_mask_into_every_view(self, box):
        masks = propagate_by_geometry(box.images, box.masks[1], 1, scene=box.scene, keypoints=keypoints_of(box, 300))
        assert min(map(iou, masks, box.masks)) > 0.9

    def test_the_segmenter_is_asked_about_the_right_place(self, box):
        asked = []

        class Listening(GrabCut):
            """GrabCut that remembers what it was asked."""

            def _decode(self, embedding, prompts, multimask):
                asked.extend(prompts)
                return super()._decode(embedding, prompts, multimask)

        propagate_by_geometry(box.images, box.masks[2], 2, scene=box.scene, depths=box.depths, segmenter=Listening())
        assert len(asked) == 4
        for view, prompt in zip((0, 1, 3, 4), asked, strict=True):
            rows, columns = prompt.points.astype(int)[:, ::-1].T
            np.testing.assert_array_equal(box.masks[view][rows, columns], prompt.labels == 1)

    def test_an_answer_about_something_else_is_not_believed(self, box):
        class Astray(GrabCut):
            """Answers with the image's first row."""

            def _decode(self, embedding, prompts, multimask):
                logits = -torch.ones(1, *embedding.frame.scaled_size)
                logits[:, 0] = 1
                return [PromptedMasks(low_res=logits, scores=torch.ones(1), frame=embedding.frame)]

        masks = propagate_by_geometry(
            box.images, box.masks[2], 2, scene=box.scene, depths=box.depths, segmenter=Astray()
        )
        assert min(map(iou, masks, box.masks)) > 0.9

    def test_a_wall_before_the_object_hides_it(self, box):
        surface = unproject(
            pixels_of(box.masks[2]).astype(float),
            np.full(box.masks[2].sum(), SQUARE),
            box.scene.poses[2],
            box.scene.camera(2),
        )
        depth = np.full(box.masks.shape[1:], 2.0)
        depth[:, :40] = np.nan
        region = projected_region(surface, 2, scene=box.scene, size=depth.shape, depth=depth)
        assert region[:, :39].any()
        assert not region[:, 41:].any()
        open_view = projected_region(surface, 2, scene=box.scene, size=depth.shape)
        assert iou(open_view, box.masks[2]) > 0.9

    def test_views_that_do_not_see_the_object_get_an_empty_mask(self):
        box = box_scene((0.0, 40.0))
        assert not box.masks[1].any()
        assert not propagate_by_geometry(box.images, box.masks[0], 0, scene=box.scene, depths=box.depths)[1].any()

    def test_two_or_collinear_points_are_enough(self):
        for xy in ([[0, 0], [10, 0]], [[0, 0], [5, 0], [10, 0]]):
            values = interpolate(np.array(xy, float), np.linspace(1, 2, len(xy)), np.array([[1.0, 3.0], [9.0, -2.0]]))
            assert values.tolist() == [1, 2]

    def test_what_is_missing_is_told(self, box):
        with pytest.raises(UserError, match="either the key points"):
            propagate_by_geometry(box.images, box.masks[0], 0, scene=box.scene)
        with pytest.raises(UserError, match="empty; check the clicks"):
            propagate_by_geometry(box.images, box.masks[0] & False, 0, scene=box.scene, depths=box.depths)
        with pytest.raises(UserError, match="5 views"):
            propagate_by_geometry(box.images[:3], box.masks[0], 0, scene=box.scene, depths=box.depths)
        nothing = [KeyPoints(xy=np.zeros((1, 2), np.float32), depth=np.ones(1), weight=np.ones(1))] * 5
        with pytest.raises(UserError, match="no key point lies in the mask"):
            propagate_by_geometry(box.images, box.masks[0], 0, scene=box.scene, keypoints=nothing)
        with pytest.raises(UserError, match="no known depth"):
            propagate_by_geometry(box.images, box.masks[0], 0, scene=box.scene, depths=box.depths * np.nan)


def plain_propagation(target, known, labels, radius, top, temperature):
    """The formula, cell by cell."""
    (frames, kinds), (height, width) = labels.shape[:2], target.shape[1:]
    result = torch.zeros(kinds, height, width)
    for row in range(height):
        for column in range(width):
            candidates = [
                (float(target[:, row, column] @ known[n, :, r, c]), labels[n, :, r, c])
                for n in range(frames)
                for r in range(max(0, row - radius), min(height, row + radius + 1))
                for c in range(max(0, column - radius), min(width, column + radius + 1))
            ]
            best = sorted(candidates, key=lambda pair: -pair[0])[:top]
            weights = torch.tensor([similarity for similarity, _ in best]).div(temperature).exp()
            result[:, row, column] = sum(w * label for w, (_, label) in zip(weights, best, strict=True)) / weights.sum()
    return result


class TestFeatures:
    """Label propagation."""

    def test_the_plain_formula(self):
        generator = torch.Generator().manual_seed(0)
        target = torch.nn.functional.normalize(torch.randn(6, 20, 9, generator=generator), dim=0)
        known = torch.nn.functional.normalize(torch.randn(3, 6, 20, 9, generator=generator), dim=1)
        labels = torch.rand(3, 2, 20, 9, generator=generator)
        options = {"radius": 3, "top": 5, "temperature": 0.1}
        fast = propagate_labels(target, known, labels, **options)
        torch.testing.assert_close(fast, plain_propagation(target, known, labels, **options))

    @pytest.mark.parametrize("source", [0, 2])
    def test_the_square_is_followed(self, box, source):
        def encoder(image):
            cells = torch.from_numpy(image[::2, ::2].astype(np.float32)).permute(2, 0, 1) / 255
            return torch.cat([cells - 0.5, torch.full((1, *cells.shape[1:]), 0.1)])

        masks = propagate_by_features(box.images, box.masks[source], source, encoder=encoder)
        np.testing.assert_array_equal(masks[source], box.masks[source])
        assert min(map(iou, masks, box.masks)) > 0.85

    def test_the_views_are_walked_from_the_source_outward(self, box):
        seen = []

        def encoder(image):
            seen.append(next(view for view in range(5) if np.array_equal(image, box.images[view])))
            return torch.ones(1, 6, 8)

        propagate_by_features(box.images, box.masks[3], 3, encoder=encoder)
        assert seen == [3, 4, 2, 1, 0]

    def test_masks_that_do_not_fit_are_refused(self, box):
        for mask in (box.masks[0] & False, box.masks[0][:9]):
            with pytest.raises(UserError, match="check the clicks"):
                propagate_by_features(box.images, mask, 0, encoder=lambda _: torch.ones(1, 6, 8))


class TestEncoders:
    """Feature maps that cover the image."""

    def test_sam_features_without_the_padding(self):
        class Square:
            """Stands for a segmenter whose network works on 64 x 64 squares, 16 pixels a cell."""

            def set_image(self, image):
                frame = ImageFrame(image_size=image.shape[:2], scaled_size=(48, 64), side=64)
                return ImageEmbedding(features=(torch.arange(16.0).view(1, 1, 4, 4), None), frame=frame)

        features = SamEncoder(Square())(np.zeros((60, 80, 3), np.uint8))
        assert features.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]]

    def test_dino_tokens_lie_as_the_patches_do(self):
        pytest.importorskip("timm")
        torch.manual_seed(0)
        encoder = DinoEncoder(checkpoint=None, architecture="vit_tiny_patch16_224", short_side=32, multiple=16)
        image = np.zeros((40, 70, 3), np.uint8)
        image[:, 35:] = 255
        features = encoder(image)
        assert features.shape == (192, 2, 3)
        assert not torch.allclose(features[:, :, 0], features[:, :, 2])
        torch.testing.assert_close(encoder(image), features)

    def test_sizes_of_the_published_resize(self):
        assert fit_short_side((378, 504), 480, 64) == (480, 640)
        assert fit_short_side((567, 1008), 480, 64) == (480, 832)
        assert fit_short_side((1008, 567), 480, 64) == (832, 480)
