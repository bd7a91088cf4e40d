import io
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs import datasets
from ttfs.cli import cli
from ttfs.cli.cli import main
from ttfs.cli.console import Console

WEIGHTS = [[0.5, 0.75], [0.75, -0.25], [-0.25, 1.0]]


class Terminal(io.StringIO):
    """Typed lines."""

    def isatty(self):
        return True


def five_neurons():
    layer = ttfs.Dense.of(WEIGHTS, threshold=1.0, delay=1.0)
    return ttfs.Simulator(ttfs.Network(layer, t_max=10, unit="ms"), [1.0, 5.0, 8.0])


def deep():
    layers = [ttfs.Dense.of(np.eye(2), threshold=1.0, delay=1.0) for _ in range(3)]
    return ttfs.Simulator(ttfs.Network(*layers, t_max=20), [1.0, 2.0])


def said(commands, simulator=None, **options):
    """The lines that answer some commands."""
    out = io.StringIO()
    console = Console(simulator or five_neurons(), out, **options)
    console.talk(io.StringIO("\n".join(commands) + "\n"))
    return out.getvalue().splitlines()


def test_empty_lines_step_through_all_events():
    assert said([""] * 10) == [
        "         1  input 0 fires",
        "         2  input 0 reaches output",
        "         5  input 1 fires",
        "         6  input 1 reaches output",
        "         6  output 0 fires",
        "         8  input 2 fires",
        "         9  input 2 reaches output",
        "         9  output 1 fires",
        *["the end: nothing more happens; back and reset go back"] * 2,
    ]


def test_a_number_steps_through_as_many_events():
    assert said(["3", "2", "99"]) == said([""] * 9)
    assert said(["0"]) == ["the number of events must be 1 or more, as in: 5"]
    assert said(["5 3"]) == ["the number of events must be 1 or more, as in: 5"]


@pytest.mark.parametrize("count", range(1, 10))
def test_going_back_and_on_again_says_what_was_said_before(count):
    events = said([""] * 8)
    lines = said(["8", f"back {count}", *[""] * 8])
    left = max(0, 8 - count)
    assert lines[:8] == events
    before = f"back after {events[left - 1].strip()}" if left else "back at the beginning"
    assert lines[8] == before
    assert lines[9 : 9 + 8 - left] == events[left:]


def test_going_back_restores_potentials_and_breaks():
    lines = said(["b output 0", "c", "p output", "back 2", "c", "p output"])
    assert lines[1:3] == lines[-5:-3]
    assert lines[3:6] == lines[-3:]
    assert said(["back"]) == ["back at the beginning"]
    assert said(["back x"]) == ["back takes a number of events, 1 or more, as in: back 5"]


def test_an_explanation_lists_the_strongest_inputs_unless_all_are_wanted():
    weights = np.arange(1, 31)[::-1, None] * 0.25
    weights[3] *= -1
    network = ttfs.Network(ttfs.Dense.of(weights, threshold=1e3), t_max=99)
    commands = ["c", "e output 0", "e output 0 all"]
    simulator = ttfs.Simulator(network, np.arange(30.0))
    lines = said(commands, simulator)[2:]
    short, every = lines[:13], lines[13:]
    assert every == str(simulator.explain(1, 0)).split("\n")
    assert short[:11] == every[:11]  # the title, the head, and the first nine, in their order
    assert short[11] == every[-1]
    assert short[12].split() == ["and", "20", "whose", "weights", "are", "no", "larger"]


def test_of_equal_weights_an_explanation_lists_the_later():
    network = ttfs.Network(ttfs.Dense.of(np.ones((30, 1)), threshold=30), t_max=99)
    simulator = ttfs.Simulator(network, np.arange(30.0))
    lines = said(["c", "e output 0"], simulator)[2:]
    every = str(simulator.explain(1, 0)).split("\n")
    assert lines[:12] == every[:2] + every[-10:]


def test_continuing_stops_at_each_break_and_at_the_end():
    assert said(["b decision", "c", "c", "c"]) == [
        "break when output fires",
        "         6  output 0 fires",
        "break: 5 events, 3 spikes so far",
        "         9  output 1 fires",
        "break: 8 events, 5 spikes so far",
        "the end: 8 events, 5 spikes so far",
    ]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("output 1", "         9  output 1 fires"),
        ("1 1", "         9  output 1 fires"),
        ("output", "         6  output 0 fires"),
        ("input 1", "         5  input 1 fires"),
        ("t 6", "         6  output 0 fires"),
        ("t 5.5", "         5  input 1 fires"),
    ],
)
def test_a_break_stops_after_its_spike_or_the_last_event_before_its_time(where, found):
    lines = said([f"b {where}", "c"])
    assert lines[1] == found
    assert lines[2].startswith("break: ")


def test_a_break_at_a_time_stops_once_and_again_after_a_reset():
    lines = said(["b t 5.5", "c", "c", "reset", "c"])
    assert [line.split(":")[0] for line in lines if ":" in line] == ["break", "the end", "break"]


def test_a_break_at_a_time_that_was_stepped_over_does_not_stop():
    lines = said(["b t 1.5", "", "", "c"])
    assert lines[-1] == "the end: 8 events, 5 spikes so far"


def test_breaks_can_be_listed_and_forgotten():
    assert said(["b", "b output 1", "b input", "b t 3", "b", "b off", "c"])[4:-1] == [
        "break when input fires",
        "break when output 1 fires",
        "break at 3",
        "no breakpoints",
        "         9  output 1 fires",
    ]


def test_running_to_a_time_includes_it_and_does_not_go_back():
    assert said(["r 6", "r 7", "r 3", "r inf"]) == [
        "         6  output 0 fires",
        "stopped before 8 ms: 5 events, 3 spikes so far",
        "stopped before 8 ms: 5 events, 3 spikes so far",
        "it is 6 already; reset goes back",
        "         9  output 1 fires",
        "the end: 8 events, 5 spikes so far",
    ]


def test_explanations_are_those_of_the_simulator():
    simulator = five_neurons()
    simulator.run()
    assert said(["c", "e output 1"])[2:] == str(simulator.explain("output", 1)).splitlines()


def test_potentials_come_with_thresholds_the_largest_first():
    lines = said(["r 8", "p"])[2:]
    assert [line.split() for line in lines] == [
        ["output:", "neuron,", "potential,", "threshold"],
        ["0", "1.25", "1", "fired", "at", "6"],
        ["1", "0.5", "1"],
    ]
    assert said(["p output"]) == said(["p"])
    network = ttfs.Network(ttfs.Dense.of(np.ones((1, 9)), threshold=2), t_max=9)
    assert said(["p"], ttfs.Simulator(network, [1.0]))[-1] == "  and 4 below these"


def test_spikes_so_far_are_listed_in_their_order():
    assert said(["s", "r 6", "s"])[-4:] == [
        "         1  input 0",
        "         5  input 1",
        "         6  output 0",
        "3 spikes so far",
    ]


def test_a_moved_or_removed_input_changes_what_it_changes_and_nothing_here():
    lines = said(["r 6", "w input 0 inf", "w input 1 2", "s"])[2:]
    assert lines[:5] == [
        "         1  -> silent     input 0",
        "         6  -> silent     output 0",
        "         9  -> silent     output 1",
        "spikes: 0 moved, 3 gone, 0 new",
        "         5  -> 2          input 1",
    ]
    assert lines[5:7] == [
        "         6  -> 3          output 0",
        "spikes: 2 moved, 0 gone, 0 new",
    ]
    assert lines[-1] == "3 spikes so far"
    assert said(["w input 0 1"]) == ["nothing changes"]


def test_many_changes_are_counted():
    network = ttfs.Network(ttfs.Dense.of(np.ones((1, 60)), threshold=1), t_max=9)
    lines = said(["w input 0 inf"], ttfs.Simulator(network, [1.0]))
    assert len(lines) == 22
    assert lines[-2:] == ["            and 41 more", "spikes: 0 moved, 61 gone, 0 new"]


def test_layers_of_two_words_are_found():
    assert said(["b hidden 2 1", "b hidden 2", "b hidden 3"], deep()) == [
        "break when hidden 2 1 fires",
        "break when hidden 2 fires",
        "no layer is called 'hidden'; there are input, hidden 1, hidden 2, output",
    ]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("x", "there is no command 'x'; h lists them"),
        ("c 5", "c takes no arguments, got '5'"),
        ("r", "r takes a time, as in: r 12.5"),
        ("r soon", "r takes a time, as in: r 12.5"),
        ("r nan", "a time must be 0 or more, got nan"),
        ("b t -1", "a time must be 0 or more, got -1"),
        ("b t", "b t takes a time, as in: b t 12.5"),
        ("b nowhere", "no layer is called 'nowhere'; there are input, output"),
        ("b output x", "'x' is not a neuron of output"),
        ("b output 7", "layer 'output' has 2 neurons, there is no 7"),
        ("b 9", "there is no layer 9; the last is 1"),
        ("e", "name a layer and a neuron, as in: e hidden 57"),
        ("e output", "name a layer and a neuron, as in: e hidden 57"),
        ("p output 1", "p takes a layer; e explains one neuron"),
        ("w input 1", "w takes a neuron and a time, as in: w input 3 inf"),
        ("w input 1 never", "w must end with a time or inf, as in: w input 3 inf"),
        ("w input 1 nan", "a time must be 0 or more, got nan"),
        ("w output 1 3", "w moves only spikes of input"),
        ("\0", r"there is no command '\x00'; h lists them"),
        ("\x1b[31m", r"there is no command '\x1b[31m'; h lists them"),
        ("\udcff", r"there is no command '\udcff'; h lists them"),
        (f"e output {'9' * 500}", f"'{'9' * 59}... (str) is not a neuron of output"),
        (f"b {'9' * 500}", f"no layer is called '{'9' * 59}... (str); there are input, output"),
        ("e output ²", "'²' is not a neuron of output"),
        (f"r -{'9' * 400}", f"a time must be 0 or more, got -{'9' * 59}..."),
        ("r -1e999", "a time must be 0 or more, got -1e999"),
        ("r 0x10", "r takes a time, as in: r 12.5"),
        (f"c {'9' * 500}", f"c takes no arguments, got '{'9' * 59}... (str)"),
        ("x" * 500, f"there is no command '{'x' * 59}... (str); h lists them"),
        ("e output " + "9" * 5000, "a command must have fewer than 1000 characters"),
        ("x" * 999, f"there is no command '{'x' * 59}... (str); h lists them"),
        ("x" * 1000, "a command must have fewer than 1000 characters"),
        ("x" * 3000, "a command must have fewer than 1000 characters"),
    ],
)
def test_a_wrong_command_is_answered_in_one_line_and_the_next_one_is_obeyed(command, words):
    assert said([command, ""]) == [words, "         1  input 0 fires"]


def test_digits_of_any_script_and_times_without_end_are_understood():
    assert said(["e output ١"])[0].startswith("output 1 ")
    assert said(["r 1e999"]) == said(["r inf"]) == said(["r " + "9" * 400])


def test_a_long_line_that_no_end_follows_is_answered_once():
    out = io.StringIO()
    Console(five_neurons(), out).talk(io.StringIO("x" * 5000))
    assert out.getvalue() == "a command must have fewer than 1000 characters\n"


@settings(max_examples=50)
@given(st.lists(st.text(st.characters(exclude_characters="qQ")), max_size=4))
def test_whatever_is_typed_is_answered(lines):
    for line in said([*lines, "s"]):
        assert len(line) < 200


@settings(max_examples=50)
@given(
    st.sampled_from(
        ["r", "b", "b t", "e", "e output", "e 1", "p", "w input", "w input 1", "w", ""]
    ),
    st.lists(st.one_of(st.text(), st.integers().map(str), st.floats().map(str)), max_size=3),
)
def test_whatever_follows_a_command_is_answered(command, words):
    said([" ".join([command, *words])])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such shell")
def test_bytes_that_are_no_text_are_a_wrong_command(model):
    command = [sys.executable, "-m", "ttfs", "step", str(model), "--dataset", "digits"]
    done = subprocess.run(command, input=b"\xff\xfe\ns\n", capture_output=True)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert lines[1] == r"there is no command '\\xff\\xfe'; h lists them"
    assert lines[2] == "0 spikes so far"


def test_help_names_every_command_and_layer():
    lines = said(["h"])
    for command in ("c ", "r T", "b ", "e ", "p ", "s ", "w ", "reset", "h ", "q "):
        assert any(line.startswith(command) for line in lines)
    assert lines[-1] == "layers: input (3), output (2)"
    assert said(["help"]) == said(["?"]) == lines


def test_nothing_is_read_after_quitting():
    assert said(["q", ""]) == said(["quit", "x"]) == []


def test_only_a_terminal_is_asked():
    out = io.StringIO()
    Console(five_neurons(), out).talk(Terminal("\nr 6\n"))
    lines = out.getvalue().splitlines()
    assert lines[0] == "0 ms>          1  input 0 fires"
    assert lines[1] == "1 ms>          6  output 0 fires"
    assert lines[-1] == "6 ms> "


def test_json_has_every_event_that_happens():
    events = io.StringIO()
    assert said(["", "r 6", "c", "s"], events=events)[-1] == "5 spikes so far"
    lines = [json.loads(line) for line in events.getvalue().splitlines()]
    assert len(lines) == 8
    assert lines[0] == {"time": 1.0, "kind": "spike", "layer": "input", "neuron": 0}
    arrival = {"time": 2.0, "kind": "arrival", "layer": "output", "neuron": 0, "source": "input"}
    assert lines[1] == arrival


# The command


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    encoder = ttfs.Latency(t_max=256, steps=True)
    layer = ttfs.Dense(64, 10, ttfs.Real(init=(0, 20)), threshold=100.0, delay=1.0)
    network = ttfs.Network(layer, t_max=256, seed=0)
    path = tmp_path_factory.mktemp("run") / "model.npz"
    ttfs.save(path, network, encoder=encoder)
    return path


@pytest.fixture
def simulator(model):
    loaded = ttfs.load(model)
    test = datasets.load("digits")[1]
    simulator = ttfs.Simulator(loaded.network, loaded.encoder(test.images[7:8])[0])
    return simulator


@pytest.fixture
def step(model, monkeypatch, capsys):
    monkeypatch.setattr(cli, "wants_kernels", lambda options: False)  # or who compiles says so

    def run(*options, commands="", terminal=False):
        monkeypatch.setattr(sys, "stdin", (Terminal if terminal else io.StringIO)(commands))
        code = main(["step", str(model), "--dataset", "digits", "--index", "7", *options])
        return code, *capsys.readouterr()

    return run


def test_the_command_reads_a_script_and_ends_with_it(step, simulator):
    code, out, err = step(commands="b decision\nc\nwrong\ns\n")
    simulator.break_on(decision=True)
    simulator.run()
    label = datasets.load("digits")[1].labels[7]
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("Network(64-10")
    assert lines[0].endswith(f"on digits test 7, label {label}; h for help")
    assert lines[2] == f"{simulator.time:10g}  output {simulator.spikes.neuron[-1]} fires"
    assert lines[-1] == f"{len(simulator.spikes)} spikes so far"
    assert ">" not in out


def test_the_command_runs_until_a_time_first(step, simulator):
    simulator.run(until=40)
    _, out, _ = step("--until", "40", commands="s\n")
    assert f": {simulator.events} events, {len(simulator.spikes)} spikes so far" in out
    assert out.splitlines()[-1] == f"{len(simulator.spikes)} spikes so far"


@pytest.mark.parametrize("until", [None, "40"])
def test_json_without_a_terminal_is_every_event_whatever_comes_in(step, simulator, until):
    options = ["--json"] if until is None else ["--json", "--until", until]
    code, out, err = step(*options, commands="q\n")
    events = [event for event in simulator if until is None or event.time <= float(until)]
    names = simulator.circuit.names
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [(e["time"], e["kind"], e["layer"], e["neuron"]) for e in found] == [
        (e.time, e.kind, names[e.layer], e.neuron) for e in events
    ]


def test_json_at_a_terminal_obeys_and_prints_nothing_else(step):
    _, out, err = step("--json", commands="\n\np\n", terminal=True)
    assert [json.loads(line)["kind"] for line in out.splitlines()] == ["spike", "arrival"]
    assert "h for help\n0 step> " in err
    assert "output: neuron, potential, threshold" in err


def test_a_terminal_is_asked_and_its_end_is_the_end(step):
    code, out, _ = step(commands="", terminal=True)
    assert code == 0
    assert out.splitlines()[-1] == "0 step> "


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--index", "360000"], "--index 360000: the samples of"),
        (["--until", "-1"], "'-1' is not a time of 0 or later"),
        (["--until", "nan"], "'nan' is not a time of 0 or later"),
        (["--dataset", "nothing.npz"], "nothing.npz"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(step, options, words):
    code, out, err = step(*options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_reader_that_stops_early_is_no_mistake(model):
    command = [sys.executable, "-m", "ttfs", "step", str(model), "--dataset", "digits", "--json"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)  # who compiles says so
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
