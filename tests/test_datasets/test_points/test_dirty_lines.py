"""Damaged lines of S3DIS: one certain reading, or none."""

import numpy as np
import pytest

from sparsevision.datasets.points.prepare import s3dis_text
from sparsevision.datasets.points.prepare.dirty_lines import parse_line, repair_line
from sparsevision.datasets.points.prepare.s3dis_text import count_lines, read_point_lines
from sparsevision.utils import UserError

SOUND = "1.250 -9.160 3.048 103 185 187"


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (b"-22.1 9.1 3.048 106.000000 105.000000 103.0\x100000", (-22.1, 9.1, 3.048, 106, 105, 103)),  # in office_19
        (b"21.3 -9.1\x160 1.0 103 85 87", (21.3, -9.16, 1.0, 103, 85, 87)),  # in hallway_2
        (b"19.3 9.1 3.0 185\x00187 186", (19.3, 9.1, 3.0, 185, 187, 186)),  # in hallway_6
        (b"1.5 2.5 3.5 1\xb0 20 30", (1.5, 2.5, 3.5, 10, 20, 30)),
        (b"\xef\xbb\xbf1.5 2.5 3.5 10 20 30", (1.5, 2.5, 3.5, 10, 20, 30)),  # byte order mark
        (b"1.5 2.5 3.5 10 20 30.0?00", (1.5, 2.5, 3.5, 10, 20, 30)),  # a program wrote '?' for what it did not know
        (b"1.5 2.5 3.5 10?20 30", (1.5, 2.5, 3.5, 10, 20, 30)),
        (b"1.5 2.5 3.5 1\x00 20 30", (1.5, 2.5, 3.5, 1, 20, 30)),
        (b"1.5 2.5? 3.5 10 20 30", (1.5, 2.5, 3.5, 10, 20, 30)),
        (b"1.2?4 2.5 3.5 10 20 30", None),  # 1.24 or 1.204
        (b"1.5 2.5 3.5", None),
        (b"1e999 2.5 3.5 10\x0020 30", None),
        (b"1.5 2.5 3.5 10 20 300", None),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00", None),
    ],
)
def test_a_damaged_line_has_one_reading_or_none(line, values):
    assert repair_line(line) == values or (values and repair_line(line) == pytest.approx(values))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1 2 3", "3 columns"),
        (b"1 2 3 4 5 6 7", "7 columns"),
        (b"1 2 x 4 5 6", "not all of it are numbers"),
        (b"1 2 1_0 4 5 6", "not all of it are numbers"),
        (b"1 2 3 4 5 256", "a colour is no whole number of 0 to 255"),
        (b"1 2 3 4 5 -1", "a colour is no whole number of 0 to 255"),
        (b"1 2 3 4 5 1.5", "a colour is no whole number of 0 to 255"),
        (b"1 2 3 4 5 nan", "a colour is no whole number of 0 to 255"),
    ],
)
def test_what_is_wrong_with_a_line(line, reason):
    assert parse_line(line) == reason


def read_all(path):
    blocks = list(read_point_lines(path))
    return np.concatenate([values for values, _ in blocks]), [line for _, dirty in blocks for line in dirty]


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_blocks_give_the_same_points_and_line_numbers(tmp_path, monkeypatch, block):
    monkeypatch.setattr(s3dis_text, "BLOCK", block)
    path = tmp_path / "wall_1.txt"
    lines = [f"{number}.125 2 -3e-1 {number} 20 30.000" for number in range(200)]
    lines[50], lines[120], lines[121] = "50.125 2 -0.3 50\x0020 30", "1 2 3", ""
    path.write_bytes("\r\n".join(lines).encode())
    points, dirty = read_all(path)
    assert points[:, 0].tolist() == [number + 0.125 for number in range(200) if number not in (120, 121)]
    assert points[50].tolist() == [50.125, 2, -0.3, 50, 20, 30]
    assert [str(line) for line in dirty] == [
        "51: '50.125 2 -0.3 50\\x0020 30\\r' read as '50.125 2 -0.3 50 20 30'",
        "121: '1 2 3\\r' left out (3 columns)",
    ]
    assert count_lines(path) == 200


def test_the_fast_and_the_careful_parser_agree(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    path = tmp_path / "wall_1.txt"
    rows = [
        [f"{x:.3f}" for x in rng.uniform(-30, 30, 3)] + [str(c) for c in rng.integers(0, 256, 3)] for _ in range(500)
    ]
    path.write_text("\n".join(" ".join(row) for row in rows))
    fast, dirty = read_all(path)
    monkeypatch.setattr(s3dis_text, "_parse", s3dis_text._line_by_line)
    careful, _ = read_all(path)
    assert dirty == []
    np.testing.assert_array_equal(fast, careful)
    np.testing.assert_array_equal(fast, np.array(rows, dtype=np.float64))


@pytest.mark.parametrize("content", [b"1 2 3\n" * 5, b"1 2 3 4 5 6 7\n" * 5, b"\x7fELF\x00\x01\n" * 100, b"x\r" * 50])
def test_a_file_that_is_mostly_garbage_is_refused(tmp_path, content):
    path = tmp_path / "wall_1.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"wall_1\.txt: \d+ of the first \d+ lines are damaged, the first is 1: .*red"):
        read_all(path)


def test_one_line_in_a_hundred_may_be_damaged(tmp_path):
    path = tmp_path / "wall_1.txt"
    for damaged in (15, 30):
        path.write_text((SOUND + "\n") * (2000 - damaged) + "1 2\n" * damaged)
        if damaged == 15:
            assert len(read_all(path)[0]) == 1985
        else:
            with pytest.raises(UserError, match="30 of the first 2000 lines"):
                read_all(path)


@pytest.mark.parametrize("word", ["nan", "inf", "-Infinity"])
def test_coordinates_that_are_no_numbers_are_refused_by_line(tmp_path, word):
    path = tmp_path / "wall_1.txt"
    path.write_text(f"{SOUND}\n{SOUND}\n1 {word} 3 4 5 6\n{SOUND}\n")
    with pytest.raises(UserError, match=r"wall_1\.txt, line 3: the coordinates are"):
        read_all(path)


def test_lines_without_points_are_no_lines(tmp_path):
    path = tmp_path / "wall_1.txt"
    for content in (b"", b"\n\n  \n"):
        path.write_bytes(content)
        assert read_all(path) == (pytest.approx(np.empty((0, 6))), []) if content else not list(read_point_lines(path))
