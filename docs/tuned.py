"""How gradients through all steps improve a conversion to very few steps: python docs/tuned.py

The network of ReLUs is that of docs/steps.py, 784-256-256-10 on Fashion-MNIST. Thresholds are
derived from 1,000 training images; then the weights are trained on the training set, with the clock
that is to be used. The epoch kept is the best on a tenth of the training images. Accuracies are
strict, on the whole test set; spikes for each hidden neuron are in brackets.
"""

import argparse
from dataclasses import replace

import torch
from steps import fashion, trained

import ttfs
from ttfs.clocked import convert_to_rates, evaluate
from ttfs.clocked.trainer import ClockedTrainer

METHODS = "quantile", "error", "local"


def main() -> None:
    """Train ReLUs, convert and tune them, and print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12, help="of the ReLUs")
    parser.add_argument("--tuning", type=int, default=6, help="epochs of tuning")
    parser.add_argument("--steps", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    images, seen, values, labels = fashion()
    relus = trained(images, seen, options.epochs)
    right = ttfs.convert(relus, images[:1000]).decisions(values) == labels
    print(f"ReLUs {100 * right.mean():.2f} %\n")
    print("| steps | thresholds | converted | tuned |\n|---|---|---|---|", flush=True)
    for steps in options.steps:
        for method in METHODS:
            found, rate = convert_to_rates(relus, images[:1000], method, steps)
            before = evaluate(found.network, values, labels, rate)
            rule, optimizer = ttfs.rules.Windows(), ttfs.Adam(lr=ttfs.Cosine(2e-4))
            told = {"norm": "none", "learned": True, "validation": 0.1, "seed": options.seed}
            rate = replace(rate, pool="currents")
            trainer = ClockedTrainer(found.network, rule, optimizer, rate, **told)
            trainer.fit(1 - images, seen, epochs=options.tuning, progress=False)
            after = evaluate(trainer.network, values, labels, rate)
            cells = [
                f"{100 * one.accuracy:.2f} ({one.spikes_per_hidden_neuron:.2f})"
                for one in (before, after)
            ]
            print(" | ".join([f"| {steps}", f"`{method}`", *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
