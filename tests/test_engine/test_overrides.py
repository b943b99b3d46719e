import argparse
from pathlib import Path

import pytest
from mmengine.config import Config
from torch.optim import SGD

from sparsevision.engine import add_cfg_options, apply_overrides
from sparsevision.engine.overrides import option_word, options_of
from sparsevision.utils import UserError


@pytest.fixture
def cfg():
    return Config(
        {
            "max_epochs": 3,
            "train_cfg": {"by_epoch": True, "max_epochs": 3},
            "train_dataloader": {"batch_size": 2, "dataset": {"pipeline": ({"size": (32, 32)}, {"prob": 0.5})}},
            "optim_wrapper": {"optimizer": {"type": SGD, "lr": 0.1}},
            "param_scheduler": [{"end": 3}, {"end": 9}],
            "work_dir": "work_dirs/a",
            "load_from": None,
        }
    )


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("train_cfg.max_epochs", 5, 5),
        ("optim_wrapper.optimizer.lr", 1, 1),
        ("optim_wrapper.optimizer.type", "Adam", "Adam"),
        ("train_cfg.by_epoch", False, False),
        ("train_dataloader.dataset.pipeline.0.size", [64, 48], (64, 48)),
        ("param_scheduler.-1.end", 7, 7),
        ("work_dir", 12, "12"),
        ("work_dir", None, None),
        ("load_from", "a.pth", "a.pth"),
        ("+train_cfg.val_begin", 2, 2),
        ("+a.b.c", 1, 1),
    ],
)
def test_it_sets(cfg, key, value, stored):
    apply_overrides(cfg, {key: value})
    node = cfg
    for part in key.lstrip("+").split("."):
        node = node[int(part)] if isinstance(node, (list, tuple)) else node[part]
    assert node == stored
    assert type(node) is type(stored)


def test_it_sets_an_item_of_a_tuple(cfg):
    apply_overrides(cfg, {"train_dataloader.dataset.pipeline.0.size.1": 8})
    assert cfg.train_dataloader.dataset.pipeline[0].size == (32, 8)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        (
            "train_cfg.max_epoch",
            5,
            r"unknown key 'train_cfg.max_epoch'.*Did you mean 'train_cfg.max_epochs'.*\+train_cfg",
        ),
        ("trian_cfg.max_epochs", 5, r"unknown key 'trian_cfg'.*Did you mean 'train_cfg.max_epochs'"),
        ("batch_size", 5, r"Did you mean 'train_dataloader.batch_size'"),
        ("train_cfg.max_epochs", "many", r"is a number \(3\); it cannot become a text \(many\)"),
        ("train_cfg.by_epoch", 1, r"is yes or no \(True\)"),
        ("train_dataloader.dataset.pipeline.0.size", 64, r"Write train_dataloader.dataset.pipeline.0.size=\[64\]"),
        ("train_cfg", 3, r"is a table \(by_epoch, max_epochs\).*Set its parts"),
        ("train_cfg.max_epochs.x", 3, r"'train_cfg.max_epochs' is a number \(3\) and has no parts"),
        ("param_scheduler.2.end", 3, r"'param_scheduler' has 2 items; there is no param_scheduler.2"),
        ("param_scheduler.end", 3, r"'param_scheduler' is a list; give a number"),
        ("max_epochs", 9, r"'max_epochs' is a helper.*would do nothing. Change train_cfg.max_epochs instead"),
    ],
)
def test_it_refuses(cfg, key, value, sentence):
    before = cfg.pretty_text
    with pytest.raises(UserError, match=sentence):
        apply_overrides(cfg, {key: value})
    assert cfg.pretty_text == before


def test_a_lazy_config_keeps_its_classes_unimported(tmp_path):
    path = tmp_path / "lazy.py"
    path.write_text("from no_such_package import Thing\n\nmodel = dict(type=Thing, width=3)\n")
    cfg = Config.fromfile(path, lazy_import=True)
    apply_overrides(cfg, {"model.width": 4})
    with pytest.raises(UserError, match=r"Did you mean 'model.width'"):
        apply_overrides(cfg, {"model.widht": 4})


TEXTS = ["/a/b.pth", "/a, b/c d", "[x]", "a,(b", "7", "None", 'it\'s, "so"', "'a'", Path("/scenes (2), new/room")]


@pytest.mark.parametrize("value", [*TEXTS, 7, 0.5, True, None], ids=str)
def test_the_word_of_a_value_is_read_as_that_value(value):
    expected = str(value) if isinstance(value, Path) else value
    assert options_of([option_word("+a.b", value)]) == {"+a.b": expected}


def test_a_plain_text_needs_no_quotes():
    assert option_word("load_from", Path("/runs/epoch_1.pth")) == "load_from=/runs/epoch_1.pth"


@pytest.mark.parametrize(
    ("word", "value"), [("a='x, y'", "x, y"), ('a="[1]"', "[1]"), ("a='x','y'", ["x", "y"]), ("a='x", "x"), ("a=", "")]
)
def test_quotes_keep_a_text_together(word, value):
    assert options_of([word]) == {"a": value}


@pytest.mark.parametrize(("words", "sentence"), [(["lr"], "'lr' has no '='"), (["a=[1,2"], "brackets")])
def test_the_option_explains_itself(capsys, words, sentence):
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)
    assert parser.parse_args(["--cfg-options", "a.b=1", "c=(1,2)"]).cfg_options == {"a.b": 1, "c": (1, 2)}
    with pytest.raises(SystemExit):
        parser.parse_args(["--cfg-options", *words])
    assert sentence in capsys.readouterr().err
