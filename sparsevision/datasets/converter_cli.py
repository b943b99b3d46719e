"""The command line that the label converters share."""

import argparse
from collections import Counter
from collections.abc import Callable

from rich.progress import track

from sparsevision.datasets.converters import LabelFormat, convert_folder, count_labels, verify_folder
from sparsevision.utils import check_out_folder
from sparsevision.utils.command_line import resumable, tool_parser

SHOWN_PROBLEMS = 20


def run_converter(
    arguments: list[str] | None,
    *,
    description: str,
    examples: str | None = None,
    form: Callable[[argparse.Namespace], LabelFormat],
    add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> int:
    """Parse SOURCE --out OUT [--verify], convert or verify with a progress bar, report.

    Args:
        arguments: the command line; None for sys.argv.
        description: help text.
        examples: command lines, for the help text.
        form: from the parsed arguments to the label format.
        add_options: adds a converter's own options.

    Returns:
        0 when all is converted (or verified), 1 when --verify found differences, 2 on bad input, 130 after Ctrl-C.
    """
    parser = tool_parser(description, examples)
    parser.add_argument("source", help="folder of label PNGs (0 unlabelled, 1 foreground, 2 background)")
    parser.add_argument("--out", required=True, help="folder for the JSON files, one per PNG")
    parser.add_argument("--verify", action="store_true", help="write nothing; compare the JSON files with the PNGs")
    add_options(parser)
    args = parser.parse_args(arguments)
    return resumable(lambda: (_verify if args.verify else _convert)(args, form(args)))


def _convert(args: argparse.Namespace, form: LabelFormat) -> int:
    check_out_folder(args.out, "--out")
    steps = track(convert_folder(args.source, args.out, form), "converting", total=count_labels(args.source))
    counts = Counter(steps)
    print(f"{args.out}: {counts['written']} written, {counts['kept']} already up to date")
    return 0


def _verify(args: argparse.Namespace, form: LabelFormat) -> int:
    steps = track(verify_folder(args.source, args.out, form), "verifying", total=count_labels(args.source))
    answers = list(steps)
    problems = [answer for answer in answers if answer is not None]
    for problem in problems[:SHOWN_PROBLEMS]:
        print(problem)
    print(f"{len(answers) - len(problems)} of {len(answers)} labels agree")
    return int(bool(problems))
