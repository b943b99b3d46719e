"""One picture of everything: what stands for each entry, under its title."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sparsevision.datasets.video.clips import VIDEO_SUFFIXES, probe_clip, read_frames
from sparsevision.demo.entry import Outcome
from sparsevision.utils import UserError, atomic_write

COLUMNS = 2
CELL = (640, 220)  # pixels of a picture at most
TITLE, GAP = 30, 16
QUALITY = 80
PAPER, INK = (255, 255, 255), (30, 41, 59)


def write_cover(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a WebP file with a cell for each entry that ran: its picture, or the middle of its film.

    Raises:
        UserError: no entry ran.
    """
    shown = [outcome for outcome in outcomes if outcome.result is not None and outcome.result.pictures]
    if not shown:
        raise UserError(f"{path}: nothing to show; no entry ran.")
    cells = [_cell(one.entry.title, _opened(one.result.pictures[one.entry.cover].path)) for one in shown]
    rows = [cells[first : first + COLUMNS] for first in range(0, len(cells), COLUMNS)]
    heights = [max(cell.height for cell in row) + GAP for row in rows]
    sheet = Image.new("RGB", (COLUMNS * (CELL[0] + GAP), sum(heights)), PAPER)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.paste(cell, (column * (CELL[0] + GAP) + GAP // 2, sum(heights[:number]) + GAP // 2))
    with atomic_write(path) as file:
        sheet.save(file, format="WEBP", quality=QUALITY, method=6)


def _opened(path: Path) -> Image.Image:
    if path.suffix in VIDEO_SUFFIXES:
        return Image.fromarray(read_frames(path, [probe_clip(path).frames // 2])[0])
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _cell(title: str, picture: Image.Image) -> Image.Image:
    scale = min(limit / side for limit, side in zip(CELL, picture.size, strict=True))
    small = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
    cell = Image.new("RGB", (CELL[0], TITLE + small.height), PAPER)
    ImageDraw.Draw(cell).text((0, 2), title, fill=INK, font=ImageFont.load_default(20))
    cell.paste(small, (0, TITLE))
    return cell
