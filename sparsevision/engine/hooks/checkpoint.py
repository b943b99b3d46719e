"""mmengine's CheckpointHook with an order of events that survives a kill at any moment."""

import os
from pathlib import Path
from typing import Any

import mmengine.hooks
from mmengine.dist import is_main_process, master_only

from sparsevision.engine.checkpoint import load_checkpoint, save_checkpoint
from sparsevision.registry import HOOKS
from sparsevision.utils import atomic_write


@HOOKS.register_module()
class CheckpointHook(mmengine.hooks.CheckpointHook):
    """Saves checkpoints; the arguments are mmengine's (`interval by_epoch max_keep_ckpts save_best rule ...`).

    What differs: an old file (periodic or best) is deleted after its successor is complete, never before;
    `last_checkpoint` is replaced atomically; a checkpoint renewed by a new best score is written after all hooks have
    seen the validation; published files are written without pickled code.
    """

    _after_validation: tuple[int, dict] | None = None

    def after_validation(self, runner: Any) -> None:
        """Called by the train loops behind the last hook of a validation."""
        if self._after_validation is not None:
            step, meta = self._after_validation
            self._after_validation = None
            self._save_checkpoint_with_step(runner, step, meta)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        if getattr(runner, "validating", False):
            self._after_validation = (step, meta)
            return
        surplus = self._note_step(runner, step)
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = os.path.join(self.out_dir, filename)
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
        )
        if is_main_process():
            write_pointer(Path(runner.work_dir), self.last_ckpt)
            for old in surplus:
                Path(self.out_dir, self.filename_tmpl.format(old)).unlink(missing_ok=True)

    def _note_step(self, runner: Any, step: int) -> list[int]:
        """Write down that `step` is kept; returns the steps that are too many."""
        if self.max_keep_ckpts <= 0:
            return []
        kept = [old for old in self.keep_ckpt_ids if old != step] + [step]
        surplus, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
        self.keep_ckpt_ids.clear()
        self.keep_ckpt_ids.extend(kept)
        runner.message_hub.update_info("keep_ckpt_ids", kept)
        return surplus

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, Any]) -> None:
        """Hide the paths of earlier best files from mmengine, which deletes first, and delete them afterwards."""
        if not self.save_best:
            return
        before = self._best_paths()
        self._set_best_paths(dict.fromkeys(before))
        super()._save_best_checkpoint(runner, metrics)
        after = self._best_paths()
        self._set_best_paths({name: path or before.get(name) for name, path in after.items()})
        if is_main_process():
            for name, old in before.items():
                if old and after.get(name) and old != after[name]:
                    Path(old).unlink(missing_ok=True)

    def _best_paths(self) -> dict[str, str | None]:
        if hasattr(self, "best_ckpt_path_dict"):
            return dict(self.best_ckpt_path_dict)
        return {"": getattr(self, "best_ckpt_path", None)}

    def _set_best_paths(self, paths: dict[str, str | None]) -> None:
        if hasattr(self, "best_ckpt_path_dict"):
            self.best_ckpt_path_dict = dict(paths)
        else:
            self.best_ckpt_path = paths.get("")

    @master_only
    def _publish_model(self, runner: Any, ckpt_path: str) -> None:
        checkpoint = load_checkpoint(ckpt_path)
        kept = {key: checkpoint[key] for key in self.published_keys if key in checkpoint}
        path = Path(ckpt_path).with_suffix("")
        save_checkpoint(kept, f"{path}-published.pth")
        runner.logger.info(f"{', '.join(kept)} of {ckpt_path} are published in {path}-published.pth.")


def write_pointer(work_dir: Path, checkpoint: str) -> None:
    """Replace `last_checkpoint` in one step."""
    with atomic_write(work_dir / "last_checkpoint") as file:
        file.write(checkpoint.encode())


def find_latest(work_dir: str | Path) -> Path | None:
    """The newest complete checkpoint of a work dir, also after the folder was moved; None without any."""
    work_dir = Path(work_dir)
    pointer = work_dir / "last_checkpoint"
    if pointer.is_file():
        named = Path(pointer.read_text(encoding="utf-8").strip())
        for path in (named, work_dir / named.name):
            if path.is_file():
                return path
    numbered = {
        path: path.stem.rpartition("_")[2] for kind in ("epoch", "iter") for path in work_dir.glob(f"{kind}_*.pth")
    }
    return max(
        (path for path, number in numbered.items() if number.isdigit()), key=lambda p: p.stat().st_mtime, default=None
    )
