"""What all tests share: cached weights, shared test data, a browser (all skip where absent), and the count of skips."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sparsevision.weights import find_weights

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BROWSERS = ("chromium", "google-chrome", "chromium-browser", "google-chrome-stable")


@pytest.fixture(scope="session")
def weights() -> Callable[[str], Path]:
    """`weights(name)` -> path in the cache, or the test is skipped; fetches nothing."""

    def cached(name: str) -> Path:
        path = find_weights(name)
        if path is None:
            pytest.skip(f"weights '{name}' are not cached (python tools/get_weights.py {name})")
        return path

    return cached


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test material beside the repository, or the test is skipped."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data (../shared/data) are not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def shared_folder(shared_data) -> Callable[[str], Path]:
    """`shared_folder("nerf/fern")` -> that folder of the test material, or the test is skipped and says which."""

    def found(name: str) -> Path:
        folder = shared_data / name
        if not folder.is_dir():
            pytest.skip(f"the shared test data have no ../shared/data/{name}")
        return folder

    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Headless Chromium, one for the session."""
    playwright = pytest.importorskip("playwright.sync_api", reason='browser tests need `pip install ".[dev]"`')
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no browser: install Chromium (apt install chromium) or Chrome so that it is on the PATH")
    with playwright.sync_playwright() as session:
        chromium = session.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """`threads(count)`: how many torch takes, in this test alone."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def one_thread(threads: Callable[[int], None]) -> None:
    """torch takes one thread."""
    threads(1)


@pytest.fixture
def no_environment_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """mmengine does not ask compilers for their versions each time a Runner starts: half a second."""
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with how many tests were skipped, and why."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    terminalreporter.section(f"skipped: {reasons.total()}")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:4} x {reason}")


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
