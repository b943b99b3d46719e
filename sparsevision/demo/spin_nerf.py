"""An object leaves a scene of photographs, by three clicks in one of them."""

import json
from pathlib import Path

from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.engine import call_tool
from sparsevision.weights import get_weights

ROOM, WHOLE_ROOM = Path("data/demo_removal_room"), Path("data/tiny_removal_room")
FACTOR = 2
WEIGHTS = ("mobile_sam", "lpips_vgg16")
STEPS = {"masks": 60, "scene": 150, "final": 50}  # of 300, 600 and 300: the demo is meant to be short
WHOLE = Path("work_dirs/removal")  # where docs/spin_nerf.md has the whole chain write
SHOWN = ("PSNR/masked", "LPIPS/masked", "PSNR/full")
IOU = "IoU/annotated_views"


def run(folder: Path) -> DemoResult:
    """Fetch the weights, make the room, run the chain from clicks to the room without the object."""
    for name in WEIGHTS:
        get_weights(name, say=print)
    commands = [
        "python tools/get_weights.py " + " ".join(WEIGHTS),
        call_tool("make_synthetic.py", "removal_room", "--out", ROOM, "--seed", "0", "--overwrite"),
    ]
    if (WHOLE / "present" / "index.html").is_file():
        made, remark = WHOLE, f"The fields are those of the whole chain that {WHOLE} holds."
        commands += longer()
    else:
        made, remark = folder / "removal", _stopped_early()
        commands.append(call_tool(*_chain(ROOM, made), "--cfg-options", *_short()))
    return DemoResult(
        pictures=_pictures(made),
        metrics=_metrics(made / "measure"),
        commands=commands,
        remark="Measured in views that show the room without the object, in percent (IoU) and decibels (PSNR: higher "
        "is better), LPIPS: lower is better; “masked” is inside of the hole that the object would leave, “full” the "
        f"whole picture. {remark} What the whole of it reaches, on several rooms: configs/spin_nerf/README.md.",
    )


def _chain(room: Path, out: Path) -> list[object]:
    return [
        "spin_nerf.py", room, "--clicks", room / "clicks.json", "--factor", str(FACTOR), "--out", out,
        "--propagation", "features", "--segmenter-side", "512",
    ]  # fmt: skip


def _short() -> list[str]:
    return [f"{field}:train_cfg.max_iters={steps}" for field, steps in STEPS.items()]


def _stopped_early() -> str:
    return f"The three fields stop here after {', '.join(map(str, STEPS.values()))} of 300, 600, 300 iterations."


def longer() -> list[str]:
    """The room, and the whole chain."""
    return [
        f"python tools/make_synthetic.py removal_room --out {WHOLE_ROOM} --seed 0",
        "python tools/" + " ".join(map(str, _chain(WHOLE_ROOM, WHOLE))),
    ]


def _metrics(measured: Path) -> dict[str, dict[str, float]]:
    """IoU of the masks; errors of the field that saw no hole, and of the one that learnt the inpainted views."""
    masks = json.loads((measured / "masks.json").read_text())
    rows = {f"{name}, from three clicks": {"IoU": values[IOU]} for name, values in masks.items()}
    for name, field in (("masked NeRF (no inpainting)", "scene"), ("SPIn-NeRF", "final")):
        found = json.loads((measured / field / "metrics.json").read_text())
        rows[name] = {key: found[key] for key in SHOWN}
    return rows


def _pictures(made: Path) -> list[Picture]:
    views = sorted((made / "present").glob("*.png"))
    steps = "photograph, mask, inpainted, final field, its disparity"
    return [
        Picture(made / "present" / "before_after.mp4", "photographs, and the room without the object, view by view"),
        Picture(made / "segment" / "clicks.png", "three clicks in one view, and MobileSAM's answer"),
        *(Picture(path, f"{path.stem}: {steps}") for path in views[:2]),
    ]


ENTRY = DemoEntry(
    name="spin_nerf",
    title="SPIn-NeRF: an object leaves a scene",
    about="Three clicks in one of 24 photographs say what is to go. Its mask is carried into the other views, a "
    "radiance field makes the masks agree, what no view shows is inpainted, and a last field learns the scene without "
    "the object. The room is rendered here, so that the truth behind the object is known.",
    run=run,
    longer=longer,
    main=False,
)
