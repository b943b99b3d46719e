"""One `configs/<method>/metafile.yml`: what it may hold, checked with errors that say where and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sparsevision.utils import UserError, did_you_mean
from sparsevision.utils.files import read_text

PROVENANCES = ("reproduced", "converted", "reported")
TOP_KEYS = frozenset({"Collections", "Models", "References"})
COLLECTION_KEYS = frozenset({"Name", "Paper", "README", "Code", "Metadata"})
MODEL_KEYS = frozenset({"Name", "In Collection", "Config", "Metadata", "Results", "Weights"})
REFERENCE_KEYS = frozenset({"Name", "Metadata", "Results"})
METADATA_KEYS = frozenset({"Supervision", "Training Data", "Hardware", "Time", "Preset"})
NOT_MODELS = ("__init__", "study_")  # a study's many runs have a page of their own
RESULT_KEYS = frozenset({"Task", "Dataset", "Metrics", "Provenance", "Source"})


@dataclass(frozen=True, kw_only=True)
class Result:
    """Numbers of one model on one data set; in `metrics`, None is an empty cell."""

    task: str
    dataset: str
    metrics: dict[str, float | None]
    provenance: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """One row group of a table. `config` is "" for a reference that this repository does not build."""

    name: str
    config: str = ""
    supervision: str = ""
    training_data: str = ""
    hardware: str = ""
    time: str = ""
    preset: str = ""
    weights: str = ""
    results: tuple[Result, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A method with its models, and the references that its table is compared with."""

    name: str
    folder: str
    paper_title: str = ""
    paper_url: str = ""
    models: tuple[Model, ...] = ()
    references: tuple[Model, ...] = ()


def read_metafile(path: Path, *, root: Path) -> Collection:
    """Read and check one metafile.

    Args:
        path: the metafile.
        root: the repository; `Config` entries are relative to it and must exist there.

    Raises:
        UserError: naming the file, the entry, the field, what was expected and what came.
    """
    text = read_text(path)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    reader = _Reader(path=path, root=root)
    return reader.collection(content)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    path: Path
    root: Path

    def fail(self, entry: str, problem: str) -> UserError:
        return UserError(f"{self.path}, {entry}: {problem}")

    def mapping(self, value: Any, entry: str, allowed: frozenset[str], required: Iterable[str] = ()) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(entry, f"expected keys and values, got {type(value).__name__}")
        for key in value:
            if key not in allowed:
                hint = did_you_mean(str(key), allowed) or f" Known keys: {', '.join(sorted(allowed))}."
                raise self.fail(entry, f"unknown key '{key}'.{hint}")
        for key in required:
            if value.get(key) in (None, ""):
                raise self.fail(entry, f"'{key}' is missing; add it")
        return value

    def entries(self, value: Any, entry: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fail(entry, f"expected a list, got {type(value).__name__}")
        return value

    def collection(self, content: Any) -> Collection:
        content = self.mapping(content, "top level", TOP_KEYS, ["Collections", "Models"])
        collections = self.entries(content["Collections"], "Collections")
        if len(collections) != 1:
            raise self.fail("Collections", f"expected one collection, the method's own; got {len(collections)}")
        head = self.mapping(collections[0], "Collections", COLLECTION_KEYS, ["Name"])
        paper = self.mapping(head.get("Paper") or {}, "Paper", frozenset({"Title", "URL"}))
        models = tuple(self.model(item, head["Name"]) for item in self.entries(content["Models"], "Models"))
        references = tuple(self.reference(item) for item in self.entries(content.get("References"), "References"))
        self.check_names(models)
        return Collection(
            name=head["Name"],
            folder=self.path.parent.name,
            paper_title=paper.get("Title", ""),
            paper_url=paper.get("URL", ""),
            models=models,
            references=references,
        )

    def model(self, item: Any, collection: str) -> Model:
        entry = f"model '{item.get('Name')}'" if isinstance(item, dict) else "Models"
        item = self.mapping(item, entry, MODEL_KEYS, ["Name", "In Collection", "Config"])
        if item["In Collection"] != collection:
            raise self.fail(
                entry, f"'In Collection' is '{item['In Collection']}', but this file describes '{collection}'"
            )
        config = Path(item["Config"])
        if config.stem != item["Name"]:
            raise self.fail(entry, f"'Name' must be the stem of 'Config', which is '{config.stem}'")
        if not (self.root / config).is_file():
            there = [path.stem for path in (self.root / config.parent).glob("*.py")]
            raise self.fail(entry, f"'Config' {config} does not exist.{did_you_mean(config.stem, there)}")
        return Model(
            config=config.as_posix(),
            weights=str(item.get("Weights") or ""),
            **self.common(item, entry, ["Supervision"]),
        )

    def reference(self, item: Any) -> Model:
        entry = f"reference '{item.get('Name')}'" if isinstance(item, dict) else "References"
        return Model(**self.common(self.mapping(item, entry, REFERENCE_KEYS, ["Name"]), entry, []))

    def common(self, item: dict[str, Any], entry: str, required: list[str]) -> dict[str, Any]:
        metadata = self.mapping(item.get("Metadata") or {}, f"{entry}, Metadata", METADATA_KEYS, required)
        results = self.entries(item.get("Results"), f"{entry}, Results")
        words = {key.lower().replace(" ", "_"): str(metadata.get(key) or "") for key in METADATA_KEYS}
        return dict(name=item["Name"], results=tuple(self.result(result, entry) for result in results), **words)

    def result(self, item: Any, entry: str) -> Result:
        entry = f"{entry}, Results"
        item = self.mapping(item, entry, RESULT_KEYS, ["Task", "Dataset", "Metrics", "Provenance", "Source"])
        if item["Provenance"] not in PROVENANCES:
            hint = did_you_mean(str(item["Provenance"]), PROVENANCES)
            raise self.fail(entry, f"'Provenance' is '{item['Provenance']}', expected {', '.join(PROVENANCES)}.{hint}")
        if not isinstance(item["Metrics"], dict):
            raise self.fail(entry, "'Metrics' must map a metric's name to a number")
        for name, number in item["Metrics"].items():
            if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
                raise self.fail(entry, f"'{name}' is {number!r}, expected a number, or nothing for an empty cell")
        return Result(
            task=item["Task"],
            dataset=item["Dataset"],
            metrics=dict(item["Metrics"]),
            provenance=item["Provenance"],
            source=str(item["Source"]),
        )

    def check_names(self, models: tuple[Model, ...]) -> None:
        names = [model.name for model in models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise self.fail("Models", f"listed twice: {', '.join(twice)}")
        stems = {path.stem for path in self.path.parent.glob("*.py") if not path.stem.startswith(NOT_MODELS)}
        missing = sorted(stems - set(names))
        if missing:
            raise self.fail(
                "Models", f"no entry for the config(s) {', '.join(missing)}; add them (without numbers if none exist)"
            )
