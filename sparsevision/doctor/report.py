"""The examination in some lines of text: what is there, then what to do."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sparsevision.doctor.examination import Ability, Examination, Library, MethodState
from sparsevision.doctor.probe import NOT_DONE
from sparsevision.utils.paths import tool_command

LITTLE_DISK = 3 * 2**30  # the largest weights that get_weights knows take 2.6 GB
NAMED_IN_CORE = ("torch", "torchvision", "numpy", "onedl-mmengine", "onedl-mmcv", "onedl-mmsegmentation")


def report(found: Examination) -> str:
    """About ten lines, and a line for each thing that is wrong."""
    lines = [
        ("python", f"{found.python}, {found.system}; sparsevision {found.sparsevision}"),
        ("core", core_line(found)),
        ("OpenCV", opencv_line(found)),
        ("extras", extras_line(found)),
        ("devices", devices_line(found)),
        ("weights", weights_line(found)),
        ("video", video_line(found)),
        ("disk", f"{_gib(found.cache_free)} free for {_short(found.cache)}"),
        *((method.name, method_line(method)) for method in found.methods if found.core_works),
    ]
    width = max(len(title) for title, _ in lines) + 2
    told = [f"{title:{width}}{line}" for title, line in lines]
    return "\n".join([*told, *(f"-> {remedy}" for remedy in remedies(found))])


def core_line(found: Examination) -> str:
    """Versions, or what does not work."""
    broken = [library for library in found.core if not library.works]
    if not found.core:
        return "DOES NOT WORK: sparsevision is not installed"
    if broken:
        return f"DOES NOT WORK: {_problems(broken)}"
    versions = {library.distribution: library.version for library in found.core}
    named = ", ".join(f"{name} {versions[name]}" for name in NAMED_IN_CORE if name in versions)
    odd = [library for library in found.core if library.problem]
    return f"works: {named}" + (f"; but {_problems(odd)}" if odd else "")


def opencv_line(found: Examination) -> str:
    """There must be one."""
    named = " and ".join(f"{name} {version}" for name, version in found.opencv.items())
    if len(found.opencv) > 1:
        return f"{len(found.opencv)} distributions write the same folder: {named}"
    return f"one: {named}" if named else "none that pip installed"


def extras_line(found: Examination) -> str:
    """Those that are whole, and those that are not."""
    whole = [extra for extra, libraries in found.extras.items() if all(library.works for library in libraries)]
    if len(whole) == len(found.extras):
        return f"all: {' '.join(whole)}"
    rest = [extra for extra in found.extras if extra not in whole]
    return f"complete: {' '.join(whole) or 'none'}; not complete: {' '.join(rest)}"


def devices_line(found: Examination) -> str:
    """GPUs, cores, memory."""
    gpus = [f"{gpu['name']} with {_gib(gpu['memory'])}" for gpu in found.gpus]
    if found.gpu_problem:
        gpus = [f"a GPU that cannot be used ({found.gpu_problem})"]
    built = f" (torch is built for CUDA {found.cuda})" if found.cuda else ""
    free = "" if found.memory_free is None else f", {_gib(found.memory_free)} of it free"
    cores = f"{found.cpu_cores} CPU core" + "s" * (found.cpu_cores != 1)
    return f"{', '.join(gpus) or 'no GPU'}{built}; {cores}, {_gib(found.memory)} of memory{free}"


def weights_line(found: Examination) -> str:
    """Cached and not cached."""
    if found.weights_problem:
        return f"not looked up: {found.weights_problem}"
    cached = [name for name, path in found.weights.items() if path]
    missing = [name for name, path in found.weights.items() if not path]
    return f"cached: {' '.join(cached) or 'none'}; not cached: {' '.join(missing) or 'none'}"


def video_line(found: Examination) -> str:
    """How videos are written."""
    if found.h264:
        return f"H.264 by PyAV ({found.h264})"
    versions = {library.distribution: library for libraries in found.extras.values() for library in libraries}
    av = versions.get("av")
    if av is not None and av.works:
        return "PyAV is there" + (f"; ffmpeg at {found.ffmpeg}" if found.ffmpeg else "")
    return "MPEG-4 by OpenCV, which browsers do not show; H.264 comes with the extra video"


def method_line(method: MethodState) -> str:
    """Works or not, and for what something is missing."""
    main, *others = method.abilities
    begin = "works" if main.works else f"does not work: {_missing(main)}"
    lacking = [f"{ability.what}: {_missing(ability)}" for ability in others if not ability.works]
    return "; ".join([begin, *(f"for {text}" for text in lacking)])


def remedies(found: Examination) -> Iterator[str]:
    """Commands that mend what is wrong."""
    if not found.core:
        yield "pip install -e .    (in a checkout of sparsevision)"
    elif not found.core_works:
        broken = [library for library in found.core if not library.works]
        names = " ".join(f'"{library.distribution}{library.wanted}"' for library in broken)
        reinstall = " --force-reinstall --no-deps" if all(library.version for library in broken) else ""
        yield f"pip install{reinstall} {names}"
    if found.clashes:
        ours = " ".join(dict.fromkeys(found.clashes.values()))
        yield (
            f"OpenMMLab's own {', '.join(found.clashes)} would overwrite {ours}: pip uninstall -y "
            f"{' '.join(found.clashes)} && pip install --force-reinstall --no-deps {ours}"
        )
    if len(found.opencv) > 1:
        yield (
            f"keep one OpenCV: pip uninstall -y {' '.join(found.opencv)} "
            "&& pip install --force-reinstall --no-deps opencv-python"
        )
    if found.core_works:
        yield from extra_remedies(found)
        yield from weight_remedies(found)
    if found.cache_free < LITTLE_DISK:
        yield "little room for weights: free some space, or set SPARSEVISION_CACHE to another folder"


def extra_remedies(found: Examination) -> Iterator[str]:
    """One command for extras that are not complete; one for packages that are there and do not do."""
    lacking = {
        extra: [library.distribution for library in libraries if not library.version]
        for extra, libraries in found.extras.items()
    }
    named = [f"{extra} ({_some(names)})" for extra, names in lacking.items() if names]
    if named:
        yield f'pip install "sparsevision[EXTRA]" with EXTRA one of: {"; ".join(named)}'
    libraries = dict.fromkeys(library for own in found.extras.values() for library in own)
    slow = [library.distribution for library in libraries if library.version and NOT_DONE in library.problem]
    if slow:
        yield (
            f"python -m sparsevision.doctor --timeout 300    ({', '.join(slow)}: slow, not surely broken; "
            "the first import after an installation takes longest, and a busy machine makes it longer)"
        )
    for library in libraries:
        if library.version and library.problem and NOT_DONE not in library.problem:
            yield (
                f'pip install --force-reinstall --no-deps "{library.distribution}{library.wanted}"    '
                f"({_problems([library])})"
            )


def weight_remedies(found: Examination) -> Iterator[str]:
    """One command for all weights that a method asks for, with what each is for."""
    uses: dict[str, list[str]] = {}
    for method in found.methods:
        for ability in method.abilities:
            for name in ability.weights:
                uses.setdefault(name, []).append(f"{method.name}, {ability.what}")
    if uses and not found.weights_problem:
        reasons = "; ".join(f"{name}: {' and '.join(what)}" for name, what in uses.items())
        yield f"{tool_command('get_weights.py')} {' '.join(uses)}    ({reasons})"


def _problems(libraries: Sequence[Library]) -> str:
    missing = [library.distribution for library in libraries if not library.version]
    others = [f"{library.distribution} {library.problem}" for library in libraries if library.version]
    return "; ".join([f"missing: {', '.join(missing)}"] * bool(missing) + others)


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def _missing(ability: Ability) -> str:
    packages = f"{', '.join(ability.missing)} ({' '.join(f'[{extra}]' for extra in ability.extras)})"
    weights = f"weights {' '.join(ability.weights)}"
    return ", ".join([packages] * bool(ability.missing) + [weights] * bool(ability.weights))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _short(path: str) -> str:
    home = str(Path.home())
    return "~" + path.removeprefix(home) if path.startswith(home + "/") else path
