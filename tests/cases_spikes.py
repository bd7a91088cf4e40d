"""Data sets of spike times, each written by other means than those that read it."""

import datetime

import numpy as np
import pytest

INF = np.inf
NEURONS, SAMPLES = 12, 40


def trains(seed=0, late=80.0):
    """A train for each neuron and sample, in ms, and labels that the first spikes give away."""
    rng = np.random.default_rng(seed)
    labels = np.arange(SAMPLES) % 2
    first = rng.uniform(5, late, (SAMPLES, NEURONS))
    first[labels == 0, : NEURONS // 3] *= 0.1
    first[labels == 1, NEURONS // 3 : -NEURONS // 3] *= 0.1
    first[:, -1] = INF
    spikes = [
        [np.append(t, t + rng.uniform(1, 5, 2).cumsum()) if t < INF else [] for t in row]
        for row in first
    ]
    return spikes, first, labels


def arrays(path):
    _, times, labels = trains()
    np.savez(path, times=times, labels=labels, unit="ms", stop=100)
    return path


def camera(path):
    """Files in the layout of N-MNIST, written here once more and independently."""
    _, times, labels = trains()
    for k, (row, label) in enumerate(zip(times, labels, strict=True)):
        folder = path / ("Test" if k >= 30 else "Train") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        events = [(round(t * 1000), n) for n, t in enumerate(row) if t < INF]
        events += [(t + 700, n) for t, n in events]  # later ones of the same pixel
        content = b"".join(
            bytes([n % 4, n // 4]) + ((n % 2) << 23 | t).to_bytes(3, "big")
            for t, n in sorted(events)
        )
        (folder / f"{k:05d}.bin").write_bytes(content)
    return path


def heidelberg(path, seed=0, units="u2", times="f2"):
    """An HDF5 file as that of the Spiking Heidelberg Digits, by h5py itself."""
    h5py = pytest.importorskip("h5py")
    spikes, _, labels = trains(seed)
    with h5py.File(path, "w") as file:
        kept = file.create_group("spikes")
        rows = {name: kept.create_dataset(name, SAMPLES, h5py.vlen_dtype(kind)) for name, kind in (("times", times), ("units", units))}  # fmt: skip  # noqa: E501
        for k, sample in enumerate(spikes):
            ids = np.repeat(np.arange(NEURONS), [len(train) for train in sample])
            flat = np.concatenate(sample) / 1000
            order = np.argsort(flat)
            rows["times"][k], rows["units"][k] = flat[order], ids[order]
        file["labels"] = labels
        file.attrs["neurons"] = NEURONS
    return path


def session(path, labels=None):
    """An NWB file of one trial after the other, by PyNWB itself."""
    pynwb = pytest.importorskip("pynwb")
    spikes, _, known = trains()
    file = pynwb.NWBFile("trials", "one", datetime.datetime.now(datetime.UTC))
    file.add_trial_column("label", "what is shown")
    for k, label in enumerate(known if labels is None else labels):
        file.add_trial(start_time=k * 0.1, stop_time=k * 0.1 + 0.1, label=label)
    for neuron in range(NEURONS):
        flat = [np.asarray(sample[neuron]) / 1000 + k * 0.1 for k, sample in enumerate(spikes)]
        file.add_unit(spike_times=np.concatenate(flat))
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path
