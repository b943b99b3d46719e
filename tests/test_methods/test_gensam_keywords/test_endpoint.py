"""The OpenAI-compatible source against a server of our own on the loopback."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from sparsevision.methods.gensam.keywords import Keywords, OpenAICompatibleKeywords
from sparsevision.utils import UserError


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers.get("Authorization"), request))
        status, body = self.server.reply(request, len(self.server.requests))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that has stopped waiting is no news."""


def completion(text):
    return 200, json.dumps({"choices": [{"message": {"content": text}}]})


def answer(request, _):
    question = request["messages"][-1]["content"]
    if not isinstance(question, str):
        question = question[1]["text"]
    if "describe" in question:
        return completion("A lion.")
    return completion("Savanna." if "environment" in question else "It is a lion.")


@pytest.fixture
def server():
    server = QuietServer(("127.0.0.1", 0), Endpoint)
    server.requests, server.reply = [], answer
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def image():
    return np.full((40, 80, 3), (200, 30, 60), np.uint8)


def make_source(server, **options):
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    return OpenAICompatibleKeywords(base_url=url, model="tiny", pause=0.01, timeout=5, **options)


def test_chats(server, image, monkeypatch):
    monkeypatch.setenv("TEST_KEY", "secret")
    source = make_source(server, api_key_env="TEST_KEY", max_side=20)
    assert source(image) == Keywords(("lion",) * 3, ("Savanna",) * 3)
    assert len(server.requests) == 9
    path, key, request = server.requests[2]
    assert (path, key, request["model"]) == ("/v1/chat/completions", "Bearer secret", "tiny")
    assert [message["role"] for message in request["messages"]] == ["user", "assistant"] * 2 + ["user"]
    assert "secret" not in source.identity


def test_the_image_arrives(server, image, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    make_source(server, max_side=20)(image, "TheCamo")
    _, key, request = server.requests[0]
    head, data = request["messages"][0]["content"][0]["image_url"]["url"].split(",")
    assert (head, key) == ("data:image/jpeg;base64", None)
    arrived = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert arrived.shape == (10, 20, 3)
    assert abs(arrived.mean((0, 1)) - (200, 30, 60)).max() < 4


def test_a_busy_server_is_asked_again(server, image):
    server.reply = lambda request, count: (503, "busy") if count == 1 else answer(request, count)
    assert make_source(server)(image, "TheCamo").foreground == ("lion",)
    assert len(server.requests) == 4


def test_patience_ends(server, image):
    server.reply = lambda request, count: (429, "slow down")
    with pytest.raises(UserError, match=r"after 3 attempts \(HTTP 429: slow down\)"):
        make_source(server, retries=2)(image)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "environment variable OPENAI_API_KEY"), (404, "usually ends in /v1"), (400, "HTTP 400")],
)
def test_refusals_are_final(server, image, status, message):
    server.reply = lambda request, count: (status, "no")
    with pytest.raises(UserError, match=message):
        make_source(server)(image)
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", ["<html>", "{}", '{"choices": []}', '{"choices": [{"message": {"content": null}}]}'])
def test_other_answers(server, image, body):
    server.reply = lambda request, count: (200, body)
    with pytest.raises(UserError, match="did not answer with a chat completion"):
        make_source(server)(image)


def test_time_out(server, image):
    release = threading.Event()
    server.reply = lambda request, count: (release.wait(5), completion("late"))[1]
    source = make_source(server, retries=0)
    source.timeout = 0.2
    with pytest.raises(UserError, match="timed out"):
        source(image)
    release.set()


def test_nobody_listens(image):
    source = OpenAICompatibleKeywords(base_url="http://127.0.0.1:9/v1", model="m", retries=1, pause=0.01, timeout=1)
    with pytest.raises(UserError, match=r"no answer from http://127\.0\.0\.1:9/v1/chat/completions after 2 attempts"):
        source(image)


def test_the_address_needs_a_scheme():
    with pytest.raises(UserError, match="http://"):
        OpenAICompatibleKeywords(base_url="localhost:8000/v1", model="m")
