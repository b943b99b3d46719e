"""The chain from clicks to a scene without the object: stages, what is kept, and what is told."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparsevision.apis.object_removal import STAGES, RemovalSettings, fields, results
from sparsevision.apis.object_removal.chain import STAMP, Job, Stage, run_stages
from sparsevision.engine.overrides import options_of
from sparsevision.utils import UserError

ROOM = "tiny_spinnerf_densegrid_{}_room"
CONFIGS = {
    "masks_config": ROOM.format("masks_300i"),
    "scene_config": ROOM.format("scene_600i"),
    "final_config": ROOM.format("inpainted_300i"),
}


def settings_of(folder: Path, **changes) -> RemovalSettings:
    (folder / "scene").mkdir(exist_ok=True)
    clicks = folder / "clicks.json"
    if not clicks.exists():
        clicks.write_text("{}")
    same = {"scene": folder / "scene", "clicks": clicks, "out": folder / "out", "factor": 2, **CONFIGS}
    return RemovalSettings(**same | changes)


class Chain:
    """Three stages that note that they ran."""

    def __init__(self, folder: Path, depends: tuple[str, ...] = ("rounds",)) -> None:
        self.folder, self.ran, self.broken, self.clock = folder, [], None, SimpleNamespace(now=0.0)
        self.error: BaseException = UserError("broken")
        self.stages = (
            Stage("first", "", self._run("first"), ("clicks", "factor")),
            Stage("second", "", self._run("second"), depends),
            Stage("third", "", self._run("third")),
        )

    def _run(self, name):
        def run(job):
            self.clock.now += 10.0
            if name == self.broken:
                raise self.error
            self.ran.append(name)
            (job.folder(name) / "result").write_text(name)

        return run

    def __call__(self, *, redo_from=None, until=None, **changes) -> list[str]:
        self.ran.clear()
        run_stages(Job(settings_of(self.folder, **changes)), self.stages, redo_from=redo_from, until=until)
        return list(self.ran)


@pytest.fixture
def chain(tmp_path):
    return Chain(tmp_path)


def test_what_is_done_is_not_done_again(chain):
    assert chain() == ["first", "second", "third"]
    assert chain() == []


def test_a_changed_setting_does_its_stage_and_those_after_it_again(chain):
    chain()
    assert chain(rounds=2) == ["second", "third"]
    assert chain(rounds=2, factor=4) == ["first", "second", "third"]


def test_other_clicks_in_the_same_file_count_as_a_change(chain, tmp_path):
    chain()
    (tmp_path / "clicks.json").write_text('{"view": "another"}')
    assert chain() == ["first", "second", "third"]


@pytest.mark.parametrize("name", ["inpainter", "disparity_inpainter"])
def test_other_views_in_the_same_folder_count_as_a_change(tmp_path, name):
    folder = tmp_path / "painted"
    (folder / "left").mkdir(parents=True)
    view = folder / "left" / "1.png"
    view.write_bytes(b"one")
    os.utime(view, ns=(1, 1))
    chain = Chain(tmp_path, (name,))
    assert chain(**{name: str(folder)}) == ["first", "second", "third"]
    assert chain(**{name: str(folder)}) == []
    view.write_bytes(b"two")
    assert chain(**{name: str(folder)}) == ["second", "third"]
    (folder / "2.png").write_bytes(b"new")
    assert chain(**{name: str(folder)}) == ["second", "third"]
    assert chain(**{name: str(folder)}) == []


def test_other_weights_of_the_same_name_count_as_a_change(tmp_path):
    weights, chain = tmp_path / "lama.pt", Chain(tmp_path, ("lama_weights",))
    chain(lama_weights=str(weights))
    assert chain(lama_weights=str(weights)) == []
    weights.write_bytes(b"longer")
    assert chain(lama_weights=str(weights)) == ["second", "third"]
    assert chain(lama_weights=str(weights)) == []


def test_clicks_that_are_no_text_are_told_by_name(chain, tmp_path):
    (tmp_path / "clicks.json").write_bytes(b'{"view": "\xff"}')
    with pytest.raises(UserError, match=r"clicks\.json: is not a text file"):
        chain()


def test_a_stage_that_breaks_off_is_done_again_and_those_before_are_kept(chain, tmp_path):
    chain.broken = "second"
    with pytest.raises(UserError, match="broken"):
        chain()
    assert json.loads((tmp_path / "out" / "second" / STAMP).read_text())["complete"] is False
    (tmp_path / "out" / "second" / "half").write_text("done")
    chain.broken = None
    assert chain() == ["second", "third"]
    assert (tmp_path / "out" / "second" / "half").exists(), "it goes on from there"


@pytest.fixture
def seconds(chain, monkeypatch):
    """What the stamps say; each start of a stage takes ten seconds."""
    monkeypatch.setattr("sparsevision.apis.object_removal.chain.time.monotonic", lambda: chain.clock.now)
    folders = [chain.folder / "out" / stage.name for stage in chain.stages]
    return lambda: [json.loads((folder / STAMP).read_text())["seconds"] for folder in folders if folder.is_dir()]


@pytest.mark.parametrize("error", [UserError("broken"), KeyboardInterrupt()])
def test_seconds_are_those_of_all_starts(chain, seconds, error):
    chain.broken, chain.error = "second", error
    for _ in range(2):
        with pytest.raises(type(error)):
            chain()
    assert seconds() == [10.0, 20.0]
    chain.broken = None
    chain()
    assert seconds() == [10.0, 30.0, 10.0]
    assert results.seconds_of(Job(settings_of(chain.folder))) == "50 s"
    chain(redo_from="second")
    assert seconds() == [10.0, 10.0, 10.0]


def test_seconds_of_a_stage_that_was_killed_are_not_known(chain, seconds):
    chain()
    killed = chain.folder / "out" / "second" / STAMP
    killed.write_text(json.dumps({**json.loads(killed.read_text()), "complete": False, "seconds": None}))
    chain()
    assert seconds() == [10.0, None, 10.0]
    assert results.seconds_of(Job(settings_of(chain.folder))) == "more than 20 s"


def test_a_stage_is_stamped_as_begun_before_it_runs(chain):
    seen = []
    chain.stages = (Stage("only", "", lambda job: seen.append(json.loads((job.folder("only") / STAMP).read_text()))),)
    chain()
    assert seen[0]["complete"] is False
    assert "seconds" not in seen[0], "a kill from here on leaves no number"


def test_what_was_half_done_with_other_settings_goes(chain, tmp_path):
    chain.broken = "second"
    with pytest.raises(UserError, match="broken"):
        chain()
    (tmp_path / "out" / "second" / "half").write_text("done")
    chain.broken = None
    assert chain(rounds=2) == ["second", "third"]
    assert not (tmp_path / "out" / "second" / "half").exists()


def test_files_of_something_else_are_left_alone(chain, tmp_path):
    (tmp_path / "out" / "second").mkdir(parents=True)
    (tmp_path / "out" / "second" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="second: holds files of something else"):
        chain()
    assert (tmp_path / "out" / "second" / "thesis.tex").read_text() == "years of work"


def test_stages_after_one_that_broke_off_are_not_believed(chain):
    chain()
    chain.broken = "third"
    with pytest.raises(UserError, match="broken"):
        chain(redo_from="second")
    chain.broken = "second"
    with pytest.raises(UserError, match="broken"):
        chain(redo_from="second")
    chain.broken = None
    assert chain() == ["second", "third"]


def test_a_folder_that_was_about_to_be_removed_is_no_hindrance(chain, tmp_path):
    chain()
    folder = tmp_path / "out" / "second"
    for path in folder.iterdir():
        path.unlink()
    (folder / ".stage.json.x.tmp").write_text("")
    assert chain() == ["second", "third"]


def test_options_are_for_all_configs_or_for_one(tmp_path):
    settings = settings_of(tmp_path, options=("train_cfg.max_iters=7", "final:model.perceptual_from=9"))
    assert settings.words_for("scene") == ["train_cfg.max_iters=7"]
    assert settings.config_of("scene").train_cfg.max_iters == 7
    assert settings.config_of("final").model.perceptual_from == 9
    with pytest.raises(UserError, match="perceptual_fro'"):
        settings_of(tmp_path, options=("final:model.perceptual_fro=9",)).config_of("final")
    with pytest.raises(UserError, match="'max_iters' has no '='"):
        settings_of(tmp_path, options=("max_iters",))


def test_a_scene_may_have_any_name(tmp_path, monkeypatch):
    folder = tmp_path / "rooms, old (2)"
    folder.mkdir()
    job = Job(settings_of(folder))
    job.__dict__["scene"] = SimpleNamespace(root=folder / "scene", num_test=0)
    told = []
    for module in (fields, results):
        monkeypatch.setattr(module, "call_tool", lambda *words: told.append([str(word) for word in words]))
    monkeypatch.setattr(results, "find_latest", lambda path: path / "iter_1.pth")
    labels = (folder / "label").resolve()
    fields.train_field(job, "final", folder / "final", begin=folder / "iter_1.pth", labels=labels)
    results.measure_views(job)
    trained, measured, _ = (options_of(words[words.index("--cfg-options") + 1 :]) for words in told)
    scene = str((folder / "scene").resolve())
    assert trained["+train_dataloader.dataset.data_root"] == scene
    assert trained["+train_dataloader.dataset.labels"] == str(labels)
    assert trained["load_from"] == str((folder / "iter_1.pth").resolve())
    assert trained["+train_dataloader.dataset.groups.keypoints"] is None
    assert measured["+test_dataloader.dataset.data_root"] == scene


def test_a_damaged_stamp_is_no_stamp(chain, tmp_path):
    chain()
    (tmp_path / "out" / "second" / STAMP).write_text("{")
    assert chain() == ["second", "third"]


def test_stages_can_be_left_for_later_and_forced(chain):
    assert chain(until="second") == ["first", "second"]
    assert chain() == ["third"]
    assert chain(redo_from="second") == ["second", "third"]
    with pytest.raises(UserError, match="no stage 'forth'; the stages are first, second, third"):
        chain(redo_from="forth")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"propagation": "geometri"}, r"propagation='geometri'. Did you mean 'geometry'"),
        ({"segmenter": "sam3"}, "segmenter='sam3'"),
        ({"inpainter": "nowhere"}, "none of patchmatch, opencv, lama, and no folder"),
        ({"disparity_inpainter": "nowhere"}, "disparity_inpainter='nowhere' is none of"),
        ({"propagation": "features", "segmenter": "grabcut"}, "GrabCut has no features"),
        ({"segmenter_side": 1000}, "segmenter_side=1000; expected a multiple of 64"),
        ({"rounds": 0}, "rounds=0; expected 1 to 5"),
        ({"factor": 0}, "factor=0"),
        ({"scene": Path("nowhere")}, r"nowhere: there is no such folder \(scene\)"),
        ({"clicks": Path("nowhere.json")}, r"nowhere.json: there is no such file \(clicks\)"),
    ],
)
def test_wrong_settings_are_told(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        settings_of(tmp_path, **changes)


def test_results_below_a_file_are_refused_at_once(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="out"):
        settings_of(tmp_path)


def test_every_setting_belongs_to_a_stage(tmp_path):
    known = {name for stage in STAGES for name in stage.depends} | {"out", "device"}
    assert known == set(RemovalSettings.__dataclass_fields__)
    json.dumps(settings_of(tmp_path).only(tuple(known - {"out", "device"})))
