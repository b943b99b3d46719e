"""A running annotation server, and a plain client of it."""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.annotator import AnnotatorServer, Assistant, Gallery, Project, choose_backend


def two_tone(size: tuple[int, int], *, seed: int) -> np.ndarray:
    """A red disc in the middle of a blue ground, with a little noise: easy for GrabCut. uint8 (H, W, 3)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    disc = np.hypot(rows - size[0] / 2, columns - size[1] / 2) < size[0] / 4
    image = np.where(disc[..., None], (200, 40, 40), (40, 60, 190)).astype(np.int64)
    noise = np.random.default_rng(seed).integers(-12, 13, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@contextlib.contextmanager
def running(
    images: Path, *, out: Path | None = None, classes: list[str] | None = None, sam: str = "none", port: int = 0
) -> Iterator[AnnotatorServer]:
    """A server that answers until the block ends."""
    gallery = Gallery(images)
    project = Project(gallery=gallery, out=out or gallery.folder / "annotations", classes=classes)
    backend = choose_backend(sam)
    assistant = None if backend is None else Assistant(backend=backend, pixels=gallery.pixels)
    with AnnotatorServer(project=project, assistant=assistant, port=port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of a response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The sentence of an error."""
        return self.json["error"]


@dataclass(frozen=True)
class Client:
    """Talks to a server as its own page would; every part of a request can be replaced."""

    server: AnnotatorServer

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path, sent as it stands."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """POST JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, data, headers=headers)

    def save(self, path: str, document: object, *, base: str, tab: str = "one", seq: int = 1) -> Answer:
        """A save of the page."""
        return self.post(f"{path}?tab={tab}&seq={seq}&base={base}", document)

    def send(self, method: str, path: str, body: bytes | None = None, *, headers: dict[str, str]) -> Answer:
        """One request on a connection of its own. A header with the value None is left out."""
        port, gate = self.server.server_port, self.server.gate
        usual = {"Host": f"127.0.0.1:{port}", "Cookie": f"{gate.cookie_name}={gate.token}"}
        if body is not None:
            usual |= {"Origin": f"http://127.0.0.1:{port}", "Content-Length": str(len(body))}
        everything = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in everything.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
