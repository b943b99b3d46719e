"""Look at everything once: libraries, devices, weights, disk, and what follows for each method."""

import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparsevision.doctor import machine
from sparsevision.doctor.needs import MethodNeeds, Use, method_needs
from sparsevision.doctor.probe import Imported, probe
from sparsevision.doctor.requirements import (
    CORE,
    OPENCVS,
    ORIGINALS,
    Requirement,
    allows,
    installed_version,
    needs_torch,
    requirements,
)
from sparsevision.version import __version__


@dataclass(frozen=True)
class Library:
    """A distribution: its version, "" if it is missing, and what is wrong with it, "" if nothing is known to be.

    `works` is False when it is missing or cannot be imported; a version outside of `wanted` is a problem alone.
    """

    distribution: str
    module: str
    wanted: str
    version: str
    problem: str
    works: bool


@dataclass(frozen=True)
class Ability:
    """One use of a method, and what is missing for it: distributions or modules, their extras, weights."""

    what: str
    missing: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """Nothing is missing."""
        return not (self.missing or self.weights)


@dataclass(frozen=True)
class MethodState:
    """A method; the first ability is what it is for."""

    name: str
    abilities: tuple[Ability, ...]


@dataclass(frozen=True)
class Examination:
    """Everything that was found. Sizes are in bytes."""

    sparsevision: str
    python: str
    system: str
    core: tuple[Library, ...]
    extras: dict[str, tuple[Library, ...]]
    opencv: dict[str, str]
    clashes: dict[str, str]
    cuda: str
    gpus: tuple[dict[str, Any], ...]
    gpu_problem: str
    cpu_cores: int
    memory: int
    memory_free: int | None
    weights: dict[str, str]
    weights_problem: str
    cache: str
    cache_free: int
    h264: str
    ffmpeg: str
    methods: tuple[MethodState, ...] = field(default=())

    @property
    def core_works(self) -> bool:
        """Every core library can be imported."""
        return bool(self.core) and all(library.works for library in self.core)


def examine(*, quick: bool = False, timeout: float = 60) -> Examination:
    """Look at this Python and this machine; nothing is downloaded or written.

    Args:
        quick: import the core alone; of optional libraries only their metadata are read.
        timeout: seconds for the imports of one process.
    """
    wanted = requirements()
    imported = import_all(wanted, quick=quick, timeout=timeout)
    libraries = {extra: tuple(library_of(one, imported) for one in own) for extra, own in wanted.items()}
    core = libraries.pop(CORE, ())
    weights, cache, problem = cached_weights()
    torch, av = (imported.get(name, Imported()).facts for name in ("torch", "av"))
    total, free = machine.memory()
    return Examination(
        sparsevision=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        core=core,
        extras=libraries,
        opencv=versions_of(OPENCVS),
        clashes={name: ORIGINALS[name] for name in versions_of(ORIGINALS)},
        cuda=torch.get("cuda", ""),
        gpus=tuple(torch.get("gpus", ())),
        gpu_problem=torch.get("gpu_problem", ""),
        cpu_cores=machine.cpu_cores(),
        memory=total,
        memory_free=free,
        weights=weights,
        weights_problem=problem,
        cache=str(cache),
        cache_free=machine.free_disk(cache),
        h264=av.get("h264", ""),
        ffmpeg=shutil.which("ffmpeg") or "",
        methods=tuple(state_of(needs, libraries, weights) for needs in method_needs()),
    )


def import_all(wanted: Mapping[str, Sequence[Requirement]], *, quick: bool, timeout: float) -> dict[str, Imported]:
    """Import what is installed, in two processes: what builds on torch after torch, the rest beside them."""
    core = list(wanted.get(CORE, ()))
    others = [] if quick else [one for extra, own in wanted.items() if extra != CORE for one in own]
    installed = [one for one in dict.fromkeys([*core, *others]) if installed_version(one.distribution)]
    heavy = [one for one in installed if one in core or needs_torch(one.distribution)]
    light = [one for one in installed if one not in heavy]
    groups = [[one.module for one in group] for group in (heavy, light) if group]
    return probe(groups, timeout=timeout)


def library_of(requirement: Requirement, imported: Mapping[str, Imported]) -> Library:
    """What is known of one requirement."""
    version = installed_version(requirement.distribution)
    error = imported.get(requirement.module, Imported()).error
    if not version:
        problem = "missing"
    elif error:
        problem = f"cannot be imported ({error})"
    elif not allows(requirement.versions, version):
        problem = f"is {version}, wanted {requirement.versions}"
    else:
        problem = ""
    return Library(
        requirement.distribution,
        requirement.module,
        requirement.versions,
        version,
        problem,
        works=bool(version) and not error,
    )


def versions_of(distributions: Iterable[str]) -> dict[str, str]:
    """Those that are installed."""
    return {name: version for name in distributions if (version := installed_version(name))}


def cached_weights() -> tuple[dict[str, str], Path, str]:
    """Name -> path in the cache, "" if it is not there; the cache; and why they could not be looked up, or ""."""
    try:
        from sparsevision.weights import CATALOGUE, cache_dir, find_weights
    except Exception as error:  # a broken library of the core raises what it likes
        return {}, Path.home(), str(error)
    found = {}
    for name in CATALOGUE:
        try:
            found[name] = str(find_weights(name) or "")
        except OSError:
            found[name] = ""
    return found, cache_dir(), ""


def state_of(needs: MethodNeeds, extras: Mapping[str, Sequence[Library]], weights: Mapping[str, str]) -> MethodState:
    """What of a method's uses works."""
    return MethodState(needs.name, tuple(ability_of(use, extras, weights) for use in needs.uses))


def ability_of(use: Use, extras: Mapping[str, Sequence[Library]], weights: Mapping[str, str]) -> Ability:
    """Whether one use works, and what is missing for it."""
    missing = {}
    for extra, modules in use.modules.items():
        working = {library.module for library in extras.get(extra, ()) if library.works}
        lacking = [module for module in modules if module not in working]
        if lacking:
            missing[extra] = lacking
    return Ability(
        use.what,
        tuple(module for modules in missing.values() for module in modules),
        tuple(missing),
        tuple(name for name in use.weights if not weights.get(name)),
    )
