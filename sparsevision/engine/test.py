"""Test a method on the data set of a config."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from sparsevision.engine.amp import adapt_to_cpu
from sparsevision.engine.checkpoint_diagnosis import check_readable
from sparsevision.engine.hooks import PredictionWriter, VisualizationHook
from sparsevision.engine.hooks.checkpoint import find_latest
from sparsevision.engine.pretrained import without_pretrained_backbone
from sparsevision.engine.setup import build_runner, common_parser, load_config, method_class
from sparsevision.utils import UserError, check_out_folder

EXAMPLE = """examples:
  python tools/test.py CONFIG work_dirs/NAME/epoch_30.pth --show-dir pictures
  python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse.py      a method without a checkpoint of its own
  tools/dist_test.sh CONFIG CHECKPOINT 4                                   four processes
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_parser(__doc__, epilog=EXAMPLE)
    parser.add_argument("checkpoint", nargs="?", help="weights; left out by methods that have none of their own")
    parser.add_argument("--out", metavar="DIR", help="write predictions (PNG) and metrics.json to this folder")
    parser.add_argument("--show-dir", metavar="DIR", help="write pictures of the predictions to this folder")
    parser.add_argument("--show", action="store_true", help="show the pictures in a window")
    parser.add_argument("--wait-time", type=float, default=2, help="seconds that a window stays (default: 2)")
    parser.add_argument("--tta", action="store_true", help="test-time augmentation, where the config defines it")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of tools/test.py."""
    build_runner(testing_config(parse_args(arguments))).test()


def testing_config(args: argparse.Namespace) -> Config:
    """The config with every option applied.

    Raises:
        UserError: a checkpoint is needed, there is nothing to test on, or an option has nothing to work on.
    """
    cfg = load_config(args)
    if cfg.get("test_dataloader") is None:
        raise UserError(f"{args.config} has no test_dataloader: there is nothing to test on.")
    check_out(args.out)
    check_out_folder(args.show_dir, "--show-dir")
    check_checkpoint(cfg, args)
    adapt_to_cpu(cfg)
    cfg.resume, cfg.load_from = False, args.checkpoint
    if args.checkpoint is not None:
        cfg.model = without_pretrained_backbone(cfg.model)
    if args.show or args.show_dir:
        draw_predictions(cfg, args)
    if args.out:
        cfg.custom_hooks = [*(cfg.get("custom_hooks") or []), {"type": PredictionWriter, "out_dir": args.out}]
    if args.tta:
        augment(cfg, args.config)
    return cfg


def check_checkpoint(cfg: Config, args: argparse.Namespace) -> None:
    """A method with weights of its own needs a checkpoint."""
    method = method_class(cfg)
    if args.checkpoint is not None:
        check_readable(Path(args.checkpoint))
    if args.checkpoint is not None or not getattr(method, "requires_checkpoint", True):
        return
    latest = find_latest(cfg.work_dir)
    trained = str(latest) if latest else f"{cfg.work_dir}/epoch_N.pth (after python tools/train.py {args.config})"
    raise UserError(f"{method.__name__} is tested with a checkpoint: python tools/test.py {args.config} {trained}")


def check_out(out: str | None) -> None:
    """`--out` takes a folder; OpenMMLab users are used to a pickle there."""
    check_out_folder(out, "--out")
    if out and Path(out).suffix:
        raise UserError(
            f"--out takes a folder for PNG files and metrics.json, not '{out}': predictions are not pickled. "
            f"Give e.g. --out {Path(out).with_suffix('')}"
        )


def draw_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """Turn the visualisation hook on."""
    hooks = cfg.setdefault("default_hooks", {})
    hook = hooks.setdefault("visualization", {"type": VisualizationHook})
    hook.update(draw=True, show=args.show, wait_time=args.wait_time, out_dir=args.show_dir)


def augment(cfg: Config, name: str) -> None:
    """Wrap the model and the pipeline for test-time augmentation."""
    missing = [key for key in ("tta_model", "tta_pipeline") if cfg.get(key) is None]
    if missing:
        raise UserError(f"--tta: {name} does not define {' and '.join(missing)}; leave --tta away.")
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
