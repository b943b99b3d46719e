"""All benchmarks of `tools/analysis_tools` one after the other, and the page that shows what they found."""

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sparsevision.utils import UserError, did_you_mean, tools_dir
from sparsevision.utils.processes import end_with_parent, usable_processors
from sparsevision.zoo.runs import digest_of, read_result, write_result
from sparsevision.zoo.tables import markdown_table

FOLDER = "analysis_tools"
MARKER = "benchmark"
PACKAGE = Path(__file__).resolve().parents[1]  # what the benchmarks time
Costs = Mapping[tuple[str, str], float]  # (work, way) -> a time, or another number of which less is better


@dataclass(frozen=True)
class Benchmark:
    """A tool that compares our way with plain ones.

    Attributes:
        name: short, for the command line.
        title: for the page.
        script: file in tools/analysis_tools.
        quick: arguments for some tens of seconds on two cores; without them the tool runs at its full size.
        against: pairs of ways (ours, plain), compared wherever both did the same work.
    """

    name: str
    title: str
    script: str
    quick: tuple[str, ...]
    against: tuple[tuple[str, str], ...]

    def words(self, *, full: bool) -> list[str]:
        """The command as one types it, without its output file."""
        return [f"tools/{FOLDER}/{self.script}", *([] if full else self.quick)]


@dataclass(frozen=True)
class Outcome:
    """What running one benchmark gave; `problem` is "" when it worked."""

    benchmark: Benchmark
    command: str
    date: str = ""
    seconds: float = 0.0
    said: str = ""
    costs: Costs = field(default_factory=dict)
    problem: str = ""


BENCHMARKS = (
    Benchmark(
        "gensam",
        "GenSAM: one image",
        "gensam_cost.py",
        (),
        (("ours", "as published"),),
    ),
    Benchmark(
        "events",
        "EV-WSSS: event grids and prototypes",
        "event_benchmark.py",
        ("--rounds", "5"),
        (
            ("ours, 8 taps", "plain formula in torch, 8 taps"),
            ("ours, 8 taps", "tonic, 2 taps"),
            ("at 1/8 (ours)", "at full resolution"),
        ),
    ),
    Benchmark(
        "sparse_conv",
        "CPCM: sparse convolution",
        "sparse_conv_benchmark.py",
        ("--points", "30000", "--rounds", "1", "--table"),
        (("ours", "ours, maps never kept"), ("ours", "ours, gathering only"), ("ours", "spconv")),
    ),
    Benchmark(
        "radiance",
        "SPIn-NeRF: radiance fields",
        "radiance_benchmark.py",
        ("--rays", "256", "--rounds", "2"),
        (
            ("our dense grids", "our NeRF network"),
            ("our dense grids", "nerfstudio's hash grid"),
            ("our dense grids", "nerfstudio's NeRF network"),
        ),
    ),
    Benchmark(
        "detr",
        "Focus-DETR: sparse encoders and deformable attention",
        "detr_benchmark.py",
        ("--size", "480", "640", "--rounds", "2", "--queries", "5000"),
        (
            ("keep 0.5", "DINO, dense"),
            ("keep 0.1", "DINO, dense"),
            ("keep 0.5", "keep 0.5, plain"),
            ("ours", "grid_sample, level by level"),
        ),
    ),
    Benchmark(
        "i2v",
        "Motion-I2V: splatting and attention along motion",
        "i2v_benchmark.py",
        ("--size", "192", "320", "--rounds", "1", "--parts", "splat", "step", "flops"),
        (("operators built once", "direct"), ("ours", "plain")),
    ),
)


def chosen(names: Sequence[str]) -> list[Benchmark]:
    """Benchmarks by name, all for no names. UserError for a name that none has."""
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    for name in names:
        if name not in known:
            raise UserError(f"there is no benchmark '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}.")
    return [benchmark for benchmark in BENCHMARKS if not names or benchmark.name in names]


def run_all(
    benchmarks: Sequence[Benchmark], folder: Path, *, full: bool, restart: bool = False, say: Callable[[str], None]
) -> Iterator[Outcome]:
    """Run each in a process of its own; what was measured before with the same command and code is read.

    Code is the benchmark's script and the whole package.

    Args:
        folder: a folder for each benchmark is made below it.
        full: without the arguments for a quick run.
        restart: measure again what is there.
        say: told what is going on.
    """
    package = code_digest(PACKAGE)
    for number, benchmark in enumerate(benchmarks, 1):
        begin = f"[{number}/{len(benchmarks)}] {benchmark.title}"
        own = folder / benchmark.name
        digest = digest_of([benchmark.words(full=full), machine(), _code_of(benchmark), package])
        before = None if restart else read_result(own, digest)
        if before:
            say(f"{begin}: measured before, {before['date']}")
            yield _outcome(benchmark, before)
            continue
        say(f"{begin}: running")
        outcome = run_one(benchmark, own, digest, full=full)
        say(f"{begin}: {outcome.problem or f'{outcome.seconds:.0f} s'}")
        yield outcome


def run_one(benchmark: Benchmark, folder: Path, digest: str, *, full: bool) -> Outcome:
    """Run one and keep what it wrote and said. A tool may end with an error code where a bar is not met."""
    words = benchmark.words(full=full)
    command, out = shlex.join(["python", *words]), folder / "figures.json"
    folder.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    script = tools_dir() / FOLDER / benchmark.script
    plain = os.environ | {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "110"}
    start = time.monotonic()
    finished = subprocess.run(
        [sys.executable, str(script), *words[1:], "--out", str(out)],
        capture_output=True,
        text=True,
        env=plain,
        check=False,
        preexec_fn=end_with_parent,
    )
    seconds = time.monotonic() - start
    if not out.is_file():
        lines = (finished.stderr or finished.stdout).strip().splitlines() or [f"exit code {finished.returncode}"]
        return Outcome(benchmark, command, problem=f"could not be measured: {lines[-1]}")
    content = {
        "command": command,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": seconds,
        "said": "\n".join(line.rstrip() for line in finished.stdout.strip("\n").splitlines()),
        "figures": json.loads(out.read_text()),
    }
    write_result(folder, digest, content)
    return _outcome(benchmark, content)


def code_digest(folder: Path) -> str:
    """SHA-256 of the Python files below a folder, with their names."""
    files = sorted(folder.rglob("*.py"))
    return digest_of([[path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")] for path in files])


def machine() -> str:
    """E.g. "2-core CPU (x86_64), torch 2.14.1"."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{usable_processors()}-core CPU ({platform.machine()}){gpu}, torch {torch.__version__.split('+')[0]}"


def ratios(outcome: Outcome) -> list[list[str]]:
    """Rows (work, ours, plain, cost of ours, cost of plain, ratio) of every pair that did the same work."""
    rows = []
    for work in dict.fromkeys(work for work, _ in outcome.costs):
        for ours, plain in outcome.benchmark.against:
            pair = outcome.costs.get((work, ours)), outcome.costs.get((work, plain))
            if all(pair):
                rows.append([work, ours, plain, f"{pair[0]:.1f}", f"{pair[1]:.1f}", f"{pair[1] / pair[0]:.2f}"])
    return rows


def page(outcomes: Sequence[Outcome], *, command: str) -> str:
    """Markdown between the markers: machine, command, then each benchmark with its ratios and all that it said."""
    total = sum(outcome.seconds for outcome in outcomes)
    head = f"{machine()}; {total / 60:.1f} minutes in all. Made by:\n\n{_shell(command)}"
    return "\n\n".join([head, *(_section(outcome) for outcome in outcomes)])


def _section(outcome: Outcome) -> str:
    parts = [f"## {outcome.benchmark.title}", _shell(outcome.command)]
    if outcome.problem:
        return "\n\n".join([*parts, f"It {outcome.problem}"])
    parts.append(f"{outcome.date}, {outcome.seconds:.0f} s.")
    rows = ratios(outcome)
    if rows:
        parts.append(markdown_table(["work", "ours", "plain form", "ours, ms", "plain, ms", "plain / ours"], rows))
    return "\n\n".join([*parts, f"```text\n{outcome.said}\n```"])


def _shell(command: str) -> str:
    return f"<!-- needs: minutes -->\n```bash\n{command}\n```"


def _outcome(benchmark: Benchmark, content: Mapping[str, Any]) -> Outcome:
    return Outcome(
        benchmark,
        content["command"],
        date=content["date"],
        seconds=content["seconds"],
        said=content["said"],
        costs={(one["work"], one["name"]): one["value"] for one in content["figures"]},
    )


def _code_of(benchmark: Benchmark) -> str:
    return (tools_dir() / FOLDER / benchmark.script).read_text(encoding="utf-8")
