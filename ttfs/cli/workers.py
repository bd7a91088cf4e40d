"""The processes that a command shares its work with, if any are asked for."""

import argparse
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from ttfs.cli.values import count, name
from ttfs.files import interrupts


def add_workers(add: Any, usual: str) -> None:
    """The options that ask for such processes; `usual` is what there is without them."""
    text = "a Dask scheduler, tcp://10.0.0.1:8786; its workers must have the same folders"
    add("--scheduler", type=name, metavar="ADDRESS", help=text)
    text = f"processes on this machine, of one thread each ({usual})"
    add("--workers", type=count, metavar="N", help=text)


@contextmanager
def executor_of(options: argparse.Namespace) -> Iterator[Executor | None]:
    """An executor of these processes, or None; they end with the context, also after Ctrl-C."""
    if not (options.scheduler or options.workers):
        yield None
        return
    from ttfs.sweeps import cluster

    with interrupts.raised(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)  # labels are all sent
        if options.scheduler:
            with cluster.joined(options.scheduler) as client:
                if not client.scheduler_info(n_workers=-1)["workers"]:
                    print(f"ttfs: {options.scheduler} is waiting for workers", file=sys.stderr)
                yield client.get_executor()
        else:
            with cluster.local(options.workers, options.workers) as client:
                yield client.get_executor()
