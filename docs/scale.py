"""How far an evaluation scales: samples that are made as they are needed, and worker processes.

python docs/scale.py --samples 10_000_000
python docs/scale.py --samples 2_000_000 --workers 1 2 4
"""

import argparse
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

INPUTS, HIDDEN, CLASSES, CHUNK = 32, 64, 10, 2**16


class Synthetic:
    """Random spike times, a chunk at a time, the same whenever they are asked for."""

    def __init__(self, samples):
        self.shape, self.chunks = (samples, INPUTS), (CHUNK, INPUTS)

    def __getitem__(self, some):
        rng = np.random.default_rng([0, some.start // CHUNK])
        return rng.random((some.stop - some.start, INPUTS), np.float32)


def evaluated(samples, workers):
    """The evaluation of a network, and the seconds it takes, without starting the workers."""
    import ttfs

    network = ttfs.Network(
        ttfs.Dense(INPUTS, HIDDEN, threshold=1.0),
        ttfs.Dense(HIDDEN, CLASSES, threshold=1.0),
        psp=ttfs.Ramp(),
        t_max=4.0,
    )
    labels = np.random.default_rng(1).integers(0, CLASSES, samples).astype(np.int8)
    times, few = Synthetic(samples), Synthetic(CHUNK)
    if not workers:
        ttfs.evaluate(network, few, labels[:CHUNK])
        started = time.perf_counter()
        found = ttfs.evaluate(network, times, labels)
        return found, time.perf_counter() - started
    os.environ["NUMBA_NUM_THREADS"] = "1"  # of each worker
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(warm, [network] * workers * 4))
        started = time.perf_counter()
        found = ttfs.evaluate(network, times, labels, executor=pool)
        return found, time.perf_counter() - started


def warm(network):
    """Load kernels in a worker."""
    import ttfs

    ttfs.evaluate(network, Synthetic(CHUNK), np.zeros(CHUNK, int))
    time.sleep(0.2)


def main():
    """Evaluate, and print how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[0], help="0: this process alone")
    options = parser.parse_args()
    results = set()
    for workers in options.workers:
        found, seconds = evaluated(options.samples, workers)
        results.add(repr(found))
        most = max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        unit = 1 if sys.platform == "darwin" else 1024
        who = f"{workers} worker processes" if workers else "this process alone"
        print(
            f"{options.samples:,} samples, {who}: {seconds:.1f} s,"
            f" {options.samples / seconds:,.0f} samples/s,"
            f" at most {most * unit / 2**20:.0f} MiB in a process"
        )
    print("all with the same bits" if len(results) == 1 else "with DIFFERENT results")


if __name__ == "__main__":
    main()
