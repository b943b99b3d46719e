"""The tiny configs through the tools: a short run in every test, a whole one under `slow`."""

import json
import shutil

import pytest
from mmengine.config import Config
from tool_runner import ROOT, run_tool

from sparsevision.registry import DATASETS
from sparsevision.synthetic.camouflage_set import CamouflageSetSettings, write_camouflage_set
from sparsevision.utils import UserError

NAMES = ("scribble_30e", "scribblepce_30e", "point_30e", "box_30e", "dense_30e", "pseudo_100e")
CONFIGS = [f"configs/sparse_seg/tiny_sparseseg_resnet18_{name}_camouflage.py" for name in NAMES]
EMPTY_WF, EMPTY_SM = 0.003, 0.447  # measured: an all-background answer on the 80 test pictures of seed 0


def data_options(root):
    """Point a config at a data folder."""
    return [f"{loader}.dataset.data_root={root}" for loader in ("train_dataloader", "test_dataloader")]


def metrics(folder):
    """{"wF": ..., ...} of what tools/test.py --out wrote."""
    written = json.loads((folder / "metrics.json").read_text())
    return {name.split("/")[-1]: value for name, value in written.items()}


def score(config, checkpoint, folder, *options):
    """Run tools/test.py."""
    arguments = [ROOT / config, checkpoint, "--work-dir", folder / "test", "--out", folder / "out"]
    finished = run_tool("test.py", *arguments, *(["--cfg-options", *options] if options else []))
    assert finished.code == 0, finished.err
    return metrics(folder / "out")


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    pytest.importorskip("skimage")
    root = tmp_path_factory.mktemp("data") / "set"
    write_camouflage_set(root, CamouflageSetSettings(train=4, test=2, size=64))
    shutil.copytree(root / "TrainDataset/GT", root / "TrainDataset/Pseudo")
    return root


@pytest.mark.parametrize("config", CONFIGS)
def test_two_steps_and_a_test(config, small_set, tmp_path):
    options = [*data_options(small_set), "train_dataloader.batch_size=2", "train_cfg.max_epochs=2"]
    trained = run_tool("train.py", ROOT / config, "--work-dir", tmp_path / "run", "--cfg-options", *options)
    assert trained.code == 0, trained.err
    found = score(config, tmp_path / "run" / "epoch_2.pth", tmp_path, *data_options(small_set))
    assert 0 <= found["wF"] <= 1
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


@pytest.mark.parametrize("config", CONFIGS)
def test_missing_data_say_how_to_make_them(config, tmp_path):
    cfg = Config.fromfile(ROOT / config)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(tmp_path / "nowhere")
        with pytest.raises(
            UserError, match=r"nowhere' does not exist. Make it with: python tools/make_synthetic.py camou"
        ):
            DATASETS.build(loader.dataset)


@pytest.mark.slow
@pytest.mark.parametrize(("config", "wanted"), [(CONFIGS[0], 0.45), (CONFIGS[2], 0.4), (CONFIGS[3], 0.4)])
def test_trained_beats_untrained_and_empty(config, wanted, tmp_path):
    pytest.importorskip("skimage")
    write_camouflage_set(tmp_path / "set", CamouflageSetSettings())
    options = data_options(tmp_path / "set")
    for name, extra in (("untrained", ["train_cfg.max_epochs=2", "optim_wrapper.optimizer.lr=0.0"]), ("trained", [])):
        arguments = ["--work-dir", tmp_path / name, "--cfg-options", *options, *extra]
        assert run_tool("train.py", ROOT / config, *arguments).code == 0
    untrained = score(config, tmp_path / "untrained" / "epoch_2.pth", tmp_path, *options)
    trained = score(config, tmp_path / "trained" / "epoch_30.pth", tmp_path, *options)
    print(f"{config}: untrained {untrained}, trained {trained}")
    assert trained["wF"] > max(wanted, 2 * untrained["wF"], EMPTY_WF)
    assert trained["Sm"] > max(untrained["Sm"], EMPTY_SM) + 0.08
