"""Draw samples of a config's data set as the network gets them: images, events or clouds, truth and sparse labels."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import RepeatDataset
from mmengine.structures import BaseDataElement
from numpy.typing import NDArray
from rich.progress import track

from sparsevision.engine import add_cfg_options, read_config, run_tool
from sparsevision.engine.hooks.visualization import input_picture
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser
from sparsevision.visualization import SparseVisualizer, write_image
from sparsevision.visualization.cloud_samples import draw_training_views

EXAMPLE = """example:
  python tools/misc/browse_dataset.py tiny_sparseseg_resnet18_scribble_30e_camouflage \\
      --number 12 --out-dir work_dirs/browse
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("--split", default="train", choices=["train", "val", "test"], help="which data loader's set")
    parser.add_argument("--out-dir", type=Path, default=Path("work_dirs/browse"), help="where pictures are written")
    parser.add_argument("--number", type=int, default=20, help="how many samples, evenly spread over the set")
    add_cfg_options(parser)
    args = parser.parse_args(arguments)
    if args.number < 1:
        parser.error("--number must be at least 1")
    return args


def label_counts(sample: BaseDataElement) -> str:
    """How many pixels or voxels the sparse labels, or boxes the truth, gives each class: a look without pictures."""
    if "sparse_sem_seg" in sample:
        labels = sample.sparse_sem_seg.data.numpy()
    elif "sparse_voxel_labels1" in sample:
        labels = sample.sparse_voxel_labels1.numpy()
    elif "gt_instances" in sample:
        labels = sample.gt_instances.labels.numpy()
    else:
        return "no sparse labels"
    values, counts = np.unique(labels, return_counts=True)
    return ", ".join(f"{value}: {count}" for value, count in zip(values, counts, strict=True))


def picture_of(item: Mapping[str, Any], visualizer: SparseVisualizer) -> NDArray:
    """What a data set gave as a picture (H,W,3): the two views of a training cloud, or a row of panels."""
    inputs, sample = item["inputs"], item["data_samples"]
    if "coords1" in inputs:
        meta = visualizer.dataset_meta
        return draw_training_views(inputs, sample, names=meta["classes"], palette=meta.get("palette"))
    return visualizer.draw_sample(input_picture(inputs, sample), sample)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.out_dir, "--out-dir")
    cfg = read_config(args.config, args.cfg_options)
    loader = cfg.get(f"{args.split}_dataloader")
    if loader is None:
        raise UserError(f"{args.config} has no {args.split}_dataloader; choose another --split")
    dataset = DATASETS.build(loader.dataset)
    visualizer = SparseVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    count = len(dataset.dataset) if isinstance(dataset, RepeatDataset) else len(dataset)  # repeats have one name
    chosen = np.unique(np.linspace(0, count - 1, min(args.number, count)).round().astype(int))
    for index in track(chosen, description="drawing", transient=True):
        item = dataset[int(index)]
        sample = item["data_samples"]
        name = sample.get("sample_id", f"sample_{index}")
        path = write_image(args.out_dir / f"{name}.png", picture_of(item, visualizer))
        print(f"{path}  labels: {label_counts(sample)}")
    print(f"wrote {len(chosen)} of {count} samples to {args.out_dir}")


if __name__ == "__main__":
    run_tool(main)
