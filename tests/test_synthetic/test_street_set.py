"""The synthetic street: same files for the same seed, the official layouts, and labels where the events are."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.image_io import read_grey
from sparsevision.synthetic.street_camera import StreetCamera
from sparsevision.synthetic.street_files import TO_DDD17, TO_TRAIN_ID
from sparsevision.synthetic.street_recording import Moments, record_street
from sparsevision.synthetic.street_render import Pose, Raster, TextureAtlas, render
from sparsevision.synthetic.street_scene import ROAD, SurfaceList, make_street
from sparsevision.synthetic.street_set import DAY_PIXELS, SMALL, StreetSetSettings, write_street_set
from sparsevision.synthetic.street_textures import Textures, load_photos, make_textures
from sparsevision.utils import UserError

for library in ("numba", "skimage", "h5py", "hdf5plugin"):
    pytest.importorskip(library)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("street") / "set"
    assert write_street_set(root, SMALL)
    return root


def street(seed=0, split="train"):
    rng = np.random.default_rng(seed)
    return make_street(make_textures(load_photos(), split=split, rng=rng), rng=rng)


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def events_of(home: Path):
    import_h5py = pytest.importorskip("h5py")
    with import_h5py.File(home / "events/left/events.h5") as file:
        columns = {name: file[f"events/{name}"][:] for name in "xytp"}
        return columns, file["ms_to_idx"][:], int(file["t_offset"][()])


def test_same_seed_same_bytes_with_any_workers_and_never_half_a_set(made, tmp_path):
    assert write_street_set(made, SMALL) is False
    write_street_set(tmp_path / "again", SMALL, workers=2)
    assert digest(tmp_path / "again") == digest(made)
    assert json.loads((made / "dataset.json").read_text())["settings"]["train"] == 2
    with pytest.raises(UserError, match="holds another set"):
        write_street_set(made, StreetSetSettings(train=1))

    def fail(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_street_set(tmp_path / "broken", SMALL, progress=fail)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_day_layout_and_the_rule_of_ms_to_idx(made):
    for split, name in (("train", "street_day_00"), ("train", "street_day_01"), ("test", "street_day_02")):
        home = made / "dsec" / split / name
        events, index, offset = events_of(home)
        times = [int(line) for line in (home / f"{name}_semantic_timestamps.txt").read_text().split()]
        labels = sorted((home / "11classes").glob("*.png"))
        assert len(times) == len(labels) > 0
        assert (np.diff(events["t"].astype(int)) >= 0).all()
        assert offset <= times[0]
        assert times[-1] <= offset + int(events["t"][-1])
        for mark, entry in enumerate(index):
            assert events["t"][entry] >= 1000 * mark
            assert entry == 0 or events["t"][entry - 1] < 1000 * mark
        assert events["x"].max() < 32
        assert events["y"].max() < 24
        for path in labels:
            dense = read_grey(path)
            assert dense.shape == (22, 32)
            assert dense.max() < 11
            for clicks in (1, 10):
                sparse = read_grey(home / f"11classes_weak_{clicks}point_per_class" / path.name)
                seen = sparse != 255
                assert (sparse[seen] == dense[seen]).all()
                assert set(sparse[seen].tolist()) == set(dense.ravel().tolist())
                assert np.bincount(sparse[seen]).max() <= clicks


def test_night_layout(made):
    home = made / "dsec_night/street_night_00"
    times = (home / "timestamps.txt").read_text().split()
    testing = {
        path.name.split("_")[3]
        for path in (home / "labels_test").glob("street_night_00_*_grey_gtFine_labelTrainIds.png")
    }
    training = {path.stem for path in (home / "labels").glob("*.png")}
    assert training
    assert not training & testing
    assert max(map(int, training | testing)) < len(times)
    for stem in training:
        sparse, dense = read_grey(home / "labels" / f"{stem}.png"), read_grey(home / "labels_dense" / f"{stem}.png")
        assert dense.shape == (24, 32)
        assert set(np.unique(dense)) <= set(TO_TRAIN_ID.tolist())
        assert (sparse[sparse != 255] == dense[sparse != 255]).all()


def test_ddd17_layout(made):
    folders = sorted((made / "ddd17").iterdir())
    assert [folder.name for folder in folders] == [f"dir{number}" for number in range(7)]
    for folder in folders:
        t = np.fromfile(folder / "events.dat.t", "<i8")
        xyp = np.fromfile(folder / "events.dat.xyp", "<i2").reshape(-1, 3)
        assert len(t) == len(xyp)
        assert set(np.unique(xyp[:, 2])) <= {0, 1}
        rows = np.load(folder / "index/index_50ms.npy")
        for time, last, earlier in rows:
            assert t[last] < time <= t[last + 1]
            assert earlier == 0 or t[earlier] < time - 50_000_000 <= t[earlier + 1]
        masks = sorted((folder / "segmentation_masks").glob("segmentation_*.png"))
        assert masks
        assert all(0 < int(path.stem[-8:]) <= len(rows) for path in masks)
        assert all(set(np.unique(read_grey(path))) <= set(range(6)) for path in masks)
        assert len(list((folder / "imgs").glob("img_*.png"))) == len(rows)
        for clicks in (1, 10):
            assert {path.name for path in masks} <= {
                path.name for path in (folder / f"weak_{clicks}point_per_class").iterdir()
            }
    assert len(TO_DDD17) == len(TO_TRAIN_ID) == 11


def test_events_lie_on_the_edges_of_the_labels_once_rectified():
    """Far more events where classes meet than elsewhere; a shift by three pixels spoils that."""
    camera, scene = StreetCamera(96, 128), street()
    recording = record_street(
        scene, camera, seconds=0.12, exposure=1.0, pixels=DAY_PIXELS, rng=np.random.default_rng(0),
        moments=Moments(88, 1000, 1000),
    )  # fmt: skip
    label = recording.labels[-1].astype(int)
    edge = np.zeros(label.shape, bool)
    edge[:, 1:] |= label[:, 1:] != label[:, :-1]
    edge[:, :-1] |= label[:, 1:] != label[:, :-1]
    stop = np.searchsorted(recording.events.t, recording.times[recording.labelled[-1]])
    events = recording.events[stop - 3000 : stop]
    places = np.rint(camera.rectify_map()[events.y, events.x]).astype(int)

    def share(shift):
        x, y = places[:, 0] + shift, places[:, 1]
        inside = (x >= 0) & (x < 128) & (y >= 0) & (y < 88)
        return edge[y[inside], x[inside]].mean()

    assert share(0) > 2 * edge.mean()
    assert share(0) > 1.2 * max(share(-3), share(3))


def test_rectify_map_is_mild_and_can_be_nothing():
    camera = StreetCamera(96, 128)
    x, y = np.meshgrid(np.arange(128), np.arange(96))
    off = camera.rectify_map() - np.stack([x, y], 2)
    assert 1 < np.abs(off).max() < camera.margin
    assert np.array_equal(StreetCamera(96, 128, distortion=0.0).rectify_map(), np.stack([x, y], 2))


def test_a_wall_is_drawn_where_geometry_says():
    """A wall of 2 m x 1 m in 10 m depth, focal length 100: 20 x 10 pixels."""
    textures = Textures(TextureAtlas.of(np.full((1, 8, 8), 0.5), np.ones((1, 8, 8), bool)), {"wall": (0,)})
    scene = SurfaceList(textures, np.random.default_rng(0))
    scene.upright((-1.0, 10.0), (1.0, 10.0), bottom=-0.5, top=0.5, texture=0, label=9, velocity=(1.0, 0.0, 0.0))
    look = {"pose": Pose((0.0, 0.0, 0.0)), "focal": 100.0, "centre": (31.5, 15.5), "raster": Raster(32, 64)}
    for time, left in ((0.0, 22), (0.5, 27)):
        view = render(scene.as_arrays(), textures.atlas, np.ones(4, np.float32), time=time, **look)
        rows, columns = np.nonzero(view.label == 9)
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (11, 20, left, left + 19)
        assert np.allclose(view.depth[view.label == 9], 10)
        assert np.isinf(view.depth[0, 0])
        assert np.allclose(view.brightness[view.label == 9], 0.5)


def test_streets_differ_and_show_all_classes_together_but_not_alone():
    camera = StreetCamera(96, 128)
    seeds = ((0, "train"), (1, "train"), (2, "test"), (3, "train"), (4, "test"))
    views = [camera.labelled(street(seed, split), 0.5, rows=88) for seed, split in seeds]
    shown = [set(view.label.ravel().tolist()) for view in views]
    assert set.union(*shown) == set(range(11))
    assert {0, 1, ROAD} <= set.intersection(*shown) < set(range(11))
    assert not np.array_equal(views[0].label, views[1].label)
    assert all((view.label[-1] == ROAD).any() and (view.label[0] == 0).mean() > 0.05 for view in views)


def test_settings_are_checked(tmp_path):
    with pytest.raises(UserError, match=r"street_day_00.*leave no moment with 20 before and 1000000 after"):
        write_street_set(tmp_path / "set", replace(SMALL, events_after=1_000_000))
    with pytest.raises(UserError, match="height, width >= 24"):
        StreetSetSettings(height=8)
