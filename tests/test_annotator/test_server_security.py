"""Who may talk to the annotation server (gate.py), and what it shows: nothing but the page and the listed images."""

import json
import os
import socket

import numpy as np
import pytest
from page_documents import CLICK_DOCUMENT, document_of
from PIL import Image

from sparsevision.annotation import AnnotationError, Clicks, load_annotations
from sparsevision.datasets.image_io import read_image

SECRET = "nobody may read this"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "", None])
def test_other_names_of_this_machine_are_refused(client, host):
    answer = client.get("/api/session", Host=host)
    assert answer.status in (400, 403)
    assert b"images" not in answer.body


def test_localhost_is_a_name_of_this_machine(client):
    assert client.get("/api/session", Host=f"localhost:{client.server.server_port}").status == 200


def test_the_server_listens_on_the_loopback_address_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.socket.family == socket.AF_INET


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", None])
def test_writes_from_other_sites_are_refused(client, photos, origin):
    answer = client.post("/api/annotations/0?tab=one&seq=1&base=", CLICK_DOCUMENT, Origin=origin)
    assert (answer.status, answer.error) == (403, "requests from other sites are refused.")
    assert not (photos / "annotations" / "a.json").exists()


def test_reads_from_other_sites_are_refused(client):
    assert client.get("/api/image/0", Origin="http://evil.example").status == 403


@pytest.mark.parametrize("cookie", [None, "annotator_1=x", "{name}=wrong", "{name}=", "{name}=\u00e9"])
def test_nothing_without_the_token(client, cookie):
    cookie = cookie and cookie.format(name=client.server.gate.cookie_name)
    for path in ("/", "/page/main.js", "/api/session", "/api/image/0"):
        assert client.get(path, Cookie=cookie).status == 403
    refused = client.post("/api/annotations/0?tab=one&seq=1&base=", CLICK_DOCUMENT, Cookie=cookie)
    assert refused.status == 403
    assert "address that the terminal shows" in refused.error


def test_the_token_in_the_address_becomes_a_cookie(client):
    answer = client.get(client.server.url.split(str(client.server.server_port))[1], Cookie=None)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Strict" in answer.headers["Set-Cookie"]
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert client.get("/", Cookie=cookie).status == 200
    assert client.get("/?token=wrong", Cookie=cookie).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/page/../server.py",
        "/page/%2e%2e/server.py",
        "/page/..%2fserver.py",
        "/page/..\\server.py",
        "/page/%00main.js",
        "/page//etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/page/server.py",
        "/page/",
        "/api/image/../0",
        "/api/image/a.png",
        "/api/image/-1",
        "/api/image/3",
        "/api/image/9999999",
        "/api/image/99999999999999999999",
        "/api/image/0/",
        "/api/annotations/a",
        "/api/mask/3",
        "/api/nothing",
        "/photos/a.png",
    ],
)
def test_paths_that_climb_find_nothing(client, photos, path):
    (photos.parent / "secret.txt").write_text(SECRET)
    answer = client.get(path)
    assert answer.status == 404
    assert SECRET.encode() not in answer.body
    assert b"root:" not in answer.body


def test_a_raw_nul_in_the_request_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
        host = f"Host: 127.0.0.1:{server.server_port}"
        connection.sendall(f"GET /page/main.js\0.png HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(100).split()[1] in (b"400", b"404")


def test_links_that_leave_the_folder_are_not_listed(photos, run_server):
    outside = photos.parent / "outside.png"
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(outside)
    (photos / "d_link.png").symlink_to(outside)
    (photos / "e_link.png").symlink_to(photos / "a.png")
    with run_server(photos) as client:
        session = client.get("/api/session").json
        assert [image["name"] for image in session["images"]] == ["a.png", "b.png", "c.jpg", "e_link.png"]
        assert session["left_out"] == ["d_link.png"]
        assert client.get("/api/image/3").status == 200


def test_an_image_that_becomes_such_a_link_is_not_shown(client, photos):
    outside = photos.parent / "outside.png"
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(outside)
    (photos / "a.png").unlink()
    (photos / "a.png").symlink_to(outside)
    for path in ("/api/image/0", "/api/thumbnail/0"):
        answer = client.get(path)
        assert answer.status == 400
        assert "leads out of the folder" in answer.error


def test_a_link_in_the_output_folder_is_not_followed_out_of_it(client, photos):
    outside = photos.parent / "precious.json"
    outside.write_text(SECRET)
    (photos / "annotations" / "a.json").symlink_to(outside)
    assert "leads out of the folder" in client.get("/api/annotations/0").error
    assert client.save("/api/annotations/0", CLICK_DOCUMENT, base="").status == 400
    assert outside.read_text() == SECRET


@pytest.mark.parametrize("name", ["classes", "done"])
def test_lists_that_are_links_out_of_the_folder_are_left_alone(photos, run_server, name):
    outside = photos.parent / "precious.txt"
    outside.write_text(SECRET)
    lists = photos / "annotations" / "lists"
    lists.mkdir(parents=True)
    (lists / f"{name}.txt").symlink_to(outside)
    with pytest.raises(AnnotationError, match=rf"{name}\.txt: is a link that leads out of the folder"):
        run_server(photos).__enter__()
    (lists / f"{name}.txt").unlink()
    with run_server(photos) as client:
        (lists / f"{name}.txt").symlink_to(outside)
        wish = {"classes": ["background", "object", "x"], "base": ["background", "object"]}
        answer = client.post("/api/classes", wish) if name == "classes" else client.post("/api/done/0", True)
        assert "leads out of the folder" in answer.error
    assert outside.read_text() == SECRET


def test_a_pipe_in_the_output_folder_blocks_nobody(client, photos):
    os.mkfifo(photos / "annotations" / "a.json")
    assert "not a regular file" in client.get("/api/annotations/0").error
    assert "not a regular file" in client.save("/api/annotations/0", CLICK_DOCUMENT, base="").error


def test_an_address_that_is_none_is_not_found(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
        host = f"Host: 127.0.0.1:{server.server_port}"
        connection.sendall(f"GET http://[ HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == b"404"


def test_a_single_image_serves_that_image_alone(photos, run_server):
    with run_server(photos / "b.png") as client:
        assert [image["name"] for image in client.get("/api/session").json["images"]] == ["b.png"]
        assert client.get("/api/image/1").status == 404


def test_headers_keep_the_browser_strict(client):
    for path in ("/", "/page/main.js", "/page/style.css", "/api/session", "/api/image/0", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("length", "status"), [("999999999999", 413), ("-1", 411), ("1e3", 411), ("", 411), (None, 411)]
)
def test_bodies_are_limited_before_they_are_read(client, length, status):
    assert client.post("/api/annotations/0?tab=one&seq=1&base=", b"{}", Content_Length=length).status == status


DEEP = b'{"format": "sparsevision-annotation", "version": 1, "type": "dict", "items": ' + b'{"a":' * 5000
HOSTILE = {
    "deep": (b"[" * 200_000, "nested"),
    "deeper": (DEEP, "nested"),
    "not json": (b"{", "not valid JSON"),
    "bytes": (b"\xff\xfe\x00", "neither JSON"),
    "nan": (document_of({"object_1": {"type": "clicks", "xy": [[float("nan"), 1]]}}), "NaN"),
    "outside": (
        document_of({"object_1": {"type": "clicks", "xy": [[64, 1]], "positive": [True]}}),
        "outside the image",
    ),
    "wrong size": (document_of({"object_1": {"type": "clicks", "xy": [], "positive": [], "size": [9, 9]}}), "image"),
    "words": (document_of({"object_1": {"type": "clicks", "xy": "all", "positive": [True]}}), "expected"),
    "huge number": (
        document_of({"object_1": {"type": "clicks", "xy": [[10**400, 1]], "positive": [True]}}),
        "expected",
    ),
    "stranger": (document_of({"object_1": {"type": "clicks", "xy": [], "positive": [], "script": "x"}}), "unknown"),
    "wrong name": (document_of({"../../evil": {"type": "clicks", "xy": [], "positive": []}}), "expected a dict of"),
    "wrong type": (document_of({"points": {"type": "clicks", "xy": [], "positive": []}}), "expected a dict of"),
    "one alone": (json.dumps({"format": "sparsevision-annotation", "version": 1}).encode(), "type"),
    "class": (document_of({"points": {"type": "point_labels", "xy": [[1, 1]], "labels": [255]}}), "class 255"),
    "cloud": (document_of({"points": {"type": "point_labels", "indices": [1], "labels": [1], "size": [9]}}), "cloud"),
    "seconds": (
        document_of({"points": {"type": "point_labels", "xy": [[1, 1]], "labels": [1], "meta": {"seconds": [-3]}}}),
        "seconds from 0 on",
    ),
    "label": (
        document_of({"object_1": {"type": "clicks", "xy": [[1, 1]], "positive": [True], "meta": {"label": "x"}}}),
        "Clicks.meta.label",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_documents_end_in_one_sentence_and_change_nothing(client, photos, case):
    body, words = HOSTILE[case]
    good = client.save("/api/annotations/0", CLICK_DOCUMENT, base="")
    before = (photos / "annotations" / "a.json").read_bytes()
    answer = client.post(f"/api/annotations/0?tab=one&seq=2&base={good.json['revision']}", body)
    assert answer.status == 400
    assert words in answer.error
    assert "\n" not in answer.error
    assert (photos / "annotations" / "a.json").read_bytes() == before
    assert not list(photos.parent.rglob("*evil*"))


@pytest.mark.parametrize(
    "masks",
    [
        7,
        [7],
        [{"label": 1}],
        [{"label": 255, "runs": []}],
        [{"label": True, "runs": []}],
        [{"label": 1, "runs": [0]}],
        [{"label": 1, "runs": [0, 0]}],
        [{"label": 1, "runs": [3000, 73]}],
        [{"label": 1, "runs": [5, 5, 7, 2]}],
        [{"label": 1, "runs": [-1, 5]}],
        [{"label": 1, "runs": [10**30, 5]}],
        [{"label": 1, "runs": [1.0, 5]}],
        [{"label": 1, "runs": "all"}],
    ],
    ids=str,
)
def test_hostile_masks_are_refused(client, photos, masks):
    answer = client.save("/api/mask/0", {"masks": masks}, base="")
    assert answer.status == 400
    assert "masks" in answer.error
    assert not (photos / "annotations" / "masks").exists()


@pytest.mark.parametrize("query", ["", "?tab=one&seq=x&base=", "?tab=../x&seq=1", "?seq=1&base="])
def test_a_save_needs_its_stamp(client, query):
    assert "a save needs" in client.post(f"/api/annotations/0{query}", CLICK_DOCUMENT).error


@pytest.mark.parametrize(
    "classes", [None, [], ["a", "a"], ["a", ""], ["a", "b\nc"], ["x" * 61, "b"], [1, 2], ["only one"]]
)
def test_bad_classes_are_refused(client, classes):
    answer = client.post("/api/classes", {"classes": classes, "base": ["background", "moth"]})
    assert answer.status == 400
    assert client.get("/api/session").json["classes"] == ["background", "moth"]


def test_images_agree_with_training_pixel_for_pixel(photos, run_server):
    """EXIF orientation, transparency, 16 bits and BMP are served as `read_image` reads them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    Image.fromarray(noise[..., :3]).save(photos / "d.jpg", exif=exif)
    Image.fromarray(noise).save(photos / "e.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save(photos / "f.png")
    Image.fromarray(noise[..., :3]).save(photos / "g.bmp")
    with run_server(photos) as client:
        for index, image in enumerate(client.get("/api/session").json["images"]):
            answer = client.get(f"/api/image/{index}")
            (photos.parent / "served").write_bytes(answer.body)
            with Image.open(photos.parent / "served") as served:
                assert served.getexif().get(0x0112, 1) == 1
                pixels = np.array(served.convert("RGB"))
            assert (pixels == read_image(photos / image["name"])).all(), image["name"]
            assert list(pixels.shape[:2]) == image["size"]
            assert answer.headers["Content-Type"] in ("image/png", "image/jpeg")
        assert client.get("/api/image/2").body == (photos / "c.jpg").read_bytes()


def test_saved_clicks_are_those_that_were_sent(client, photos):
    assert client.save("/api/annotations/0", CLICK_DOCUMENT, base="").status == 200
    saved = load_annotations(photos / "annotations" / "a.json")
    assert saved == {"object_1": Clicks(xy=[[12.5, 7]], positive=[True], size=(48, 64))}
    assert saved["object_1"].meta == {"label": 1, "seconds": [1.5]}
