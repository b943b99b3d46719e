"""The zoo: metafiles are checked, tables are generated, and those of this repository are up to date."""

from pathlib import Path

import pytest
import yaml

from sparsevision.utils import UserError
from sparsevision.zoo import collection_tables, read_metafile, render_pages, replace_between_markers
from sparsevision.zoo.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


def metafile_content(**model):
    result = {
        "Task": "T",
        "Dataset": "D",
        "Metrics": {"mIoU": 51.25, "aAcc": None},
        "Provenance": "reported",
        "Source": "Table 1",
    }
    entry = {
        "Name": "toy_a",
        "In Collection": "Toy",
        "Config": "configs/toy/toy_a.py",
        "Metadata": {"Supervision": "3 clicks"},
        "Results": [result],
    }
    return {"Collections": [{"Name": "Toy"}], "Models": [{**entry, **model}]}


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "configs" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy_a.py").write_text('"""A config."""\n')
    (folder / "README.md").write_text("# Toy\n\n<!-- zoo:begin -->\nLAST YEAR\n<!-- zoo:end -->\n\nafter\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "model_zoo.md").write_text("<!-- zoo:begin -->\n<!-- zoo:end -->\n")
    write(tmp_path, metafile_content())
    return tmp_path


def write(root, content):
    path = root / "configs" / "toy" / "metafile.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_writing_then_checking(checkout, capsys):
    arguments = ["--root", str(checkout)]
    assert main([*arguments, "--check"]) == 1
    assert "python -m sparsevision.zoo" in capsys.readouterr().out
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    readme = (checkout / "configs" / "toy" / "README.md").read_text()
    assert "[toy_a](../../configs/toy/toy_a.py)" in readme
    assert "LAST YEAR" not in readme
    assert readme.endswith("after\n")
    index = yaml.safe_load((checkout / "model-index.yml").read_text())
    assert index == {"Import": ["configs/toy/metafile.yml"]}


def test_a_missing_number_is_an_empty_cell(checkout):
    content = metafile_content()
    first = content["Models"][0]["Results"][0]
    content["Models"][0]["Results"] = [first, {**first, "Metrics": {"mIoU": 50, "aAcc": 0.5}}]
    write(checkout, content)
    collection = read_metafile(checkout / "configs/toy/metafile.yml", root=checkout)
    table = collection_tables(collection, link_prefix="")
    assert "| 51.25 |  | reported |" in table


def test_a_column_that_nobody_fills_is_left_out(checkout):
    collection = read_metafile(checkout / "configs/toy/metafile.yml", root=checkout)
    header = collection_tables(collection, link_prefix="").splitlines()[2]
    assert header == "| Data set | Model | Supervision | mIoU | Provenance | Source |"


def test_only_reproduced_numbers_are_bold(checkout):
    content = metafile_content()
    content["Models"][0]["Results"][0] |= {"Metrics": {"MAE": 0.09}, "Provenance": "reproduced"}
    write(checkout, content)
    collection = read_metafile(checkout / "configs/toy/metafile.yml", root=checkout)
    assert "| **0.090** | reproduced |" in collection_tables(collection, link_prefix="")


def test_models_without_results_are_listed_all_the_same(checkout):
    write(checkout, metafile_content(Results=None))
    collection = read_metafile(checkout / "configs/toy/metafile.yml", root=checkout)
    assert "Without numbers so far" in collection_tables(collection, link_prefix="")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Confg": "x"}, r"model 'toy_a': unknown key 'Confg'. Did you mean 'Config'"),
        ({"Name": "toy_b"}, "stem of 'Config', which is 'toy_a'"),
        ({"Name": "toy_aa", "Config": "configs/toy/toy_aa.py"}, "does not exist. Did you mean 'toy_a'"),
        ({"In Collection": "Other"}, "this file describes 'Toy'"),
        ({"Metadata": {}}, "'Supervision' is missing"),
        ({"Results": [{"Task": "T"}]}, "'Dataset' is missing"),
        ({"Results": {"Task": "T"}}, "expected a list, got dict"),
    ],
)
def test_a_bad_metafile_says_where_and_what(checkout, change, message):
    path = write(checkout, metafile_content(**change))
    with pytest.raises(UserError, match=message) as caught:
        read_metafile(path, root=checkout)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("Provenance", "reprted", "Did you mean 'reported'"),
        ("Metrics", {"MAE": "about 0.1"}, "expected a number"),
        ("Metrics", [0.1], "must map"),
        ("Source", "", "'Source' is missing"),
    ],
)
def test_a_bad_result_says_what(checkout, field, value, message):
    content = metafile_content()
    content["Models"][0]["Results"][0][field] = value
    with pytest.raises(UserError, match=message):
        read_metafile(write(checkout, content), root=checkout)


def test_a_config_without_entry_is_noticed(checkout):
    (checkout / "configs/toy/toy_b.py").write_text('"""Another config."""\n')
    with pytest.raises(UserError, match=r"no entry for .* toy_b"):
        read_metafile(checkout / "configs/toy/metafile.yml", root=checkout)


def test_broken_yaml_is_one_sentence(checkout, capsys):
    (checkout / "configs/toy/metafile.yml").write_text("Models: [")
    assert main(["--root", str(checkout)]) == 2
    assert "is not valid YAML" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["no markers", "<!-- zoo:end -->\n<!-- zoo:begin -->", "<!-- zoo:begin -->" * 2])
def test_markers_must_be_there(text):
    with pytest.raises(UserError, match="page needs one line"):
        replace_between_markers(text, "table")


def test_a_folder_without_metafiles_says_so(tmp_path):
    with pytest.raises(UserError, match=r"no metafile.yml"):
        render_pages(tmp_path)


def test_the_tables_of_this_repository_are_up_to_date():
    stale = [str(page.path.relative_to(ROOT)) for page in render_pages(ROOT) if page.is_stale()]
    assert not stale, f"{', '.join(stale)} do not match the metafiles; run: python -m sparsevision.zoo"
