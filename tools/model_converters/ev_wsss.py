"""EV-WSSS's released checkpoints (best_epoch.pt), or E2VID's lightweight encoder, to a checkpoint of ours.

Both students are taken from a released checkpoint; an E2VID file gives its encoder to student A, with --both to both.
What has no place here is named: always the two residual blocks that the release computes and never uses.
"""

import argparse
from collections.abc import Mapping, Sequence

from torch import Tensor

from sparsevision.engine import run_tool, save_checkpoint
from sparsevision.engine.model_converter import model_converter_parser, naming, print_left_over, read_published
from sparsevision.methods.ev_wsss.convert import convert_with_report
from sparsevision.utils import UserError

EXAMPLE = """examples:
  python tools/model_converters/ev_wsss.py best_epoch.pt weights/evwsss_dsec.pth
  python tools/model_converters/ev_wsss.py E2VID_lightweight.pth.tar weights/e2vid_encoder.pth --both
  python tools/test.py configs/ev_wsss/evwsss_e2vid_1click_50e_dsec.py weights/evwsss_dsec.pth
"""
ENCODERS = ("students.0.encoder.", "students.1.encoder.")


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = model_converter_parser(__doc__, EXAMPLE)
    parser.add_argument("--both", action="store_true", help="give an E2VID encoder to both students, not to A alone")
    return parser.parse_args(arguments)


def convert(content: Mapping, *, both: bool = False) -> tuple[dict, list[str]]:
    """{"state_dict", "meta"} for `EVWSSS`, and the names that are left over.

    Raises:
        UserError: the content is of neither kind.
    """
    state, unused = convert_with_report(content)
    if not any(name.startswith("students.") for name in state):
        if not any(name.startswith("stages.") for name in state):
            raise UserError("The file holds a decoder alone; a checkpoint needs an encoder.")
        state = {prefix + name: value for prefix in ENCODERS[: 1 + both] for name, value in state.items()}
    meta = {"method": "ev_wsss", "preset": "published"} | _classes_of(state)
    return {"state_dict": state, "meta": meta}, unused


def _classes_of(state: Mapping[str, Tensor]) -> dict[str, int]:
    last = state.get("students.0.decoder.classify.weight")
    return {} if last is None else {"num_classes": len(last)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert and say what was left over."""
    args = parse_args(arguments)
    content = read_published(args.checkpoint)
    with naming(args.checkpoint):
        converted, unused = convert(content, both=args.both)
    save_checkpoint(converted, args.out)
    classes = converted["meta"].get("num_classes")
    print(f"{args.out}: {len(converted['state_dict'])} tensors" + (f", {classes} classes" if classes else ""))
    print_left_over(unused)


if __name__ == "__main__":
    run_tool(main)
