import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numba
import pytest

import ttfs
from ttfs.cli import cli
from ttfs.cli.runs import SAVED
from ttfs.files import writing
from ttfs.files.interrupts import STOPPED, handled, raised, undisturbed

posix = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
whole = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too many samples")


@pytest.fixture(autouse=True)
def default():
    """Ctrl-C as Python has it when it begins."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def press():
    signal.raise_signal(signal.SIGINT)


# When it is obeyed


def test_without_anything_to_lose_it_is_obeyed_at_once():
    with pytest.raises(KeyboardInterrupt, match=STOPPED), handled():
        press()


def test_from_keep_on_it_waits_until_it_is_asked_for_and_then_comes_once():
    with handled() as ctrl_c:
        ctrl_c.check()
        ctrl_c.keep()
        press()
        press()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c.check()
        ctrl_c.check()


def test_a_release_obeys_what_has_waited_and_what_comes_then_with_its_words():
    left = []
    with handled(left.append) as ctrl_c:
        ctrl_c.keep()
        press()
        assert left == []
        ctrl_c.release("saved")
        press()
    assert left == ["saved", "saved"]


def test_one_inside_another_is_the_same():
    with handled() as outer, handled(print) as inner:
        assert inner is outer


def test_what_was_pressed_and_not_asked_for_is_forgotten_at_the_end():
    with handled() as ctrl_c:
        ctrl_c.keep()
        press()
    with handled() as ctrl_c:
        ctrl_c.check()


def test_a_handler_of_the_user_stays():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    with handled() as ctrl_c:
        ctrl_c.keep()
        press()
        ctrl_c.check()
    assert pressed == [1]
    signal.signal(signal.SIGINT, before)


def test_other_threads_have_no_part_in_it():
    found = []

    def work():
        with handled() as ctrl_c, undisturbed():
            ctrl_c.keep()
            found.append(ctrl_c)

    with handled() as ctrl_c:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found != [ctrl_c]
        with pytest.raises(KeyboardInterrupt):
            press()


def test_what_is_undisturbed_is_done_before_it_is_obeyed():
    done = []

    @undisturbed()
    def work():
        press()
        done.append(1)

    with handled():
        with pytest.raises(KeyboardInterrupt):
            work()
        with undisturbed():
            done.append(2)
        with pytest.raises(KeyboardInterrupt):
            press()
    assert done == [1, 2]


def test_a_file_is_written_to_its_end(tmp_path, monkeypatch):
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (press(), replace(*names)))
    with pytest.raises(KeyboardInterrupt), handled():
        writing.write_atomically(tmp_path / "file", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


# A run that is stopped somewhere

FAST = ["--hidden", "12", "--epochs", "4"]
PLACES = [
    ("ttfs.training.trainer.evaluate", 2),
    ("ttfs.training.trainer.diagnose", 2),
    ("ttfs.training.trainer.record_of", 1),
    ("ttfs.training.trainer.line", 1),
    ("ttfs.training.trainer.Trainer._revive", 2),
    ("ttfs.training.checkpoint.Checkpoint.weights", 1),
    ("ttfs.training.checkpoint.Checkpoint.note", 1),
    ("ttfs.training.checkpoint.Checkpoint.note", 2),
    ("ttfs.training.checkpoint.Checkpoint.blend", 3),
    ("ttfs.training.checkpoint.Checkpoint.write", 1),
    ("ttfs.training.checkpoint.Checkpoint._give", 6),
    ("ttfs.training.checkpoint.archive", 3),
    ("ttfs.training.checkpoint.Checkpoint.restore_best", 1),
    ("ttfs.cli.runs.measure", 1),
    ("ttfs.cli.runs.cost_of", 1),
    ("ttfs.cli.runs.clear", 1),
    ("ttfs.cli.runs.save", 1),
    ("ttfs.cli.runs.write_report", 1),
    ("ttfs.cli.runs.as_json", 1),
    ("ttfs.cli.pictures.training", 1),
    ("ttfs.cli.pictures.raster", 1),
    ("ttfs.cli.pictures.latencies", 1),
]


@pytest.fixture
def pressed_at(monkeypatch, tmp_path):
    """Ctrl-C before or after the n-th call of something."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "wants_kernels", lambda options: False)
    for name in ("training", "raster", "latencies"):
        monkeypatch.setattr(f"ttfs.cli.pictures.{name}", lambda folder, *rest: folder)

    def arrange(place, number, *, after):
        from pkgutil import resolve_name

        owner, _, name = place.rpartition(".")
        call, calls = getattr(resolve_name(owner), name), []

        def pressing(*arguments, **settings):
            calls.append(1)
            if len(calls) == number and not after:
                press()
            result = call(*arguments, **settings)
            if len(calls) == number and after:
                press()
            return result

        monkeypatch.setattr(place, pressing)
        return calls

    return arrange


@whole
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("place", "number"), PLACES)
def test_wherever_a_run_is_stopped_its_best_weights_are_saved(
    place, number, after, pressed_at, capsys
):
    calls = pressed_at(place, number, after=after)
    assert cli.main(["train", *FAST, "--quiet", "--out", "run"]) == 130
    assert len(calls) >= number, "a test of nothing"
    assert capsys.readouterr() == ("", f"ttfs: {SAVED}\n")
    network = ttfs.load("run/model.npz").network
    report = ttfs.load("run/model.npz").report
    records = Path("run/history.csv").read_text("utf-8").splitlines()
    assert len(records) == 1 + report["epochs"] > 1
    assert all(len(record.split(",")) == len(records[0].split(",")) for record in records)
    again = ["train", "--hidden", "12", "--epochs", "4", "--quiet", "--out", "run", "--resume"]
    assert cli.main(again) == 0
    assert ttfs.load("run/model.npz").network.sizes == network.sizes


@whole
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "place",
    ["ttfs.cli.runs.check_earlier", "ttfs.datasets.load", "ttfs.cli.runs.remove_unfinished"],
)
def test_before_anything_is_learned_there_is_nothing_to_save(place, after, pressed_at, capsys):
    pressed_at(place, 1, after=after)
    assert cli.main(["train", *FAST, "--quiet", "--out", "run"]) == 130
    assert capsys.readouterr() == ("", "ttfs: stopped\n")
    assert not os.listdir("run")


@whole
@pytest.mark.parametrize(
    ("place", "after"),
    [
        ("ttfs.cli.runs.check_earlier", True),
        ("ttfs.datasets.load", True),
        ("ttfs.rules.Exact.train", False),
        ("ttfs.rules.Exact.train", True),
    ],
)
def test_before_anything_is_learned_an_earlier_run_stays_whole(place, after, pressed_at, capsys):
    line = ["train", *FAST, "--quiet", "--out", "run"]
    assert cli.main([*line, "--seed", "3"]) == 0
    before = {path: path.read_bytes() for path in Path("run").iterdir()}
    assert len(before) == 4
    pressed_at(place, 1, after=after)
    assert cli.main([*line, "--force"]) == 130
    assert capsys.readouterr() == ("", "ttfs: stopped\n")
    assert {path: path.read_bytes() for path in Path("run").iterdir()} == before


# In a process of its own

START = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from ttfs.cli.cli import main; os.write(2, b'.'); sys.exit(main())"
)


def start(*arguments):
    """`ttfs` in another process, at the instant at which it begins; nothing heavy is imported."""
    command = [sys.executable, "-c", START, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert process.stderr.read(1) == b"."
    return process


def training(folder):
    return start("train", "--hidden", 30, "--epochs", 12, "--out", folder)


def is_answered(process, folder):
    """Whether a training that was stopped somewhere, or had ended, came to a good end."""
    out, err = (text.decode() for text in process.communicate(timeout=120))
    told = out, err, sorted(os.listdir(folder)) if folder.exists() else None
    learned = "epoch 1/" in out or (folder / "checkpoint.npz").exists()
    if process.returncode == 0:
        assert err == "", told
    else:
        assert process.returncode == 130, told
        assert err in ("ttfs: stopped\n", f"ttfs: {SAVED}\n"), told
        assert learned == (err == f"ttfs: {SAVED}\n"), told
    assert not list(folder.glob(".*.part")), told
    if learned:
        assert ttfs.load(folder / "model.npz").network.sizes == (64, 30, 10)
    return process.returncode


@posix
@whole
@pytest.mark.long
@pytest.mark.parametrize("presses", [1, 2])
def test_twenty_interrupts_at_random_instants(presses, tmp_path):
    rng, codes = random.Random(presses), set()
    training(tmp_path / "compiled").communicate()
    began = time.monotonic()
    training(tmp_path / "timed").communicate()
    lasts = time.monotonic() - began
    for turn in range(20):
        process = training(tmp_path / str(turn))
        for _ in range(presses):
            time.sleep(rng.uniform(0, 1.1 * lasts / presses))
            process.send_signal(signal.SIGINT)
        codes.add(is_answered(process, tmp_path / str(turn)))
    assert 130 in codes


@posix
@pytest.mark.parametrize("module", ["argparse", "numpy", "numba", "tqdm", "ttfs.rules.s4nn"])
def test_while_modules_are_imported_it_is_one_line_too(module, tmp_path):
    """Even where an import makes another error of it, or a callback swallows it."""
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name == {module!r}:\n"
        "            try: signal.raise_signal(signal.SIGINT)\n"
        "            except BaseException: raise ImportError from None\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from ttfs.cli.cli import main\n"
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "train", "--quiet", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "ttfs: stopped\n")


@posix
@pytest.mark.parametrize("module", ["signal", "contextlib", "ttfs.files.interrupts"])
def test_before_it_is_seen_to_it_is_one_line_too(module):
    code = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
        f"sys.modules.pop({module!r}, None)\n"
        "from ttfs.cli.cli import main\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ttfs: stopped\n")


@posix
def test_a_second_press_on_the_way_out_is_nothing_new():
    code = (
        "import atexit, os, signal, sys\n"
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'ttfs.files.interrupts': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import ttfs.cli\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ttfs: stopped\n")


@posix
def test_after_the_end_it_comes_too_late():
    code = (
        "import atexit, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "atexit.register(signal.raise_signal, signal.SIGINT)\n"
        "from ttfs.cli.cli import main\n"
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "--version"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ttfs {ttfs.__version__}\n"


@posix
def test_a_process_in_the_background_that_ignores_it_goes_on():
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from ttfs.cli.cli import main\n"
        "signal.raise_signal(signal.SIGINT)\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code, "datasets"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interrupt_that_is_swallowed_comes_at_the_end():
    def swallowed():
        with raised():
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            return "done"

    with pytest.raises(KeyboardInterrupt), handled():
        swallowed()
    with handled() as ctrl_c, suppress(KeyboardInterrupt), raised():
        signal.raise_signal(signal.SIGINT)
    assert not ctrl_c.asked
