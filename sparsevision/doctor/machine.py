"""Cores, memory, disk: from the operating system alone."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def cpu_cores() -> int:
    """Those that this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> tuple[int, int | None]:
    """Bytes in all (a container's limit counts), and bytes free; None where the system does not say."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [int(text) for path in MEMORY_LIMITS if (text := _read(path).strip()).isdigit()]
    total = min([total, *limits])
    lines = [line.split() for line in _read(Path("/proc/meminfo")).splitlines()]
    free = next((1024 * int(words[1]) for words in lines if words[0] == "MemAvailable:"), None)
    return total, None if free is None else min(free, total)


def free_disk(folder: Path) -> int:
    """Bytes that can still be written there; the folder need not exist yet."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
