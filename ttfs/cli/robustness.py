"""`ttfs robustness`: what moved, lost, added and rounded spikes do to a model, and changed weights.

All is computed in double precision, in which roundings do not matter for certificates.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import as_labels, quantity
from ttfs.cli.runs import write_report
from ttfs.cli.subject import Subject, subject_of
from ttfs.errors import InputError
from ttfs.files.versions import versions
from ttfs.network.maps import rows_of
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.robustness import Curve, Movement, curve, movement, plain
from ttfs.robustness.curves import TIMED

BLOCK = 500  # samples between two signs of life

SHARES = {  # strengths of each perturbation; of those in time, in windows
    "jitter": (0, 0.01, 0.02, 0.05, 0.1, 0.2),
    "quantised": (0, 0.02, 0.05, 0.1, 0.2, 0.5),
    "dropped": (0, 0.05, 0.1, 0.2, 0.3, 0.5),
    "added": (0, 0.01, 0.02, 0.05, 0.1, 0.2),
    "weights": (0, 0.1, 0.2, 0.5, 1, 2),
    "stuck at zero": (0, 0.05, 0.1, 0.2, 0.3, 0.5),
    "stuck at extremes": (0, 0.01, 0.02, 0.05, 0.1, 0.2),
}
WORDS = {
    "jitter": "jitter, sd (% of window)",
    "quantised": "grid of times (% of window)",
    "dropped": "spikes dropped (%)",
    "added": "silent inputs that fire (%)",
    "weights": "weight noise, sd (% of their sd)",
    "stuck at zero": "synapses stuck at 0 (%)",
    "stuck at extremes": "synapses stuck at extremes (%)",
}


def run_robustness(options: argparse.Namespace) -> None:
    """Print how robust a model is and, if a folder is given, write a report and a picture."""
    subject = subject_of(options)
    subject.warn()
    some = np.arange(len(subject.data))
    if options.samples and options.samples < len(some):
        some = np.sort(np.random.default_rng(0).permutation(len(some))[: options.samples])
    network = plain(subject.model.network, np.float64)
    times = rows_of(subject.stimuli[some], network.shapes[0]).astype(np.float64)
    labels = as_labels(subject.data.labels, len(subject.data), network.sizes[-1])[some]
    window = window_of(subject)
    radii = [share * window for share in sorted(set(options.radius))]
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    print(f"{network} on {subject.data.name} {subject.data.split}, {len(some):,} samples")
    found = moved(network, times, labels, radii)
    length = quantity(window, network.unit)
    said = "" if length == "1 window" else f"; a window is {length}"
    print(f"  accuracy {100 * found.accuracy:.2f} %{said}")
    print_movement(found, window)
    curves = []
    for kind, shares in SHARES.items():
        print(f"  {WORDS[kind]}")  # before what may take a while
        amounts = [share * (window if kind in TIMED else 1) for share in shares]
        curves.append(curve(network, times, labels, kind, amounts, seeds=options.seeds))
        print_curve(curves[-1], shares)
    if options.out:
        write(options.out, subject, found, curves, window)


def moved(network: Network, times: np.ndarray, labels: np.ndarray, radii: list[float]) -> Movement:
    """What `movement` finds, with a bar of progress in a terminal, as attacks on maps take long."""
    from tqdm import tqdm

    starts = range(0, len(times), BLOCK)
    bar = tqdm(starts, "attack", disable=None if len(starts) > 1 else True, leave=False)
    blocks = (slice(start, start + BLOCK) for start in bar)
    parts = [movement(network, times[some], labels[some], radii) for some in blocks]
    shares = [(one.accuracy, one.certified, one.attacked) for one in parts]
    samples = [one.samples for one in parts]
    accuracy, certified, attacked = (
        np.average(each, axis=0, weights=samples) for each in zip(*shares, strict=True)
    )
    found = float(accuracy), parts[0].radii, tuple(certified.tolist()), tuple(attacked.tolist())
    return Movement(sum(samples), *found, network.unit)


def window_of(subject: Subject) -> float:
    """The time in which inputs fire: that of the encoder, or a window."""
    psp, encoder = subject.model.network.psp, subject.model.encoder
    if isinstance(psp, Windows):
        return psp.length
    found = getattr(encoder, "t_max", None)
    if found is None:
        found = float(subject.stimuli[np.isfinite(subject.stimuli)].max(initial=0))
    if not found > 0:
        raise InputError(f"{subject.path}: no input spike comes after 0, so there is no window")
    return float(found)


def print_movement(found: Movement, window: float) -> None:
    """Print the accuracies at each radius."""
    print(f"  {'each spike moves by up to':30s} {'certified':>10s} {'under attack':>14s}")
    for radius, low, high in zip(found.radii, found.certified, found.attacked, strict=True):
        words = f"{100 * radius / window:.3g} % of the window"
        print(f"  {words:30s} {100 * low:8.2f} % {100 * high:12.2f} %")


def print_curve(found: Curve, shares: tuple[float, ...]) -> None:
    """Print a curve: its strengths, accuracies, and their standard deviations over seeds."""
    print(f"    {'':12s}" + "".join(f"{100 * share:8g}" for share in shares))
    print(f"    {'accuracy (%)':12s}" + "".join(f"{100 * mean:8.2f}" for mean in found.mean))
    print(f"    {'sd of seeds':12s}" + "".join(f"{100 * spread:8.2f}" for spread in found.spread))


def write(
    folder: Path, subject: Subject, found: Movement, curves: list[Curve], window: float
) -> None:
    """Write robustness.json and robustness.png."""
    from ttfs.cli import charts

    report: dict[str, Any] = {
        "network": repr(subject.model.network),
        "dataset": subject.data.name,
        "split": subject.data.split,
        "window": window,
        "movement": asdict(found),
        "curves": [asdict(one) for one in curves],
        "versions": versions(),
    }
    write_report(folder / "robustness.json", report)
    print(f"written to {folder / 'robustness.json'}")
    panels = [
        (WORDS[one.kind], [100 * share for share in SHARES[one.kind]], one.accuracy)
        for one in curves
    ]
    print(f"written to {charts.robustness(folder, found, window, panels)}")
