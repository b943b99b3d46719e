"""Which class is taken for which: a picture and a CSV file, from a checkpoint or from a folder of predicted masks."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import BaseDataElement
from rich.progress import track

from sparsevision.apis import init_model
from sparsevision.datasets.image_io import read_class_map, read_grey
from sparsevision.engine import add_cfg_options, read_config, run_tool
from sparsevision.evaluation.confusion_files import write_confusion
from sparsevision.evaluation.functional.confusion import confusion_matrix, iou_from_confusion
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/analysis_tools/confusion_matrix.py CONFIG --checkpoint work_dirs/CONFIG/epoch_10.pth
  python tools/analysis_tools/confusion_matrix.py CONFIG --predictions predictions

--predictions is the folder of tools/test.py --out, or any folder of PNG files named like the images. With two classes
a grey level above 127 is class 1; with more, and in a folder called pred_sem_seg, grey levels are class ids.
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one; its test set is used")
    parser.add_argument("--checkpoint", help="weights of a method that learns")
    parser.add_argument("--predictions", type=Path, help="folder of predicted masks; no model is run")
    parser.add_argument("--out-dir", type=Path, default=Path("work_dirs/confusion_matrix"), help="where to write")
    parser.add_argument("--counts", action="store_true", help="draw counts instead of shares of the true class")
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def predicted_classes(sample: BaseDataElement) -> np.ndarray:
    """(H, W) class ids of a predicted sample: `pred_sem_seg`, or `pred_mask` above one half."""
    if "pred_sem_seg" in sample:
        return sample.pred_sem_seg.data[0].cpu().numpy()
    if "pred_mask" in sample:
        return (sample.pred_mask.data[0] > 0.5).cpu().numpy().astype(np.int64)
    raise UserError("the model predicts neither 'pred_sem_seg' nor 'pred_mask', so there are no classes to count")


def masks_of_folder(folder: Path, sample: BaseDataElement, *, classes: int) -> np.ndarray:
    """(H, W) class ids from `folder`/<sample_id>.png."""
    path = folder / f"{sample.sample_id}.png"
    if not path.is_file():
        raise UserError(f"{path} does not exist: --predictions needs one PNG file for every image of the test set")
    if classes > 2 or folder.name == "pred_sem_seg":
        return read_class_map(path)
    return (read_grey(path) > 127).astype(np.int64)


def png_folder(folder: Path) -> Path:
    """Where the PNG files of tools/test.py --out lie, or the folder itself."""
    inner = [folder / name for name in ("pred_mask", "pred_sem_seg") if (folder / name).is_dir()]
    return inner[0] if inner else folder


def pairs(args: argparse.Namespace, cfg: Config) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[str, ...]]]:
    """(prediction, truth, class names) of every image of the test set."""
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    names = tuple(dataset.metainfo["classes"])
    model = None if args.predictions else init_model(cfg, args.checkpoint)
    for index in track(range(len(dataset)), description="counting", transient=True):
        item = dataset[index]
        sample = item["data_samples"]
        if "gt_sem_seg" not in sample:
            raise UserError(f"{sample.get('img_path')}: no dense truth ('gt_sem_seg'), so nothing can be compared")
        if model is None:
            predicted = masks_of_folder(png_folder(args.predictions), sample, classes=len(names))
        else:
            with torch.no_grad():
                predicted = predicted_classes(model.test_step(pseudo_collate([item]))[0])
        yield predicted, sample.gt_sem_seg.data[0].numpy(), names


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.out_dir, "--out-dir")
    cfg = read_config(args.config, args.cfg_options)
    matrix, names = 0, ()
    for predicted, truth, names in pairs(args, cfg):
        matrix = matrix + confusion_matrix(predicted, truth, num_classes=len(names), ignore_index=255)
    write_confusion(matrix, names, args.out_dir, counts=args.counts)
    print(
        f"mean IoU {np.nanmean(iou_from_confusion(matrix)):.4f}; wrote confusion_matrix.csv and .png to {args.out_dir}"
    )


if __name__ == "__main__":
    run_tool(main)
