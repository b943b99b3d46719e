"""What a detector found in a photograph: numbers, a picture, files."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError, atomic_write
from sparsevision.visualization import draw_detections, write_image
from sparsevision.visualization.detections import SCORE_THRESHOLD, readable


@dataclass(frozen=True)
class DetectionResult:
    """K detections by falling score; all that the method gives, doubtful ones included.

    Attributes:
        name: stem of the file, or "image_<k>" for the k-th array.
        path: the file; None for an array.
        image: uint8 RGB (H,W,3), upright.
        boxes: float32 (K,4), x0, y0, x1, y1: edges in pixels of the image.
        labels: int64 (K,), class ids.
        scores: float32 (K,) in [0,1].
        classes: names, index = class id.
        palette: uint8 (C,3) RGB.
    """

    name: str
    path: Path | None
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    classes: tuple[str, ...]
    palette: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def names(self) -> list[str]:
        """The class name of each detection."""
        return [self.classes[label] for label in self.labels]

    def above(self, score_threshold: float = SCORE_THRESHOLD) -> "DetectionResult":
        """The same without detections of a lower score."""
        sure = self.scores >= score_threshold
        return replace(self, boxes=self.boxes[sure], labels=self.labels[sure], scores=self.scores[sure])

    def counts(self) -> dict[str, int]:
        """How many of each class that occurs, the commonest first."""
        numbers = np.bincount(self.labels, minlength=len(self.classes))
        order = [label for label in np.argsort(-numbers, kind="stable") if numbers[label]]
        return {self.classes[label]: int(numbers[label]) for label in order}

    def draw(self, *, score_threshold: float = SCORE_THRESHOLD) -> NDArray[np.uint8]:
        """The image with boxes, class names and scores, uint8 RGB; small images are enlarged, see `readable`."""
        canvas, _ = readable(self.image)
        sure = self.above(score_threshold)
        scale = np.array(canvas.shape[1::-1]) / np.array(self.image.shape[1::-1])
        boxes = sure.boxes * np.tile(scale, 2)
        return draw_detections(canvas, boxes, sure.labels, names=self.classes, scores=sure.scores, palette=self.palette)

    def to_dict(self) -> dict:
        """As JSON: the image's name and size, and `class`, `label`, `score` and `box` of each detection."""
        height, width = self.image.shape[:2]
        found = zip(self.names, self.labels.tolist(), self.scores.tolist(), self.boxes.tolist(), strict=True)
        return {
            "image": self.name if self.path is None else self.path.name,
            "width": width,
            "height": height,
            "detections": [
                {"class": name, "label": label, "score": round(score, 4), "box": [round(edge, 2) for edge in box]}
                for name, label, score, box in found
            ],
        }

    def write(self, out_dir: str | Path, *, score_threshold: float = SCORE_THRESHOLD) -> list[Path]:
        """Write <name>_boxes.jpg and <name>_boxes.json, without less certain detections; returns the paths.

        Raises:
            UserError: a file cannot be written.
        """
        picture = write_image(Path(out_dir) / f"{self.name}_boxes.jpg", self.draw(score_threshold=score_threshold))
        numbers = picture.with_suffix(".json")
        try:
            with atomic_write(numbers) as file:
                file.write((json.dumps(self.above(score_threshold).to_dict(), indent=2) + "\n").encode())
        except OSError as error:
            raise UserError(f"{numbers}: cannot be written ({error.strerror}); choose another folder.") from error
        return [picture, numbers]
