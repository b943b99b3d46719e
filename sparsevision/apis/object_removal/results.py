"""The last stages: numbers where the truth is known, a video before and after, and a page of pictures."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.apis.object_removal.chain import Job, stamp_of
from sparsevision.apis.object_removal.fields import RUN, masks_of, scene_options
from sparsevision.datasets.image_io import read_image, read_mask
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.labels import OBJECT, UNKNOWN, read_labels
from sparsevision.engine import call_tool
from sparsevision.engine.hooks.checkpoint import find_latest
from sparsevision.engine.overrides import option_word
from sparsevision.evaluation.functional.views import mask_accuracy, mask_iou
from sparsevision.utils import write_json
from sparsevision.utils.arrays import load_npy
from sparsevision.visualization.drawing import draw_mask
from sparsevision.visualization.files import write_image
from sparsevision.visualization.html_page import figure, number_table, write_html_page
from sparsevision.visualization.panels import side_by_side
from sparsevision.visualization.video import write_video

FRAMES_PER_SECOND = 15
FEWEST_FRAMES = 24
SHOWN = 3  # views in the pictures


def measure(job: Job) -> None:
    """Numbers under their protocols: of masks where some are given, of views where some are without the object."""
    measure_masks(job)
    if job.scene.num_test:
        measure_views(job)


def measure_masks(job: Job) -> None:
    """Agreement with the scene's own masks, in percent, as `masks.json`; none where the scene has none."""
    truth = read_labels(job.scene, required=False)
    annotated = [view for view in job.scene.train if (truth[view] != UNKNOWN).any()]
    if not annotated:
        return
    numbers = {}
    for label, folder in (
        ("propagated masks", job.folder("propagate") / "label"),
        ("masks of the field", masks_of(job)),
    ):
        pairs = [
            (read_mask(folder / f"{job.scene.image_names[view]}.png"), truth[view] == OBJECT) for view in annotated
        ]
        numbers[label] = {
            f"{name}/annotated_views": 100 * float(np.mean([of(*pair) for pair in pairs]))
            for name, of in (("IoU", mask_iou), ("accuracy", mask_accuracy))
        }
    write_json(job.folder("measure") / "masks.json", numbers)


def measure_views(job: Job) -> None:
    """tools/test.py of the field of all but the object, and of the final one."""
    folder = job.folder("measure")
    for field in ("scene", "final"):
        words = [option_word(f"+test_dataloader.dataset.{key}", value) for key, value in scene_options(job).items()]
        config, checkpoint = getattr(job.settings, f"{field}_config"), find_latest(job.folder(field) / RUN)
        call_tool(
            "test.py", config, checkpoint, "--work-dir", folder / "runs" / field, "--out", folder / field,
            "--cfg-options", *job.settings.words_for(field), *words,
        )  # fmt: skip


def numbers_of(job: Job) -> dict[str, dict[str, float]]:
    """What `measure` found: masks, and fields in the views without the object."""
    folder = job.folder("measure")
    numbers = read_numbers(folder / "masks.json")
    for label, name in (("without inpainting", "scene"), ("with inpainted views", "final")):
        found = read_numbers(folder / name / "metrics.json")
        numbers |= {label: found} if found else {}
    return numbers


def read_numbers(path: Path) -> dict:
    """A file of numbers; empty where it is not there."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def present(job: Job) -> None:
    """before_after.mp4, pictures of some views, and index.html."""
    folder = job.folder("present")
    write_video(folder / "before_after.mp4", before_and_after(job), fps=FRAMES_PER_SECOND)
    pictures = [(figure_of_view(job, view), job.scene.image_names[view]) for view in shown_views(job)]
    sections = figure(folder, folder / "before_after.mp4", "photographs, and the scene without the object")
    for picture, name in pictures:
        path = write_image(folder / f"{name}.png", picture)
        sections += figure(folder, path, f"{name}: photograph, mask, inpainted, final field, its disparity")
    write_html_page(
        folder / "index.html",
        title=job.scene.name,
        intro=f"{len(job.scene.train)} views, clicks in one of them; {seconds_of(job)} in all.",
        sections=f'<section><div class="pictures">{sections}</div>{number_table(numbers_of(job))}</section>',
    )


def seconds_of(job: Job) -> str:
    """Time of all stages so far, in words; one that was killed on its way has taken nobody knows how long."""
    stages = [stamp_of(job, path.name).get("seconds", 0.0) for path in job.settings.out.iterdir() if path.is_dir()]
    known = [seconds for seconds in stages if seconds is not None]
    return f"{'' if len(known) == len(stages) else 'more than '}{sum(known):.0f} s"


def before_and_after(job: Job) -> Iterator[NDArray[np.uint8]]:
    """Along the views with the object: the photograph beside the final field, and back again."""
    images = read_images(job.scene)
    order = list(job.scene.train)
    pairs = [
        side_by_side([images[view], read_image(rendered_image(job, "final", view))], ["photograph", "without"])
        for view in order
    ]
    frames = [*pairs, *pairs[-2:0:-1]]
    yield from frames * -(-FEWEST_FRAMES // len(frames))


def rendered_image(job: Job, stage: str, view: int) -> Path:
    """A view as the field of a stage shows it."""
    return job.folder(stage) / "images" / f"{job.scene.image_names[view]}.png"


def shown_views(job: Job) -> list[int]:
    """Some views, evenly over those with the object."""
    views = job.scene.train
    return [views[index] for index in np.linspace(0, len(views) - 1, min(SHOWN, len(views))).round().astype(int)]


def figure_of_view(job: Job, view: int) -> NDArray[np.uint8]:
    """What each stage made of a view, side by side."""
    name = job.scene.image_names[view]
    photograph = read_image(job.scene.image_files[view])
    disparity = load_npy(job.folder("final") / "depth" / f"{name}.npy")
    panels = {
        "photograph": photograph,
        "mask": draw_mask(photograph, read_mask(masks_of(job) / f"{name}.png")),
        "inpainted": read_image(job.folder("inpaint") / "images" / f"{name}.png"),
        "final field": read_image(rendered_image(job, "final", view)),
        "disparity": grey(disparity),
    }
    return side_by_side(list(panels.values()), list(panels))


def grey(values: NDArray) -> NDArray[np.uint8]:
    """(H,W) numbers from black (smallest) to white (largest)."""
    low, high = float(values.min()), float(values.max())
    return np.round((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
