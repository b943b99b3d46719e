"""Markdown tables of results. A number that nobody measured or reported is an empty cell."""

from collections.abc import Sequence

from sparsevision.utils import UserError
from sparsevision.zoo.metafile import Collection, Model, Result

BEGIN = "<!-- zoo:begin -->"
END = "<!-- zoo:end -->"
LEGEND = (
    "Bold numbers were **reproduced** here with the command in the last column. "
    "*Converted*: the authors' weights, measured here. *Reported*: copied from the source named."
)


def replace_between_markers(text: str, content: str, *, begin: str = BEGIN, end: str = END, where: str = "page") -> str:
    """The text with everything between the two markers replaced.

    Raises:
        UserError: a marker is missing, occurs twice, or they are in the wrong order.
    """
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise UserError(
            f"{where} needs one line '{begin}' and below it one line '{end}'; add them where the table goes"
        )
    before, after = text.split(begin)[0], text.split(end)[1]
    return f"{before}{begin}\n{content.strip()}\n{end}{after}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A GitHub table; a bar inside a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def collection_tables(collection: Collection, *, link_prefix: str) -> str:
    """All tables of a method, one a task; `link_prefix` leads from the page to the repository, e.g. "../../"."""
    models = [*collection.models, *collection.references]
    tasks = list(dict.fromkeys(result.task for model in models for result in model.results))
    parts = [f"**{task}**\n\n{_task_table(models, task, link_prefix)}" for task in tasks]
    bare = [model for model in collection.models if not model.results]
    if bare:
        parts.append(f"**Without numbers so far**\n\n{_bare_table(bare, link_prefix)}")
    return "\n\n".join([*parts, LEGEND])


def _task_table(models: Sequence[Model], task: str, link_prefix: str) -> str:
    rows = [(model, result) for model in models for result in model.results if result.task == task]
    datasets = list(dict.fromkeys(result.dataset for _, result in rows))
    rows.sort(key=lambda row: datasets.index(row[1].dataset))
    metrics = list(dict.fromkeys(name for _, result in rows for name in result.metrics))
    header = ["Data set", "Model", "Supervision", *metrics, "Provenance", "Hardware, time", "Weights", "Source"]
    return _without_empty_columns(header, [_row(model, result, metrics, link_prefix) for model, result in rows])


def _without_empty_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    kept = [index for index in range(len(header)) if any(row[index] for row in rows)]
    return markdown_table([header[index] for index in kept], [[row[index] for index in kept] for row in rows])


def _row(model: Model, result: Result, metrics: Sequence[str], link_prefix: str) -> list[str]:
    numbers = [_number(result.metrics.get(name), bold=result.provenance == "reproduced") for name in metrics]
    cost = ", ".join(part for part in (model.hardware, model.time) if part)
    return [
        result.dataset,
        _name(model, link_prefix),
        model.supervision,
        *numbers,
        result.provenance,
        cost,
        _weights(model),
        result.source,
    ]


def _bare_table(models: Sequence[Model], link_prefix: str) -> str:
    rows = [[_name(model, link_prefix), model.supervision, model.training_data] for model in models]
    return markdown_table(["Model", "Supervision", "Training data"], rows)


def _name(model: Model, link_prefix: str) -> str:
    return f"[{model.name}]({link_prefix}{model.config})" if model.config else model.name


def _weights(model: Model) -> str:
    return f"[weights]({model.weights})" if model.weights else ""


def _number(value: float | None, *, bold: bool) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if abs(value) >= 1 else f"{value:.4f}".rstrip("0").ljust(5, "0")
    return f"**{text}**" if bold else text
