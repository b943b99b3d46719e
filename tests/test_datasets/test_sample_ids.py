import pytest

from sparsevision.datasets.sample_ids import sample_ids


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ([], []),
        (["b/2.jpg", "1.jpg"], ["2", "1"]),
        (["1.jpg", "./1.jpg", "2.jpg"], ["1", "1", "2"]),
        (["a/1.jpg", "b/1.jpg", "b/2.jpg"], ["a/1", "b/1", "b/2"]),
        (["a/1.jpg", "a/1.png"], ["a/1.jpg", "a/1.png"]),
        (["../x/a/1.mp4", "../x/b/1.mp4"], ["a/1", "b/1"]),
        (["/x/a/1.mp4", "/x/b/c/1.mp4"], ["a/1", "b/c/1"]),
    ],
    ids=["none", "stems", "listed twice", "folders", "suffixes", "outside", "absolute"],
)
def test_names_are_stems_until_these_repeat(files, names):
    assert sample_ids(files) == names
