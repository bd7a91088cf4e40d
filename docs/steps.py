"""What few instants in a window cost, without training for them: python docs/steps.py

An ordinary network of ReLUs, 784-256-256-10, is trained on Fashion-MNIST in PyTorch and converted
with thresholds from 1,000 training images. Accuracies are strict, on the whole test set; so is the
agreement with the quantised network of ReLUs, which is computed here by a plain loop over layers.
"""

import argparse
import itertools

import numpy as np
import torch

import ttfs

SIZES = 784, 256, 256, 10
BATCH, RATE = 128, 2e-3


def trained(images: np.ndarray, labels: np.ndarray, epochs: int) -> torch.nn.Sequential:
    """Train by Adam with a rate that rises and falls once."""
    parts = []
    for inputs, outputs in itertools.pairwise(SIZES):
        parts += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    relus = torch.nn.Sequential(*parts[:-1])
    values, wanted = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))
    adam, steps = torch.optim.Adam(relus.parameters()), epochs * (len(values) // BATCH)
    rates = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(len(values))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            adam.zero_grad()
            torch.nn.functional.cross_entropy(relus(values[chosen]), wanted[chosen]).backward()
            adam.step()
            rates.step()
    return relus.eval()


def quantised(
    relus: torch.nn.Sequential, values: np.ndarray, thresholds: tuple[np.ndarray, ...], steps: int
) -> np.ndarray:
    """Outputs of the network whose activations are rounded to steps of their thresholds."""
    linear = [part for part in relus if isinstance(part, torch.nn.Linear)]
    values = values.astype(np.float64)
    for part, threshold in zip(linear, thresholds, strict=True):
        weights, bias = (each.detach().numpy().astype(np.float64) for each in part.parameters())
        sums = values @ weights.T + bias
        shares = np.clip(np.floor(sums / threshold * steps + 0.5) / steps, 0, 1)
        values = shares * threshold
    return sums


def fashion() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images and labels, test images and labels; images as rows of values."""
    train, test = ttfs.datasets.load("fashion-mnist")
    images, values = (
        split.images.reshape(-1, SIZES[0]).astype(np.float32) / 255 for split in (train, test)
    )
    return images, train.labels, values, test.labels


def main() -> None:
    """Train, convert in many ways, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    images, seen, values, labels = fashion()
    relus = trained(images, seen, options.epochs)
    with torch.no_grad():
        right = (relus(torch.from_numpy(values)).argmax(dim=1).numpy() == labels).mean()
    print(f"ReLUs {100 * right:.2f} %")
    print("steps  threshold  for each   accuracy  agrees with quantised ReLUs")
    for steps in (None, 16, 8, 4, 2):
        for threshold in ("max", "quantile", "local"):
            for per in ("channel", "layer"):
                told = {"steps": steps, "threshold": threshold, "per": per, "dtype": np.float64}
                found = ttfs.convert(relus, images[:1000], **told)
                record = ttfs.forward(found.network, found.times(values))
                label = ttfs.decide(record.times[-1], record.potential).label
                line = f"{steps or 'any':>5}  {threshold:9s}  {per:8s}"
                line += f"  {100 * (label == labels).mean():7.2f} %"
                if steps:
                    wanted = quantised(relus, values, found.thresholds, steps).argmax(axis=1)
                    line += f"  {(label == wanted).mean():.4f}"
                print(line, flush=True)


if __name__ == "__main__":
    main()
