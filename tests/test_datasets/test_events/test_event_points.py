"""Simulated clicks: nested, seeded by name, one for every class of a frame, with the options that make them human."""

import json

import numpy as np
import pytest
from event_sets import label_map, write_png
from PIL import Image
from scipy import ndimage

from sparsevision.datasets.events.points import PointOptions, click_frame, simulate_point_folder
from sparsevision.datasets.image_io import read_grey
from sparsevision.utils import UserError


@pytest.fixture
def dense(tmp_path):
    for number in range(4):
        write_png(tmp_path / f"11classes/{number:06d}.png", label_map(number, size=(40, 60)))
    return tmp_path / "11classes"


def simulate(dense, name="clicks", **options):
    out = dense.parent / name
    options = {"per_class": 1, "seed": 0, "key": "dsec_semantic/street", **options}
    counts = simulate_point_folder(dense, out, **options)
    return {path.stem: read_grey(path) for path in sorted(out.glob("*.png"))}, counts


def test_one_pixel_of_every_class_that_a_frame_holds(dense):
    made, counts = simulate(dense)
    assert counts == {"written": 4, "kept": 0}
    for number in range(4):
        truth, clicks = label_map(number, size=(40, 60)), made[f"{number:06d}"]
        chosen = clicks != 255
        assert clicks.shape == truth.shape
        np.testing.assert_array_equal(clicks[chosen], truth[chosen])
        np.testing.assert_array_equal(np.sort(clicks[chosen]), np.setdiff1d(truth, 255))


@pytest.mark.parametrize("noise", [{}, {"drop": 0.4}, {"mislabel": 0.4, "classes": range(11)}, {"per_component": True}])
def test_one_click_is_among_the_ten_noise_included(dense, noise):
    one, _ = simulate(dense, "one", **noise)
    ten, _ = simulate(dense, "ten", per_class=10, **noise)
    for stem, clicks in one.items():
        chosen = clicks != 255
        np.testing.assert_array_equal(clicks[chosen], ten[stem][chosen])
        assert (ten[stem] != 255).sum() > 3 * chosen.sum()


def test_a_frame_depends_on_seed_key_and_name_only(dense):
    first, _ = simulate(dense, "first")
    (dense / "000000.png").unlink()
    fewer, _ = simulate(dense, "fewer")
    assert all((fewer[stem] == first[stem]).all() for stem in fewer)
    for change in ({"seed": 1}, {"key": "dsec_semantic/road"}):
        other, _ = simulate(dense, f"other {change}", **change)
        assert any((other[stem] != first[stem]).any() for stem in other)


def test_a_second_run_does_what_is_left(dense):
    before, _ = simulate(dense)
    (dense.parent / "clicks/000002.png").unlink()
    after, counts = simulate(dense)
    assert counts == {"written": 1, "kept": 3}
    assert all((after[stem] == before[stem]).all() for stem in before)
    note = json.loads((dense.parent / "clicks/points.json").read_text())
    assert (note["per_class"], note["seed"], note["key"]) == (1, 0, "dsec_semantic/street")


def test_other_options_do_not_mix_into_a_folder(dense):
    simulate(dense)
    with pytest.raises(UserError, match=r"points\.json: is there already, with other content.*--overwrite"):
        simulate(dense, seed=1)
    _, counts = simulate(dense, seed=1, overwrite=True)
    assert counts["written"] == 4


def test_centre_bias_and_noise_do_what_they_say(dense):
    central, _ = simulate(dense, "central", centre_bias=1.0)
    for stem, clicks in central.items():
        truth = read_grey(dense / f"{stem}.png")
        for label in np.setdiff1d(truth, 255):
            inside = np.pad(truth == label, 1)
            depth = ndimage.distance_transform_edt(inside)[1:-1, 1:-1]
            assert depth[clicks == label].max() >= 0.9 * depth.max()
    dropped, _ = simulate(dense, "dropped", drop=1.0)
    assert all((clicks == 255).all() for clicks in dropped.values())
    wrong, _ = simulate(dense, "wrong", mislabel=1.0, classes=range(11))
    for stem, clicks in wrong.items():
        truth = read_grey(dense / f"{stem}.png")
        chosen = clicks != 255
        assert chosen.sum() == 3
        assert (clicks[chosen] != truth[chosen]).all()


def test_ids_that_clicks_cannot_keep_are_refused(dense):
    Image.fromarray(np.full((40, 60), 65535, np.uint16)).save(dense / "000003.png")
    with pytest.raises(UserError, match=r"000003\.png: holds the id 65535, but clicks are kept in 8 bits"):
        simulate(dense)
    with pytest.raises(UserError, match=r"000003\.png: holds the unknown id 65535; expected 0 to 10, or 255"):
        simulate(dense, "known", classes=range(11))
    Image.new("RGB", (60, 40)).save(dense / "000003.png")
    with pytest.raises(UserError, match=r"000003\.png: a PNG of mode RGB is no map of class ids"):
        simulate(dense, "colours")


def test_unknown_ids_and_missing_folders(dense):
    write_png(dense / "000003.png", np.full((40, 60), 12))
    with pytest.raises(UserError, match=r"000003\.png: holds the unknown id 12; expected 0 to 10, or 255"):
        simulate(dense, classes=range(11))
    with pytest.raises(UserError, match="no such folder"):
        simulate(dense.parent / "nowhere", "other")


@pytest.mark.parametrize("option", ["centre_bias", "drop", "mislabel"])
def test_shares_out_of_range_leave_nothing_behind(dense, option):
    with pytest.raises(UserError, match=f"{option}=1.5; expected a number from 0 to 1"):
        simulate(dense, **{option: 1.5})
    assert not (dense.parent / "clicks").exists()


def test_mislabelling_needs_classes():
    with pytest.raises(UserError, match=r"street/0.*at least two classes"):
        click_frame(label_map(0), name="street/0", options=PointOptions(mislabel=0.5))
