"""Recordings of spikes, as other tools hold them -> aligned arrays of neurons and times.

Packages are told by the names of their classes, so that none of them has to be installed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import as_array, short, whole
from ttfs.codes.units import magnitude, unit_of
from ttfs.errors import InputError, ShapeError

WHOSE = "first_spikes(trains)"
KINDS = (
    "a list of spike trains, a dictionary from neuron to train, (neurons, times), an (n, 2) array,"
    " NEST's events, Neo's SpikeTrains or Segment, an NWB Units table, a pynapple TsGroup, or"
    " events (x, y, t, p)"
)
MOST = 10**9  # neurons
Array = NDArray[Any]


@dataclass(frozen=True)
class Spikes:
    """The spikes of a recording: `neurons` and `times` (spikes,), of `count` neurons.

    unit: that of the times; "" if they are bare numbers.
    """

    neurons: NDArray[np.int64]
    times: NDArray[np.float64]
    count: int
    unit: str = ""


def spikes_of(trains: Any, neurons: Any) -> Spikes:
    """The spikes of a recording of any kind, see `ttfs.first_spikes`.

    neurons: how many, or their identifiers in order, or (height, width) of a sensor; None if the
        recording says so itself.

    Raises
    ------
    InputError, ShapeError: no such recording, NaN, trains that go back in time, neurons that are
        not among those named.
    """
    package = type(trains).__module__.split(".")[0]
    if isinstance(trains, np.ndarray) and trains.dtype.names:
        return _from_sensor(trains, neurons)
    if package == "neo":
        return _from_neo(trains, neurons)
    if package == "pynapple" and type(trains).__name__ == "TsGroup":
        found = {key: trains[key].index.values for key in trains.index}
        return _from_dictionary(found, [*found] if neurons is None else neurons, "s")
    if package == "pynwb":
        return _from_units(getattr(trains, "units", trains), neurons)
    if isinstance(trains, Mapping):
        return _from_mapping(trains, neurons)
    if isinstance(trains, tuple):
        if len(trains) != 2:
            raise ShapeError(
                f"{WHOSE} takes a tuple as (neurons, times), got one of {len(trains)}; trains come"
                " in a list"
            )
        return _from_pairs(*trains, neurons, unit_of(trains[1], WHOSE))
    if isinstance(trains, np.ndarray) and (trains.dtype != object or not trains.ndim):
        if trains.ndim != 2 or trains.shape[1] != 2:
            raise ShapeError(
                f"{WHOSE} takes an array of rows (neuron, time), (n, 2), got {trains.shape}; trains"
                " come in a list"
            )
        return _from_pairs(trains[:, 0], trains[:, 1], neurons, "")
    if isinstance(trains, list | np.ndarray):
        return _from_list(list(trains), neurons)
    raise InputError(f"{WHOSE} must be {KINDS}; got {short(trains)}")


# Trains


def _from_list(trains: list[Any], neurons: Any) -> Spikes:
    """One train for each neuron, all of plain numbers or all of quantities."""
    if trains and all(
        isinstance(one, int | float) or getattr(one, "ndim", 1) == 0 for one in trains
    ):
        raise ShapeError(
            f"{WHOSE} must be a train for each neuron, got {len(trains)} numbers: the train of a"
            " single neuron is [train]"
        )
    unit = unit_of(trains[0], WHOSE) if trains else ""
    places, count = _places(np.arange(len(trains)), len(trains), neurons)
    if unit:
        trains = [_with_unit(train, unit) for train in trains]
    return _joined(trains, places, count, unit)


def _with_unit(train: Any, unit: str) -> Array:
    """A train of quantities as numbers in a unit."""
    if not unit_of(train, WHOSE):
        raise InputError(f"{WHOSE} must all have a unit, as the first has, got {short(train)}")
    return magnitude(train, unit, WHOSE)


def _from_neo(trains: Any, neurons: Any) -> Spikes:
    """A SpikeTrain, a SpikeTrainList or a Segment."""
    name = type(trains).__name__
    if name == "Block":
        raise InputError(f"{WHOSE} takes one Segment at a time: pass block.segments[0]")
    if name == "SpikeTrain":
        return _from_list([trains], neurons)
    found = getattr(trains, "spiketrains", trains)
    if type(found).__name__ != "SpikeTrainList":
        raise InputError(f"{WHOSE} must be {KINDS}; got Neo's {name}")
    return _from_list(list(found), neurons)


def _from_mapping(trains: Mapping[Any, Any], neurons: Any) -> Spikes:
    """NEST's events, the arrays of an NWB Units table, or a train for each neuron."""
    if {"senders", "times"} <= trains.keys():
        unit = "" if "offsets" in trains else "ms"  # with offsets, NEST's times are steps
        return _from_pairs(trains["senders"], trains["times"], neurons, unit)
    if {"spike_times", "spike_times_index"} <= trains.keys():
        return _from_ragged(trains["spike_times"], trains["spike_times_index"], neurons)
    return _from_dictionary(dict(trains), neurons, "")


def _from_dictionary(trains: dict[Any, Any], neurons: Any, unit: str) -> Spikes:
    """A train for each identifier."""
    if not trains:
        return _joined([], *_places(np.arange(0), None, neurons), unit)
    keys = _whole(list(trains), "neurons")
    complete = len(keys) if np.array_equal(np.sort(keys), np.arange(len(keys))) else None
    places, count = _places(keys, complete, neurons)
    values = list(trains.values())
    found = unit or unit_of(values[0], WHOSE)
    if found and not unit:
        values = [_with_unit(train, found) for train in values]
    return _joined(values, places, count, found)


def _from_units(table: Any, neurons: Any) -> Spikes:
    """An NWB Units table, whose spikes are in seconds."""
    if table is None or not hasattr(table, "spike_times_index"):
        raise InputError(f"{WHOSE} must be {KINDS}; got {short(table)}")
    times, ends = table.spike_times, table.spike_times_index
    if times is None or ends is None:  # no unit has fired
        return _from_ragged([], np.zeros(len(table.id)), neurons)
    return _from_ragged(times.data[:], ends.data[:], neurons)


def _from_ragged(times: Any, ends: Any, neurons: Any) -> Spikes:
    """Trains one after the other, and where each ends, in seconds."""
    flat = as_array(_loaded(times), WHOSE)
    last = _whole(_loaded(ends), "spike_times_index")
    ends = np.append(0, last)  # compared, as the difference of two can be too large
    if flat.ndim != 1 or (ends[1:] < ends[:-1]).any() or ends[-1] != flat.size:
        raise ShapeError(
            f"{WHOSE} must have a spike_times_index that rises to {flat.size:,}, the number of"
            " spike_times"
        )
    places, count = _places(np.arange(len(last)), len(last), neurons)
    return _in_order(flat, np.diff(ends), places, count, "s")


def _loaded(values: Any) -> Any:
    """The content of a data set in an open HDF5 file; anything else as it is."""
    return values[()] if type(values).__module__.split(".")[0] == "h5py" else values


def _joined(trains: Iterable[Any], places: Array, count: int, unit: str) -> Spikes:
    """The trains of neurons at given places."""
    read = [np.atleast_1d(as_array(train, WHOSE)) for train in trains]
    wrong = next((train for train in read if train.ndim != 1), None)
    if wrong is not None:
        raise ShapeError(f"{WHOSE} must be a train (spikes,) for each neuron, got {wrong.shape}")
    flat = np.concatenate([np.empty(0), *read])
    return _in_order(flat, np.array([train.size for train in read], int), places, count, unit)


def _in_order(flat: Array, sizes: Array, places: Array, count: int, unit: str) -> Spikes:
    """Trains one after the other, each of which must not go back in time."""
    times = flat.astype(np.float64, copy=False)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    back = np.flatnonzero((times[1:] < times[:-1]) & (rows[1:] == rows[:-1]))
    if back.size:
        k = back[0]
        raise InputError(
            f"{WHOSE} must be in the order of time, but train {rows[k]} has {times[k + 1]:g} after"
            f" {times[k]:g}; np.sort(train) orders it"
        )
    return Spikes(places[rows], _checked(times), count, unit)


# Events of all neurons together


def _from_pairs(ids: Any, times: Any, neurons: Any, unit: str) -> Spikes:
    """A neuron and a time for each spike, in any order."""
    whose = f"{WHOSE}: neurons"
    keys = _whole(ids, "neurons")
    read = magnitude(times, unit, WHOSE) if unit else as_array(times, WHOSE)
    if read.shape != keys.shape:
        raise ShapeError(f"{whose} and times must be (n,) each, got {keys.shape} and {read.shape}")
    places, count = _places(keys, None, neurons)
    return Spikes(places, _checked(read.astype(np.float64)), count, unit)


def _from_sensor(events: Array, neurons: Any) -> Spikes:
    """Events of an event camera, in microseconds; polarities are channels, which come last."""
    names = events.dtype.names or ()
    missing = {"x", "y", "t", "p"} - set(names)
    if missing:
        raise InputError(
            f"{WHOSE} of an event camera must have fields x, y, t and p, got {', '.join(names)}"
        )
    if not isinstance(neurons, tuple | list) or len(neurons) != 2:
        raise ShapeError(
            "first_spikes(neurons=...) must be (height, width) of the event camera, got"
            f" {short(neurons)}"
        )
    height, width = (whole(side, "first_spikes(neurons=...)") for side in neurons)
    if height * width * 2 > MOST:
        raise InputError(
            f"first_spikes(neurons=...) must be at most {MOST:,} places, got {short(neurons)}"
        )
    x, y = (_whole(events[name], name) for name in "xy")
    for name, found, side in (("x", x, width), ("y", y, height)):
        if found.size and not (found.min() >= 0 and found.max() < side):
            raise InputError(
                f"{WHOSE} must have {name} in 0..{side - 1}, for neurons=({height}, {width}); got"
                f" {found.min()}..{found.max()}"
            )
    polarities, times = (as_array(events[name], f"{WHOSE}: {name}") for name in "pt")
    if not polarities.shape == times.shape == x.shape:
        raise ShapeError(f"{WHOSE} must have one p and one t for each event")
    places = (y * width + x) * 2 + (polarities > 0)
    return Spikes(places, _checked(times.astype(np.float64)), height * width * 2, "us")


# Neurons


def _places(keys: Array, known: int | None, neurons: Any) -> tuple[Array, int]:
    """Where the neurons of these identifiers are in a row, and how long the row is.

    known: the number of neurons of the recording, if it says so itself.
    """
    whose = "first_spikes(neurons=...)"
    if neurons is None and known is None:
        raise InputError(
            f"{whose} must be the number of neurons, or their identifiers in order: a recording"
            " does not name the silent ones"
        )
    if neurons is None or isinstance(neurons, int | np.integer):
        count = known if neurons is None else whole(neurons, whose)
        assert count is not None
        if count > MOST:
            raise InputError(f"{whose} must be at most {MOST:,}, got {count:,}")
        if keys.size and not (keys.min() >= 0 and keys.max() < count):
            odd = keys[(keys < 0) | (keys >= count)][0]
            cure = "" if odd < 0 else "; if these are identifiers, pass all of them in order"
            raise InputError(f"{WHOSE} has neuron {odd}, but neurons are 0..{count - 1}{cure}")
        return keys, count
    named = _whole(neurons, "neurons")
    order = np.argsort(named, kind="stable")
    ranked = named[order]
    if not named.size or (ranked[1:] == ranked[:-1]).any():
        raise InputError(f"{whose} must name each neuron once, got {short(neurons)}")
    at = np.minimum(np.searchsorted(ranked, keys), named.size - 1)
    strange = keys[ranked[at] != keys]
    if strange.size:
        raise InputError(f"{WHOSE} has neuron {strange[0]}, which is not among {whose}")
    return order[at], named.size


def _whole(values: Any, name: str) -> NDArray[np.int64]:
    """A list of whole numbers."""
    listed = list(values) if isinstance(values, Iterable) else values
    array = as_array(values if isinstance(values, np.ndarray) else listed, f"{WHOSE}: {name}")
    found = array.astype(np.int64) if array.dtype.kind in "iu" or not array.size else None
    if array.dtype == np.uint64 and found is not None and (found < 0).any():
        raise InputError(f"{WHOSE}: {name} must be below 2**63, got {array.max()}")
    if found is None and array.dtype.kind == "f" and np.isfinite(array).all():
        near = array.astype(np.int64)
        found = near if np.array_equal(near, array) else None
    if found is None or found.ndim != 1:
        raise InputError(f"{WHOSE}: {name} must be a list of whole numbers, got {short(values)}")
    return found


def _checked(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The times, if they are numbers; inf, which is silence, is dropped by whoever sorts them."""
    if np.isnan(times).any() or np.isneginf(times).any():
        count = int((np.isnan(times) | np.isneginf(times)).sum())
        raise InputError(f"{WHOSE} must be times, got {count} that are NaN or -inf")
    return times
