"""What the words of a command of `ttfs step` mean: times, numbers, layers and neurons."""

from math import isnan

from ttfs.checks import short, shown
from ttfs.engines.circuit import Circuit
from ttfs.errors import InputError

DIGITS = 18  # of the number of a layer or neuron; no network needs more


def place_in(words: list[str], circuit: Circuit) -> tuple[int, int | None]:
    """A layer by name (of one word or two) or index, and perhaps one of its neurons.

    >>> import ttfs
    >>> circuit = ttfs.Simulator(ttfs.Network(ttfs.Dense(4, 2)), [1, 2, 3, 4]).circuit
    >>> place_in(["output"], circuit), place_in(["input", "3"], circuit)
    ((1, None), (0, 3))
    """
    for length in (2, 1):
        name, rest = " ".join(words[:length]), words[length:]
        if name in circuit.names or (length == 1 and is_number(name)):
            layer = circuit.layer(name if name in circuit.names else int(name))
            if not rest:
                return layer, None
            told = " ".join(rest)
            numbers = told.strip("()").replace(",", " ").split()
            if len(numbers) not in (1, 3) or not all(map(is_number, numbers)):
                raise InputError(f"{short(told)} is not a neuron of {circuit.names[layer]}")
            place = [int(number) for number in numbers]
            return circuit.neuron(layer, place if place[1:] else place[0])
    there = ", ".join(circuit.names)
    raise InputError(f"no layer is called {short(words[0])}; there are {there}")


def neuron_in(words: list[str], circuit: Circuit, example: str) -> tuple[int, int]:
    """A neuron, by its layer and number."""
    layer, neuron = place_in(words, circuit) if words else (0, None)
    if neuron is None:
        raise InputError(f"name a layer and a neuron, as in: {example}")
    return layer, neuron


def time_in(words: list[str], wanted: str) -> float:
    """The only word as a time, which is 0 or more; inf is allowed."""
    try:
        [word] = words
        time = float(word)
    except ValueError:
        raise InputError(wanted) from None
    if isnan(time) or time < 0:
        raise InputError(f"a time must be 0 or more, got {shown(word, 60)}")
    return time


def count_in(words: list[str], wanted: str) -> int:
    """The only word as a number of events, 1 or more; 1 if there is no word."""
    word = words[0] if words else "1"
    if len(words) > 1 or not is_number(word) or not int(word):
        raise InputError(wanted)
    return int(word)


def nothing_after(words: list[str], command: str) -> None:
    """Refuse words that mean nothing."""
    if words:
        raise InputError(f"{command} takes no arguments, got {short(' '.join(words))}")


def is_number(word: str) -> bool:
    """Whether a word can be the number of a layer or neuron."""
    return word.isdecimal() and len(word) <= DIGITS
