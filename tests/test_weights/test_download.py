"""One file over HTTP: whole, resumed, refused, cut short, replaced by another."""

import errno
import hashlib
import http.client
import shutil
import urllib.error
import urllib.request

import numpy as np
import pytest

from sparsevision.utils import UserError
from sparsevision.weights.download import Digest, SourceUnavailable, WrongContent, download, file_digest

CONTENT = np.random.default_rng(0).bytes(3_000_000)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "weights.pt"


def test_a_whole_file(file_server, target):
    file_server.content = CONTENT
    download(file_server.url, target, quiet=True)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("ranges", [True, False], ids=["server resumes", "server starts again"])
def test_a_dropped_connection_is_taken_up_again(file_server, target, ranges):
    file_server.content, file_server.break_after, file_server.breaks = CONTENT, 1_234_567, 2
    file_server.ranges = ranges
    download(file_server.url, target, quiet=True)
    assert target.read_bytes() == CONTENT
    assert len(file_server.requests) == 3
    assert file_server.requests[1] == "bytes=1234567-"


def test_a_network_that_is_gone_for_a_while_is_no_full_disk(file_server, target, monkeypatch):
    file_server.content, file_server.break_after, file_server.breaks = CONTENT, 1_234_567, 1
    opened, read = urllib.request.urlopen, http.client.HTTPResponse.read
    calls = {"open": 0, "read": 0}

    def open_again(*args, **kwargs):
        calls["open"] += 1
        if calls["open"] == 2:
            raise urllib.error.URLError(OSError(errno.ENETUNREACH, "Network is unreachable"))
        return opened(*args, **kwargs)

    def read_again(self, *args):
        calls["read"] += 1
        if calls["read"] == 2:
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        return read(self, *args)

    monkeypatch.setattr(urllib.request, "urlopen", open_again)
    monkeypatch.setattr(http.client.HTTPResponse, "read", read_again)
    download(file_server.url, target, quiet=True)
    assert target.read_bytes() == CONTENT
    assert calls["open"] == 3


def test_a_server_that_keeps_breaking_off_leaves_nothing(file_server, target):
    file_server.content, file_server.breaks = CONTENT, 99
    with pytest.raises(SourceUnavailable, match="broke off 4 times"):
        download(file_server.url, target, quiet=True)
    assert not target.exists()


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_refusal_names_the_host_and_the_answer(file_server, target, status):
    file_server.status = status
    with pytest.raises(SourceUnavailable, match=rf"127\.0\.0\.1:\d+ answered {status}"):
        download(file_server.url, target, quiet=True)
    assert not target.exists()


def test_nobody_there(dead_url, target):
    with pytest.raises(SourceUnavailable, match="cannot be reached from here"):
        download(dead_url, target, quiet=True)
    assert not target.exists()


def test_no_room_on_the_disk(file_server, target, monkeypatch):
    file_server.content = CONTENT
    usage = shutil.disk_usage(target.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(UserError, match=r"needs 3 MB, .* has 1 MB free.*SPARSEVISION_CACHE"):
        download(file_server.url, target, quiet=True)
    assert not target.exists()


def test_an_interruption_leaves_nothing(file_server, target, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("urllib.request.urlopen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download(file_server.url, target, quiet=True)
    assert not target.exists()


def test_digests(target):
    target.write_bytes(b"hello\n")
    git_id = "ce013625030ba8dba906f756967f9e9ca394464a"  # what `git hash-object` prints for this file
    assert file_digest(target, "git-blob") == git_id
    assert file_digest(target) == hashlib.sha256(b"hello\n").hexdigest()
    Digest(algorithm="git-blob", value=git_id, source="git").check(target, "it")
    Digest(algorithm="md5", value="b1946a", source="file name").check(target, "it")
    with pytest.raises(WrongContent, match=r"it is not the expected file.*md5.*expected 000000 \(file name\)"):
        Digest(algorithm="md5", value="000000", source="file name").check(target, "it")
