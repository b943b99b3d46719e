"""Make a checkpoint ready to share: weights and meta only, loaded and saved safely, its SHA-256 in the file name."""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from sparsevision.engine import load_checkpoint, run_tool, save_checkpoint
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/model_converters/publish_model.py work_dirs/my_config/epoch_50.pth published/my_config.pth
"""
KEEP = ("state_dict", "meta")


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("checkpoint", type=Path, help="the checkpoint of a training run")
    parser.add_argument("out", type=Path, help="where to write; '-' and 8 digits of the SHA-256 are added to the name")
    parser.add_argument(
        "--last", action="store_true", help="of a training with an EMAHook, the last weights instead of their mean"
    )
    return parser.parse_args(arguments)


def last_weights(checkpoint: dict) -> dict:
    """The weights after the last step, under the model's own names.

    mmengine's EMAHook saves the mean as `state_dict`, and the weights that the training goes on from as
    `ema_state_dict`.

    Raises:
        UserError: the run had no EMA hook.
    """
    last = checkpoint.get("ema_state_dict")
    if not last:
        raise UserError("the checkpoint was written without an EMAHook: its weights are the last ones without --last")
    return {name.removeprefix("module."): value for name, value in last.items() if name != "steps"}


def publish(source: Path, out: Path, *, last: bool = False) -> Path:
    """Write the stripped checkpoint; returns its path, `<out stem>-<8 hex digits>.pth`.

    Raises:
        UserError: the file cannot be read safely, or holds no 'state_dict'.
    """
    checkpoint = load_checkpoint(source)
    if "state_dict" not in checkpoint:
        found = ", ".join(map(str, list(checkpoint)[:5]))
        raise UserError(
            f"{source} has no 'state_dict' (it starts with: {found}); expected a checkpoint of tools/train.py"
        )
    published = {key: checkpoint[key] for key in KEEP if key in checkpoint}
    if last:
        published["state_dict"] = last_weights(checkpoint)
    out.parent.mkdir(parents=True, exist_ok=True)
    unnamed = out.with_name(f".{out.stem}.unnamed.pth")
    save_checkpoint(published, unnamed)
    digest = hashlib.sha256(unnamed.read_bytes()).hexdigest()
    return unnamed.rename(out.with_name(f"{out.stem}-{digest[:8]}.pth"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    written = publish(args.checkpoint, args.out, last=args.last)
    print(f"wrote {written} ({written.stat().st_size / 1e6:.1f} MB, was {args.checkpoint.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    run_tool(main)
