"""Folders of dense truth to folders of simulated annotations: what `tools/annotation/simulate.py` runs.

The randomness of an image comes from the seed and the image's stem alone. So adding images, leaving some out, or the
number of workers changes no other image.
"""

import dataclasses
import hashlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from sparsevision.annotation import (
    Annotation,
    annotations_to_json,
    drop,
    mislabel,
    read_flow,
    shift,
    simulate_boxes,
    simulate_clicks,
    simulate_points,
    simulate_scribbles,
    simulate_tracks,
)
from sparsevision.annotation.files import write_bytes
from sparsevision.annotation.label_png import encode_label_png
from sparsevision.annotation.tracks_flow import FLOW_SUFFIXES
from sparsevision.datasets.dense_masks import MaskReader
from sparsevision.utils import UserError

Named = Annotation | dict[str, Annotation]
UNKNOWN = -1
KINDS = ("points", "scribbles", "boxes", "clicks", "tracks")


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What is simulated for each image. See `simulate_points` and its sisters for the options.

    Attributes:
        kind: one of KINDS.
        per_class: how many per class (boxes: None for every object), of tracks: per video.
        seed: together with an image's stem, the source of all randomness.
        masks: reader of the dense truth (not of tracks).
        width, per_component, centre_bias, jitter, min_pixels, moving, stride: options of the simulators.
        drop, mislabel: share of annotations that are forgotten, that are given a wrong class.
        shift: pixels by which points and clicks miss their spot.
        classes: ids that a wrong class is drawn from.
        side: points are drawn in label PNGs as squares of this side.
    """

    kind: str
    per_class: int | None = 1
    seed: int = 0
    masks: MaskReader = field(default_factory=MaskReader)
    width: int = 3
    per_component: bool = False
    centre_bias: float | None = None
    jitter: float = 0.0
    min_pixels: int = 1
    moving: float = 0.0
    stride: int = 1
    drop: float = 0.0
    mislabel: float = 0.0
    shift: float = 0.0
    classes: tuple[int, ...] = ()
    side: int = 1


def image_rng(seed: int, stem: str, purpose: str) -> np.random.Generator:
    """The generator of one image for one purpose, the same on every machine and whatever other images there are."""
    digest = hashlib.sha256(f"{seed}\0{stem}\0{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def find_flows(folder: str | Path) -> dict[str, Path]:
    """{stem: path} of flow files and of folders of .flo files, sorted. Raises UserError if there are none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; expected one of optical flow, a file for each video.")
    entries = [path for path in folder.iterdir() if path.is_dir() or path.suffix.lower() in FLOW_SUFFIXES]
    entries = [path for path in entries if not path.name.startswith(".")]
    found: dict[str, Path] = {}
    for path in sorted(entries):
        stem = path.name if path.is_dir() else path.stem
        if stem in found:
            raise UserError(f"{folder}: holds both '{found[stem].name}' and '{path.name}'; keep one of them.")
        found[stem] = path
    if not found:
        raise UserError(f"{folder}: holds no optical flow ({', '.join(FLOW_SUFFIXES)}, or folders of .flo files).")
    return found


def simulate_image(stem: str, path: Path, simulation: Simulation) -> Named:
    """The annotations of one image (or video) with all noise. Raises UserError, which names the file."""
    try:
        made = _simulated(stem, path, simulation)
        return {name: _noisy(each, stem, name, path, simulation) for name, each in made.items()}
    except UserError as error:
        message = str(error)
        raise UserError(message if message.startswith(str(path)) else f"{path}: {message}") from error


def simulate_folder(
    found: dict[str, Path],
    out: str | Path,
    simulation: Simulation,
    *,
    png: str | Path | None = None,
    overwrite: bool = False,
    workers: int = 0,
) -> Iterator[str]:
    """Write out/<stem>.json for every image; yields "written", or "kept" where the same file is there already.

    Args:
        found: {stem: path}, see `find_masks` and `find_flows`.
        out: folder of the JSON files, made if missing.
        simulation: what to make.
        png: folder for label PNGs with the codes of S-COD as well (points and scribbles of the classes 0 and 1).
        overwrite: replace files that differ.
        workers: processes; 0 stays in this one. The files do not depend on it.

    Raises:
        UserError: a file that is no mask; a different file in `out` or `png` without `overwrite`; names the file.
    """
    make = partial(_files_of, out=Path(out), png=None if png is None else Path(png), simulation=simulation)
    with _mapper(workers) as mapped:
        for contents in mapped(make, found.items()):
            fresh = {path: data for path, data in contents.items() if not _holds(path, data)}
            for path in fresh:
                if path.exists() and not overwrite:
                    raise UserError(
                        f"{path}: is there already, with other content; nothing of this image was written. Give "
                        "--overwrite to replace such files, or another --out."
                    )
            for path, data in fresh.items():
                write_bytes(path, data)
            yield "written" if fresh else "kept"


def _files_of(item: tuple[str, Path], *, out: Path, png: Path | None, simulation: Simulation) -> dict[Path, bytes]:
    """Path -> content of what is written for one image."""
    stem, path = item
    made = simulate_image(stem, path, simulation)
    single = next(iter(made.values())) if simulation.kind != "clicks" else made
    files = {out / f"{stem}.json": annotations_to_json(single)}
    if png is not None:
        files[png / f"{stem}.png"] = _label_png(made, path, simulation)
    return files


def _simulated(stem: str, path: Path, simulation: Simulation) -> dict[str, Annotation]:
    rng = partial(image_rng, simulation.seed, stem)
    if simulation.kind == "tracks":
        options = {"count": simulation.per_class, "moving": simulation.moving, "stride": simulation.stride}
        return {"tracks": simulate_tracks(read_flow(path), rng=rng("simulate"), **options)}
    mask, ignore_index = simulation.masks(path), simulation.masks.ignore_index
    if simulation.kind == "clicks":
        return _clicks(mask, ignore_index, simulation, rng)
    common = {"rng": rng("simulate"), "per_class": simulation.per_class, "ignore_index": ignore_index}
    if simulation.kind == "points":
        bias = simulation.centre_bias or 0.0
        points = simulate_points(mask, per_component=simulation.per_component, centre_bias=bias, **common)
        return {"points": points}
    if simulation.kind == "scribbles":
        return {"scribbles": simulate_scribbles(mask, width=min(simulation.width, *mask.shape), **common)}
    boxes = simulate_boxes(mask, jitter=simulation.jitter, min_pixels=simulation.min_pixels, **common)
    return {"boxes": boxes}


def _clicks(
    mask: np.ndarray, ignore_index: int | None, simulation: Simulation, rng: Callable[[str], np.random.Generator]
) -> dict[str, Annotation]:
    """Clicks on every class but the background, as one object each."""
    clicks = {}
    for label in np.unique(mask[mask > 0]).tolist():
        if label == ignore_index:
            continue
        made = simulate_clicks(
            mask == label,
            n=simulation.per_class,
            per_component=simulation.per_component,
            centre_bias=1.0 if simulation.centre_bias is None else simulation.centre_bias,
            rng=rng(f"simulate class {label}"),
        )
        clicks[f"object_{len(clicks) + 1}"] = _with_meta(made, label=label)
    return clicks


def _noisy(annotation: Annotation, stem: str, name: str, path: Path, simulation: Simulation) -> Annotation:
    rng = partial(image_rng, simulation.seed, stem)
    if simulation.drop:
        annotation = drop(annotation, share=simulation.drop, rng=rng(f"drop {name}"))
    if simulation.mislabel:
        generator = rng(f"mislabel {name}")
        annotation = mislabel(annotation, share=simulation.mislabel, classes=simulation.classes, rng=generator)
    if simulation.shift:
        annotation = shift(annotation, pixels=simulation.shift, rng=rng(f"shift {name}"))
    return _with_meta(annotation, seed=simulation.seed, source=path.name)


def _with_meta(annotation: Annotation, **more: object) -> Annotation:
    return dataclasses.replace(annotation, meta=annotation.meta | more)


def _label_png(made: dict[str, Annotation], path: Path, simulation: Simulation) -> bytes:
    """S-COD codes of points or scribbles. Raises UserError for other kinds and classes."""
    if simulation.kind not in ("points", "scribbles"):
        raise UserError(f"label PNGs hold points or scribbles, not {simulation.kind}; leave --png out.")
    annotation = next(iter(made.values()))
    strange = np.setdiff1d(annotation.labels, (0, 1))
    if strange.size:
        raise UserError(
            f"{path}: label PNGs know the classes 0 and 1 only, not {strange[:5].tolist()}; leave --png out."
        )
    options = {"side": simulation.side} if simulation.kind == "points" else {}
    return encode_label_png(annotation.densify(UNKNOWN, **options), ignore_index=UNKNOWN, source=path)


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


@contextmanager
def _mapper(workers: int) -> Iterator[Callable]:
    """`map` in this process, or over so many others; what has not begun is dropped when the block ends."""
    if not workers:
        yield map
        return
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
