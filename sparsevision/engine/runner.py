"""mmengine's Runner with safe checkpoints and an exact resume."""

import copy
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mmengine
import mmengine.runner
import torch
from mmengine.dist import all_gather_object, get_world_size, is_distributed, is_main_process
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import LOOPS, RUNNERS, Registry
from mmengine.runner import BaseLoop
from torch import nn
from torch.utils.data import DataLoader

from sparsevision.engine.checkpoint import load_checkpoint, load_state_dict, save_checkpoint, weights_of
from sparsevision.engine.checkpoint_diagnosis import CheckpointError
from sparsevision.engine.cli import plain_sentence
from sparsevision.engine.distributed import check_launcher, end_with_launcher, init_cpu_processes, on_gpu, wrap_on_cpu
from sparsevision.engine.hooks.checkpoint import CheckpointHook, find_latest
from sparsevision.engine.loops import EpochTrainLoop, IterTrainLoop, release_workers, sampler_of
from sparsevision.engine.lost_workers import lost_workers_told
from sparsevision.engine.pretrained import load_pretrained, take_pretrained
from sparsevision.engine.schedule import resume_schedulers, scheduler_states
from sparsevision.engine.state import hook_states, load_hook_states, pack_message_hub, resume_rng, unpack_message_hub
from sparsevision.registry import HOOKS
from sparsevision.utils import UserError
from sparsevision.utils.randomness import capture_rng, part_streams

OURS = {
    "mmengine.runner.loops.EpochBasedTrainLoop": EpochTrainLoop,
    "mmengine.runner.loops.IterBasedTrainLoop": IterTrainLoop,
    "mmengine.hooks.checkpoint_hook.CheckpointHook": CheckpointHook,
}
WRAPPER_PREFIX = ((r"^module\.", ""),)


def _ours(kind: type | str, registry: Registry) -> type:
    """Our class in place of one of mmengine's, given as a class or by name; any other class as it is."""
    found = registry.get(kind) if isinstance(kind, str) else kind
    return OURS.get(f"{found.__module__}.{found.__qualname__}", found) if isinstance(found, type) else kind


def _check_loader(loader: str, settings: Mapping[str, Any]) -> None:
    for name, least in (("batch_size", 1), ("num_workers", 0)):
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise UserError(f"{loader}.{name}={value!r}; expected a whole number of {least} or more.")


@RUNNERS.register_module(name="SparseVisionRunner")
class Runner(mmengine.runner.Runner):
    """A drop-in for `mmengine.runner.Runner`, with the same arguments.

    * Checkpoints are plain (`save_checkpoint`) and read with `weights_only=True`, `load_from` and `init_cfg` included.
    * A resumed run equals the uninterrupted one bit by bit: weights, optimiser, schedule, message hub, hooks, random
      states of every rank, and the position in the data, also in the middle of an epoch.
    * With a larger `max_epochs` or `max_iters` the schedule is that of an uninterrupted longer run.
    * Several processes work on machines without a GPU.

    Raises:
        UserError: a data loader's batch_size is below 1, its num_workers below 0, or either is no whole number.
    """

    validating = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
            if isinstance(kwargs.get(loader), Mapping):
                _check_loader(loader, kwargs[loader])
        self._scheduler_config = copy.deepcopy(kwargs.get("param_scheduler"))
        super().__init__(*args, **kwargs)
        self._config_text = self.cfg.pretty_text

    def setup_env(self, env_cfg: dict) -> None:
        """Also start processes that have no GPU, and set how many threads torch takes (`torch_threads`)."""
        if self.distributed and not is_distributed():
            check_launcher(self.launcher)
            end_with_launcher()
            if not on_gpu():
                init_cpu_processes(self.launcher, timeout=env_cfg.get("dist_cfg", {}).get("timeout"))
        super().setup_env(env_cfg)
        if (threads := env_cfg.get("torch_threads")) is not None:
            if not isinstance(threads, int) or threads < 1:
                raise UserError(f"env_cfg.torch_threads={threads!r}; expected a whole number from 1 on, or None.")
            torch.set_num_threads(threads)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Also wrap models on the CPU."""
        if self.distributed and not on_gpu() and model_wrapper_cfg is None and not is_model_wrapper(model):
            return wrap_on_cpu(model, self.cfg)
        return super().wrap_model(model_wrapper_cfg, model)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Our loops where mmengine's would be built."""
        if isinstance(loop, dict):
            loop = dict(loop)
            if "type" not in loop:
                loop["type"] = EpochTrainLoop if loop.pop("by_epoch") else IterTrainLoop
            loop["type"] = _ours(loop["type"], LOOPS)
        return super().build_train_loop(loop)

    def register_default_hooks(self, hooks: dict | None = None) -> None:
        """Our CheckpointHook where mmengine's would be."""
        hooks = dict(hooks or {})
        checkpoint = hooks.setdefault("checkpoint", {"type": CheckpointHook})
        if isinstance(checkpoint, dict):
            hooks["checkpoint"] = {**checkpoint, "type": _ours(checkpoint["type"], HOOKS)}
        super().register_default_hooks(hooks)

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Loaders draw the seeds of their workers from a generator of their own, not from the stream of training."""
        loader = mmengine.runner.Runner.build_dataloader(dataloader, seed=seed, diff_rank_seed=diff_rank_seed)
        if loader.generator is None:
            loader.generator = torch.Generator().manual_seed(seed or 0)
        return loader

    def build_param_scheduler(self, scheduler: Any) -> Any:
        """As mmengine's; a schedule that does not fit the length of the run is the user's error."""
        try:
            return super().build_param_scheduler(scheduler)
        except ValueError as error:
            raise UserError(
                f"param_scheduler does not fit this run ({plain_sentence(str(error))}). Its begin, end and T_max must "
                "lie within train_cfg.max_epochs or max_iters; a warm-up must end before the run does."
            ) from error

    def _init_model_weights(self) -> None:
        pretrained = take_pretrained(self._bare_model())
        super()._init_model_weights()
        for module, entry in pretrained:
            load_pretrained(module, entry)

    def _bare_model(self) -> nn.Module:
        wrapped = is_model_wrapper(self.model) or isinstance(self.model, BaseTTAModel)
        return self.model.module if wrapped else self.model

    def train(self) -> nn.Module:
        """Train, and let the loaders' processes go at the end: left to garbage collection they take seconds.

        Raises:
            WorkerLost: a process that loads data ended; so do `val` and `test`.
        """
        try:
            with lost_workers_told(self, "train"):
                return super().train()
        finally:
            for loop in (self._train_loop, self._val_loop):
                release_workers(getattr(loop, "dataloader", None))

    def val(self) -> dict:
        """Validate."""
        with lost_workers_told(self, "val"):
            return super().val()

    def test(self) -> dict:
        """Test."""
        with lost_workers_told(self, "test"):
            return super().test()

    def load_or_resume(self) -> None:
        """Resume from a named or the latest checkpoint, or load weights. To test, every key must fit.

        In a training, from here on each process draws random numbers of its own.
        """
        if self._has_loaded:
            return
        training = isinstance(self._train_loop, BaseLoop)
        if training:
            part_streams(self.seed, self.rank)
        if self._resume and training:
            source = self._load_from or find_latest(self.work_dir)
            if source is None:
                self.logger.warning(
                    f"Nothing to resume: {self.work_dir} holds no checkpoint. Training starts from the beginning."
                )
                self._resume = False
            else:
                self.resume(str(source))
        elif self._load_from is not None:
            self.load_checkpoint(self._load_from, strict=not training)
        self._has_loaded = True

    def load_checkpoint(
        self,
        filename: str,
        map_location: Any = "cpu",
        strict: bool = False,
        revise_keys: Any = WRAPPER_PREFIX,
    ) -> dict[str, Any]:
        """Load weights into the model and return the whole checkpoint.

        Raises:
            CheckpointError: the file cannot be read safely, or does not fit; with `strict=False`, if nothing fits.
        """
        checkpoint = load_checkpoint(filename, map_location=map_location)
        checkpoint = checkpoint if "state_dict" in checkpoint else {"state_dict": weights_of(checkpoint)}
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        state = checkpoint["state_dict"]
        for pattern, replacement in revise_keys:
            state = {re.sub(pattern, replacement, name): value for name, value in state.items()}
        report = load_state_dict(self._bare_model(), state, source=filename, strict=strict)
        self._has_loaded = True
        log = self.logger.info if report.complete else self.logger.warning
        log(f"Loaded {filename}: {report}.")
        return checkpoint

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = True,
        backend_args: dict | None = None,
    ) -> None:
        """Write a checkpoint of everything that training goes on from.

        Call it on every rank: each adds its random state. Files are local: `file_client_args` and `backend_args` are
        there for mmengine's hooks only.
        """
        rng = all_gather_object(capture_rng())
        if not is_main_process():
            return
        checkpoint = {
            "meta": self._meta(meta, by_epoch=by_epoch),
            "state_dict": dict(self._bare_model().state_dict()),
            "message_hub": pack_message_hub(self.message_hub),
            "rng": rng,
            "hooks": hook_states(self.hooks),
        }
        if save_optimizer:
            checkpoint["optimizer"] = self.optim_wrapper.state_dict()
        if save_param_scheduler:
            checkpoint["param_schedulers"] = scheduler_states(self.param_schedulers)
        self.call_hook("before_save_checkpoint", checkpoint=checkpoint)
        save_checkpoint(checkpoint, Path(out_dir, filename))

    def _meta(self, meta: dict | None, *, by_epoch: bool) -> dict[str, Any]:
        loader = self.train_dataloader
        progress = {"epoch": self.epoch + by_epoch, "iter": self.iter + (not by_epoch)} | (meta or {})
        return {
            **progress,
            "cfg": self._config_text,
            "seed": self.seed,
            "sampler_seed": getattr(sampler_of(loader), "seed", None),
            **self._pace(),
            "experiment_name": self.experiment_name,
            "time": time.strftime("%Y%m%d_%H%M%S"),
            "mmengine_version": mmengine.__version__,
            "dataset_meta": getattr(loader.dataset, "metainfo", None),
        }

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: Any = "cpu",
    ) -> None:
        """Bring the whole training state to where a checkpoint left it.

        Raises:
            CheckpointError: as in `load_checkpoint`, or the file holds weights only.
        """
        checkpoint = self.load_checkpoint(filename, map_location=map_location, strict=True)
        absent = [key for key in ("meta", "message_hub", "optimizer") if key not in checkpoint]
        if absent:
            raise CheckpointError(
                f"{filename} cannot be resumed from: it lacks {', '.join(absent)} (weights only, as best_*.pth are). "
                f"Start from its weights with --cfg-options load_from={filename}, without --resume."
            )
        meta = checkpoint["meta"]
        self._resume_progress(meta)
        self._resume_seed(meta)
        unpack_message_hub(self.message_hub, checkpoint["message_hub"])
        if resume_optimizer:
            self.optim_wrapper.load_state_dict(checkpoint["optimizer"])
        if resume_param_scheduler and self.param_schedulers is not None and "param_schedulers" in checkpoint:
            resume_schedulers(
                self,
                checkpoint["param_schedulers"],
                config=self._scheduler_config,
                epochs=meta["epoch"],
                iterations=meta["iter"],
                per_epoch=meta.get("iterations_per_epoch"),
            )
        load_hook_states(self.hooks, checkpoint.get("hooks", {}), self.logger)
        resume_rng(checkpoint.get("rng"), rank=self.rank, world_size=self.world_size, logger=self.logger)
        self.logger.info(f"Resumed from {filename}: {meta['epoch']} epochs, {meta['iter']} iterations done.")

    def _pace(self) -> dict[str, Any]:
        """How the data are cut into iterations; the same before and after an interruption that leaves no trace."""
        loader = self.train_dataloader
        batch_size = getattr(loader.batch_sampler, "batch_size", None)
        return {
            "iterations_per_epoch": len(loader),
            "samples_per_iteration": batch_size and batch_size * get_world_size(),
        }

    def _resume_progress(self, meta: dict[str, Any]) -> None:
        loop, now = self.train_loop, self._pace()
        loop._epoch, loop._iter = meta["epoch"], meta["iter"]
        changed = [f"{key} {meta[key]} -> {value}" for key, value in now.items() if meta.get(key, value) != value]
        if changed:
            self.logger.warning(
                f"Since the checkpoint was written these have changed: {', '.join(changed)}. "
                "The run goes on, but not as an uninterrupted one would."
            )
        elif isinstance(loop, EpochTrainLoop) and "iterations_per_epoch" in meta:
            loop.resume_inside_epoch(meta["iter"] - meta["epoch"] * meta["iterations_per_epoch"])

    def _resume_seed(self, meta: dict[str, Any]) -> None:
        """The data go on in the order of the checkpoint's seed."""
        if meta.get("seed") is not None and meta["seed"] != self.seed:
            if self._randomness_cfg.get("seed") is not None:
                self.logger.warning(f"The checkpoint's seed {meta['seed']} replaces this run's seed {self.seed}.")
            self._randomness_cfg.update(seed=meta["seed"])
            self.set_randomness(**self._randomness_cfg)
        sampler = sampler_of(self.train_dataloader)
        if meta.get("sampler_seed") is not None and hasattr(sampler, "seed"):
            sampler.seed = meta["sampler_seed"]
