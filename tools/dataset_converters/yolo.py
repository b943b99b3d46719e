"""Turn a YOLO folder (data.yaml, images, text files of boxes) into COCO-format files that CocoDetectionDataset reads.

OUT gets annotations/instances_train.json, instances_val.json and instances_test.json, as far as data.yaml names them.
Images stay where they are. If any label is wrong all of them are listed and nothing is written.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.detection.yolo import YoloImage, YoloSet, images_of, read_data_yaml, read_image
from sparsevision.engine import run_tool
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/dataset_converters/yolo.py downloads/my_yolo_set/data.yaml --out data/my_set
  python tools/dataset_converters/yolo.py downloads/my_yolo_set --out data/my_set --verify
"""
SHOWN_PROBLEMS = 20


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("source", type=Path, help="data.yaml, or the folder that holds it")
    parser.add_argument("--out", type=Path, required=True, help="folder for annotations/")
    parser.add_argument("--overwrite", action="store_true", help="replace files with other content")
    parser.add_argument(
        "--verify", action="store_true", help="write nothing; compare the files of --out with the labels"
    )
    return parser.parse_args(arguments)


def convert(dataset: YoloSet) -> dict[str, dict]:
    """The COCO document of each split. Raises UserError that lists what is wrong with labels."""
    documents, problems = {}, []
    for split, sources in dataset.splits.items():
        paths = images_of(sources)
        steps = track(paths, description=f"reading {split}", transient=True)
        images = [read_image(path, number, dataset) for number, path in enumerate(steps, start=1)]
        problems += [problem for image in images for problem in image.problems]
        documents[split] = as_document(images, dataset)
        report(split, images, dataset)
    if problems:
        more = f"\n... and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
        raise UserError(f"{len(problems)} labels are wrong:\n" + "\n".join(problems[:SHOWN_PROBLEMS]) + more)
    return documents


def as_document(images: Sequence[YoloImage], dataset: YoloSet) -> dict:
    """One COCO file."""
    annotations = [record for image in images for record in image.annotations]
    return {
        "info": {"description": "converted from a YOLO folder"},
        "images": [image.record for image in images],
        "annotations": [{"id": number, **record} for number, record in enumerate(annotations, start=1)],
        "categories": dataset.categories,
    }


def report(split: str, images: Sequence[YoloImage], dataset: YoloSet) -> None:
    """Print what a split holds."""
    boxes = sum(len(image.annotations) for image in images)
    empty = sum(not image.annotations for image in images)
    print(f"{split}: {len(images)} images, {boxes} boxes of {len(dataset.classes)} classes, {empty} images without one")
    repeated = sum(image.repeated for image in images)
    if repeated:
        print(f"{split}: {repeated} rows that repeat another were left out")


def write(documents: dict[str, dict], out: Path, *, overwrite: bool) -> None:
    """Write the files. Raises UserError, before anything is written, where one is there with other content."""
    contents = {file_of(out, split): (json.dumps(document) + "\n").encode() for split, document in documents.items()}
    there = {path for path, content in contents.items() if path.is_file() and path.read_bytes() == content}
    others = [path for path in contents if path.exists() and path not in there]
    if others and not overwrite:
        raise UserError(f"{others[0]}: is there with other content; choose another --out, or add --overwrite.")
    for path, content in contents.items():
        if path not in there:
            write_bytes(path, content)
        print(f"{path}: {'already up to date' if path in there else 'written'}")


def verify(documents: dict[str, dict], out: Path) -> int:
    """Number of files that differ from the labels, each of them printed."""
    wrong = 0
    for split, document in documents.items():
        path = file_of(out, split)
        try:
            problem = "" if json.loads(path.read_bytes()) == document else "does not hold the labels of the YOLO folder"
        except (OSError, ValueError):
            problem = "is missing or cannot be read"
        wrong += bool(problem)
        print(f"{path}: {problem or 'agrees'}")
    return wrong


def file_of(out: Path, split: str) -> Path:
    """Where the file of a split lies."""
    return out / "annotations" / f"instances_{split}.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; exits with 1 when --verify found differences."""
    args = parse_args(arguments)
    check_out_folder(args.out, "--out")
    dataset = read_data_yaml(args.source)
    documents = convert(dataset)
    if args.verify:
        sys.exit(int(verify(documents, args.out) > 0))
    write(documents, args.out, overwrite=args.overwrite)
    print(
        f"In a config: num_classes={len(dataset.classes)}, data_root='{args.out}', "
        f"ann_file='annotations/instances_train.json', data_prefix=dict(img='{dataset.root.resolve()}')"
    )


if __name__ == "__main__":
    run_tool(main)
