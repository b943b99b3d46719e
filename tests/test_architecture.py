"""The rules of the house, checked on the source itself. Each failure says where, and what to do instead."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import source_tree as source
from source_tree import ROOT, where

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
ENTRY_POINTS = frozenset({"main", "parse_args"})
OPENMMLAB = frozenset({"mmengine", "mmseg", "mmcv"})
NETWORK_LIBRARIES = frozenset({"torch", "torchvision", "numpy", "sparsevision"})

# From the ground up. A part imports its own files and the tiers above its line in this list, never those below.
TIERS = (
    ("version",),
    ("utils",),
    ("registry", "annotation"),
    ("evaluation.functional",),
    ("selection", "visualization"),
    ("evaluation", "datasets"),
    ("synthetic",),
    ("engine",),
    ("weights",),
    ("layers",),
    ("methods",),
    ("engine.setup", "apis", "annotator"),  # engine.setup, train and test stand behind the tools
    ("engine.train", "engine.test"),
    ("zoo", "demo"),
    ("studies",),
    ("doctor",),
    ("console",),
    ("__main__",),
)

# Modules that another program imports as its plug-in, so that they may need it at their top; nothing else imports them.
PLUGINS = ("sparsevision.methods.spin_nerf.studio.plugin",)

CODE = source.python_files("sparsevision", "tools")
LIBRARY = source.python_files("sparsevision")
CONFIGS = source.python_files("configs")
EVERYTHING = source.python_files("sparsevision", "tools", "configs", "tests")


def report(violations: list[str], remedy: str) -> None:
    """Fail with every violation on its own line and the remedy at the end."""
    if violations:
        pytest.fail("\n".join([*violations, f"-> {remedy}"]), pytrace=False)


def part_of(module: str) -> str:
    """sparsevision.evaluation.functional.cod -> evaluation.functional; "" for the package itself."""
    inner = module.removeprefix("sparsevision").lstrip(".")
    known = [part for tier in TIERS for part in tier if inner == part or inner.startswith(part + ".")]
    return max(known, key=len, default=inner.split(".")[0])


def tier_of(part: str) -> int | None:
    """Height of a part in the house; None for one that the list does not know."""
    return next((height for height, tier in enumerate(TIERS) if part in tier), None)


def test_every_part_of_the_package_has_a_floor():
    unknown = {part_of(source.module_name(path)) for path in LIBRARY} - {part for tier in TIERS for part in tier} - {""}
    report(sorted(unknown), "add the new part to TIERS in tests/test_architecture.py, at the height where it belongs")


def test_nothing_imports_upward():
    violations = []
    for path in LIBRARY:
        part = part_of(source.module_name(path))
        for imported in source.imports_of(path):
            for target in map(part_of, source.own_modules(imported)):
                if target in ("", part) or tier_of(part) is None or tier_of(target) is None:
                    continue
                if tier_of(target) >= tier_of(part):
                    violations.append(f"{where(path, imported.line)}: {part} imports {target}")
    report(violations, "move the shared code down, or pass the object in; the order is TIERS in this file")


def test_the_package_never_imports_tools_or_tests():
    violations = [
        f"{where(path, imported.line)}: imports {imported.module}"
        for path in LIBRARY
        for imported in source.imports_of(path)
        if imported.top in {"tools", "tests", "configs"}
    ]
    report(violations, "put what a tool needs into the package; a tool only parses arguments and calls it")


def test_methods_do_not_import_each_other():
    violations = []
    for path in source.python_files("sparsevision/methods"):
        own = source.module_name(path).split(".")[2:3]
        for imported in source.imports_of(path):
            for module in source.own_modules(imported):
                parts = module.split(".")
                if own and parts[1] == "methods" and parts[2:3] not in ([], own):
                    violations.append(f"{where(path, imported.line)}: {own[0]} imports {module}")
    report(violations, "move what two methods share down to layers/, datasets/ or evaluation/")


def test_networks_and_losses_are_plain_torch():
    violations = []
    for path in LIBRARY:
        if path.name not in {"network.py", "losses.py"}:
            continue
        violations += [
            f"{where(path, imported.line)}: imports {imported.module}"
            for imported in source.imports_of(path)
            if imported.top not in NETWORK_LIBRARIES and not source.is_standard_library(imported.top)
        ]
        chain = source.reaches(path, OPENMMLAB)
        violations += [chain] if chain else []
    report(violations, "network.py and losses.py use torch and numpy; mmengine and mmseg belong in method.py")


def test_the_lower_floors_do_not_know_openmmlab():
    violations = []
    for path in source.python_files(
        "sparsevision/annotation", "sparsevision/selection", "sparsevision/evaluation/functional"
    ):
        chain = source.reaches(path, OPENMMLAB)
        violations += [chain] if chain else []
    report(violations, "keep these parts free of mmengine and mmseg; wrap them one floor higher")


def test_optional_libraries_come_through_require():
    violations = [
        f"{where(path, imported.line)}: imports {imported.module}"
        for path in CODE
        if not source.module_name(path).startswith(PLUGINS)
        for imported in source.imports_of(path)
        if imported.top in source.optional_libraries()
    ]
    report(violations, 'inside the function that needs it: require("name", extra="...", why="...")')


def test_every_module_imports_without_extras():
    modules = [source.module_name(path) for path in LIBRARY if path.name != "__main__.py"]
    modules = [module for module in modules if not module.startswith(PLUGINS)]
    script = f"""
import importlib, sys, traceback
import torchvision  # torch, which it needs for that, asks where some of the extras are

class Blocked:
    names = {sorted(source.optional_libraries())!r}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked by the test)", name=name)

sys.meta_path.insert(0, Blocked())
failed = 0
for module in {modules!r}:
    try:
        importlib.import_module(module)
    except Exception:
        failed += 1
        print(module, traceback.format_exc(limit=-2), sep="\\n")
sys.exit(bool(failed))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert run.returncode == 0, f"these modules need an extra at import time:\n{run.stdout}{run.stderr}"


def test_only_their_programs_import_plugins():
    violations = [
        f"{where(path, imported.line)}: imports {module}"
        for path in CODE
        if not source.module_name(path).startswith(PLUGINS)
        for imported in source.imports_of(path)
        for module in source.own_modules(imported)
        if module.startswith(PLUGINS)
    ]
    report(violations, "import it by name inside the function that needs it, after the program it belongs to")


def test_files_and_functions_are_short():
    violations = []
    for path in EVERYTHING:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_FILE_LINES:
            violations.append(f"{where(path)}: {lines} lines (at most {MAX_FILE_LINES})")
        for function in source.functions_of(path):
            length = function.end_lineno - function.lineno + 1
            if length > MAX_FUNCTION_LINES:
                violations.append(f"{where(path, function.lineno)}: {function.name} has {length} lines")
    report(violations, f"split by subject; a function has at most {MAX_FUNCTION_LINES} lines, 8 to 14 is usual")


def test_losses_take_the_ignore_index_as_an_argument():
    violations = [
        f"{where(path, node.lineno)}: literal 255"
        for path in LIBRARY
        if "loss" in path.stem
        for node in ast.walk(source.tree_of(path))
        if isinstance(node, ast.Constant) and node.value == 255 and not isinstance(node.value, bool)
    ]
    report(violations, "pass ignore_index")


def test_weights_are_loaded_safely():
    loaders = {ROOT / "sparsevision/engine/checkpoint.py", ROOT / "sparsevision/engine/safe_unpickle.py"}
    refused = {"torch.load", "pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load", "eval", "exec"}
    violations = []
    for path in source.python_files("sparsevision", "tools", "configs"):
        for name, call in source.calls_of(path):
            flags = {keyword.arg: keyword.value for keyword in call.keywords}
            if name in refused and path not in loaders:
                violations.append(f"{where(path, call.lineno)}: {name}")
            for flag, bad in (("weights_only", False), ("allow_pickle", True)):
                if isinstance(flags.get(flag), ast.Constant) and flags[flag].value is bad:
                    violations.append(f"{where(path, call.lineno)}: {flag}={bad}")
        violations += [
            f"{where(path, imported.line)}: mmengine's {imported.name}"
            for imported in source.imports_of(path)
            if imported.top == "mmengine"
            and imported.name in {"load_checkpoint", "_load_checkpoint", "CheckpointLoader"}
        ]
    report(violations, "use sparsevision.engine.load_checkpoint, which never runs code from a file")


def test_configs_hold_values_only():
    violations = []
    for path in CONFIGS:
        if not path.stem.isidentifier():
            violations.append(f"{where(path)}: '{path.stem}' is no Python identifier, so no config can inherit from it")
        if not ast.get_docstring(source.tree_of(path)):
            violations.append(f"{where(path)}: no docstring (command, hardware and time, the number to expect)")
        if sum(isinstance(node, ast.With) for node in source.tree_of(path).body) > 1:
            violations.append(f"{where(path)}: mmengine reads only the first `with read_base()`; make them one")
        violations += [
            f"{where(path, node.lineno)}: {type(node).__name__}"
            for node in ast.walk(source.tree_of(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
        ]
    report(violations, "a config holds values; put code into the package and name it here")


def test_public_names_are_documented():
    violations = []
    for path in CODE:
        if source.tree_of(path).body and not ast.get_docstring(source.tree_of(path)):
            violations.append(f"{where(path)}: the file has no docstring")
        violations += [
            f"{where(path, node.lineno)}: {node.name}"
            for node in source.public_definitions(path)
            if node.name not in ENTRY_POINTS and not ast.get_docstring(node)
        ]
    report(violations, "one sentence says what it does; shapes, units and errors where they matter")


def test_every_module_is_tested():
    """By a name or file name in tests/, or through a module of its own folder that is tested so and imports it."""
    tests = source.python_files("tests")
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    names = {path: public_names(path) for path in CODE}
    tested = {
        path
        for path in CODE
        if any(name in text for name in [*names[path], path.name]) or any(path.stem in test.stem for test in tests)
    }
    through = {source.file_of(module) for path in tested for module in inner_imports(path)}
    report(
        [
            f"{where(path)}: none of {', '.join(names[path])} occurs in tests/"
            for path in CODE
            if names[path] and path not in tested | through
        ],
        "write a test for it, or delete it",
    )


def public_names(path: Path) -> list[str]:
    """Public classes and functions of a file, entry points left out."""
    return [node.name for node in source.public_definitions(path) if node.name not in ENTRY_POINTS]


def inner_imports(path: Path) -> list[str]:
    """Modules of the file's own folder that it imports."""
    folder = source.module_name(path).rsplit(".", 1)[0]
    modules = [module for imported in source.imports_of(path) for module in source.own_modules(imported)]
    return [module for module in modules if module.rsplit(".", 1)[0] == folder]


def test_no_module_level_state():
    violations = [
        f"{where(path, node.lineno)}: global {', '.join(node.names)}"
        for path in CODE
        for node in ast.walk(source.tree_of(path))
        if isinstance(node, ast.Global)
    ]
    report(violations, "pass the object, or keep it in an instance")
