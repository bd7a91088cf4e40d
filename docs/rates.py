"""What firing rates cost beside single spikes, without training for them: python docs/rates.py

The network of ReLUs is that of docs/steps.py, 784-256-256-10 on Fashion-MNIST, with thresholds from
1,000 training images; with --maps, it is a small convolutional one trained on 10,000. Accuracies
are strict, on the test set or its first --samples; spikes are those of hidden neurons.
"""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from steps import SIZES, trained

import ttfs
from ttfs.clocked import METHODS, compensated, convert_to_rates, evaluate

STEPS = 1, 2, 4, 8, 16, 32
MAPS = "16C3p1-P2-32C3p1-32C3p1-P2-64C3p1-P2-128"
CALIBRATION = 1000
KINDS: dict[str, dict[str, Any]] = {
    "soft reset": {},
    "hard reset": {"reset": "hard"},
    "negative spikes": {"negative": True},
    "biases compensated": {},
}


def line(name: str, cells: list[str]) -> None:
    """A row of a table."""
    print(" | ".join([f"| {name}", *cells]) + " |", flush=True)


def cell(told: Any) -> str:
    """The accuracy, and the spikes of each hidden neuron."""
    return f"{100 * told.accuracy:.2f} ({told.spikes_per_hidden_neuron:.2f})"


def maps(train: ttfs.datasets.Dataset, seed: int) -> Any:
    """A convolutional network of ReLUs."""
    told: dict[str, Any] = {"epochs": 6, "average": 1000, "sparse": 0.05}
    recipe = ttfs.presets.windows("fashion-mnist", MAPS, **told)
    trainer = recipe.trainer(recipe.network((28, 28), 10, seed), seed)
    trainer.fit(recipe.encoder(train.images[:10_000]), train.labels[:10_000], epochs=recipe.epochs)
    return trainer.relus(trainer.best).folded()


def by_times(relus: Any, seen: np.ndarray, values: np.ndarray, labels: np.ndarray) -> None:
    """Print rows for single spikes, with each number of instants of a window."""
    for threshold in ("error", "local"):
        cells = []
        for steps in STEPS:
            told = {"threshold": threshold, "per": "channel", "steps": steps}
            found = ttfs.convert(relus, seen, **told)
            cells.append(cell(ttfs.evaluate(found.network, found.times(values), labels)))
        line(f"single spikes, `{threshold}`", cells)


def by_rates(
    relus: Any, seen: np.ndarray, values: np.ndarray, labels: np.ndarray, kinds: list[str]
) -> None:
    """Print rows for rates of some kinds, with each number of steps, by each method with data."""
    for method in METHODS:
        if METHODS[method].thresholds is None:
            continue
        for kind in kinds:
            cells = []
            for steps in STEPS:
                found, rate = convert_to_rates(relus, seen, method, steps)
                rate = replace(rate, **KINDS[kind])
                network = found.network
                if kind == "biases compensated":
                    network = compensated(network, seen, rate)
                cells.append(cell(evaluate(network, values, labels, rate)))
            line(f"rates, `{method}`, {kind}", cells)


def main() -> None:
    """Train, convert in many ways, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12, help="of the dense network")
    parser.add_argument("--maps", action="store_true", help="a convolutional network instead")
    parser.add_argument("--samples", type=int, help="of the test set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    train, test = ttfs.datasets.load("fashion-mnist")
    images, values = (
        split.images.reshape(-1, 28, 28, 1).astype(np.float32) / 255
        if options.maps
        else split.images.reshape(-1, SIZES[0]).astype(np.float32) / 255
        for split in (train, test)
    )
    values, labels = values[: options.samples], test.labels[: options.samples]
    if options.maps:
        relus: Any = maps(train, options.seed)
    else:
        relus = trained(images, train.labels, options.epochs)
    seen = images[:CALIBRATION]
    right = (ttfs.convert(relus, seen).decisions(values) == labels).mean()
    print(f"ReLUs {100 * right:.2f} %; in brackets spikes for each hidden neuron\n")
    line("steps", [str(steps) for steps in STEPS])
    line("---", ["---"] * len(STEPS))
    by_times(relus, seen, values, labels)
    by_rates(relus, seen, values, labels, options.kinds)


if __name__ == "__main__":
    main()
