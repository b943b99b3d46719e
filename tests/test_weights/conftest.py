"""A file server on this machine that can be told to misbehave, and a cache of its own for every test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest


@dataclass
class FileServer:
    """Serves `content` with `status`; breaks off after `break_after` bytes the first `breaks` times."""

    url: str = ""
    content: bytes = b""
    status: int = 200
    break_after: int = 0
    breaks: int = 0
    ranges: bool = True
    requests: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def __init__(self, server: FileServer, *args) -> None:
        self.told = server
        super().__init__(*args)

    def do_GET(self) -> None:
        self.told.requests.append(self.headers["Range"])
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.told.ranges else 0
        rest = self.told.content[start:]
        if self.told.status == 200 and self.told.ranges:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(self.told.content) - 1}/{len(self.told.content)}")
        else:
            self.send_response(self.told.status)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.told.breaks:
            self.told.breaks -= 1
            rest = rest[: self.told.break_after]
        self.wfile.write(rest)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def file_server(monkeypatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "*")
    told = FileServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, told)) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/weights.pt"
        Thread(target=server.serve_forever, daemon=True).start()
        yield told
        server.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SPARSEVISION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def dead_url(file_server) -> str:
    """An address where nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    return f"http://127.0.0.1:{port}/weights.pt"
