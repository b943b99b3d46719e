"""Training a shipped config for a part of its time, or the weights of someone who trained it for all of it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sparsevision.demo.entry import shipped_config
from sparsevision.engine import call_tool, read_config

FINISHED = Path("work_dirs")


@dataclass(frozen=True)
class Trained:
    """Weights, and where they come from.

    Attributes:
        checkpoint: the file.
        whole: the training was not cut short.
        commands: that made it.
        remark: the same in a sentence.
    """

    checkpoint: Path
    whole: bool
    commands: list[str]
    remark: str


@dataclass(frozen=True)
class Training:
    """Of a shipped config.

    Attributes:
        name: the config's.
        steps: epochs or iterations, as the config counts, that the demo trains.
    """

    name: str
    steps: int

    @cached_property
    def config(self) -> str:
        """Path of the config."""
        return shipped_config(self.name)

    @cached_property
    def all_steps(self) -> int:
        """Epochs or iterations of the config itself."""
        return self._settings[self._key]

    @property
    def unit(self) -> str:
        """ "epoch" or "iter", as in the names of checkpoints."""
        return "epoch" if "max_epochs" in self._settings else "iter"

    @cached_property
    def _settings(self) -> dict:
        return dict(read_config(self.config).train_cfg)

    @property
    def _key(self) -> str:
        return f"max_{self.unit}s"

    @property
    def finished(self) -> Path:
        """Where the weights of the whole training lie once someone ran it."""
        return FINISHED / self.name / f"{self.unit}_{self.all_steps}.pth"

    def run(self, work_dir: Path, *options: str) -> Trained:
        """Train in `work_dir`, unless the whole training was done before.

        Args:
            work_dir: for the short training.
            options: KEY=VALUE of it.

        Raises:
            UserError: see `call_tool`.
        """
        if self.finished.is_file():
            remark = f"The weights are those of the whole training that {self.finished.parent} holds."
            return Trained(self.finished, True, [self.longer()[0]], remark)
        short = [f"train_cfg.{self._key}={self.steps}", *options]
        command = call_tool("train.py", self.config, "--work-dir", work_dir, "--cfg-options", *short)
        steps = "epochs" if self.unit == "epoch" else "iterations"
        remark = f"Training stops here after {self.steps} of its {self.all_steps} {steps}."
        return Trained(work_dir / f"{self.unit}_{self.steps}.pth", False, [command], remark)

    def longer(self) -> list[str]:
        """The commands of the whole training and its test."""
        return [
            f"python tools/train.py {self.config}",
            f"python tools/test.py {self.config} {self.finished}",
        ]
