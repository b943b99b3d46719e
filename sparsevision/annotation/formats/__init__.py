"""Readers and writers of the files of other annotation tools: COCO JSON, LabelMe JSON, CVAT XML."""

from sparsevision.annotation.formats.class_map import class_map_of
from sparsevision.annotation.formats.coco import read_coco, write_coco
from sparsevision.annotation.formats.cvat import read_cvat, write_cvat
from sparsevision.annotation.formats.data_set import AnnotationSet, Region
from sparsevision.annotation.formats.labelme import read_labelme, write_labelme

__all__ = [
    "AnnotationSet",
    "Region",
    "class_map_of",
    "read_coco",
    "read_cvat",
    "read_labelme",
    "write_coco",
    "write_cvat",
    "write_labelme",
]
