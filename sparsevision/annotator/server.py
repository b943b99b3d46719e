"""The annotation page's server: Python's own HTTP server on the loopback address, one project, one person."""

import contextlib
import errno
import functools
import hashlib
import json
import re
import secrets
import socket
import sys
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from sparsevision.annotation.json_text import parse_json
from sparsevision.annotator.assistant import Assistant
from sparsevision.annotator.gate import HEADERS, Gate
from sparsevision.annotator.project import Project
from sparsevision.annotator.shelf import Conflict, Stamp
from sparsevision.utils import UserError

PAGE = Path(__file__).resolve().parent / "page"
ASSET_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MAX_BODY = 32 * 2**20
READ_TIMEOUT_S = 30
FIRST_PORT, PORTS = 49152, 16384  # the range that is meant for private use
FORBIDDEN = "This page is for the person who started it. Open the address that the terminal shows, with its token."


class AnnotatorServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 from the moment it is made; `serve_forever` answers.

    Args:
        project: what is annotated.
        assistant: the segmenter at its side, or None.
        port: 0 for a free one, the same for the same folder where it is free, so that a browser finds what it stored.

    Raises:
        UserError: the port is taken or not allowed.
    """

    daemon_threads = True

    def __init__(self, *, project: Project, assistant: Assistant | None = None, port: int = 0) -> None:
        self.project = project
        self.assistant = assistant
        self.assets = {path.name: path for path in PAGE.iterdir() if path.suffix in ASSET_TYPES}
        self._connections: set[socket.socket] = set()
        self._bind(port)
        self.gate = Gate(port=self.server_port, token=secrets.token_urlsafe(24))

    @property
    def url(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_port}/?token={self.gate.token}"

    def process_request(self, request: socket.socket, client_address: tuple) -> None:
        """Keep count of open connections."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        """End a connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and end the connections that browsers hold open: a stopped server answers none."""
        super().server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: socket.socket, client_address: tuple) -> None:
        """A browser that went away is no news; everything else keeps its traceback in the terminal."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def session(self) -> dict:
        """What the page needs to know at its start."""
        project, gallery = self.project, self.project.gallery
        images = [
            {
                "name": picture.path.name,
                "size": picture.size,
                "error": picture.error,
                "state": project.state(index),
            }
            for index, picture in enumerate(gallery.pictures)
        ]
        backend = None if self.assistant is None else self.assistant.backend
        return {
            "key": project.key,
            "folder": gallery.folder.name,
            "out": str(project.out),
            "classes": project.classes,
            "images": images,
            "left_out": gallery.left_out,
            "assistant": None if backend is None else {"name": backend.name, "note": backend.note},
            "video": gallery.video_size,
        }

    def _bind(self, port: int) -> None:
        usual = FIRST_PORT + int(hashlib.sha256(self.project.key.encode()).hexdigest(), 16) % PORTS
        for choice in [port] if port else [usual, 0]:
            try:
                super().__init__(("127.0.0.1", choice), Handler)
                return
            except OSError as error:
                if port:
                    raise UserError(_port_trouble(port, error)) from error
                failure = error
        raise UserError(f"no port of 127.0.0.1 can be opened ({failure.strerror}).") from failure


def _port_trouble(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program; choose another --port, or leave it out for a free one."
    return f"port {port} cannot be opened ({error.strerror}); leave --port out for a free one."


class Handler(BaseHTTPRequestHandler):
    """One request: through the gate, to the function that its path names, and back as JSON or bytes."""

    protocol_version = "HTTP/1.1"
    server_version = "annotator"
    sys_version = ""
    timeout = READ_TIMEOUT_S
    server: AnnotatorServer

    def do_GET(self) -> None:
        """Page, images and documents."""
        url = self._address()
        refusal = self.server.gate.refusal("GET", url.path, self.headers)
        if refusal is not None:
            self._say(*refusal)
        elif url.path == "/" and "token" in parse_qs(url.query):
            self._enter(parse_qs(url.query)["token"][0])
        elif not self.server.gate.has_cookie(self.headers):
            self._say(403, FORBIDDEN)
        else:
            self._answer(GETS, url.path)

    def do_POST(self) -> None:
        """Saves and questions to the assistant."""
        url = self._address()
        refusal = self.server.gate.refusal("POST", url.path, self.headers)
        if refusal is not None:
            self._say(*refusal, close=True)
        elif not self.server.gate.has_cookie(self.headers):
            self._say(403, FORBIDDEN, close=True)
        elif (body := self._body()) is not None:
            self.body, self.query = body, parse_qs(url.query)
            self._answer(POSTS, url.path)

    def log_message(self, *args: object) -> None:
        """Silent: the terminal shows what a person has to know."""

    def send_json(self, document: object, status: int = 200) -> None:
        """Answer with JSON."""
        self.send_bytes(json.dumps(document).encode(), "application/json", status)

    def send_bytes(self, data: bytes, media_type: str, status: int = 200, **headers: str) -> None:
        """Answer with bytes and the headers that keep a browser strict."""
        self.send_response(status)
        everything = HEADERS | {"Content-Type": media_type, "Content-Length": str(len(data))} | headers
        for name, value in everything.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def index(self, number: str) -> int:
        """An image number of the list. Raises: LookupError for any other."""
        if int(number) >= len(self.server.project.gallery):
            raise LookupError(number)
        return int(number)

    def stamp(self) -> Stamp:
        """tab, seq and base of the query. Raises: UserError."""
        tab, seq, base = (self.query.get(name, [""])[0] for name in ("tab", "seq", "base"))
        if not re.fullmatch(r"\w{1,64}", tab, re.ASCII) or not re.fullmatch(r"[0-9]{1,15}", seq):
            raise UserError("a save needs ?tab=<letters>&seq=<number>&base=<revision>.")
        return Stamp(tab=tab, seq=int(seq), base=base)

    def _address(self) -> SplitResult:
        """Path and query; no path, which the gate refuses, for what is no address."""
        try:
            return urlsplit(self.path)
        except ValueError:
            return urlsplit("")

    def _answer(self, routes: dict[str, Callable], path: str) -> None:
        for pattern, function in routes.items():
            found = re.fullmatch(pattern, path, re.ASCII)
            if found:
                self._try(functools.partial(function, self, *found.groups()))
                return
        self._say(404, "there is nothing here.")

    def _try(self, function: Callable[[], None]) -> None:
        try:
            function()
        except LookupError:
            self._say(404, "there is no such image.")
        except Conflict as error:
            self._say(409, str(error))
        except UserError as error:
            self._say(400, str(error))
        except ConnectionError:
            raise
        except Exception:
            traceback.print_exc()
            self._say(500, "the server failed at this; the terminal shows why. Unsaved changes stay in this browser.")

    def _enter(self, token: str) -> None:
        if not self.server.gate.knows_token(token):
            self._say(403, FORBIDDEN)
            return
        self.send_bytes(b"", "text/plain", 303, **{"Location": "/", "Set-Cookie": self.server.gate.cookie})

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,12}", length) or "Transfer-Encoding" in self.headers:
            self._say(411, "a request with a body must say its length.", close=True)
        elif int(length) > MAX_BODY:
            self._say(413, f"over {MAX_BODY // 2**20} MiB, too large for annotations.", close=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                return body
            self.close_connection = True
        return None

    def _say(self, status: int, sentence: str, *, close: bool = False) -> None:
        """An error; `close` when a body may be left unread."""
        self.close_connection = self.close_connection or close
        self.send_bytes(
            json.dumps({"error": sentence}).encode(),
            "application/json",
            status,
            **({"Connection": "close"} if close else {}),
        )


def get_asset(handler: Handler, name: str = "index.html") -> None:
    """A file of the page, by its name in the list made at the start."""
    path = handler.server.assets.get(name)
    if path is None:
        raise LookupError(name)
    handler.send_bytes(path.read_bytes(), f"{ASSET_TYPES[path.suffix]}; charset=utf-8")


def get_session(handler: Handler) -> None:
    """What the page needs at its start."""
    handler.send_json(handler.server.session())


def get_image(handler: Handler, number: str) -> None:
    """An image, pixel for pixel as training reads it."""
    handler.send_bytes(*handler.server.project.gallery.image_bytes(handler.index(number)))


def get_thumbnail(handler: Handler, number: str) -> None:
    """A small picture for the list."""
    handler.send_bytes(*handler.server.project.gallery.thumbnail(handler.index(number)))


def get_document(handler: Handler, kind: str, number: str = "0") -> None:
    """Annotations, mask or tracks, with their revision."""
    document, revision = handler.server.project.read(kind, handler.index(number))
    handler.send_json({"document": document, "revision": revision})


def post_document(handler: Handler, kind: str, number: str = "0") -> None:
    """Save annotations, mask or tracks."""
    written = handler.server.project.write(kind, handler.index(number), body=handler.body, stamp=handler.stamp())
    handler.send_json({"revision": written.revision, "superseded": written.superseded})


def post_done(handler: Handler, number: str) -> None:
    """Mark an image as done, or not."""
    done = parse_json(handler.body, max_values=8)
    if not isinstance(done, bool):
        raise UserError("expected true or false.")
    handler.server.project.set_done(handler.index(number), done)
    handler.send_json({"state": handler.server.project.state(handler.index(number))})


def post_classes(handler: Handler) -> None:
    """Rename or add classes."""
    wish = parse_json(handler.body, max_values=2**16)  # colons and brackets in names count
    if not isinstance(wish, dict):
        raise UserError('expected an object with "classes" and "base".')
    handler.server.project.set_classes(wish.get("classes"), base=wish.get("base"))
    handler.send_json({"classes": handler.server.project.classes})


def get_assistant(handler: Handler, number: str) -> None:
    """How far the assistant is with an image."""
    handler.send_json(_assistant(handler).state(handler.index(number)))


def post_prepare(handler: Handler, number: str) -> None:
    """Let the assistant look at an image in the background."""
    _assistant(handler).prepare(handler.index(number))
    handler.send_json(_assistant(handler).state(handler.index(number)))


def post_predict(handler: Handler, number: str) -> None:
    """A mask for clicks or a box."""
    prompt = parse_json(handler.body, max_values=1024)
    handler.send_json(_assistant(handler).predict(handler.index(number), prompt))


def _assistant(handler: Handler) -> Assistant:
    if handler.server.assistant is None:
        raise UserError("the page was started without an assistant (--sam none).")
    return handler.server.assistant


IMAGE = r"([0-9]{1,7})"
GETS = {
    "/": get_asset,
    r"/page/([a-z_]+\.[a-z]+)": get_asset,
    "/api/session": get_session,
    f"/api/image/{IMAGE}": get_image,
    f"/api/thumbnail/{IMAGE}": get_thumbnail,
    f"/api/(annotations|mask)/{IMAGE}": get_document,
    "/api/(tracks)": get_document,
    f"/api/assistant/{IMAGE}": get_assistant,
}
POSTS = {
    f"/api/(annotations|mask)/{IMAGE}": post_document,
    "/api/(tracks)": post_document,
    f"/api/done/{IMAGE}": post_done,
    "/api/classes": post_classes,
    f"/api/prepare/{IMAGE}": post_prepare,
    f"/api/predict/{IMAGE}": post_predict,
}
