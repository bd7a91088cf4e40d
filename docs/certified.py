"""How long certificates take beside forward passes: python docs/certified.py MODEL [MODEL ...]

For each model, `ttfs.forward` and `ttfs.certify` run alternately on test samples of the model's own
data, on one thread; the least processor time of each is printed, and their ratio. `bounds` are
those of the spikes alone; `certify` also looks up the decisions that are not certain.
"""

import argparse
import time
from collections.abc import Callable

import numba
import numpy as np

import ttfs
from ttfs.robustness import plain
from ttfs.robustness.envelope import envelope_of


def taken(job: Callable[[], object]) -> float:
    """Processor time in seconds."""
    started = time.process_time()
    job()
    return time.process_time() - started


def main() -> None:
    """Print a line for each model and precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--radius", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    numba.set_num_threads(1)
    for path in options.models:
        model = ttfs.load(path)
        _, test = ttfs.datasets.load(model.report["dataset"])
        images = test.images[: options.samples]
        for dtype in (np.float32, np.float64):
            network = plain(model.network, dtype) if dtype == np.float64 else model.network
            times = model.encoder(images).reshape(len(images), -1).astype(dtype)
            jobs = {
                "forward": lambda n=network, t=times: ttfs.forward(n, t),
                "bounds": lambda n=network, t=times: envelope_of(n, t.dtype).bounds(
                    t, options.radius
                ),
                "certify": lambda n=network, t=times: ttfs.certify(n, t, options.radius),
            }
            rows = [[taken(job) for job in jobs.values()] for _ in range(options.rounds)]
            least = dict(zip(jobs, np.min(rows[1:], axis=0) / len(images) * 1e6, strict=True))
            words = ", ".join(f"{name} {value:.1f} µs" for name, value in least.items())
            ratios = (least["bounds"] / least["forward"], least["certify"] / least["forward"])
            print(f"{network}, {np.dtype(dtype).name}: {words}; {ratios[0]:.2f}, {ratios[1]:.2f}")


if __name__ == "__main__":
    main()
