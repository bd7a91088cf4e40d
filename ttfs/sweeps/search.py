"""Which trial is next: all that a plan names, or one that Optuna chooses after earlier results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ttfs.errors import InputError, RunError, extra
from ttfs.files.json_text import from_json
from ttfs.files.reading import read_file
from ttfs.files.writing import write_atomically
from ttfs.sweeps.domains import Range, Value
from ttfs.sweeps.plan import OBJECTIVES, Plan, Settings

JOURNAL = "study.journal"
STUDY = "ttfs"
MOST = 2**30  # bytes of a journal


class Trial(NamedTuple):
    """One training of a sweep; the first has number 1."""

    number: int
    settings: Settings


class Listed:
    """The trials of a grid or of random draws, none of which waits for another."""

    def __init__(self, plan: Plan):
        self.plan, self.begun = plan, 0

    def next(self) -> Trial | None:
        """A trial to begin now; None if there is none, or none yet."""
        if self.begun == self.plan.n:
            return None
        self.begun += 1
        return Trial(self.begun, self.plan.settings(self.begun))

    def tell(self, number: int, measures: Mapping[str, float] | None) -> None:
        """What came of a trial, or None if it failed."""


def mend(journal: Path) -> None:
    """Take away the line that a process was writing when it ended: Optuna would add to it.

    Raises
    ------
    RunError: a journal that is damaged in another way.
    """
    if not journal.exists():
        return
    try:
        whole, _, rest = read_file(journal, MOST).rpartition(b"\n")
        if not all(isinstance(from_json(line), dict) for line in whole.splitlines()):
            raise InputError("a line is no record")
    except (InputError, OSError) as error:
        raise RunError(
            f"{journal} is damaged: {error}; remove it, and the search finds its trials again"
        ) from None
    if rest:
        write_atomically(journal, whole + b"\n" if whole else b"")


class Search:
    """Trials that Optuna chooses, by a tree-structured Parzen estimator.

    A trial is chosen when all but the last `plan.parallel` - 1 before it are known. Results are
    told in the order of the trials, whatever the order in which they come, and each choice has a
    random state of its own. The same plan therefore leads to the same trials, however many
    processes there are and however often the sweep is stopped.

    folder: where the study is kept, as a journal that Optuna and its dashboard can open.
    """

    def __init__(self, plan: Plan, folder: Path):
        with extra("sweep", "search"):
            import optuna
            from optuna.storages import JournalStorage
            from optuna.storages.journal import JournalFileBackend
        self.plan, self.optuna = plan, optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        mend(folder / JOURNAL)
        Path(f"{folder / JOURNAL}.lock").unlink(missing_ok=True)  # of a process that was killed
        directions: list[Any] = [OBJECTIVES[name] for name in plan.objectives]
        self.study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
            study_name=STUDY,
            directions=directions,
            load_if_exists=True,
        )
        self.earlier = self.study.get_trials(deepcopy=False)  # of a sweep that was stopped
        self.told = sum(trial.state.is_finished() for trial in self.earlier)
        self.begun = 0
        self.results: dict[int, Mapping[str, float] | None] = {}

    def next(self) -> Trial | None:
        """A trial to begin now; None if there is none, or none yet."""
        if self.begun >= min(self.plan.n, self.told + self.plan.parallel):
            return None
        self.begun += 1
        return Trial(self.begun, self.plan.chosen(Suggested(self._trial(self.begun))))

    def _trial(self, number: int) -> Any:
        """The trial of Optuna with this number: that of an earlier sweep, or a new one."""
        seed = np.random.SeedSequence([self.plan.seed, number]).generate_state(1)
        self.study.sampler = self.optuna.samplers.TPESampler(seed=int(seed[0]))
        if number > len(self.earlier):
            return self.study.ask()
        found = self.earlier[number - 1]
        if found.state.is_finished():
            return found
        return self.optuna.trial.Trial(self.study, found._trial_id)  # which may lack a setting

    def tell(self, number: int, measures: Mapping[str, float] | None) -> None:
        """What came of a trial, or None if it failed."""
        if number > self.told:
            self.results[number] = measures
        while self.told + 1 in self.results:
            found = self.results.pop(self.told + 1)
            if found is None:
                self.study.tell(self.told, state=self.optuna.trial.TrialState.FAIL)
            else:
                self.study.tell(self.told, [found[name] for name in self.plan.objectives])
            self.told += 1


@dataclass(frozen=True)
class Suggested:
    """Chooses as Optuna suggests."""

    trial: Any

    def pick(self, name: str, values: Sequence[Value]) -> Value:
        """One of the values, which Optuna knows by their texts if they are lists."""
        names = ["-".join(map(str, one)) if isinstance(one, list) else one for one in values]
        return values[names.index(self.trial.suggest_categorical(name, names))]

    def number(self, name: str, among: Range) -> float:
        """A number of a range."""
        suggest = self.trial.suggest_int if among.whole else self.trial.suggest_float
        return suggest(name, among.low, among.high, log=among.log)
