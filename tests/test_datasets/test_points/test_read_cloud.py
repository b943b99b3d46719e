"""Clouds of every format are read alike; colours by rule; damaged files are refused with the reason."""

import struct

import numpy as np
import pytest

from sparsevision.datasets.points.pcd import decompress_lzf, read_pcd
from sparsevision.datasets.points.ply import PlyMesh, write_ply
from sparsevision.datasets.points.read_cloud import as_colours, read_cloud, upright_metres
from sparsevision.datasets.points.text_cloud import read_text_cloud
from sparsevision.utils import UserError

POINTS = np.array([[0.5, 1.25, -2], [3, 4, 5.5], [6, 7, 8]], np.float32)
COLOURS = np.array([[255, 0, 10], [0, 128, 20], [1, 2, 255]], np.uint8)
TABLE = np.hstack([POINTS, COLOURS])
PACKED = (COLOURS.astype(np.uint32) << (16, 8, 0)).sum(axis=1).astype(np.uint32)


def pack_lzf(data: bytes) -> bytes:
    """Literals alone: what a compressor may do."""
    return b"".join(bytes([len(data[at : at + 32]) - 1]) + data[at : at + 32] for at in range(0, len(data), 32))


def pcd_of(encoding: str, *, kind: str = "F") -> bytes:
    """x, y, z, two bytes of padding, rgb."""
    rgb = PACKED.view(np.float32) if kind == "F" else PACKED
    header = (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z _ rgb\nSIZE 4 4 4 1 4\nTYPE F F F U {kind}\nCOUNT 1 1 1 2 1\nWIDTH 3\n"
        f"HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 3\nDATA {encoding}\n"
    )
    padding = np.zeros((3, 2), np.uint8)
    if encoding == "ascii":
        lines = [
            " ".join([*(repr(float(value)) for value in point), "0", "0", repr(value.item())])
            for point, value in zip(POINTS, rgb, strict=True)
        ]
        return (header + "\n".join(lines) + "\n").encode()
    if encoding == "binary":
        rows = [p.tobytes() + q.tobytes() + c.tobytes() for p, q, c in zip(POINTS, padding, rgb, strict=True)]
        return header.encode() + b"".join(rows)
    data = POINTS.T.tobytes() + padding.tobytes() + rgb.tobytes()
    packed = pack_lzf(data)
    return header.encode() + struct.pack("<II", len(packed), len(data)) + packed


def write_las(path, *, colours=None):
    laspy = pytest.importorskip("laspy")
    las = laspy.LasData(laspy.LasHeader(point_format=3 if colours is not None else 1, version="1.2"))
    las.header.scales, las.header.offsets = [0.001] * 3, [0, 0, 0]
    las.x, las.y, las.z = POINTS.astype(np.float64).T
    if colours is not None:
        las.red, las.green, las.blue = colours.astype(np.uint16).T
    las.write(str(path))


def check(path, **options):
    cloud = read_cloud(path, **options)
    np.testing.assert_allclose(cloud.points, POINTS, atol=1e-6)
    np.testing.assert_allclose(cloud.colours, COLOURS, atol=0.51)
    assert cloud.coloured
    assert cloud.colours.dtype == np.float32
    return cloud


@pytest.mark.parametrize("encoding", ["ascii", "binary", "binary_compressed"])
@pytest.mark.parametrize("kind", ["F", "U"])
def test_pcd(tmp_path, encoding, kind):
    (tmp_path / "a.pcd").write_bytes(pcd_of(encoding, kind=kind))
    check(tmp_path / "a.pcd")
    assert list(read_pcd(tmp_path / "a.pcd")) == ["x", "y", "z", "rgb"]


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize("factor", [1, 257])
def test_las_of_eight_and_sixteen_bits(tmp_path, suffix, factor):
    write_las(tmp_path / f"a{suffix}", colours=COLOURS.astype(int) * factor)
    check(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("colours", [None, np.zeros((3, 3), int)])
def test_las_without_colours(tmp_path, colours):
    write_las(tmp_path / "a.las", colours=colours)
    with pytest.warns(UserWarning, match="there are no colours"):
        cloud = read_cloud(tmp_path / "a.las")
    assert not cloud.coloured
    assert (cloud.colours == 127.5).all()


def test_ply_keeps_faces_and_numbers(tmp_path):
    mesh = PlyMesh(POINTS, COLOURS, np.array([[0, 1, 2]]), {"label": np.array([3, 4, 5], np.int32)})
    write_ply(tmp_path / "a.ply", mesh)
    cloud = check(tmp_path / "a.ply")
    assert cloud.faces.tolist() == [[0, 1, 2]]
    assert cloud.vertex["label"].tolist() == [3, 4, 5]


@pytest.mark.parametrize("columns", [6, 7])
def test_npy(tmp_path, columns):
    np.save(tmp_path / "a.npy", np.hstack([TABLE, np.ones((3, 1))])[:, :columns])
    check(tmp_path / "a.npy")


def test_bin(tmp_path):
    TABLE.astype("<f4").tofile(tmp_path / "a.bin")
    check(tmp_path / "a.bin", bin_columns=6)
    with pytest.raises(UserError, match=r"72 bytes are no whole number of points of 5 .* 3, 6 numbers would fit"):
        read_cloud(tmp_path / "a.bin", bin_columns=5)


def test_bin_of_kitti_has_no_colours(tmp_path):
    np.hstack([POINTS, np.ones((3, 1))]).astype("<f4").tofile(tmp_path / "a.bin")
    with pytest.warns(UserWarning, match="there are no colours"):
        np.testing.assert_array_equal(read_cloud(tmp_path / "a.bin").points, POINTS)


ROWS = [" ".join(f"{value:g}" for value in row) for row in TABLE]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(ROWS),
        "# a comment\n" + "\n".join(ROWS) + "\n",
        "3\n" + "\n".join(ROWS),
        "x,y,z,r,g,b\n" + "\n".join(row.replace(" ", ",") for row in ROWS),
        "//X Y Z R G B\n" + "\n".join(row.replace(" ", ";") + ";" for row in ROWS),
        "\ufeff" + "\r\n".join(row.replace(" ", "\t") for row in ROWS),
        '"z" "y" "x" "blue" "green" "red"\n'
        + "\n".join(" ".join(f"{v:g}" for v in r[[2, 1, 0, 5, 4, 3]]) for r in TABLE),
    ],
)
def test_text(tmp_path, text):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    check(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line with numbers"),
        ("hello\nworld\n", "no line with numbers"),
        ("1 2 3\n1 2 x\n", "cannot be read"),
        ("1 2 x\n1 2 3\n", "cannot be read"),
        ("1 2 3\n1 2\n", "cannot be read"),
        ("1 2\n3 4\n", "holds 2 numbers"),
        ("1,5;2,5;3,5\n", "cannot be read"),
    ],
)
def test_text_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(UserError, match=message):
        read_text_cloud(tmp_path / "a.xyz")


@pytest.mark.parametrize("factor", [1 / 255, 1, 257])
def test_ranges_of_colours(factor):
    np.testing.assert_allclose(as_colours(COLOURS.astype(float) * factor, "a"), COLOURS, atol=1e-4)


def test_dark_bytes_are_no_fractions():
    np.testing.assert_array_equal(as_colours(np.ones((2, 3), np.uint8), "a"), np.ones((2, 3)))


def test_a_colour_that_is_nan_is_grey():
    assert as_colours(np.array([[1, 1, 1], [np.nan, 0, 0]]), "a").tolist() == [[255] * 3, [127.5] * 3]


@pytest.mark.parametrize("values", [-0.2, 70000])
def test_what_are_no_colours(values):
    with pytest.raises(UserError, match="colours reach from"):
        as_colours(np.full((2, 3), values), "a.npy")


def test_points_without_a_place_are_kept_and_marked(tmp_path):
    table = TABLE.copy()
    table[1, 0] = np.nan
    np.save(tmp_path / "a.npy", table)
    with pytest.warns(UserWarning, match="1 of 3 points have no finite coordinates"):
        assert read_cloud(tmp_path / "a.npy").finite.tolist() == [True, False, True]


@pytest.mark.parametrize("name", ["a.pcd", "a.las", "a.laz", "a.ply", "a.npy"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.97])
def test_truncated(tmp_path, name, keep):
    path, cut = tmp_path / name, tmp_path / f"cut_{name}"
    if path.suffix in (".las", ".laz"):
        write_las(path, colours=COLOURS)
    elif path.suffix == ".ply":
        write_ply(path, PlyMesh(POINTS, COLOURS))
    elif path.suffix == ".pcd":
        path.write_bytes(pcd_of("binary"))
    else:
        np.save(path, TABLE)
    content = path.read_bytes()
    cut.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(UserError, match=f"cut_{name}"):
        read_cloud(cut)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"FIELDS x y z", b"FIELDS x y w"), "has no z"),
        ((b"DATA binary", b"DATA zipped"), "DATA zipped is unknown"),
        ((b"TYPE F F F U F", b"TYPE F F F U Q"), "makes no sense"),
        ((b"COUNT 1 1 1 2 1", b"COUNT 1 1 1 2"), "makes no sense"),
        ((b"VERSION 0.7", b"<html>"), "is no PCD file"),
    ],
)
def test_pcd_headers_that_make_no_sense(tmp_path, change, message):
    (tmp_path / "a.pcd").write_bytes(pcd_of("binary").replace(*change))
    with pytest.raises(UserError, match=message):
        read_cloud(tmp_path / "a.pcd")


def test_lzf_copies_what_it_is_writing():
    """'ab', then eight bytes from two back, then ten from one back."""
    packed = bytes([1]) + b"ab" + bytes([6 << 5, 1]) + bytes([7 << 5, 1, 0])
    assert decompress_lzf(packed, 20) == b"ab" * 5 + b"b" * 10


@pytest.mark.parametrize("packed", [b"\x05ab", b"\x20\x09", b"\xe0", b"\x01ab"])
def test_damaged_lzf(packed):
    with pytest.raises(UserError, match="damaged"):
        decompress_lzf(packed, 6)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 2)), "expected"),
        (np.zeros(3), "expected"),
        (np.array(["a"]), "numbers"),
        (np.zeros((0, 3)), "no point"),
        (np.full((2, 3), np.nan), "no point has finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*there are no colours", "ignore:.*finite coordinates")
def test_arrays_that_are_no_clouds(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=message):
        read_cloud(tmp_path / "a.npy")


def test_a_header_alone_is_no_cloud(tmp_path):
    pytest.importorskip("laspy")
    (tmp_path / "a.las").write_bytes(b"LASF" + b"0" * 300)
    with pytest.raises(UserError, match=r"a\.las: is no LAS file"):
        read_cloud(tmp_path / "a.las")
    np.save(tmp_path / "a.npy", TABLE)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content.replace(b"}", b" ", 1))
    with pytest.raises(UserError, match=r"a\.npy: is no array"):
        read_cloud(tmp_path / "a.npy")


def test_unknown_and_missing_files(tmp_path):
    with pytest.raises(UserError, match=r"did you mean \.ply"):
        read_cloud(tmp_path / "a.plyy")
    with pytest.raises(UserError, match="there is no such file"):
        read_cloud(tmp_path / "a.ply")


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z"])
def test_upright_keeps_shape_and_handedness(up):
    turned = upright_metres(np.eye(3), unit="cm", up=up)
    assert np.linalg.det(turned * 100) == pytest.approx(1)
    axis = "xyz".index(up[-1])
    assert turned[axis].tolist() == [0, 0, -0.01 if up[0] == "-" else 0.01]


def test_unknown_units_and_axes():
    with pytest.raises(UserError, match="expected a unit"):
        upright_metres(np.eye(3), unit="yard")
    with pytest.raises(UserError, match="an axis of"):
        upright_metres(np.eye(3), up="w")


def test_a_real_scan(shared_data):
    cloud = read_cloud(shared_data / "points" / "mmdet3d" / "demo_scannet_scene0000_00.bin", bin_columns=6)
    assert len(cloud) == 40684
    assert cloud.coloured
    assert cloud.finite.all()
