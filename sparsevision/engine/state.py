"""The parts of a training state beyond weights and optimiser: message hub, hooks, random streams."""

from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, MessageHub

from sparsevision.engine.plain import to_plain
from sparsevision.utils.randomness import restore_rng

OF_THIS_PROCESS = ("cfg", "experiment_name")


def training_epoch() -> int:
    """The running epoch, from 0; 0 outside of a training."""
    return int(MessageHub.get_current_instance().runtime_info.get("epoch", 0))


def training_iteration() -> int:
    """The running iteration, from 0; 0 outside of a training."""
    return int(MessageHub.get_current_instance().runtime_info.get("iter", 0))


def pack_message_hub(hub: MessageHub) -> dict[str, Any]:
    """`MessageHub.state_dict()` with its histories as tensors (values, counts)."""
    state = hub.state_dict()
    histories = {name: _pack_history(history) for name, history in state["log_scalars"].items()}
    info = {name: value for name, value in state["runtime_info"].items() if name not in OF_THIS_PROCESS}
    return to_plain(
        {"log_scalars": histories, "runtime_info": info, "resumed_keys": state["resumed_keys"]},
        where="message_hub",
        lenient=True,
    )


def _pack_history(history: HistoryBuffer) -> dict[str, Any]:
    values, counts = history.data
    return {
        "values": torch.tensor(np.asarray(values, dtype=np.float64)),
        "counts": torch.tensor(np.asarray(counts, dtype=np.int64)),
        "max_length": history.max_length,
    }


def unpack_message_hub(hub: MessageHub, packed: dict[str, Any]) -> None:
    """Put what `pack_message_hub` gave back into a hub."""
    histories = {
        name: HistoryBuffer(part["values"].cpu().numpy(), part["counts"].cpu().numpy(), part["max_length"])
        for name, part in packed["log_scalars"].items()
    }
    known = histories.keys() | packed["runtime_info"].keys()
    resumed = {name: value for name, value in packed["resumed_keys"].items() if name in known}
    hub.load_state_dict({"log_scalars": histories, "runtime_info": packed["runtime_info"], "resumed_keys": resumed})


def hook_states(hooks: list[Any]) -> dict[str, Any]:
    """What hooks with `state_dict` and `load_state_dict` want to keep, by class name (numbered from the second on)."""
    return {
        name: to_plain(hook.state_dict(), where=f"hook {name}")
        for name, hook in _named(hooks).items()
        if hasattr(hook, "state_dict") and hasattr(hook, "load_state_dict")
    }


def load_hook_states(hooks: list[Any], states: dict[str, Any], logger: Any) -> None:
    """Give hooks their state back; a hook that was not there before, or is no longer, is told in the log."""
    named = _named(hooks)
    for name, state in states.items():
        if name in named:
            named[name].load_state_dict(state)
        else:
            logger.warning(f"The checkpoint holds the state of a hook {name} that this run does not have.")


def _named(hooks: list[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for hook in hooks:
        name = type(hook).__name__
        taken = sum(known.split("#")[0] == name for known in named)
        named[f"{name}#{taken + 1}" if taken else name] = hook
    return named


def resume_rng(states: list[dict[str, Any]] | None, *, rank: int, world_size: int, logger: Any) -> None:
    """Set this process's generators to the states of its rank; with another number of ranks there is none to take."""
    if states is None or len(states) != world_size:
        count = "no process" if states is None else f"{len(states)} processes"
        logger.warning(
            f"The checkpoint holds random states of {count}, this run has {world_size}: dropout and the like start a "
            "new stream. The order and augmentation of the data go on as they were."
        )
        return
    restore_rng(states[rank])
