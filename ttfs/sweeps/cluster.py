"""Where the trials of a sweep are trained: processes of this machine, or a cluster that runs."""

import logging
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import Any

from ttfs.errors import RunError, extra

ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("NUMBA", "OMP", "MKL", "OPENBLAS", "VECLIB", "NUMEXPR")
}
FOR_EACH_CORE = 16  # processes at most: more would take the memory, and save no time
PATIENCE = 10  # seconds in which a scheduler must answer


def check_installed() -> None:
    """Refuse to begin what could not be carried out.

    Raises
    ------
    InputError: Dask or Optuna is missing.
    """
    with extra("sweep"):
        import distributed  # noqa: F401
        import optuna  # noqa: F401


@contextmanager
def local(workers: int | None, most: int) -> Iterator[Any]:
    """A client of processes on this machine with one thread each, which end with the context.

    workers: how many; by default one for each core. most: how many can be of use.

    Raises
    ------
    RunError: more processes than a machine of its kind can bear.
    """
    with extra("sweep"):
        import dask
        import distributed
        from dask.system import CPU_COUNT
    number = max(1, min(workers or CPU_COUNT, most))
    if number > FOR_EACH_CORE * CPU_COUNT:
        raise RunError(
            f"--workers {workers} are too many for the {CPU_COUNT} cores of this machine: at most"
            f" {FOR_EACH_CORE * CPU_COUNT}"
        )
    settings = {
        "distributed.nanny.pre-spawn-environ": ONE_THREAD,  # before anything is imported
        "distributed.worker.multiprocessing-method": "spawn",
    }
    with ExitStack() as stack:
        stack.enter_context(same_environment())
        with deaf(), same_environment():
            stack.enter_context(dask.config.set(settings))
            cluster = distributed.LocalCluster(
                n_workers=number,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=None,
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
            client = stack.enter_context(distributed.Client(cluster))
        yield client


@contextmanager
def same_environment() -> Iterator[None]:
    """A context that leaves the environment as it was, with the number of threads for this process.

    Dask changes it whenever it starts a process. Numba, which looks at it whenever it
    compiles, would use one thread, and later refuse to use more.
    """
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def deaf() -> Iterator[None]:
    """A context whose threads, and all processes that they ever start, hear nothing of Ctrl-C.

    A terminal sends it to all processes; it is for the first one to see to the others.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # when it starts, it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """A client of a scheduler that runs, such as tcp://10.0.0.1:8786.

    Raises
    ------
    RunError: none that answers.
    """
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d{1,5}", address):
        raise RunError(f"--scheduler {address} is no address such as tcp://10.0.0.1:8786")
    with extra("sweep"):
        import distributed
    security = distributed.Security()
    if address.startswith("tls") and not security.get_connection_args("client")["ssl_context"]:
        raise RunError(
            f"--scheduler {address} needs certificates: name them in distributed.comm.tls of Dask's"
            " configuration"
        )
    for name in ("distributed", "distributed.client"):  # which has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        why = str(error).partition("\n")[0]
        raise RunError(f"--scheduler {address}: no scheduler answers there: {why}") from None
    with client:
        yield client
