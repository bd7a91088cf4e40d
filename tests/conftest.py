"""What all tests share: repeatable random examples, `--long`, MNIST if it is here, a browser."""

import gc
import os
import shutil
import signal
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"
# Compiled code in the cache does not know how it was asked for: bounds are checked in code that was
# compiled for it.
if os.environ.get("NUMBA_BOUNDSCHECK", "0") != "0":
    cache = os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent / "__pycache__"
    os.environ["NUMBA_CACHE_DIR"] = str(Path(cache) / "boundscheck")

import pytest
from hypothesis import settings

JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
BOUNDS = os.environ.get("NUMBA_BOUNDSCHECK", "0") != "0"
LENGTHY = "test_notebooks.py", "test_viewer"  # at the end, one process would wait for them
EXAMPLES = 30 if JIT and not BOUNDS else 10

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

gc.set_threshold(1_000_000, 50, 50)  # compiling makes many objects, and few that may go

settings.register_profile("ttfs", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.register_profile("long", settings.get_profile("ttfs"), max_examples=3000)
settings.load_profile("ttfs")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run the tests marked `long`")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Where pytest-xdist is installed, two processes share the files, if all are to be run."""
    options, worker = config.option, "PYTEST_XDIST_WORKER" in os.environ
    everything = config.args_source is not pytest.Config.ArgsSource.ARGS
    unsaid = getattr(options, "numprocesses", 0) is None and not options.usepdb
    if everything and unsaid and not worker:
        options.numprocesses, options.dist, options.loadscopereorder = 2, "loadfile", False


def pytest_configure(config):
    if config.getoption("--long") and not config.getoption("--hypothesis-profile"):
        settings.load_profile("long")


def pytest_ignore_collect(collection_path, config):
    """Where only small tests are to run, files without any are not even imported."""
    is_file = collection_path.suffix == ".py"
    if (
        config.option.markexpr == "small"
        and is_file
        and "mark.small" not in collection_path.read_text()
    ):
        return True
    return None


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: not item.path.name.startswith(LENGTHY))
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; run with --long"))


@pytest.fixture(scope="session", autouse=True)
def threads_at_work():
    """All loops that may use several threads do, however little they have to do."""
    from ttfs.kernels.threads import no_work_is_little

    with no_work_is_little():
        yield


@pytest.fixture
def in_time():
    """What takes longer than ten seconds is stopped: it would wait for ever."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("no alarm here")

    def stop(*_):
        raise TimeoutError("waits for ever")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 10)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures of commands are laid out, but not drawn, which takes longer than training."""
    from ttfs.cli import pictures

    monkeypatch.setattr(pictures, "keep", lambda figure, path: path)


@pytest.fixture(scope="session")
def mnist():
    """(train, test) of MNIST, without a download."""
    from ttfs import datasets

    (known,) = [known for known in datasets.status() if known.name == "mnist"]
    if known.location is None:
        pytest.skip("MNIST is not here; ttfs.datasets.mnist() fetches it")
    return datasets.mnist()


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window."""
    from cases_viewer import ARGUMENTS, BROWSERS

    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def show(browser, tmp_path):
    """Opens a page; at the end nothing was complained about and nothing fetched."""
    troubles, contexts = [], []

    def open_page(made, **settings):
        path = made.save(tmp_path / f"{len(contexts)}.html")
        settings = {"viewport": {"width": 1280, "height": 900}} | settings
        context = browser.new_context(**settings)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda line: troubles.append(line.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        ours = path.as_uri()
        tab.on("request", lambda asked: asked.url == ours or troubles.append(asked.url))
        tab.goto(ours)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not [trouble for trouble in troubles if not trouble.startswith("data:")]
