"""What firing rates cost beside single spikes, without training for them: python docs/rates.py

The network of ReLUs is that of docs/steps.py, 784-256-256-10 on Fashion-MNIST, with thresholds from
1,000 training images. Accuracies are those of the whole test set, strict; spikes are those of
hidden neurons.
"""

import argparse

import numpy as np
import torch
from steps import SIZES, trained

import ttfs
from ttfs.clocked import METHODS, Rate, convert_to_rates, evaluate

STEPS = 1, 2, 4, 8, 16, 32


def line(name: str, cells: list[str]) -> None:
    """A row of a table."""
    print(" | ".join([f"| {name}", *cells]) + " |", flush=True)


def by_times(relus: torch.nn.Module, images: np.ndarray, test: ttfs.datasets.Dataset) -> None:
    """Single spikes, at so many instants of a window."""
    values, cells = test.images.reshape(len(test), -1) / 255, []
    for steps in STEPS:
        told = {"threshold": "local", "per": "channel", "steps": steps}
        found = ttfs.convert(relus, images[:1000], **told)
        told = ttfs.evaluate(found.network, found.times(values), test.labels)
        cells.append(f"{100 * told.accuracy:.2f} ({told.spikes_per_hidden_neuron:.2f})")
    line("single spikes, `local`", cells)


def main() -> None:
    """Train, convert in many ways, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    train, test = ttfs.datasets.load("fashion-mnist")
    images = train.images.reshape(-1, SIZES[0]).astype(np.float32) / 255
    values = test.images.reshape(-1, SIZES[0]).astype(np.float32) / 255
    relus = trained(images, train.labels, options.epochs)
    found = ttfs.convert(relus, images[:1000])
    right = (found.decisions(values) == test.labels).mean()
    print(f"ReLUs {100 * right:.2f} %; in brackets spikes for each hidden neuron\n")
    line("steps", [str(steps) for steps in STEPS])
    line("---", ["---"] * len(STEPS))
    by_times(relus, images, test)
    for method in METHODS:
        if METHODS[method].thresholds is None:
            continue
        for reset in ("soft", "hard"):
            cells = []
            for steps in STEPS:
                found, rate = convert_to_rates(relus, images[:1000], method, steps)
                rate = Rate(steps, initial=rate.initial, shift=rate.shift, reset=reset)
                told = evaluate(found.network, values, test.labels, rate)
                cells.append(f"{100 * told.accuracy:.2f} ({told.spikes_per_hidden_neuron:.2f})")
            line(f"rates, `{method}`, {reset} reset", cells)


if __name__ == "__main__":
    main()
