"""Configs in YAML: what a run writes down can be read again, a base is changed, and nothing in a file runs."""

import pytest
from tool_runner import run_tool
from toy_config import write_config

from sparsevision.apis.model import build_model
from sparsevision.engine import read_config
from sparsevision.engine.config_files import read_config_file
from sparsevision.utils import UserError

SHIPPED = "tiny_sparseseg_resnet18_scribble_30e_camouflage"


def test_a_dumped_config_builds_the_same_network(tmp_path):
    path = tmp_path / "dumped.yaml"
    shipped = read_config(SHIPPED)
    shipped.dump(path)
    dumped = read_config(path)
    assert dumped.image_size == tuple(shipped.image_size)
    shapes = [{key: value.shape for key, value in build_model(cfg).state_dict().items()} for cfg in (shipped, dumped)]
    assert shapes[0] == shapes[1]


def test_a_base_is_changed_and_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)
    monkeypatch.chdir(tmp_path)
    base = write_config(tmp_path)
    (tmp_path / "short.yaml").write_text(f"_base_: {base.name}\ntrain_cfg: {{max_epochs: 1}}\n")
    assert run_tool("train.py", "short.yaml").code == 0
    assert (tmp_path / "work_dirs" / "short" / "epoch_1.pth").is_file()
    assert read_config("work_dirs/short/short.yaml").train_cfg.max_epochs == 1
    result = run_tool("test.py", "work_dirs/short/short.yaml", "work_dirs/short/epoch_1.pth")
    assert result.code == 0, result.err


def test_a_base_may_be_a_shipped_config_or_another_yaml_file(tmp_path):
    (tmp_path / "one.yml").write_text(f"_base_: {SHIPPED}\ntrain_cfg: {{max_epochs: 2}}\n")
    (tmp_path / "two.json").write_text('{"_base_": "one.yml", "randomness": {"seed": 7}}')
    cfg = read_config_file(tmp_path / "two.json")
    assert (cfg.train_cfg.max_epochs, cfg.randomness.seed) == (2, 7)


def test_nothing_in_a_file_runs(tmp_path):
    path, witness = tmp_path / "hostile.yaml", tmp_path / "witness"
    path.write_text(f"model: !!python/object/apply:os.mkdir ['{witness}']\n")
    with pytest.raises(UserError, match=r"hostile.yaml cannot be read as a config in plain YAML"):
        read_config(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "expected a mapping"),
        ("model: {", "plain YAML"),
        ("_base_: [a, b]\n", "takes the path or the name of one config"),
        ("_base_: no_such_config\n", "no config 'no_such_config'"),
        ("_base_: self.yaml\n", "leads back"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, text, message):
    (tmp_path / "self.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_config(tmp_path / "self.yaml")
