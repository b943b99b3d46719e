"""A still picture that moves along a few drags."""

import json
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import read_image
from sparsevision.datasets.video.clips import read_frames
from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.demo.training import Trained, Training
from sparsevision.engine import call_tool
from sparsevision.engine.overrides import option_word
from sparsevision.visualization.panels import side_by_side
from sparsevision.visualization.video import write_video

MOTION = Training("tiny_motion_i2v_motion_800i_shapes", steps=200)
TRACKS = Training("tiny_motion_i2v_tracks_700i_shapes", steps=150)
DATA = Path("data/demo_moving_shapes")
CLIPS, TESTED = 200, 20  # of 1500 and 60: the demo is meant to be short
COARSER = ("model.image_codec.patch=8", "model.flow_codec.patch=8")  # of 4: a quarter of the work
STRIDE = 2  # frames of a clip from one to the next, as in the config
FRAMES = 8
SHOWN = (1, 2)  # clips of the pictures
FRAMES_PER_SECOND = 6


def run(folder: Path) -> DemoResult:
    """Make the clips, train both parts of stage 1, test, and drag what the first frames of some clips show."""
    made = call_tool(
        "make_synthetic.py", "moving_shapes", "--out", DATA, "--seed", "0",
        "--train", str(CLIPS), "--val", str(TESTED), "--overwrite",
    )  # fmt: skip
    trained, settings = train(folder)
    out = folder / "predictions"
    test = call_tool(
        "test.py", TRACKS.config, trained.checkpoint, "--work-dir", folder / "tracks", "--out", out,
        "--cfg-options", *data_options("test", "val"), *settings,
    )  # fmt: skip
    dragged = [_drag(folder, clip, trained, settings) for clip in SHOWN]
    return DemoResult(
        pictures=[_picture(folder, clip) for clip in SHOWN],
        metrics=_metrics(json.loads((out / "metrics.json").read_text())),
        commands=[made, *trained.commands, test, *dragged],
        remark=f"In pixels of frames of 64 x 64, on {TESTED} clips that training never saw: how far dragged points are "
        "from where they were asked to be, and how far the motion of things is from the true one. Lower is better. "
        f"{trained.remark} Stage 2, which renders new frames along the motion, needs its whole training.",
    )


def train(folder: Path) -> tuple[Trained, tuple[str, ...]]:
    """Stage 1, then its ControlNet; returns the latter and the settings of the network that it belongs to."""
    options = data_options("train", "train")
    if TRACKS.finished.is_file():
        return TRACKS.run(folder / "tracks"), ()
    first = MOTION.run(folder / "motion", *options, *COARSER)
    settings = () if first.whole else COARSER
    then = TRACKS.run(folder / "tracks", *options, *settings, option_word("load_from", first.checkpoint))
    remark = f"{first.remark} Then its ControlNet: {then.remark[0].lower()}{then.remark[1:]}"
    return Trained(then.checkpoint, then.whole, [*first.commands, *then.commands], remark), settings


def longer() -> list[str]:
    """The whole training of both."""
    return [MOTION.longer()[0], *TRACKS.longer()]


def data_options(loader: str, split: str) -> list[str]:
    """Settings that make a loader of the configs read the demo's clips."""
    files = {"folder": "clips", "truth": "truth"}
    return [f"{loader}_dataloader.dataset.{key}={DATA / split / name}" for key, name in files.items()]


def drags_of(truth: Path) -> list[str]:
    """The true way of each thing's centre as a drag: its start, its middle, and its end at the last frame shown."""
    last = STRIDE * (FRAMES - 1)
    with np.load(truth, allow_pickle=False) as arrays:
        ways = arrays["centres"][:, [0, last // 2, last]]
    return [" ".join(f"{x:.1f},{y:.1f}" for x, y in way) for way in ways]


def _drag(folder: Path, clip: int, trained: Trained, settings: tuple[str, ...]) -> str:
    drags = [word for drag in drags_of(DATA / "val" / "truth" / f"{clip:05}.npz") for word in ("--drag", drag)]
    options = ["--cfg-options", *settings] if settings else []
    return call_tool(
        "motion_i2v.py", _frames(clip)[0], *drags, "--config", TRACKS.config, "--motion", trained.checkpoint,
        "--out", folder / f"dragged_{clip}", "--overwrite", *options,
    )  # fmt: skip


def _frames(clip: int) -> list[Path]:
    return sorted((DATA / "val" / "clips" / f"{clip:05}").glob("*.png"))[::STRIDE][:FRAMES]


def _picture(folder: Path, clip: int) -> Picture:
    """The true clip beside the first frame that is pushed along what was predicted."""
    made = folder / f"dragged_{clip}"
    drags = read_image(made / "overlay.png")
    frames = [
        side_by_side([drags, pushed, read_image(true)], ["drags", "pushed along them", "true clip"], height=len(drags))
        for pushed, true in zip(read_frames(made / "overlay.mp4", range(FRAMES)), _frames(clip), strict=True)
    ]
    film = folder / f"clip_{clip}.mp4"
    write_video(film, frames, fps=FRAMES_PER_SECOND)
    return Picture(film, f"clip {clip}: the first frame with its drags, pushed along the predicted motion, true clip")


def _metrics(found: dict[str, float]) -> dict[str, dict[str, float]]:
    """Of the steered prediction, of the one without drags, and of no motion at all."""
    return {
        "steered by drags": {"TrajError": found["video/TrajError"], "EPE of things": found["video/EPE_object"]},
        "without drags": {"TrajError": found["video/TrajError_free"]},
        "nothing moves": {"TrajError": found["video/TrajError_still"]},
    }


ENTRY = DemoEntry(
    name="motion_i2v",
    title="Motion-I2V: a picture moves along drags",
    about="Each thing in a still picture is dragged along a line. A small diffusion network, which learnt from clips "
    "of moving shapes, turns the drags into the motion of every pixel, and the picture is pushed along it. The clips "
    "are rendered here, so that the true motion is known.",
    run=run,
    longer=longer,
    main=False,
)
