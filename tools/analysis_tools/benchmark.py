"""How fast a config's model runs on random input: median, fastest and slowest step after a warm-up.

With --all instead of a config: every benchmark of this folder, ours against plain forms, one after the other in
processes of their own, quickly (under ten minutes on two cores) or at --full size. What was measured is kept in
--folder, so that the same command goes on where it stopped, and is written to --page.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from sparsevision.apis.example import build_example
from sparsevision.engine import add_cfg_options, run_tool
from sparsevision.utils import write_json
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.benchmarks import BENCHMARKS, MARKER, chosen, page, run_all
from sparsevision.zoo.runs import write_block

SCRIPT = "analysis_tools/benchmark.py"
EXAMPLE = """example:
  python tools/analysis_tools/benchmark.py tiny_sparseseg_resnet18_scribble_30e_camouflage \\
      --size 352 352 --iterations 20 --threads 2
  python tools/analysis_tools/benchmark.py --all --page docs/benchmark.md
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", nargs="?", help="a config file, or the name of a shipped one")
    parser.add_argument("--checkpoint", help="weights; random ones are as fast, for most methods")
    parser.add_argument("--size", type=int, nargs=2, default=[352, 352], metavar=("H", "W"), help="input size")
    parser.add_argument("--batch", type=int, default=1, help="images in a step")
    parser.add_argument("--mode", default="predict", choices=["predict", "loss", "tensor"], help="which forward")
    parser.add_argument("--iterations", type=int, default=20, help="steps that count")
    parser.add_argument("--warmup", type=int, default=3, help="steps before, that do not count")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="also write the numbers to this JSON file")
    add_cfg_options(parser)
    add_all_options(parser)
    args = parser.parse_args(arguments)
    if args.all == bool(args.config):
        parser.error("give a config, or --all")
    if args.iterations < 1 or args.warmup < 0 or args.batch < 1:
        parser.error("--iterations and --batch must be at least 1, --warmup at least 0")
    return args


def add_all_options(parser: argparse.ArgumentParser) -> None:
    """Options of --all."""
    group = parser.add_argument_group("all benchmarks")
    group.add_argument("--all", action="store_true", help="run every benchmark of this folder")
    names = ", ".join(benchmark.name for benchmark in BENCHMARKS)
    group.add_argument("--only", nargs="+", default=[], metavar="NAME", help=f"these of them: {names}")
    group.add_argument("--full", action="store_true", help="at full size (much longer)")
    group.add_argument("--folder", type=Path, default=Path("work_dirs/benchmark"), help="of what was measured")
    group.add_argument("--restart", action="store_true", help="measure again what is there")
    group.add_argument("--page", type=Path, help=f"page that receives all, between <!-- {MARKER}:begin --> and end")


def benchmark_all(args: argparse.Namespace) -> int:
    """Run all, write the page; returns 1 when one could not be measured, else 0."""
    benchmarks = chosen(args.only)
    if args.page:
        write_block(args.page, None, marker=MARKER)

    def say(text: str) -> None:
        print(text, flush=True)

    outcomes = list(run_all(benchmarks, args.folder, full=args.full, restart=args.restart, say=say))
    if args.page:
        words = [*(["--only", *args.only] if args.only else []), *(["--full"] if args.full else [])]
        command = shlex.join(["python", f"tools/{SCRIPT}", "--all", *words, "--page", str(args.page)])
        write_block(args.page, page(outcomes, command=command), marker=MARKER)
    return int(any(outcome.problem for outcome in outcomes))


def measure(step: Callable[[], object], *, warmup: int, iterations: int, device: str) -> np.ndarray:
    """Seconds of each counted step, (iterations,); a GPU is waited for."""
    seconds = []
    for _ in range(warmup + iterations):
        start = time.perf_counter()
        step()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return np.asarray(seconds[warmup:])


def summary(seconds: np.ndarray, *, batch: int) -> dict[str, float]:
    """Milliseconds of a step, and samples a second at the median."""
    milliseconds = 1000 * seconds
    return {
        "median_ms": float(np.median(milliseconds)),
        "fastest_ms": float(milliseconds.min()),
        "slowest_ms": float(milliseconds.max()),
        "samples_per_second": float(batch / np.median(seconds)),
    }


def benchmark(args: argparse.Namespace) -> dict[str, float]:
    """Build, run, summarise."""
    if args.threads:
        torch.set_num_threads(args.threads)
    example = build_example(
        args.config,
        checkpoint=args.checkpoint,
        size=tuple(args.size),
        count=args.batch,
        device=args.device,
        options=args.cfg_options,
    )
    with torch.no_grad():
        seconds = measure(
            lambda: example.forward(args.mode), warmup=args.warmup, iterations=args.iterations, device=args.device
        )
    return summary(seconds, batch=args.batch)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    if args.all:
        sys.exit(benchmark_all(args))
    numbers = benchmark(args)
    height, width = args.size
    print(
        f"{args.config}: {args.mode} of {args.batch} x {height} x {width} on {args.device}, "
        f"{torch.get_num_threads()} CPU threads, {args.iterations} steps after {args.warmup}\n"
        f"  median {numbers['median_ms']:.1f} ms, fastest {numbers['fastest_ms']:.1f} ms, "
        f"slowest {numbers['slowest_ms']:.1f} ms, {numbers['samples_per_second']:.2f} samples/s"
    )
    if args.out:
        write_json(args.out, numbers)


if __name__ == "__main__":
    run_tool(main)
