"""Recorded spike trains -> the first spike of each neuron, which is what a network takes."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import as_text, same_content, short
from ttfs.codes.trains import Spikes, spikes_of
from ttfs.codes.units import as_unit, in_unit, magnitude
from ttfs.errors import InputError, ShapeError


@dataclass(frozen=True, eq=False, repr=False)
class FirstSpikes:
    """First spikes, and how many others there were.

    times: (neurons,), or (trials, neurons) for several starts; inf is silence.
    later: spikes in a trial that were not their neuron's first. before, between, after: spikes
        before all trials, after all of them, and in none though neither.
    """

    times: NDArray[np.float64]
    later: int = 0
    before: int = 0
    between: int = 0
    after: int = 0

    __eq__ = same_content
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        trials = f"{len(self.times)} trials of " if self.times.ndim == 2 else ""
        fired = int(np.count_nonzero(self.times < np.inf))
        between = f", {self.between} between" if self.times.ndim == 2 else ""
        return (
            f"FirstSpikes({trials}{self.times.shape[-1]} neurons: {fired} first spikes,"
            f" {self.later} later; outside: {self.before} before{between}, {self.after} after)"
        )


def first_spikes(
    trains: Any,
    *,
    unit: str,
    start: Any = 0.0,
    stop: Any = None,
    given: str = "",
    neurons: Any = None,
) -> FirstSpikes:
    """The first spike of each neuron in [start, stop), counted from the start.

    Parameters
    ----------
    trains: spikes of a recording, as one of

        * a list with the spike times of each neuron, plain or with units (quantities, Astropy,
          Pint), each in the order of time; or a dictionary from neuron to such times;
        * a tuple (neurons, times) of aligned arrays, or an (n, 2) array of such pairs, in any
          order; or NEST's `events` with `senders` and `times`, in ms;
        * Neo's `SpikeTrain`, a list of them, or a `Segment`;
        * an NWB file, its `Units` table, or a dictionary of `spike_times` and
          `spike_times_index`, in s;
        * a pynapple `TsGroup`, in s, whose neurons are taken in its order;
        * events of an event camera: a structured array with x, y, t (in microseconds) and p, whose
          neurons are the places in (height, width, polarity), flat.
    unit: that of the network, in which times are returned: s, ms, us, ns, a multiple such as
        "100 ms", or any other if bare numbers are already in it.
    start, stop: when a trial begins and ends, on the clock of the recording: numbers in its unit,
        or quantities. Several starts, with as many stops, give one row for each trial; trials may
        overlap. Without a stop, a trial goes on to the end.
    given: the unit of bare numbers; recordings that have a unit need none.
    neurons: how many there are, or their identifiers in the order of the row; (height, width) for
        an event camera. Not needed for kinds that list silent neurons, too.

    Returns
    -------
    `FirstSpikes`, whose `times` are float64, and which counts the spikes that are not among them.

    Raises
    ------
    InputError, ShapeError: NaN, trains that go back in time, bare numbers without a unit, a trial
        that ends before it begins, neurons that are not named.

    Warns if there are spikes, but none in any trial.

    >>> found = first_spikes([[0.012, 0.015], [], [0.003, 0.2]], stop=0.1, unit="ms", given="s")
    >>> found.times
    array([12., inf,  3.])
    >>> found
    FirstSpikes(3 neurons: 2 first spikes, 1 later; outside: 0 before, 1 after)

    Two trials of a recording in NEST:

    >>> events = {"senders": np.array([7, 9, 7]), "times": np.array([1.5, 104.0, 103.5])}
    >>> starts = np.array([0, 100])
    >>> first_spikes(events, start=starts, stop=starts + 50, unit="ms", neurons=[7, 8, 9]).times
    array([[1.5, inf, inf],
           [3.5, inf, 4. ]])
    """
    as_unit(unit, "first_spikes(unit=...)")
    if as_text(given, "first_spikes(given=...)"):
        as_unit(given, "first_spikes(given=...)")
    spikes = _in_known_unit(spikes_of(trains, neurons), given)
    starts, stops = _trials(start, stop, spikes.unit)
    order = np.argsort(spikes.times, kind="stable")
    times, places = spikes.times[order], spikes.neurons[order]
    heard = int(np.searchsorted(times, np.inf))  # what is inf is silence
    times, places = times[:heard], places[:heard]
    begins, ends = np.searchsorted(times, starts), np.searchsorted(times, stops)
    rows = np.full((len(starts), spikes.count), np.inf)
    for row, begin, end in zip(rows, begins, ends, strict=True):
        np.minimum.at(row, places[begin:end], times[begin:end])
    rows -= starts[:, None]
    found = in_unit(rows, spikes.unit, unit, "first_spikes(unit=...)")
    counts = _counts(heard, begins, ends, int(np.count_nonzero(found < np.inf)))
    if heard and not (ends > begins).any():
        warnings.warn(
            f"no spike of {heard:,} is in a trial: they are from {times[0]:g} to {times[-1]:g}"
            f" {spikes.unit}, trials from {starts.min():g} to {stops.max():g} {spikes.unit}",
            stacklevel=2,
        )
    return FirstSpikes(found if np.ndim(start) else found[0], **counts)


def _in_known_unit(spikes: Spikes, given: str) -> Spikes:
    """The spikes with the unit of their bare numbers."""
    if spikes.unit and given not in ("", spikes.unit):
        raise InputError(
            f"first_spikes(given={given!r}) is for bare numbers, but these trains are in"
            f" {spikes.unit}: leave it out"
        )
    if not (spikes.unit or given):
        raise InputError(
            "first_spikes(trains) are bare numbers: say in which unit, such as given='s'"
        )
    return spikes if spikes.unit else Spikes(spikes.neurons, spikes.times, spikes.count, given)


def _trials(start: Any, stop: Any, unit: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When trials begin and end."""
    whose = "first_spikes(start=...)"
    starts = _moments(start, unit, whose)
    if stop is None:
        return starts, np.full(starts.shape, np.inf)
    stops = _moments(stop, unit, "first_spikes(stop=...)", endless=True)
    if stops.shape != starts.shape or np.ndim(start) != np.ndim(stop):
        raise ShapeError(
            f"{whose} and stop must be as many, got {starts.size} and {stops.size}; trials of"
            " equal length are start=starts, stop=starts + length"
        )
    wrong = np.flatnonzero(stops <= starts)
    if wrong.size:
        k = wrong[0]
        raise InputError(
            f"first_spikes(stop=...) must be later than start, got {starts[k]:g} to {stops[k]:g}"
            f" {unit}; stop is a time on the clock of the recording, not a length"
        )
    return starts, stops


def _moments(value: Any, unit: str, whose: str, endless: bool = False) -> NDArray[np.float64]:
    """One moment or several, as numbers in a unit."""
    rows = isinstance(value, list | tuple) or (not hasattr(value, "dtype") and np.ndim(value) > 0)
    plain = list(value) if rows else value
    found = np.atleast_1d(magnitude(plain, unit, whose)).astype(np.float64)
    fine = found > -np.inf if endless else np.isfinite(found)
    if found.ndim != 1 or not found.size or not fine.all():
        raise InputError(f"{whose} must be a time, or one for each trial, got {short(value)}")
    return found


def _counts(heard: int, begins: Any, ends: Any, first: int) -> dict[str, int]:
    """What becomes of the spikes that are not returned, of all in the order of time."""
    before, after = int(begins.min()), heard - int(ends.max())
    change = np.zeros(heard + 1, np.int64)
    np.add.at(change, begins, 1)
    np.add.at(change, ends, -1)
    covered = int(np.count_nonzero(np.cumsum(change)[:heard]))
    later = int((ends - begins).sum()) - first
    return {
        "later": later,
        "before": before,
        "between": heard - before - after - covered,
        "after": after,
    }
