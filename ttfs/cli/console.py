"""Stepping through one stimulus with commands, one per line: what `ttfs step` does."""

import os
import sys
from collections.abc import Callable
from math import inf, nextafter
from typing import TextIO

import numpy as np

from ttfs.checks import short
from ttfs.cli.console_words import (
    count_in,
    is_number,
    neuron_in,
    nothing_after,
    place_in,
    time_in,
)
from ttfs.engines.differences import Change
from ttfs.engines.events import Event
from ttfs.engines.precision import DOUBLE, shortest, written
from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError, TTFSError
from ttfs.files.json_text import as_json

TOP = 5  # potentials shown of a layer
MOST = 20  # changes that are listed
LONGEST = 1000  # characters of a line
CAUSES = 10  # strongest inputs that explain a neuron

HELP = """\
Enter            the next event; 5: the next five
back 5           go back by five events; back: by one
c                continue to the next breakpoint, or the end
r T              run until time T, or to a breakpoint
b hidden 57      break when that neuron fires; b hidden: when any neuron of the layer does
b t 12.5         break at that time
b decision       break when an output fires
b                list the breakpoints; b off: remove them
e hidden 57      explain why a neuron has or has not fired, with its ten strongest inputs
e hidden 57 all  the same with all inputs; in a map also: e conv 1 (0, 2, 5)
p [hidden]       the largest potentials, of one layer or of all
s                the spikes so far
w input 3 inf    what would change if that input fired at another time, or not at all (inf)
reset            back to the beginning; breakpoints stay
h                this help
q                quit"""

LONG = {
    "continue": "c",
    "run": "r",
    "break": "b",
    "explain": "e",
    "potential": "p",
    "spikes": "s",
    "what-if": "w",
    "help": "h",
    "?": "h",
    "quit": "q",
    "exit": "q",
}


class Console:
    """Obeys commands about one simulator and writes the answers.

    Parameters
    ----------
    simulator: the one to be stepped.
    out: where answers are written.
    events: where every event that happens is written, as one JSON object per line.

    >>> import sys, ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
    >>> console = Console(ttfs.Simulator(network, [1.0, 3.0]), sys.stdout)
    >>> for command in ["", "b output", "c", "e output 0", "q"]:
    ...     going_on = console.obey(command)
             1  input 0 fires
    break when output fires
             4  output 0 fires
    break: 5 events, 3 spikes so far
    output 0 fired at 4 steps, 0.2 above its threshold 1
       arrives             from   fired at     weight potential
             2          input 0          1       +0.6 0.6
             4          input 1          3       +0.6 1.2
    >>> going_on
    False
    """

    def __init__(self, simulator: Simulator, out: TextIO, *, events: TextIO | None = None):
        self.simulator = simulator
        self.out = out
        self.events = events
        self._names = simulator.circuit.names
        self._fires: set[tuple[int, int | None]] = set()
        self._times: set[float] = set()
        self._reached = -1.0  # breaks at times up to this one have been passed
        self._commands: dict[str, Callable[[list[str]], None]] = {
            "": self._step,
            "c": self._continue,
            "r": self._run,
            "b": self._break,
            "e": self._explain,
            "p": self._potential,
            "s": self._spikes,
            "w": self._what_if,
            "back": self._back,
            "reset": self._reset,
            "h": self._help,
        }

    def talk(self, commands: TextIO) -> None:
        """Obey commands line by line until `q` or the end; show a prompt if a person types them."""
        asks = commands.isatty()
        while True:
            if asks:
                self._ask()
            line = commands.readline(LONGEST)
            if not line:
                if asks:
                    self._say("")
                return
            if len(line) == LONGEST and not line.endswith("\n"):
                self._say(f"a command must have fewer than {LONGEST} characters")
                while line and not line.endswith("\n"):
                    line = commands.readline(LONGEST)
            elif not self.obey(line):
                return

    def _ask(self) -> None:
        self.out.write(f"{self.simulator.time:g} {self.simulator.circuit.unit}> ")
        self.out.flush()

    def obey(self, line: str) -> bool:
        """Do what one line says, or answer a mistake with one line; False if the line says quit."""
        word, *rest = line.split() or [""]
        if is_number(word):
            word, rest = "", [word, *rest]
        word = LONG.get(word, word)
        if word == "q":
            return False
        try:
            if word not in self._commands:
                raise InputError(f"there is no command {short(word)}; h lists them")
            self._commands[word](rest)
        except TTFSError as error:
            self._say(str(error))
        return True

    def run(self, until: float = inf) -> None:
        """Run to a break, a time, or the end, and say which of these came first."""
        self._say_stop(self._advance(until))

    def print_events(self, until: float = inf) -> None:
        """Let every event up to a time happen, and print nothing else."""
        while (coming := self.simulator.peek()) is not None and coming.time <= until:
            self._happen()

    # -- what happens

    def _happen(self) -> Event | None:
        """Let one event happen; write it if every event is to be written."""
        event = self.simulator.step()
        if event is not None:
            self._reached = max(self._reached, nextafter(event.time, -inf))
            if self.events:
                self.events.write(self._record(event) + "\n")
        return event

    def _advance(self, until: float) -> tuple[str, Event | None]:
        """Step until something stops the run; return what it was, and the last event."""
        event = None
        while (coming := self.simulator.peek()) is not None:
            due = [t for t in self._times if self._reached < t < coming.time]
            stop = min([until, *due])
            if coming.time > stop:
                self._reached = max(self._reached, stop)
                return ("break" if stop in due else "until"), event
            event = self._happen()
            if event is not None and event.kind == "spike" and self._is_break(event):
                return "break", event
        return "end", event

    def _is_break(self, spike: Event) -> bool:
        return not self._fires.isdisjoint({(spike.layer, None), (spike.layer, spike.neuron)})

    def _say_stop(self, found: tuple[str, Event | None]) -> None:
        """Say where the run stopped, except with JSON: programs need no summary."""
        if self.events:
            return
        why, event = found
        if event is not None:
            self._say(self._line(event))
        word = {"until": f"stopped before {self._next()}", "end": "the end"}.get(why, why)
        spikes = len(self.simulator.spikes)
        self._say(f"{word}: {self.simulator.events} events, {spikes} spikes so far")

    def _next(self) -> str:
        coming = self.simulator.peek()
        if coming is None:
            return "the end"
        return f"{self._time(coming.time)} {self.simulator.circuit.unit}"

    def _line(self, event: Event) -> str:
        return f"{self._time(event.time):>10s}  {event.words}"

    def _time(self, time: float) -> str:
        return self.simulator.precision.time(time)

    def _record(self, event: Event) -> str:
        fields = {
            "time": event.time,
            "kind": event.kind,
            "layer": self._names[event.layer],
            "neuron": event.neuron,
        }
        if event.source is not None:
            fields["source"] = self._names[event.source]
        return as_json(fields, "an event").decode()

    def _say(self, text: str) -> None:
        self.out.write(text + "\n")

    # -- commands

    def _step(self, words: list[str]) -> None:
        for _ in range(count_in(words, "the number of events must be 1 or more, as in: 5")):
            event = self._happen()
            if event is None:
                self._say("the end: nothing more happens; back and reset go back")
                return
            if not self.events:
                self._say(self._line(event))

    def _back(self, words: list[str]) -> None:
        count = count_in(words, "back takes a number of events, 1 or more, as in: back 5")
        left = self.simulator.events - count
        self.simulator.reset()
        event = None
        while self.simulator.events < left:
            event = self.simulator.step()
        self._reached = -1.0 if event is None else nextafter(event.time, -inf)
        if event is None:
            self._say("back at the beginning")
        else:
            self._say(f"back after {self._line(event).strip()}")

    def _continue(self, words: list[str]) -> None:
        nothing_after(words, "c")
        self.run()

    def _run(self, words: list[str]) -> None:
        until = time_in(words, "r takes a time, as in: r 12.5")
        if until < self.simulator.time:
            raise InputError(f"it is {self._time(self.simulator.time)} already; reset goes back")
        self.run(until)

    def _break(self, words: list[str]) -> None:
        if not words:
            self._say("\n".join(self._breaks()) or "no breakpoints")
        elif words == ["off"]:
            self._fires.clear()
            self._times.clear()
            self._say("no breakpoints")
        elif words[0] == "t":
            time = time_in(words[1:], "b t takes a time, as in: b t 12.5")
            self._times.add(time)
            self._say(f"break at {shortest(time, DOUBLE)}")
        else:
            last = len(self._names) - 1
            decision = words == ["decision"]
            place = (last, None) if decision else place_in(words, self.simulator.circuit)
            self._fires.add(place)
            self._say(f"break when {self._title(*place)} fires")

    def _breaks(self) -> list[str]:
        fires = sorted(self._fires, key=lambda place: (place[0], place[1] or -1))
        found = [f"break when {self._title(*place)} fires" for place in fires]
        return found + [f"break at {shortest(time, DOUBLE)}" for time in sorted(self._times)]

    def _explain(self, words: list[str]) -> None:
        every = words[-1:] == ["all"]
        words = words[:-1] if every else words
        found = self.simulator.explain(*neuron_in(words, self.simulator.circuit, "e hidden 57"))
        self._say(found.table(None if every else CAUSES))

    def _potential(self, words: list[str]) -> None:
        if words:
            layer, neuron = place_in(words, self.simulator.circuit)
            if neuron is not None:
                raise InputError("p takes a layer; e explains one neuron")
            self._show_potential(layer)
            return
        for layer, population in enumerate(self.simulator.circuit.populations):
            if np.isfinite(population.threshold).any():
                self._show_potential(layer)

    def _show_potential(self, layer: int) -> None:
        population = self.simulator.circuit.populations[layer]
        thresholds = np.broadcast_to(population.threshold, population.size)
        potential, times = self.simulator.potential(layer), self.simulator.times(layer)
        order = np.argsort(-potential, kind="stable")[:TOP]
        self._say(f"{population.name}: neuron, potential, threshold")
        for j in order:
            fired = f"  fired at {self._time(times[j])}" if np.isfinite(times[j]) else ""
            error = self.simulator.explain(layer, int(j)).errors().max(initial=0.0)
            volts = written(float(potential[j]), error)
            self._say(f"{j:10d} {volts:>10s} {thresholds[j]:10.6g}{fired}")
        if population.size > TOP:
            self._say(f"  and {population.size - TOP} below these")

    def _spikes(self, words: list[str]) -> None:
        nothing_after(words, "s")
        spikes = self.simulator.spikes
        for time, layer, neuron in zip(spikes.times, spikes.layer, spikes.neuron, strict=True):
            self._say(f"{self._time(time):>10s}  {self._names[layer]} {neuron}")
        self._say(f"{len(spikes)} spikes so far")

    def _what_if(self, words: list[str]) -> None:
        example = f"w {self._names[0]} 3 inf"
        if len(words) < 3:
            raise InputError(f"w takes a neuron and a time, as in: {example}")
        layer, neuron = neuron_in(words[:-1], self.simulator.circuit, example)
        time = time_in(words[-1:], f"w must end with a time or inf, as in: {example}")
        if layer:
            raise InputError(f"w moves only spikes of {self._names[0]}")
        found = self.simulator.what_if(times={(layer, neuron): time})
        changes = [*found.moved, *found.vanished, *found.appeared]
        changes.sort(key=lambda c: (min(c.before, c.after), c.layer, c.neuron))
        for change in changes[:MOST]:
            self._say(self._changed(change))
        if len(changes) > MOST:
            self._say(f"{'':10s}  and {len(changes) - MOST} more")
        counts = f"{len(found.moved)} moved, {len(found.vanished)} gone, {len(found.appeared)} new"
        self._say(f"spikes: {counts}" if changes else "nothing changes")

    def _changed(self, change: Change) -> str:
        before, after = (
            "silent" if np.isinf(time) else self._time(time)
            for time in (change.before, change.after)
        )
        return f"{before:>10s}  -> {after:10s} {self._names[change.layer]} {change.neuron}"

    def _reset(self, words: list[str]) -> None:
        nothing_after(words, "reset")
        self.simulator.reset()
        self._reached = -1.0
        self._say("back at the beginning")

    def _help(self, words: list[str]) -> None:
        layers = zip(self._names, self.simulator.circuit.populations, strict=True)
        self._say(HELP)
        self._say("layers: " + ", ".join(f"{name} ({p.size})" for name, p in layers))

    # -- what words mean

    def _title(self, layer: int, neuron: int | None) -> str:
        return self._names[layer] if neuron is None else f"{self._names[layer]} {neuron}"


def serve(
    simulator: Simulator, title: str, *, until: float | None = None, json: bool = False
) -> None:
    """What `ttfs step` does with standard input and output.

    With JSON, standard output has events alone; what else is said goes to the error stream.
    """
    out, events = (sys.stderr, sys.stdout) if json else (sys.stdout, None)
    console = Console(simulator, out, events=events)
    try:
        if json and not sys.stdin.isatty():
            console.print_events(inf if until is None else until)
        else:
            print(f"{title}; h for help", file=out)
            if until is not None:
                console.run(until)
            console.talk(sys.stdin)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as with `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
