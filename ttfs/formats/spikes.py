"""Spikes of a network in the layouts of other tools.

All functions take a `Record`, a `Simulator`, or times of one layer, (samples, neurons) or
(neurons,), with inf for silence. A network beside them, which a simulator has, says how its layers
are called, its unit and its horizon; `unit` and `stop` say so otherwise. `events`, `ragged` and
`padded` give plain arrays; the others need the extra `spikes`.
"""

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import NO_SPIKE, as_array, as_labels, check_times, of_kind, positive
from ttfs.codes.units import KNOWN, as_unit, in_unit, is_physical, symbol_of
from ttfs.engines.batch import Record
from ttfs.engines.circuit import Circuit
from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError, ShapeError, extra
from ttfs.network.chain import usual_names
from ttfs.network.network import Network

Array = NDArray[Any]


@dataclass(frozen=True)
class _Spikes:
    """Times (samples, neurons) of each layer, how it is called, their unit and their end."""

    layers: list[Array]
    names: tuple[str, ...]
    unit: str
    stop: float | None

    @property
    def end(self) -> float:
        """The end of a sample, which some layouts need."""
        if self.stop is None:
            raise InputError("the end of a sample is needed: pass the network, or stop=...")
        late = max(float(layer[layer < NO_SPIKE].max(initial=-1)) for layer in self.layers)
        if late > self.stop:
            raise InputError(f"spikes must come before stop {self.stop:g}, got {late:g}")
        return self.stop

    def physical(self, symbol: str = "") -> tuple[list[Array], float, str]:
        """Times and end in physical time: in a unit, or in that of the network itself."""
        if not is_physical(self.unit):
            raise InputError(
                f"times in {self.unit or 'no unit'} have no place there: say how long that is,"
                f" unit=...: {KNOWN}"
            )
        symbol = symbol or symbol_of(self.unit)
        whose = "unit=..."
        layers = [in_unit(layer.astype(float), self.unit, symbol, whose) for layer in self.layers]
        return layers, float(in_unit(np.array(self.end), self.unit, symbol, whose)), symbol


def _given(spikes: Any, network: Any, unit: Any, stop: Any) -> _Spikes:
    """The arguments of all functions here, checked."""
    of_kind(network, Network | Circuit | None, "network", "a Network or a Circuit")
    if isinstance(spikes, Simulator):
        network = spikes.circuit
        layers = [spikes.times(layer)[None] for layer in range(len(network.names))]
    elif isinstance(spikes, Record):
        layers = list(spikes.times)
    else:
        rows = as_array(spikes, "spikes", masked=NO_SPIKE)
        layers = [rows[None] if rows.ndim == 1 else rows]
        if layers[0].ndim != 2:
            wanted = "a Record, a Simulator, or times (samples, neurons) or (neurons,)"
            raise ShapeError(f"spikes must be {wanted}, got {rows.shape}")
        check_times(layers[0], "spikes")
    names = _names(len(layers), network)
    unit = as_unit(getattr(network, "unit", "step") if unit is None else unit, "unit=...")
    stop = getattr(network, "t_max", NO_SPIKE) if stop is None else positive(stop, "stop=...")
    return _Spikes(layers, names, unit, None if stop == NO_SPIKE else stop)


def _names(layers: int, network: Any) -> tuple[str, ...]:
    """How the layers are called."""
    if network is None or layers == 1:
        return tuple(usual_names(layers))
    if len(network.names) != layers:
        raise ShapeError(f"spikes have {layers} layers, but the network has {len(network.names)}")
    return tuple(network.names)


# Plain arrays


def events(spikes: Any, network: Any = None) -> dict[str, Array]:
    """Aligned arrays `sample`, `layer`, `neuron` and `time`, one entry for each spike.

    They are sorted by sample, time, layer and neuron; times are in the network's unit. Silent
    neurons have no entry.

    >>> found = events(np.array([[2.0, np.inf, 1.0]]))
    >>> found["neuron"], found["time"]
    (array([2, 0]), array([1., 2.]))
    """
    given = _given(spikes, network, None, None)
    fired = [np.nonzero(layer < NO_SPIKE) for layer in given.layers]
    time = np.concatenate([layer[at] for layer, at in zip(given.layers, fired, strict=True)])
    sample, neuron = (np.concatenate([at[k] for at in fired]) for k in (0, 1))
    layer = np.repeat(np.arange(len(fired)), [len(at[0]) for at in fired])
    order = np.lexsort((neuron, layer, time, sample))
    return {
        "sample": sample[order],
        "layer": np.array(given.names)[layer[order]],
        "neuron": neuron[order],
        "time": time[order],
    }


def ragged(
    spikes: Any, network: Any = None, *, unit: str | None = None, stop: Any = None
) -> dict[str, Array]:
    """The columns of NWB's tables of units and trials: spike times in seconds, neuron by neuron.

    Samples follow each other as trials of equal length, up to the `stop`. `spike_times_index` says
    where the times of each neuron end, `layer` and `neuron` which it is; `start_time` and
    `stop_time` are those of the trials.

    Raises
    ------
    InputError: a unit that is not of physical time, no end of a sample, a spike after it.

    >>> found = ragged(np.array([[2.0, np.inf], [5.0, 1.0]]), unit="ms", stop=10)
    >>> found["spike_times"], found["spike_times_index"]
    (array([0.002, 0.015, 0.011]), array([2, 3]))
    """
    given = _given(spikes, network, unit, stop)
    layers, end, _ = given.physical("s")
    starts = np.arange(len(layers[0])) * end
    stops = np.append(starts[1:], len(starts) * end)
    latest = np.nextafter(stops, 0)[:, None]  # rounding must not move a spike to the next trial
    flat, sizes = [], []
    for layer in layers:
        at = np.minimum(layer + starts[:, None], latest)
        fired = np.isfinite(layer).T
        flat.append(at.T[fired])
        sizes.append(fired.sum(axis=1))
    count = [layer.shape[1] for layer in layers]
    return {
        "spike_times": np.concatenate(flat),
        "spike_times_index": np.cumsum(np.concatenate(sizes)),
        "layer": np.repeat(np.array(given.names), count),
        "neuron": np.concatenate([np.arange(n) for n in count]),
        "start_time": starts,
        "stop_time": stops,
    }


def padded(spikes: Any, network: Any = None, *, stop: Any = None) -> dict[str, dict[str, Any]]:
    """For each layer `idx` and `time` (samples, events) in the order of time, as NIRData has them.

    Where a sample has fewer events than another, `idx` is -1 and `time` is inf. `n_neurons` and
    `t_max` complete the record; times are in the network's unit.

    >>> padded(np.array([[2.0, np.inf, 1.0]]), stop=10)["input"]["idx"]
    array([[2, 0]])
    """
    given = _given(spikes, network, None, stop)
    found = {}
    for name, layer in zip(given.names, given.layers, strict=True):
        most = int((layer < NO_SPIKE).sum(axis=1).max(initial=0))
        idx = np.argsort(layer, axis=1, kind="stable")[:, :most]
        time = np.take_along_axis(layer, idx, axis=1)
        found[name] = {
            "idx": np.where(time < NO_SPIKE, idx, -1),
            "time": time,
            "n_neurons": layer.shape[1],
            "t_max": given.end,
        }
    return found


# Objects of other packages


def to_neo(spikes: Any, network: Any = None, *, unit: str | None = None, stop: Any = None) -> Any:
    """A Neo `Block` with a `Segment` for each sample and a `SpikeTrain` for each neuron.

    Silent neurons have an empty train. Trains are annotated with `layer` and `neuron`, and end with
    the horizon or the `stop`.

    Raises
    ------
    InputError: a unit that is not of physical time, no end of a sample, Neo is not installed.

    >>> block = to_neo([[2.0, np.inf]], unit="ms", stop=10)  # doctest: +SKIP
    >>> block.segments[0].spiketrains[0].annotations  # doctest: +SKIP
    {'layer': 'input', 'neuron': 0}
    """
    given = _given(spikes, network, unit, stop)
    layers, end, symbol = given.physical()
    with extra("spikes"):
        import neo
        import quantities
    times = quantities.Quantity([0.0, end], symbol)  # once, as conversions take long
    block = neo.Block(name="ttfs")
    for sample in range(len(layers[0])):
        segment = neo.Segment(name=f"sample {sample}", index=sample)
        segment.spiketrains = [
            neo.SpikeTrain(
                row[n : n + 1][row[n : n + 1] < NO_SPIKE],
                units=symbol,
                t_start=times[0],
                t_stop=times[1],
                name=f"{name} {n}",
                layer=name,
                neuron=n,
            )
            for name, row in zip(given.names, (layer[sample] for layer in layers), strict=True)
            for n in range(len(row))
        ]
        block.segments.append(segment)
    return block


def to_nwb(
    spikes: Any,
    network: Any = None,
    *,
    unit: str | None = None,
    stop: Any = None,
    labels: Any = None,
    **about: Any,
) -> Any:
    """An `NWBFile` with the tables of `ragged`: units, and samples as trials one after the other.

    labels: (samples,) whole numbers, which become the column `label` of the trials; then
        `ttfs.datasets.load` reads the file as a data set. about: what an `NWBFile` is told besides,
        such as `session_start_time`, which is now by default.

    Write it with `pynwb.NWBHDF5IO`.

    Raises
    ------
    InputError, ShapeError: as for `ragged`, labels that do not fit, PyNWB is not installed.

    >>> to_nwb([[2.0, np.inf]], unit="ms", stop=10).units[1, "spike_times"]  # doctest: +SKIP
    array([], dtype=float64)
    """
    found = ragged(spikes, network, unit=unit, stop=stop)
    with extra("spikes"):
        import pynwb
        from pynwb.core import VectorData, VectorIndex
    told = {
        "session_description": "spikes of a network of single spikes, by ttfs",
        "identifier": "ttfs",
        "session_start_time": datetime.datetime.now(datetime.UTC),
    }
    file = pynwb.NWBFile(**(told | about))
    times = VectorData(name="spike_times", description="in seconds", data=found["spike_times"])
    ends = VectorIndex(name="spike_times_index", target=times, data=found["spike_times_index"])
    names = {"layer": "the layer of the neuron", "neuron": "its index in the layer"}
    columns = [
        VectorData(name=name, description=what, data=found[name]) for name, what in names.items()
    ]
    file.units = pynwb.misc.Units(
        name="units", description="one for each neuron", columns=[times, ends, *columns]
    )
    trials = {name: found[name] for name in ("start_time", "stop_time")}
    if labels is not None:
        trials["label"] = as_labels(labels, len(found["start_time"]), 2**62)
    file.trials = pynwb.epoch.TimeIntervals(
        name="trials",
        description="one for each sample",
        columns=[VectorData(name=n, description=n, data=data) for n, data in trials.items()],
    )
    return file


def to_pandas(spikes: Any, network: Any = None) -> Any:
    """A pandas `DataFrame` of `events`: a row for each spike.

    Raises
    ------
    InputError: pandas is not installed.

    >>> list(to_pandas([[2.0, np.inf]]))  # doctest: +SKIP
    ['sample', 'layer', 'neuron', 'time']
    """
    with extra("spikes"):
        import pandas
    return pandas.DataFrame(events(spikes, network))


def to_xarray(
    spikes: Any, network: Any = None, *, unit: str | None = None, stop: Any = None
) -> Any:
    """An xarray `Dataset` with an array (sample, neuron) for each layer; inf is silence.

    Its attributes are the unit of the times and the end of a sample, if known.

    Raises
    ------
    InputError: xarray is not installed.

    >>> to_xarray([[2.0, np.inf]], unit="ms").input.attrs  # doctest: +SKIP
    {'units': 'ms'}
    """
    given = _given(spikes, network, unit, stop)
    with extra("spikes"):
        import xarray
    about = {"units": given.unit}
    layers = {
        name: (("sample", f"{name} neuron"), layer, about)
        for name, layer in zip(given.names, given.layers, strict=True)
    }
    return xarray.Dataset(
        layers, attrs=about | ({} if given.stop is None else {"stop": given.stop})
    )


def to_nir(spikes: Any, network: Any = None, *, stop: Any = None) -> Any:
    """A `NIRGraphData` with the `EventData` of `padded`, called `spikes`, for each layer.

    Raises
    ------
    InputError: no end of a sample, NIR is not installed or has no data (before 1.0.7).

    >>> to_nir([[2.0, np.inf]], stop=10).nodes["input"].observables["spikes"]  # doctest: +SKIP
    EventData(idx=array([[0]]), time=array([[2.]]), n_neurons=2, t_max=10.0)
    """
    found = padded(spikes, network, stop=stop)
    with extra("spikes"):
        import nir.data_ir as data
    nodes = {
        name: data.NIRNodeData({"spikes": data.EventData(**layer)}) for name, layer in found.items()
    }
    return data.NIRGraphData(nodes)
