"""What sparsevision asks for, its core and each extra, and which of it is installed."""

import configparser
import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CORE = ""
REQUIREMENT = re.compile(r"^\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*([^;]*?)\s*(?:;(.*))?$")
EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")
# Distributions whose modules have another name; others are looked up in what they installed.
MODULES = {
    "onedl-mmcv": "mmcv",
    "onedl-mmengine": "mmengine",
    "onedl-mmsegmentation": "mmseg",
    "open-clip-torch": "open_clip",
    "opencv-python": "cv2",
    "pillow": "PIL",
    "pypatchmatch": "patchmatch",
    "pytest-xdist": "xdist",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}
# OpenMMLab's own distributions lie in the same folders as the ones that we build on.
ORIGINALS = {
    "mmengine": "onedl-mmengine",
    "mmengine-lite": "onedl-mmengine",
    "mmcv": "onedl-mmcv",
    "mmcv-lite": "onedl-mmcv",
    "mmcv-full": "onedl-mmcv",
    "mmsegmentation": "onedl-mmsegmentation",
}
OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


@dataclass(frozen=True)
class Requirement:
    """A distribution and the versions that are allowed, e.g. ("h5py", ">=3.11")."""

    distribution: str
    versions: str

    @property
    def module(self) -> str:
        """The name to import."""
        name = MODULES.get(self.distribution, self.distribution.replace("-", "_"))
        return name if importlib.util.find_spec(name) else _installed_module(self.distribution) or name


def requirements() -> dict[str, list[Requirement]]:
    """Extra -> what it asks for; the core stands under "". Empty when sparsevision is not installed at all."""
    lines = _from_setup_cfg(CHECKOUT / "setup.cfg") or _from_metadata()
    found: dict[str, list[Requirement]] = {}
    for extra, line in lines:
        name, versions, _ = REQUIREMENT.match(line).groups()
        if canonical(name) != "sparsevision":
            found.setdefault(extra, []).append(Requirement(canonical(name), versions.strip("() ")))
    return found


def canonical(name: str) -> str:
    """Names of distributions as PyPI compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_version(distribution: str) -> str:
    """E.g. "2.14.1"; "" when it is not installed."""
    try:
        return importlib.metadata.version(distribution) or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def allows(versions: str, version: str) -> bool:
    """Whether a version is one of `versions`; True where nothing can compare them (the package `packaging`)."""
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return True
    return SpecifierSet(versions).contains(version, prereleases=True)


def needs_torch(distribution: str) -> bool:
    """Whether its own metadata ask for torch."""
    try:
        lines = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return False
    return any(re.match(r"torch(vision)?\b", line) and "extra" not in line for line in lines)


def _installed_module(distribution: str) -> str:
    """The first package that it installed; "" for none."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    return next((file.parts[0] for file in files if len(file.parts) == 2 and file.name == "__init__.py"), "")


def _from_setup_cfg(path: Path) -> list[tuple[str, str]]:
    config = configparser.ConfigParser()
    config.read(path, encoding="utf-8")
    if config.get("metadata", "name", fallback="") != "sparsevision":
        return []
    sections = {CORE: config["options"]["install_requires"], **config["options.extras_require"]}
    return [(extra, line) for extra, text in sections.items() for line in text.split("\n") if line.strip(" \t#")]


def _from_metadata() -> list[tuple[str, str]]:
    try:
        lines = importlib.metadata.requires("sparsevision") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [(match[1] if (match := EXTRA.search(line)) else CORE, line) for line in lines]
