import errno
import os
import pickle
import re
import subprocess

import numpy as np
import pytest
import torch
from pickle_bomb import Bomb
from torch import nn

from sparsevision.engine import CheckpointError, load_checkpoint, load_state_dict, save_checkpoint


def net(width=4):
    return nn.Sequential(nn.Linear(3, width), nn.Linear(width, 2))


def saved(tmp_path, **options):
    path = tmp_path / "net.pth"
    torch.save({"state_dict": net().state_dict()}, path, **options)
    return path


def test_round_trip_is_readable_by_torch_alone(tmp_path):
    path = tmp_path / "deep" / "a.pth"
    save_checkpoint({"state_dict": net().state_dict(), "meta": {"score": np.float64(0.5), "how": range(2)}}, path)
    content = torch.load(path, weights_only=True)
    assert content["meta"] == {"score": 0.5, "how": "range(0, 2)"}
    assert load_checkpoint(path).keys() == content.keys()
    assert [p.name for p in path.parent.iterdir()] == ["a.pth"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.pth", b"", "is empty"),
        ("text.pth", b"hello, this is no checkpoint", "is not a checkpoint: it starts with b'hello"),
        ("page.pth", b"<!DOCTYPE html><html>", "web page"),
        ("picture.pth", b"\x89PNG\r\n\x1a\n" + bytes(80), "PNG picture"),
        ("plain.pth", pickle.dumps({"a": 1}), "is not a checkpoint"),
    ],
)
def test_each_wrong_file_has_its_own_message(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=re.escape(sentence)):
        load_checkpoint(tmp_path / name)


def test_a_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "epoch_12.pth").touch()
    with pytest.raises(CheckpointError, match=r"no checkpoint .*epoch_13\.pth.*Did you mean 'epoch_12\.pth'"):
        load_checkpoint(tmp_path / "epoch_13.pth")
    with pytest.raises(CheckpointError, match="does not exist either"):
        load_checkpoint(tmp_path / "nowhere" / "a.pth")


def test_a_folder_names_a_checkpoint_in_it(tmp_path):
    saved(tmp_path)
    with pytest.raises(CheckpointError, match=r"is a folder.*net\.pth"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_called_truncated(tmp_path, zipped, share):
    path = saved(tmp_path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match="cut short or damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle2", "pickle4"])
def test_pickled_code_is_refused_by_name_and_does_not_run(tmp_path, form):
    path, target = tmp_path / "bomb.pth", tmp_path / "it_ran"
    content = {"state_dict": {}, "meta": Bomb(target)}
    if form.startswith("pickle"):
        path.write_bytes(pickle.dumps(content, protocol=int(form[-1])))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(CheckpointError, match=r"refused.*(posix|nt)\.system.*Nothing of it has run"):
        load_checkpoint(path)
    assert not target.exists()


def test_no_allow_list_of_another_package_opens_the_door(tmp_path):
    path = tmp_path / "listed.pth"
    torch.save({"meta": slice(1, 2)}, path)
    with torch.serialization.safe_globals([slice]):
        torch.load(path, weights_only=True)
        with pytest.raises(CheckpointError, match="slice"):
            load_checkpoint(path)
        assert slice in torch.serialization.get_safe_globals()


def test_a_bare_tensor_is_not_a_checkpoint(tmp_path):
    torch.save(torch.ones(2), tmp_path / "t.pth")
    with pytest.raises(CheckpointError, match="holds a Tensor"):
        load_checkpoint(tmp_path / "t.pth")


def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.pth"
    save_checkpoint({"state_dict": {"w": torch.zeros(4)}}, path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match=r"no space left.*a\.pth.*earlier file is untouched.*--resume"):
        save_checkpoint({"state_dict": {"w": torch.ones(4)}}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_really_full_disk(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("no permission to mount a small file system here")
    try:
        path = tmp_path / "a.pth"
        save_checkpoint({"state_dict": {"w": torch.zeros(4)}}, path)
        with pytest.raises(CheckpointError, match="no space left"):
            save_checkpoint({"state_dict": {"w": torch.ones(200_000)}}, path)
        assert load_checkpoint(path)["state_dict"]["w"].sum() == 0
        assert list(tmp_path.iterdir()) == [path]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_another_architecture_lists_the_shapes():
    with pytest.raises(
        CheckpointError, match=r"w\.pth is of another architecture.*0\.weight: file \(5, 3\), model \(4, 3\)"
    ):
        load_state_dict(net(), net(5).state_dict(), source="w.pth")


def test_missing_and_unexpected_keys_come_with_the_closest_names():
    state = net().state_dict()
    state["1.wieght"] = state.pop("1.weight")
    with pytest.raises(CheckpointError, match=r"1 missing.*1\.weight \(closest in the file: 1\.wieght\).*1 unknown"):
        load_state_dict(net(), state, source="w.pth")


def test_what_fits_is_loaded_when_not_strict():
    source, target = net(5), net(4)
    report = load_state_dict(target, source.state_dict(), source="w.pth", strict=False)
    assert len(report.mismatched) == 3
    assert torch.equal(source[1].bias, target[1].bias)


def test_nothing_in_common_is_an_error_even_when_not_strict():
    with pytest.raises(CheckpointError, match=r"no key fits.*converted first: tools/model_converters"):
        load_state_dict(net(), {"backbone.conv": torch.ones(1)}, source="w.pth", strict=False)


def test_the_prefix_of_distributed_training_is_dropped():
    source, target = net(), net()
    load_state_dict(target, {f"module.{k}": v for k, v in source.state_dict().items()}, source="w.pth")
    assert torch.equal(source[0].weight, target[0].weight)


def test_optional_state_may_be_missing_and_left_over():
    class WithExtra(nn.Linear):
        optional_state = ("extra.", "left")

        def __init__(self):
            super().__init__(2, 2)
            self.extra = nn.Linear(1, 1)

    state = {"weight": torch.ones(2, 2), "bias": torch.ones(2), "left": torch.ones(1)}
    module = WithExtra()
    assert load_state_dict(module, state, source="w.pth").complete
    assert module.weight.sum() == 4
    with pytest.raises(CheckpointError, match="bias"):
        load_state_dict(module, {"weight": torch.ones(2, 2)}, source="w.pth")
