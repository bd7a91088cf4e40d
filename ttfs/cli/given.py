"""A model or circuit with a stimulus that is given as times: what `--times` says."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import plural, quantity, short
from ttfs.datasets.npz import read_npz
from ttfs.engines.circuit import Circuit
from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError
from ttfs.formats.circuit_file import holds_circuit, load_circuit
from ttfs.formats.model_file import load

FIRST = "times"  # the array of a file that is for the first layer


def is_given(options: argparse.Namespace) -> bool:
    """Whether a command runs on times, as it must with a circuit, which comes without data."""
    if options.times is not None:
        if options.dataset:
            raise InputError("--times takes the place of a data set: leave out --dataset")
        return True
    if holds_circuit(options.model):
        raise InputError(f"{options.model} holds a circuit, which has no data: say --times T")
    return False


def simulated(options: argparse.Namespace) -> tuple[str, Simulator]:
    """A title, and the simulator of a model or circuit with the times that were given."""
    path = options.model
    circuit = load_circuit(path) if holds_circuit(path) else Circuit.of(load(path).network)
    times = times_of(options.times, circuit, options.index)
    given = options.times if len(options.times) <= 40 else f"{options.times[:30]}..."
    return f"{path.name} with {given}", Simulator(circuit, times)


def times_of(text: str, circuit: Circuit, index: int) -> Any:
    """The times of a stimulus: numbers for the first layer, or arrays of a file by layer.

    index: which stimulus, of a file with several.

    >>> from ttfs.engines.populations import Population
    >>> times_of("0.5,inf", Circuit([Population("a", 2)], []), 0)
    array([0.5, inf])
    """
    if not text.lower().endswith(".npz"):
        try:
            return np.array([float(part) for part in text.split(",")])
        except ValueError:
            raise InputError(f"--times {short(text)} is no FILE.npz, nor 0.5,1,inf") from None
    found, names = read_npz(Path(text), [FIRST, *circuit.names])
    if not found:
        raise InputError(
            f"{text} must have {FIRST!r}, or an array for a layer ({', '.join(circuit.names)});"
            f" it has {', '.join(map(short, names)) or 'none'}"
        )
    told: dict[Any, np.ndarray] = {}
    for name, array in found.items():
        layer = 0 if name == FIRST and FIRST not in circuit.names else circuit.layer(name)
        if layer in told:
            raise InputError(f"{text} has times of {circuit.names[0]!r} twice")
        told[layer] = one_of(array, index, f"{text}: {name}")
    return told


def one_of(array: np.ndarray, index: int, whose: str) -> np.ndarray:
    """One stimulus of an array of one, or of several in rows."""
    if array.ndim < 2:
        return array
    if index >= len(array):
        raise InputError(f"--index {index}: the stimuli of {whose} are 0 to {len(array) - 1}")
    return array[index]


def draw(options: argparse.Namespace) -> None:
    """Draw every spike of the stimulus that was given."""
    from ttfs.cli import pictures

    title, simulator = simulated(options)
    folder = options.out or options.model.parent
    folder.mkdir(parents=True, exist_ok=True)
    print(pictures.simulated(folder, simulator, title))


def view(options: argparse.Namespace) -> None:
    """Write the page of the stimulus that was given."""
    from ttfs import viewer

    title, simulator = simulated(options)
    print(
        viewer.page(simulator, title=title).save(options.out or options.model.parent / "view.html")
    )


def print_circuit(options: argparse.Namespace) -> None:
    """Print what a circuit file holds."""
    if options.cost:
        raise InputError(f"--cost is about networks; {options.model} holds a circuit")
    print("\n".join(describe(load_circuit(options.model))))


def describe(circuit: Circuit) -> list[str]:
    """What there is to say about a circuit, in lines."""
    lines = [str(circuit)]
    for one in circuit.populations:
        threshold = span_of(one.threshold)
        fires = "firing only if told" if threshold == "inf" else f"threshold {threshold}"
        bias = f", bias {span_of(one.bias)}" if np.any(one.bias) else ""
        lines.append(f"  {one.name}: {number_of(one.size, 'neuron')}, {fires}{bias}")
    for one in circuit.projections:
        if one.layer is not None:
            what = f"{one.layer}"
        elif hasattr(one.weights, "nnz"):
            what = number_of(one.weights.nnz, "synapse")
        else:
            what = f"{number_of(one.weights.size, 'synapse')}, all to all"
        delay = span_of(one.delay.data if hasattr(one.delay, "nnz") else one.delay)
        lines.append(f"  {one.title}: {what}, delay {delay}")
    lines.append(f"  horizon: {quantity(circuit.t_max, circuit.unit)}")
    lines.append(f"  precision: {circuit.dtype}")
    return lines


def number_of(count: int, what: str) -> str:
    """How many there are of something.

    >>> number_of(1, "neuron"), number_of(1000, "synapse")
    ('1 neuron', '1,000 synapses')
    """
    return f"{count:,} {what if count == 1 else plural(what)}"


def span_of(values: Any) -> str:
    """One number, or from where to where several are."""
    found = np.asarray(values, float)
    if not found.size:
        return "0"
    least, most = found.min(), found.max()
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"
