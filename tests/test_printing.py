"""What `print` shows of networks, events, evaluations and trainings."""

import numpy as np
import pytest

import ttfs
from ttfs.checks import quantity
from ttfs.engines.events import Event
from ttfs.training.history import WIDTH, History, line


def trained(**settings):
    rng = np.random.default_rng(0)
    network = ttfs.Network(ttfs.Dense(6, 5), ttfs.Dense(5, 3), psp=ttfs.Ramp(), t_max=4, unit="ms")
    trainer = ttfs.Trainer(network, ttfs.rules.Exact(), ttfs.Adam(0.01), batch_size=5)
    times, labels = rng.random((40, 6)), rng.integers(0, 3, 40)
    return trainer, trainer.fit(times, labels, epochs=3, **settings), times, labels


def test_an_evaluation_prints_its_figures():
    trainer, _, times, labels = trained()
    found = trainer.evaluate(times, labels)
    lines = str(found).splitlines()
    assert lines[0].split() == [
        *("accuracy", f"{100 * found.accuracy:.2f}", "%", "strict,"),
        *(f"{100 * found.accuracy_lenient:.2f}", "%", "counting", "ties", "as", "right,"),
    ]
    assert f"{found.decision_time_mean:.3g} ms on average" in lines[3]
    assert f"{found.operations_per_sample:,.0f} per sample, " in lines[5]


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1.0, "window", "1 window"),
        (1.004, "window", "1 window"),
        (0.5, "window", "0.5 windows"),
        (0.5, "ms", "0.5 ms"),
        (12, "steps", "12 steps"),
        (2.2, "time constant", "2.2 time constants"),
        (np.inf, "step", "inf steps"),
        (2, "", "2"),
    ],
)
def test_words_have_a_plural_and_symbols_have_none(value, unit, words):
    assert quantity(value, unit) == words


def test_a_history_prints_its_epochs_and_what_else_there_was():
    trainer, history, *_ = trained()
    told = str(history).splitlines()
    assert [one.split(" |")[0] for one in told[:3]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert told[3] == f"best epoch: {history.best_epoch}"
    assert told[4:] == [f"warning: {each}" for each in history.warnings]
    assert repr(history) == f"<History of 3 epochs, best {history.best_epoch}>"
    assert repr(trainer).startswith(f"Trainer({trainer.network}, Exact(")
    assert str(History(interrupted=True)) == "best epoch: 0, interrupted"


@pytest.mark.parametrize("layers", [1, 2, 8, 30, 300])
def test_a_line_is_never_too_long(layers):
    record = {"epoch": 999, "accuracy": 1.0, "revived": 12345, "seconds": 9999.4}
    record |= {"validation_accuracy": 1.0, "validation_accuracy_lenient": 0.5}
    record |= {f"silent_{k}": k / layers for k in range(1, layers + 1)}
    told = line(record, 1000)
    assert len(told) <= WIDTH
    assert "100 %" in told.split("silent")[1]


def test_events_say_which_neuron_does_what_in_which_layer():
    weights = np.ones((2, 1))
    network = ttfs.Network(
        ttfs.Dense.of(weights, threshold=1), psp=ttfs.Ramp(rise=2.0), t_max=9, unit="ms"
    )
    simulator, words = ttfs.Simulator(network, [1.0, 2.0]), []
    while (event := simulator.step()) is not None:
        words.append(str(event))
    assert words == [
        "1: input 0 fires",
        "1: input 0 reaches output",
        "2: input 1 fires",
        "2: input 1 reaches output",
        "2.5: output 0 fires",
        "3: input 0 stops rising in output",
        "4: input 1 stops rising in output",
    ]
    assert str(Event(3.0, "end", 1, 0, source=0)) == "3: layer 0 0 stops rising in layer 1"
    window = Event(1.0, "window", 1, -1, names=("input", "output"))
    assert str(window) == "1: output: its window begins"
    assert window == Event(1.0, "window", 1, -1)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_summary_counts_weights_and_connections(stride, padding):
    conv = ttfs.Conv2d(3, 3, stride=stride, padding=padding)
    network = ttfs.Network(conv, ttfs.Dense(None, 4, threshold=[1, 2, 3, 4.5]), shape=(7, 6, 2))
    lines = network.summary().splitlines()
    assert lines[0] == str(network)
    (side, other), heard = network.shapes[1][:2], 0
    for i in range(side):
        for j in range(other):
            rows = sum(0 <= i * stride + a - padding < 7 for a in range(3))
            columns = sum(0 <= j * stride + b - padding < 6 for b in range(3))
            heard += rows * columns * 2 * 3
    conv_line, dense_line, total = (one.split() for one in lines[3:])
    assert conv_line[-5:] == [str(9 * 2 * 3), "real", f"{heard:,}", "100", "0"]
    assert dense_line[-4:] == ["1", "to", "4.5", "0"]
    assert total[-1] == f"{heard + network.sizes[1] * 4:,}"
