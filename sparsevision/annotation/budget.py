"""What annotations cost in seconds of a person's time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.types import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """Seconds per annotation. Edit them: they depend on the people, the interface and the images.

    Args:
        point: one labelled pixel. Approximate, after Bearman et al., "What's the point: semantic segmentation with
            point supervision", ECCV 2016: about 2.4 s for the first click on a class in an image, less for further
            ones. (Without finding out which classes are there; with it they count 22.1 s for an image of PASCAL VOC.)
        click: one corrective click in an interactive segmenter. Approximate: taken to be as fast as a point.
        scribble: one stroke. Approximate: about 10.9 s, after the squiggles of Bearman et al.
        box: one box, 7 s by extreme clicking: Papadopoulos et al., "Extreme clicking for efficient object annotation",
            ICCV 2017. (Drawing boxes the traditional way: 35 s, same source.)
        polygon: the outline of one object, 79 s: Lin et al., "Microsoft COCO", ECCV 2014 (22 hours per 1,000 objects).
        mask: a full segmentation of one image, 239.7 s: Bearman et al. for PASCAL VOC.
        cloud_point: one labelled point of a cloud. A guess without a source: twice a point, for turning the view.
        track_entry: one location of a track in one frame. A guess without a source: as fast as a point.
    """

    point: float = 2.4
    click: float = 2.4
    scribble: float = 10.9
    box: float = 7.0
    polygon: float = 79.0
    mask: float = 239.7
    cloud_point: float = 4.8
    track_entry: float = 2.4

    def __post_init__(self) -> None:
        for f in fields(self):
            seconds = getattr(self, f.name)
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
                raise AnnotationError(
                    f"CostModel.{f.name}: expected seconds, a finite number from 0 on, got {seconds!r}."
                )


def annotation_cost(
    annotations: Annotation | Iterable[Annotation] | Mapping[str, Annotation], *, model: CostModel | None = None
) -> float:
    """Seconds that one annotation object, or all in a list or dict, took to make under a cost model."""
    model = CostModel() if model is None else model
    if isinstance(annotations, Annotation):
        return _units(annotations) * _seconds_per_unit(annotations, model)
    items = annotations.values() if isinstance(annotations, Mapping) else annotations
    return float(sum(annotation_cost(item, model=model) for item in items))


def _units(annotation: Annotation) -> int:
    return sum(map(len, annotation.frames)) if isinstance(annotation, Tracks) else len(annotation)


def _seconds_per_unit(annotation: Annotation, model: CostModel) -> float:
    if isinstance(annotation, PointLabels):
        return model.point if annotation.indices is None else model.cloud_point
    return {Clicks: model.click, Scribbles: model.scribble, Boxes: model.box, Tracks: model.track_entry}[
        type(annotation)
    ]
