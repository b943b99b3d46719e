"""What the tests ask about our own source: files, syntax trees, imports. Nothing here imports sparsevision."""

import ast
import configparser
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sparsevision"
IMPORT_NAMES = {
    "open_clip_torch": "open_clip",
    "pytest_xdist": "xdist",
    "scikit_image": "skimage",
    "scikit_learn": "sklearn",
    "opencv_python": "cv2",
    "pypatchmatch": "patchmatch",
}


@dataclass(frozen=True)
class Import:
    """One imported name. `module` is absolute; `name` is the imported attribute or "" for `import module`."""

    module: str
    name: str
    line: int
    inside_function: bool

    @property
    def top(self) -> str:
        """The distribution's import name: the first part of `module`."""
        return self.module.split(".")[0]


def python_files(*folders: str) -> list[Path]:
    """All .py files under the given folders of the repository, sorted; hidden folders are left out."""
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts
    )


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def where(path: Path, line: int | None = None) -> str:
    """`sparsevision/utils/errors.py:12`, as an editor wants it."""
    relative = path.relative_to(ROOT).as_posix()
    return relative if line is None else f"{relative}:{line}"


def module_name(path: Path) -> str:
    """sparsevision/utils/__init__.py -> sparsevision.utils."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _walk_imports(path: Path, node: ast.AST, inside_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, "", child.lineno, inside_function)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import(_absolute(path, child), alias.name, child.lineno, inside_function)
        elif not _is_type_checking(child):
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk_imports(path, child, inside_function or function)


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import statement of a file, relative ones made absolute; those under `if TYPE_CHECKING` are left out."""
    return tuple(_walk_imports(path, tree_of(path), inside_function=False))


def own_modules(imported: Import) -> list[str]:
    """The modules of sparsevision that an import names: `from sparsevision.a import b` may mean the file a/b.py."""
    if imported.top != "sparsevision":
        return []
    deeper = f"{imported.module}.{imported.name}"
    return [deeper if imported.name and file_of(deeper) else imported.module]


@cache
def file_of(module: str) -> Path | None:
    """The file of a dotted module name of ours, or None."""
    base = ROOT.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def reaches(path: Path, forbidden: frozenset[str], seen: set[Path] | None = None) -> str | None:
    """How a file reaches a forbidden library through top-level imports of ours: a chain of places, or None.

    Files in `seen` are passed over, and those that this looks at are added: what reached nothing once never does.
    """
    seen = set() if seen is None else seen
    seen.add(path)
    for imported in imports_of(path):
        if imported.top in forbidden:
            return f"{where(path, imported.line)} imports {imported.module}"
        for module in own_modules(imported):
            target = file_of(module)
            if target is None or target in seen or imported.inside_function:
                continue
            chain = reaches(target, forbidden, seen)
            if chain:
                return f"{where(path, imported.line)} -> {chain}"
    return None


def calls_of(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a file with its dotted name as written, e.g. ("torch.load", node)."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file, nested ones included."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public_definitions(path: Path) -> list[ast.ClassDef | ast.FunctionDef]:
    """Module-level classes and functions whose names do not start with an underscore."""
    body = tree_of(path).body
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def is_standard_library(name: str) -> bool:
    """True for a top-level module of Python itself."""
    return name in sys.stdlib_module_names


def _import_name(requirement: str) -> str:
    name = requirement
    for mark in "<>=!~[; ":
        name = name.split(mark)[0]
    name = name.strip().replace("-", "_")
    return IMPORT_NAMES.get(name, name)


@cache
def optional_libraries() -> frozenset[str]:
    """Import names of everything that setup.cfg lists as an extra, and of what `make nerfstudio` adds."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = "\n".join(config["options.extras_require"].values()).splitlines()
    names = {_import_name(line) for line in lines if line.strip()}
    return frozenset(names | {"nerfstudio", "nerfacc"}) - {"sparsevision"}
