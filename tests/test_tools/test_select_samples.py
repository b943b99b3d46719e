"""select_samples.py: from images, features, a trained method and predictions, and inside one image or cloud."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tool_runner import run_tool

from sparsevision.annotation import PointLabels, load_annotations
from sparsevision.apis import features as features_module
from sparsevision.apis.features import image_features, method_features, read_matrix
from sparsevision.apis.pool import Pool
from sparsevision.datasets import ImageFolderDataset
from sparsevision.datasets.image_io import read_image
from sparsevision.engine import read_config, save_checkpoint
from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0
from sparsevision.registry import MODELS
from sparsevision.selection import KCenter, Uncertainty, VoteK

pytest.importorskip("timm")
TOOL = "annotation/select_samples.py"


def choose(*arguments):
    """The tool's exit code, and its words with the line breaks taken out."""
    finished = run_tool(TOOL, *arguments)
    return finished.code, finished.out + finished.err


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six small pictures: three red, three green, with noise."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for index in range(6):
        picture = rng.integers(0, 60, (40 + index, 50, 3), dtype=np.uint8)
        picture[..., index % 2] += 150
        Image.fromarray(picture).save(folder / f"photo {index}.png")
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """Random weights of EfficientNet-Lite0 in a file."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    save_checkpoint(EfficientNetLite0(pretrained=None).network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Features of 30 samples in a file."""
    path = tmp_path_factory.mktemp("table") / "features.npy"
    np.save(path, np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def trained(tiny_config, tmp_path_factory):
    """A checkpoint of the tiny config."""
    path = tmp_path_factory.mktemp("trained") / "epoch_1.pth"
    save_checkpoint({"state_dict": MODELS.build(read_config(tiny_config).model).state_dict()}, path)
    return path


def test_images_give_a_list_of_stems_and_a_picture(photos, classifier, tmp_path):
    out, picture = tmp_path / "chosen.txt", tmp_path / "chosen.png"
    code, said = choose(
        photos, "--weights", classifier, "--selector", "k_center", "--budget", 4, "--out", out, "--picture", picture
    )
    assert code == 0, said
    assert "k_center: 4 of 6 samples" in said
    stems = out.read_text().splitlines()
    assert len(set(stems)) == 4
    names = [f"photo {index}" for index in range(6)]
    network = EfficientNetLite0(pretrained=classifier)
    rows = np.stack([network.pooled(read_image(photos / f"{name}.png")) for name in names])
    assert stems == [names[index] for index in KCenter().select(rows, 4)]
    chosen = ImageFolderDataset(images=str(photos), file_list=str(out), pipeline=[])
    assert [sample["sample_id"] for sample in chosen] == stems
    assert read_image(picture).shape[1] >= 480

    labelled = tmp_path / "labelled.txt"
    labelled.write_text("".join(f"{photos.name}/{stem}\n" for stem in stems))
    code, said = choose(photos, "--weights", classifier, "--labelled", labelled, "--budget", 2, "--out", out)
    assert (code, "4 labelled before" in said) == (0, True)
    assert not set(out.read_text().splitlines()) & set(stems)


def test_features_of_an_image_do_not_depend_on_the_others_and_are_kept(photos, classifier, tmp_path, monkeypatch):
    images = {path.stem: path for path in sorted(photos.iterdir())}
    cache = tmp_path / "kept.npz"
    together = image_features(images, weights=classifier, cache=cache)
    assert (together.shape, together.dtype) == ((6, 1280), np.float32)
    alone = image_features({"photo 3": images["photo 3"]}, weights=classifier)
    assert np.array_equal(alone[0], together[3])

    def refuse(**_):
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(features_module, "EfficientNetLite0", refuse)
        assert np.array_equal(image_features(images, weights=classifier, cache=cache), together)
        fewer = dict(list(images.items())[:5])
        with pytest.raises(AssertionError, match="computed again"):
            image_features(fewer, weights=classifier, cache=cache)
    cache.write_bytes(cache.read_bytes()[:100])
    assert np.array_equal(image_features(images, weights=classifier, cache=cache), together)


def test_features_with_real_weights_know_a_mirrored_photograph(weights):
    data = pytest.importorskip("skimage.data")
    network = EfficientNetLite0(pretrained=weights("efficientnet_lite0"))
    photographs = [data.chelsea(), data.coffee(), data.rocket()]
    rows = np.stack([network.pooled(image) for image in photographs])
    mirrored = np.stack([network.pooled(image[:, ::-1]) for image in photographs])
    distance = ((rows[:, None] - mirrored) ** 2).sum(-1)
    assert distance.argmin(axis=1).tolist() == [0, 1, 2]


def test_a_file_of_features_gives_row_numbers_or_names(table, tmp_path):
    out, names = tmp_path / "chosen.txt", tmp_path / "names.txt"
    options = ("--features", table, "--selector", "vote_k", "--option", "k=5", "--budget", 7, "--out", out)
    assert choose(*options)[0] == 0
    expected = VoteK(k=5).select(np.load(table), 7).tolist()
    assert [int(line) for line in out.read_text().split()] == expected
    names.write_text("".join(f"scene_{row}\n" for row in range(30)))
    assert choose(*options, "--names", names, "--picture", tmp_path / "plane.png")[0] == 0
    assert out.read_text().split() == [f"scene_{row}" for row in expected]
    assert read_image(tmp_path / "plane.png").shape == (480, 480, 3)
    names.write_text("7\n12\n")
    assert choose(*options, "--labelled", names)[0] == 0
    assert not {"7", "12"} & set(out.read_text().split())


def test_uncertainty_takes_predictions(photos, tmp_path):
    probabilities, out = tmp_path / "probs.npy", tmp_path / "next.txt"
    rows = np.random.default_rng(1).dirichlet(np.ones(3), 6)
    np.save(probabilities, rows)
    options = ("--selector", "uncertainty", "--predictions", probabilities, "--budget", 3, "--seed", 4, "--out", out)
    assert choose(photos, *options)[0] == 0
    expected = Uncertainty().select(rows, 3, rng=np.random.default_rng(4))
    assert out.read_text().splitlines() == [f"photo {index}" for index in expected]


def test_a_trained_method_gives_features_of_its_data_and_of_images(tiny_config, trained, photos, tmp_path):
    names, rows = method_features(tiny_config, trained, device="cpu", split="train")
    assert (len(names), rows.shape) == (4, (4, 8))
    names, rows = method_features(tiny_config, trained, device="cpu", images=photos)
    assert names == [f"photo {index}" for index in range(6)]
    again = method_features(tiny_config, trained, device="cpu", images=photos / "photo 2.png")[1]
    assert np.array_equal(again[0], rows[2])
    model = MODELS.build(read_config(tiny_config).model).eval()
    model.load_state_dict(torch.load(trained, weights_only=True)["state_dict"])
    image = torch.rand(2, 3, 32, 32)
    expected = model.network.features(image)[-1].mean((2, 3))
    assert torch.equal(model.extract_features({"image": image}), expected)

    out = tmp_path / "chosen.txt"
    options = ("--config", tiny_config, "--checkpoint", trained, "--out", out, "--selector", "k_center")
    assert choose(photos, *options, "--budget", 3)[0] == 0
    assert out.read_text().splitlines() == [names[index] for index in KCenter().select(rows, 3)]
    assert choose(*options, "--budget", 2)[0] == 0
    assert all(stem.startswith("camo_test") for stem in out.read_text().split())


def test_inside_an_image(tmp_path):
    image = np.zeros((64, 80, 3), np.uint8)
    image[20:40, 30:60] = (200, 30, 30)
    truth = np.where(image[..., 0] > 0, 255, 0).astype(np.uint8)
    photo, mask, out = tmp_path / "moth.png", tmp_path / "mask.png", tmp_path / "points.json"
    Image.fromarray(image).save(photo)
    Image.fromarray(truth).save(mask)
    options = (photo, "--inside", "--selector", "k_center", "--budget", 9, "--out", out)
    assert choose(*options, "--picture", tmp_path / "points.png")[0] == 0
    document = json.loads(out.read_text())
    assert (document["source"], document["size"], len(document["xy"])) == ("moth.png", [64, 80], 9)
    assert choose(*options, "--truth", mask)[0] == 0
    points = load_annotations(out)
    assert isinstance(points, PointLabels)
    assert points.xy.tolist() == document["xy"]
    assert points.labels.tolist() == [int(truth[y, x] > 0) for x, y in document["xy"]]
    assert set(points.labels.tolist()) == {0, 1}
    classes = np.where(truth > 0, 3, 255).astype(np.uint8)
    Image.fromarray(classes).save(mask)
    code, said = choose(*options, "--truth", mask)
    assert code == 0
    assert set(load_annotations(out).labels.tolist()) == {3}
    assert f"{9 - len(load_annotations(out))} left out (truth unknown)" in said
    Image.fromarray(np.stack([classes] * 3, axis=-1)).save(mask)
    code, said = choose(*options, "--truth", mask)
    assert code == 2
    assert "mode RGB is no map of class ids" in " ".join(said.split())


def test_inside_a_cloud(tmp_path):
    rng = np.random.default_rng(0)
    cloud, truth, out = tmp_path / "room.npy", tmp_path / "truth.npy", tmp_path / "points.json"
    np.save(cloud, rng.random((500, 6)))
    np.save(truth, rng.integers(-1, 3, 500))
    options = (cloud, "--inside", "--budget", 20, "--voxel", 0.2, "--out", out)
    assert choose(*options)[0] == 0
    chosen = json.loads(out.read_text())
    assert (chosen["size"], len(set(chosen["indices"]))) == ([500], 20)
    assert choose(*options, "--truth", truth)[0] == 0
    known = [index for index in chosen["indices"] if np.load(truth)[index] >= 0]
    assert load_annotations(out).indices.tolist() == known
    assert load_annotations(out).labels.tolist() == np.load(truth)[known].tolist()


def hostile_files(folder):
    """Files that are not what they should be, by name."""
    np.save(folder / "flat.npy", np.ones(5))
    np.save(folder / "nan.npy", np.array([[1.0, np.nan], [0, 1]]))
    np.save(folder / "pickled.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(folder / "text.npy", np.array([["a", "b"]]))
    np.save(folder / "good.npy", np.eye(4))
    np.savez(folder / "archive.npy.npz", a=np.eye(4))
    (folder / "archive.npz").write_bytes((folder / "archive.npy.npz").read_bytes())
    (folder / "short.npy").write_bytes((folder / "good.npy").read_bytes()[:150])
    (folder / "noise.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{'shape': (10**9,)")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "strangers.txt").write_text("0\n17\nx\n")
    (folder / "binary.txt").write_bytes(bytes(range(128, 256)))
    (folder / "empty.txt").write_text("\n")
    (folder / "three.txt").write_text("a\nb\nc\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--features flat.npy", "expected one row a name, (N, D)"),
        ("--features nan.npy", "1 of 2 rows hold NaN or infinity, the first is row 0"),
        ("--features pickled.npy", "Pickled objects are refused"),
        ("--features text.npy", "expected numbers of shape (N, D)"),
        ("--features short.npy", "not a whole .npy file"),
        ("--features noise.npy", "not a whole .npy file"),
        ("--features empty.npy", "not a whole .npy file"),
        ("--features archive.npz", "not an archive of several"),
        ("--features missing.npy", "no such file"),
        ("--features good.npy --budget 1000000000000", "from 1 to 4 (there are 4 rows), got 1000000000000"),
        ("--features good.npy --labelled strangers.txt", "2 of its 3 entries are not among the 4 samples: 17, x"),
        ("--features good.npy --labelled binary.txt", "not a text file"),
        ("--features good.npy --labelled empty.txt", "lists no name"),
        ("--features good.npy --labelled missing.txt", "no such file"),
        ("--features good.npy --names three.txt", "there are 3 names for an array of shape (4, 4)"),
        ("--features good.npy --selector votek", "Did you mean 'vote_k'"),
        ("--features good.npy --selector uncertainty", "--predictions probs.npy"),
        ("--predictions good.npy", "go together"),
        ("--features good.npy --config x", "both say what to choose by"),
        ("--selector k_center", "nothing to choose from"),
        ("nowhere", "'nowhere' is no folder"),
        (". --names three.txt", "--names belongs to --features"),
        ("good.npy --inside", "points.json; give a name"),
        ("good.npy --inside --out a.json --picture b.png", "a cloud cannot be drawn"),
        ("good.npy --inside --out a.json --features good.npy", "--inside does not use --features"),
        ("flat.npy --inside --out a.json", "cloud: expected numbers of shape"),
        ("three.txt --inside --out a.json", "not an image"),
        ("good.npy --inside --out a.json --truth flat.npy", "expected whole numbers, the class id of each point"),
        ("--inside --out a.json", "--inside needs one image"),
    ],
)
def test_hostile_input_is_named_and_nothing_is_written(arguments, message, tmp_path, monkeypatch):
    hostile_files(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    message = message.replace("points.json", "chosen.txt: --inside writes JSON")
    code, said = choose("--budget", 1, "--out", "chosen.txt", *arguments.split())
    assert code == 2
    assert message in " ".join(said.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_method_without_features_says_so(tiny_config, trained):
    cfg = read_config(tiny_config)
    cfg.model = {"type": "SAMSegmenterWithoutFeatures"}

    @MODELS.register_module(name="SAMSegmenterWithoutFeatures", force=True)
    class Plain(torch.nn.Module):
        requires_checkpoint = False

    with pytest.raises(ValueError, match=r"Plain has no extract_features.*docs/select_samples\.md"):
        method_features(cfg, None, device="cpu")
    MODELS.module_dict.pop("SAMSegmenterWithoutFeatures")


def test_a_pool_and_its_names_fit():
    assert Pool(names=["a"], features=np.zeros((1, 2))).rows(None).tolist() == []
    with pytest.raises(ValueError, match="2 names for an array of shape"):
        Pool(names=["a", "b"], features=np.zeros((1, 2)))


def test_matrices_are_read_without_loading_them(table):
    assert isinstance(read_matrix(table), np.memmap)
