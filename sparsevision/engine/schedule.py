"""Learning-rate schedules across an interruption, also when the run has become longer or shorter since.

mmengine stores the `end` of a scheduler in the checkpoint, so that a run resumed with a larger `max_epochs` keeps the
old end and the rate freezes. Here the configured schedule counts: where it differs from the stored one, the schedulers
are built anew and stepped through what has been trained, which gives every value that an uninterrupted run has had.
"""

import warnings
from collections.abc import Iterator
from typing import Any

from mmengine.optim import OptimWrapperDict
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler

from sparsevision.engine.plain import to_plain

PROGRESS = ("last_step", "_global_step", "_last_value", "base_values")


def scheduler_states(schedulers: Any) -> Any:
    """`state_dict`s in the shape of `Runner.param_schedulers`: a list, or a dict of lists."""
    if isinstance(schedulers, dict):
        return {name: scheduler_states(part) for name, part in schedulers.items()}
    return [to_plain(scheduler.state_dict(), where="param_schedulers") for scheduler in schedulers or ()]


def resume_schedulers(
    runner: Any, stored: Any, *, config: Any, epochs: int, iterations: int, per_epoch: int | None = None
) -> None:
    """Bring `runner.param_schedulers` to where they were, or would have been, after `epochs` and `iterations`.

    The optimiser must have been resumed before. Schedulers driven by a metric cannot be stepped through again: their
    state is taken as it was stored.

    Args:
        runner: with schedulers built from `config`.
        stored: what `scheduler_states` gave when the checkpoint was written.
        config: `param_scheduler` of the config.
        epochs, iterations: done so far.
        per_epoch: iterations of an epoch; None where nobody knows, and epochs are taken to be of one length.
    """
    schedulers = runner.param_schedulers
    if _same_schedule(schedulers, stored) or _driven_by_metric(schedulers) or not _is_config(config):
        for scheduler, state in _pairs(schedulers, stored):
            _load_progress(scheduler, state)
        return
    runner.logger.info("The schedule differs from the checkpoint's: it is stepped through again from the start.")
    for group in _param_groups(runner.optim_wrapper):
        group.update({key.removeprefix("initial_"): group[key] for key in list(group) if key.startswith("initial_")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there was no optimiser step between these scheduler steps
        runner.param_schedulers = runner.build_param_scheduler(config)
        for part in _parts(runner.param_schedulers):
            _replay(part, epochs=epochs, iterations=iterations, per_epoch=per_epoch)


def _replay(schedulers: list[_ParamScheduler], *, epochs: int, iterations: int, per_epoch: int | None) -> None:
    """Step as ParamSchedulerHook does: in each iteration, and behind the last one of each epoch."""
    if per_epoch is None or not per_epoch * epochs <= iterations <= per_epoch * (epochs + 1):
        per_epoch = iterations // epochs if epochs else 0  # epochs were of another length before
    for iteration in range(1, iterations + 1):
        for scheduler in schedulers:
            if not scheduler.by_epoch:
                scheduler.step()
        if per_epoch and iteration % per_epoch == 0 and iteration // per_epoch <= epochs:
            for scheduler in schedulers:
                if scheduler.by_epoch:
                    scheduler.step()


def _same_schedule(schedulers: Any, stored: Any) -> bool:
    fresh = [scheduler for part in _parts(schedulers) for scheduler in part]
    old = [state for part in _parts(stored) for state in part]
    return len(fresh) == len(old) and all(_same(a, b) for a, b in zip(fresh, old, strict=True))


def _same(scheduler: _ParamScheduler, state: dict[str, Any]) -> bool:
    own = to_plain(scheduler.state_dict(), lenient=True)
    return all(state.get(key) == value for key, value in own.items() if key not in PROGRESS)


def _load_progress(scheduler: _ParamScheduler, state: dict[str, Any]) -> None:
    if _driven_by_metric([scheduler]):
        scheduler.load_state_dict({key: value for key, value in state.items() if key != "end"})
    else:
        scheduler.load_state_dict({key: state[key] for key in PROGRESS if key in state})


def _driven_by_metric(schedulers: Any) -> bool:
    return any(getattr(scheduler, "need_val_args", False) for part in _parts(schedulers) for scheduler in part)


def _is_config(config: Any) -> bool:
    """Nothing in it is a built scheduler."""
    if isinstance(config, dict) and "type" not in config:
        return all(_is_config(part) for part in config.values())
    return not any(isinstance(item, _ParamScheduler) for item in (config if isinstance(config, list) else [config]))


def _parts(schedulers: Any) -> list[list]:
    return list(schedulers.values()) if isinstance(schedulers, dict) else [schedulers or []]


def _pairs(schedulers: Any, stored: Any) -> Iterator[tuple[_ParamScheduler, dict]]:
    for part, states in zip(_parts(schedulers), _parts(stored), strict=False):
        yield from zip(part, states, strict=False)


def _param_groups(optim_wrapper: Any) -> Iterator[dict]:
    wrappers = optim_wrapper.values() if isinstance(optim_wrapper, OptimWrapperDict) else [optim_wrapper]
    for wrapper in wrappers:
        yield from wrapper.optimizer.param_groups
