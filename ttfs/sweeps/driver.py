"""Trials handed to the workers of Dask, and their results as they come."""

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from ttfs.errors import RunError, extra
from ttfs.sweeps.search import Trial

GLANCE = 0.2  # seconds between two looks at what else there is to do

Result = Mapping[str, Any]
"""The `measures` of a trial, or the `error` for which there are none."""


class Trials(Protocol):
    """What there is to do, in the course of a sweep."""

    def next(self) -> Trial | None:
        """A trial to begin now; None if there is none, or none yet."""

    def tell(self, number: int, measures: Mapping[str, float] | None) -> None:
        """What came of a trial, or None if it failed."""


def drive(
    trials: Trials,
    known: Callable[[Trial], Result | None],
    submit: Callable[[Trial], Any],
    done: Callable[[Trial, Result], object],
    glance: Callable[[], object],
) -> None:
    """Have all trials trained.

    known: the result of a trial that need not be trained any more. submit: has a worker train it,
    and returns Dask's future. done: called with each result as it comes. glance: called all the
    while; may raise an exception to stop.

    Raises
    ------
    RunError: a trial whose workers died again and again, or a cluster that is gone.
    """
    running: dict[str, Trial] = {}
    finished: SimpleQueue[Any] = SimpleQueue()
    while True:
        while (trial := trials.next()) is not None:
            glance()
            result = known(trial)
            if result is None:
                future = submit(trial)
                running[future.key] = trial
                future.add_done_callback(finished.put)
            else:
                _note(trials, trial, result, done)
        if not running:
            return
        glance()
        try:
            future = finished.get(timeout=GLANCE)
        except Empty:
            continue
        trial = running.pop(future.key)
        _note(trials, trial, _result(future, trial), done)


def _note(
    trials: Trials, trial: Trial, result: Result, done: Callable[[Trial, Result], object]
) -> None:
    """Pass a result on."""
    done(trial, result)
    trials.tell(trial.number, result.get("measures"))


def _result(future: Any, trial: Trial) -> Result:
    """What a worker has found."""
    with extra("sweep"):
        from distributed import CancelledError, KilledWorker
    whose = f"trial {trial.number}"
    try:
        return future.result()
    except KilledWorker:
        raise RunError(
            f"{whose}: every worker that trained it has died, perhaps for want of memory;"
            " the same command goes on with what there is"
        ) from None
    except CancelledError:
        raise RunError("the cluster is gone; the same command goes on with what there is") from None
    except ModuleNotFoundError as error:
        raise RunError(
            f"{whose}: a worker has no module {error.name}: workers need the same ttfs"
        ) from None
