"""The dataset configs with the published settings: built on tiny folders, from files to a score."""

from pathlib import Path

import pytest
import torch
from event_sets import CROP, SENSOR, write_ddd17_sequence, write_dsec_sequence, write_night_sequence
from mmengine.runner import Runner
from mmengine.structures import PixelData

from sparsevision.datasets.events import ddd17, dsec, night
from sparsevision.engine.overrides import read_config
from sparsevision.synthetic.street_set import DSEC_ROWS, StreetSetSettings

BASE = "configs/_base_/datasets"
SMALL = {"sensor_size": SENSOR, "crop_bottom": CROP}


@pytest.fixture
def data(tmp_path):
    for split, sequences in dsec.SEQUENCES.items():
        for sequence in sequences[:1]:
            write_dsec_sequence(tmp_path / "dsec_semantic", sequence, split=split, points=(1,))
    write_dsec_sequence(tmp_path / "tiny_street", "a", points=(1,))
    write_dsec_sequence(tmp_path / "tiny_street", "b", split="test")
    write_night_sequence(tmp_path / "dsec_night_point", night.SEQUENCES[0])
    for number in range(7):
        write_ddd17_sequence(tmp_path / "ddd17_seg", f"dir{number}", frames=3, points=(1,))
    return tmp_path


def small(name, data):
    """The config on small recordings: their sensor and few events a grid; all else as it stands."""
    cfg = read_config(f"{BASE}/{name}.py")
    official = {"dsec_semantic": dsec.SEQUENCES, "dsec_night_point": dict.fromkeys(("train", "test"), night.SEQUENCES)}
    for split in ("train", "test"):
        loader = cfg[f"{split}_dataloader"]
        loader.dataset.update(data_root=str(data / name), **SMALL)
        if name in official:
            loader.dataset.sequences = official[name][split][:1]
        if loader.num_workers:
            loader.update(num_workers=0, persistent_workers=False)
        for step in loader.dataset.pipeline:
            if "events_per_grid" in step:
                step.events_per_grid = 5
            if "size" in step:
                step["size"] = (SENSOR[0] - CROP, 40)
    return cfg


@pytest.mark.parametrize("name", ["tiny_street", "dsec_semantic", "dsec_night_point", "ddd17_seg"])
def test_every_config_leads_from_files_to_a_score(data, name):
    cfg = small(name, data)
    width = 40 if name == "ddd17_seg" else SENSOR[1]
    channels = cfg.grids.num_grids * cfg.grids.bins
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    for stream in ("events", "events_reversed"):
        assert batch["inputs"][stream][0].shape == (channels, SENSOR[0] - CROP, width)
    assert (batch["data_samples"][0].sparse_sem_seg.data != cfg.ignore_index).any()
    loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)
    evaluator = Runner.build_evaluator(None, cfg.test_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    assert len(loader.dataset.metainfo["classes"]) == cfg.num_classes
    for batch in loader:
        assert set(batch["inputs"]) == {"events"}
        for sample in batch["data_samples"]:
            assert tuple(sample.ori_shape) == sample.gt_sem_seg.shape == (SENSOR[0] - CROP, width)
            guess = sample.gt_sem_seg.data.clone()
            guess[guess == cfg.ignore_index] = 0
            sample.pred_sem_seg = PixelData(data=guess)
        evaluator.process(data_samples=batch["data_samples"], data_batch=batch)
    scores = evaluator.evaluate(len(loader.dataset))
    seen = torch.cat([sample.gt_sem_seg.data.flatten() for batch in loader for sample in batch["data_samples"]])
    present = len(seen[seen != cfg.ignore_index].unique())
    assert scores["mIoU"] == pytest.approx(100 * present / cfg.num_classes, abs=0.01)  # absent classes count as 0


def test_settings_are_the_published_ones():
    """Table 1.1 of the method: 20 grids, of 100,000 events on DSEC and 32,000 on DDD17."""
    dsec_grids = {"num_grids": 20, "events_per_grid": 100_000, "bins": 5, "rounding": "trunc", "reverse_multiple": 5.0}
    ddd17_grids = {"num_grids": 20, "events_per_grid": 32_000, "bins": 5, "kind": "temporal", "reverse_multiple": 1.0}
    wanted = {
        "dsec_semantic": dsec_grids,
        "dsec_night_point": dsec_grids,
        "ddd17_seg": ddd17_grids | {"reverse_start": "published"},
    }
    batches = {"dsec_semantic": 1, "dsec_night_point": 1, "ddd17_seg": 4}
    for name, settings in wanted.items():
        cfg = read_config(f"{BASE}/{name}.py")
        (load,) = [step for step in cfg.train_dataloader.dataset.pipeline if "num_grids" in step]
        assert {key: load[key] for key in settings} == settings
        assert tuple(load["streams"]) == ("past", "future")
        assert cfg.train_dataloader.batch_size == batches[name]
        assert tuple(cfg.train_dataloader.dataset.min_events) == (20, 20)
        assert tuple(cfg.test_dataloader.dataset.min_events) == (20, 1)
        mirrored = any("prob" in step for step in cfg.train_dataloader.dataset.pipeline)
        assert mirrored is (name != "ddd17_seg")
    assert read_config(f"{BASE}/ddd17_seg.py").test_dataloader.dataset.split == "valid"
    assert ddd17.SPLITS["valid"] == (1,)


@pytest.mark.parametrize("path", sorted(Path("configs/ev_wsss").glob("*.py")), ids=lambda path: path.stem)
def test_no_config_asks_for_deterministic_algorithms(path):
    """`randomness.deterministic` does, and then torch refuses the cross-entropy of maps on a GPU."""
    assert not read_config(path).randomness.deterministic


def test_the_street_fits_its_config():
    cfg, settings = read_config(f"{BASE}/tiny_street.py"), StreetSetSettings()
    dataset = cfg.train_dataloader.dataset
    (load,) = [step for step in dataset.pipeline if "num_grids" in step]
    events = load["num_grids"] * load["events_per_grid"]
    assert tuple(dataset.sensor_size) == (settings.height, settings.width)
    assert settings.height - dataset.crop_bottom == round(settings.height * DSEC_ROWS)
    assert events <= settings.events_before
    assert events * load["reverse_multiple"] <= settings.events_after
