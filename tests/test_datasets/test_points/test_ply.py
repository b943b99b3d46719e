"""PLY files are read as they were meant, written whole, and refused with the reason."""

import numpy as np
import pytest

from sparsevision.datasets.points.ply import PlyMesh, read_ply, write_ply
from sparsevision.utils import UserError

ASCII = """ply
format ascii 1.0
comment two triangles and a square
element vertex 4
property double x
property double y
property double z
property {kind} {red}
property {kind} {green}
property {kind} {blue}
property ushort label
element face 2
property list uchar int vertex_index
end_header
400000.25 0 0 {full} 0 0 7
1 0 0 0 {full} 0 8
1 1 0 0 0 {full} 9
0 1 0 0 0 0 65535
4 0 1 2 3
3 0 1 2
"""


def mesh_of(count: int = 5) -> PlyMesh:
    rng = np.random.default_rng(0)
    return PlyMesh(
        points=rng.normal(size=(count, 3)).astype(np.float32),
        colours=rng.integers(0, 256, (count, 3)).astype(np.uint8),
        faces=np.array([[0, 1, 2], [2, 3, 4]], dtype=np.int32),
        vertex={"alpha": np.full(count, 255, np.uint8), "confidence": rng.random(count).astype(np.float32)},
    )


def check_same(read: PlyMesh, mesh: PlyMesh) -> None:
    for name in ("points", "colours", "faces"):
        expected = getattr(mesh, name)
        assert getattr(read, name).dtype == expected.dtype
        np.testing.assert_array_equal(getattr(read, name), expected)
    assert list(read.vertex) == list(mesh.vertex)
    for name, column in mesh.vertex.items():
        assert read.vertex[name].dtype == column.dtype
        np.testing.assert_array_equal(read.vertex[name], column)


def test_what_is_written_is_read(tmp_path):
    write_ply(tmp_path / "a.ply", mesh_of())
    check_same(read_ply(tmp_path / "a.ply"), mesh_of())


def test_comments_stand_in_the_header(tmp_path):
    write_ply(tmp_path / "a.ply", mesh_of(), comments=["label 0: wall", "two\nlines \u00fc"])
    assert b"\ncomment label 0: wall\ncomment two lines ?\nelement" in (tmp_path / "a.ply").read_bytes()
    check_same(read_ply(tmp_path / "a.ply"), mesh_of())


def test_points_alone(tmp_path):
    write_ply(tmp_path / "a.ply", PlyMesh(points=np.zeros((3, 3), np.float32)))
    mesh = read_ply(tmp_path / "a.ply")
    assert (mesh.colours, mesh.faces, mesh.vertex) == (None, None, {})


@pytest.mark.parametrize(("text", "order"), [(True, "="), (False, ">"), (False, "<")])
def test_every_encoding(tmp_path, text, order):
    plyfile = pytest.importorskip("plyfile")
    write_ply(tmp_path / "a.ply", mesh_of())
    data = plyfile.PlyData.read(str(tmp_path / "a.ply"))
    data.text, data.byte_order = text, order
    data.write(str(tmp_path / "b.ply"))
    check_same(read_ply(tmp_path / "b.ply"), mesh_of())


@pytest.mark.parametrize(
    "names", [("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue")]
)
@pytest.mark.parametrize(("kind", "full"), [("uchar", "255"), ("ushort", "65535"), ("float", "1.0"), ("int", "255")])
def test_names_and_kinds_of_colours(tmp_path, names, kind, full):
    red, green, blue = names
    (tmp_path / "a.ply").write_text(ASCII.format(kind=kind, full=full, red=red, green=green, blue=blue))
    mesh = read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(mesh.colours, [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]])
    np.testing.assert_array_equal(mesh.vertex["label"], [7, 8, 9, 65535])
    assert mesh.points[0, 0] == 400000.25


def test_polygons_become_triangles(tmp_path):
    (tmp_path / "a.ply").write_text(ASCII.format(kind="uchar", full="255", red="red", green="green", blue="blue"))
    assert sorted(read_ply(tmp_path / "a.ply").faces.tolist()) == [[0, 1, 2], [0, 1, 2], [0, 2, 3]]


def test_a_real_scan(shared_data):
    mesh = read_ply(shared_data / "points" / "pyviz3d_office_chairs.ply")
    assert (mesh.points.shape, mesh.faces.shape) == ((87951, 3), (122881, 3))
    assert sorted(mesh.vertex) == ["alpha", "nx", "ny", "nz"]


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.97])
def test_truncated(tmp_path, keep):
    write_ply(tmp_path / "a.ply", mesh_of(1000))
    content = (tmp_path / "a.ply").read_bytes()
    (tmp_path / "b.ply").write_bytes(content[: int(keep * len(content))])
    with pytest.raises(UserError, match=r"b\.ply: ends too early"):
        read_ply(tmp_path / "b.ply")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no PLY file"),
        ("x,y,z\n", "is no PLY file"),
        (
            "ply\nformat ascii 1.0\nelement face 0\nproperty list uchar int vertex_index\nend_header\n",
            "no element 'vertex'",
        ),
        ("ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nend_header\n1 2\n", "lack z"),
        ("ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\none\n", "damaged"),
        ("ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nend_header\n1\n", "ends too early"),
        (f"ply\nformat binary_little_endian 1.0\nelement vertex {10**15}\nproperty float x\nend_header\n", "too early"),
    ],
)
def test_what_cannot_be_read(tmp_path, content, message):
    (tmp_path / "a.ply").write_text(content)
    with pytest.raises(UserError, match=message):
        read_ply(tmp_path / "a.ply")


def test_no_such_file(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        read_ply(tmp_path / "a.ply")


def test_faces_of_points_that_do_not_exist(tmp_path):
    write_ply(tmp_path / "a.ply", PlyMesh(np.zeros((2, 3), np.float32), faces=np.array([[0, 1, 2]])))
    with pytest.raises(UserError, match="1 faces name points that do not exist"):
        read_ply(tmp_path / "a.ply")


def test_colours_out_of_range(tmp_path):
    names = {"red": "red", "green": "green", "blue": "blue"}
    (tmp_path / "a.ply").write_text(ASCII.format(kind="float", full="255.0", **names))
    with pytest.raises(UserError, match="colours reach from"):
        read_ply(tmp_path / "a.ply")


@pytest.mark.parametrize(
    ("vertex", "message"),
    [
        ({"x": np.zeros(5)}, "rename it"),
        ({"label": np.zeros(4)}, "there are 5 points"),
        ({"label": np.full(5, 2**40)}, "cannot store"),
        ({"two words": np.zeros(5)}, "no name"),
    ],
)
def test_what_cannot_be_written(tmp_path, vertex, message):
    with pytest.raises(UserError, match=message):
        write_ply(tmp_path / "a.ply", PlyMesh(np.zeros((5, 3), np.float32), vertex=vertex))
    assert not list(tmp_path.iterdir())
