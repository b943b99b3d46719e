"""Training loops that an interruption leaves no trace in: they go on inside an epoch, and before a validation.

`Runner` builds them for `train_cfg=dict(by_epoch=...)` and in place of mmengine's own two loops.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.logging import print_log
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch.utils.data import BatchSampler, DataLoader

from sparsevision.datasets.seeded import SeededInfiniteSampler
from sparsevision.utils.randomness import preserved_rng

VALIDATED = "validated_iter"


class _Validation:
    """The validation part of both loops; `self` is a train loop of mmengine."""

    def validate_when_due(self, progress: int, end: int) -> None:
        """Run the val loop if `progress` (epochs or iterations done) is a multiple of the interval, or the end.

        The random streams of training go on as if it had not run, so that how often one looks changes nothing.
        """
        runner = self.runner
        due = progress >= self.val_begin and (progress % self.val_interval == 0 or progress == end)
        if runner.val_loop is None or not due:
            return
        runner.validating = True
        with preserved_rng():
            runner.val_loop.run()
        runner.validating = False
        runner.message_hub.update_info(VALIDATED, self._iter)
        runner.call_hook("after_validation")

    def validation_is_pending(self) -> bool:
        """The checkpoint that this run goes on from was written before the validation that followed it."""
        done = self.runner.message_hub.runtime_info.get(VALIDATED, 0)
        return self._iter > 0 and done != self._iter


@LOOPS.register_module()
class EpochTrainLoop(_Validation, EpochBasedTrainLoop):
    """Epoch after epoch; `resume_inside_epoch` makes the next one start behind the iterations already done."""

    done_in_epoch = 0

    def resume_inside_epoch(self, iterations: int) -> None:
        """Skip this many iterations of the next epoch."""
        self.done_in_epoch = iterations

    def run(self) -> Any:
        """Train to `max_epochs`."""
        self.runner.call_hook("before_train")
        if self.done_in_epoch == 0 and self.validation_is_pending():
            self.validate_when_due(self._epoch, self._max_epochs)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            self.validate_when_due(self._epoch, self._max_epochs)
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self) -> None:
        """One pass over the data, or the rest of one."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        done, self.done_in_epoch = self.done_in_epoch, 0
        batches = islice(self.dataloader, 0 if skip_batches(self.dataloader, done) else done, None)
        for index, batch in enumerate(batches, start=done):
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1


@LOOPS.register_module()
class IterTrainLoop(_Validation, IterBasedTrainLoop):
    """Iteration after iteration, over an endless sampler or a finite one that starts again."""

    def run(self) -> Any:
        """Train to `max_iters`."""
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        if self.validation_is_pending():
            self.validate_when_due(self._iter, self._max_iters)
        batches = endless_batches(self.dataloader, start=self._iter)
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(batches))
            self._decide_current_val_interval()
            self.validate_when_due(self._iter, self._max_iters)
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model


def sampler_of(loader: DataLoader) -> Any:
    """What yields single indices, also behind a batch sampler."""
    batch_sampler = loader.batch_sampler
    return loader.sampler if loader.batch_size is not None else getattr(batch_sampler, "sampler", batch_sampler)


def skip_batches(loader: DataLoader, batches: int) -> bool:
    """Make the next pass start behind `batches`, without loading them. False: its sampler cannot."""
    sampler = sampler_of(loader)
    if batches == 0:
        return True
    if not hasattr(sampler, "skip") or type(loader.batch_sampler) is not BatchSampler:
        print_log(
            f"{type(sampler).__name__} cannot be fast-forwarded: {batches} batches are loaded and dropped. "
            "SeededSampler and SeededInfiniteSampler skip without loading.",
            logger="current",
        )
        return False
    sampler.skip(batches * loader.batch_sampler.batch_size)
    return True


def endless_batches(loader: DataLoader, *, start: int) -> Iterator[Any]:
    """Batches from number `start` on; a finite sampler is told its pass with `set_epoch` and starts again."""
    sampler = sampler_of(loader)
    finite = not isinstance(sampler, (SeededInfiniteSampler, InfiniteSampler))
    turn, done = divmod(start, len(loader)) if finite else (0, start)
    while True:
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(turn)
        yield from islice(loader, 0 if skip_batches(loader, done) else done, None)
        turn, done = turn + 1, 0


def release_workers(loader: DataLoader | None) -> None:
    """End the processes of a loader with `persistent_workers`; its next pass starts new ones."""
    iterator = getattr(loader, "_iterator", None)
    if hasattr(iterator, "_shutdown_workers"):
        iterator._shutdown_workers()
        loader._iterator = None
