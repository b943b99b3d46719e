"""A running annotation server, a plain client of it, and tabs of a headless browser."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from page_documents import SIZE
from page_server import Client, running, two_tone
from PIL import Image

from sparsevision.annotator import AnnotatorServer


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of three images of 64 x 48 pixels: a.png, b.png, c.jpg."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, name in enumerate(("a.png", "b.png", "c.jpg")):
        Image.fromarray(two_tone(tuple(SIZE), seed=seed)).save(folder / name)
    return folder


@pytest.fixture
def server(photos) -> Iterator[AnnotatorServer]:
    """A server of `photos` without an assistant."""
    with running(photos, classes=["background", "moth"]) as server:
        yield server


@pytest.fixture
def client(server) -> Client:
    """A client of `server`."""
    return Client(server)


@pytest.fixture(scope="session")
def page(browser) -> object:
    """A tab that tests use one after the other: a fresh one each would take most of their time."""
    return browser.new_page(viewport={"width": 1366, "height": 768})


@pytest.fixture
def context(browser) -> Iterator[object]:
    """A browser profile of a test's own, which outlives its tabs."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    yield context
    context.close()


@pytest.fixture
def open_page(page) -> Iterator[Callable]:
    """`open_page(server)` -> the shared tab at the server's page, or with `context=` a new tab of that profile.

    Errors in the page's scripts fail the test.
    """
    errors = []

    def opened(server: AnnotatorServer, *, context: object = None) -> object:
        tab = page if context is None else context.new_page()
        tab.set_default_timeout(30_000)
        tab.on("pageerror", note)
        tab.on("dialog", accept)
        tab.goto(server.url)
        tab.wait_for_selector("body[data-ready]")
        return tab

    def note(error: object) -> None:
        errors.append(str(error))

    def accept(dialog: object) -> None:
        dialog.accept()

    yield opened
    for event, listener in (("pageerror", note), ("dialog", accept)):
        with contextlib.suppress(KeyError):
            page.remove_listener(event, listener)
    assert not errors


@pytest.fixture
def run_server() -> Callable:
    """`with run_server(images, **options) as client`: a server of its own."""

    @contextlib.contextmanager
    def run(images: Path, **options) -> Iterator[Client]:
        with running(images, **options) as server:
            yield Client(server)

    return run
