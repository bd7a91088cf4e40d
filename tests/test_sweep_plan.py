"""Plans of sweeps: what is read, what is refused, and which trials follow."""

import random
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttfs.cli.arguments import parser
from ttfs.cli.sweeping import check_trials, keep_plan
from ttfs.cli.trials import options_of
from ttfs.errors import InputError, RunError
from ttfs.measures.front import front
from ttfs.sweeps.cluster import joined, local
from ttfs.sweeps.domains import Choice, Drawn, Range, Stack
from ttfs.sweeps.driver import drive
from ttfs.sweeps.plan import SETTINGS, Plan, read_plan
from ttfs.sweeps.search import Listed, Search, mend

DOCS = Path(__file__).parent.parent / "docs" / "sweeps.md"


def train_parser():
    """The parser of `ttfs train`."""
    (commands,) = parser()._subparsers._group_actions
    return commands.choices["train"]


def read(text, tmp_path):
    """The plan of a text, its settings checked as on the command line."""
    path = tmp_path / "plan.toml"
    path.write_text(text)
    train = train_parser()
    plan = read_plan(path, lambda settings: options_of(train, settings))
    check_trials(train, plan, path, tmp_path / "runs")
    return plan


def search(**changes):
    """A plan of a search, and a measure of any trial that needs no training."""
    over = {
        "layers": Stack((1, 2), Range(5, 90, log=True, whole=True)),
        "lr": Range(0.01, 1.0, log=True),
        "hidden": Choice(([20, 10], [30], 40)),
    }
    told = {"n": 24, "seed": 1, "objectives": ("accuracy", "bits"), "parallel": 4}
    return Plan({"epochs": 2}, "search", over, **told | changes)


def measured(trial):
    """What might come of a trial; every seventh fails."""
    if trial.number % 7 == 0:
        return {"error": "it did not learn"}
    width = sum(map(int, trial.settings["layers"].split("-")))
    share = width / (width + 20) - abs(np.log10(trial.settings["lr"]) + 1) / 9
    return {"measures": {"accuracy": share, "bits": float(width)}}


class Workers:
    """Futures like Dask's, which are done in a random order, some at a time."""

    def __init__(self, seed, after=None):
        self.rng, self.waiting, self.after = random.Random(seed), [], after

    def submit(self, trial):
        future = SimpleNamespace(key=str(trial.number), result=lambda: measured(trial))
        future.add_done_callback = lambda call: self.waiting.append((future, call))
        return future

    def glance(self):
        """The end of some of the trials, or of the sweep."""
        if self.after is not None:
            self.after -= 1
            if self.after < 0:
                raise KeyboardInterrupt
        self.rng.shuffle(self.waiting)
        for _ in range(self.rng.randint(0, len(self.waiting)) or 1):
            if self.waiting:
                future, call = self.waiting.pop()
                call(future)


def carried_out(trials, workers, before=None):
    """The settings and results of all trials; those in `before` are known."""
    found = {} if before is None else before
    drive(
        trials,
        lambda trial: found[trial.number][1] if trial.number in found else None,
        workers.submit,
        lambda trial, result: found.__setitem__(trial.number, (trial.settings, result)),
        workers.glance,
    )
    return found


# What is read


def test_a_sweep_can_set_what_a_training_can_be_told():
    options = {word[2:] for word in train_parser()._option_string_actions if word[:2] == "--"}
    own = {"help", "out", "resume", "force", "quiet", "threads", "teacher", "all-presets", "seeds"}
    assert set(SETTINGS) == options - own


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL))
def test_the_plans_in_the_documentation_can_be_carried_out(block, tmp_path):
    assert read(block, tmp_path).n in (6, 30, 40)


def test_a_grid_has_every_combination_once(tmp_path):
    plan = read("[grid]\nhidden = [9, [9, 8]]\nlr = [0.1, 0.2]\nseed = [0, 1, 2]", tmp_path)
    every = [plan.settings(k) for k in range(1, plan.n + 1)]
    assert len({repr(settings) for settings in every}) == plan.n == 12
    assert every[0] == {"hidden": 9, "lr": 0.1, "seed": 0}
    assert every[-1] == {"hidden": [9, 8], "lr": 0.2, "seed": 2}


def test_more_random_trials_leave_the_first_as_they_were(tmp_path):
    text = "[random]\nn = %d\nseed = 3\n[random.over]\nlr = {from = 0.1, to = 1}\nseed = [4, 5]"
    few, many = read(text % 5, tmp_path), read(text % 50, tmp_path)
    assert few.n == 5
    assert [few.settings(k) for k in range(1, 6)] == [many.settings(k) for k in range(1, 6)]
    assert len({many.settings(k)["lr"] for k in range(1, 51)}) == 50
    other = read((text % 5).replace("seed = 3", "seed = 4"), tmp_path)
    assert other.settings(1) != few.settings(1)


@given(st.data())
def test_draws_stay_within_their_range_and_reach_its_ends(data):
    whole, log = data.draw(st.booleans()), data.draw(st.booleans())
    low = data.draw(st.integers(1, 5)) if whole else data.draw(st.floats(0.001, 5))
    high = low + (data.draw(st.integers(1, 3)) if whole else data.draw(st.floats(0.001, 9)))
    among = Range(low, high, log, whole)
    chooser = Drawn(np.random.default_rng(data.draw(st.integers(0, 99))))
    drawn = [chooser.number("x", among) for _ in range(200)]
    assert all(low <= number <= high and type(number) is type(low) for number in drawn)
    if whole:
        assert set(drawn) == set(range(low, high + 1))


MISTAKES = {
    "x = = 3": "Invalid value",
    "[base]\nepochs = 3": "grid, random and search says what varies; none is there",
    "[grid]\nlr = [1.0]\n[random]\nn = 1": "grid and random are there",
    "[gird]\nlr = [1.0]": "there is no gird: it could be base, grid, random, search",
    "grid = 3": "grid must be a table, [grid]; got 3",
    "[grid]": "grid must name the settings that vary",
    "[grid]\nhiden = [1]": "there is no grid.hiden: it could be batch-size,",
    "[grid]\nout = ['x']": "there is no grid.out",
    "[grid]\nlr = []": "grid.lr is an empty list",
    "[grid]\nlr = 0.1": "grid.lr must be a list of values; got 0.1",
    "[grid]\nlr = {from = 1, to = 2}": "grid.lr must be a list of values; got",
    "[grid]\nlr = [0.1, 0.1]": "grid.lr has 0.1 twice",
    "[grid]\nlr = [0.1, -1.0]": "grid.lr: argument --lr: '-1.0' is not a number above 0",
    "[grid]\nlr = [[0.1, 0.2]]": "grid.lr: must be one value, got [0.1, 0.2]",
    "[grid]\nseed = " + str([*range(400)]) + "\nepochs = " + str([*range(1, 400)]): "159,600",
    "[base]\nlr = 1\n[grid]\nlr = [2]": "lr stands in base and in grid",
    "[base]\nlr = true\n[grid]\nseed = [1]": "base.lr: argument --lr: expected one argument",
    "[base]\nweights = 'none'\n[grid]\nseed = [1]": "base.weights: argument --weights: invalid",
    "[base]\npreset = 'none'\n[grid]\nseed = [1]": "no preset is called 'none'",
    "[base]\ndataset = 'none'\n[grid]\nseed = [1]": "no data set 'none'",
    "[base]\nlayers = '8C9-P2'\n[grid]\nseed = [1]": "a window of 9 x 9 is larger than the map",
    "[base]\nhidden = 9\n[grid]\nlayers = ['8']": "not allowed with argument --hidden",
    "[base]\npreset = 'proxy-fashion'\n[grid]\nseed = [1]": "proxy is for firing rates",
    "[random]\n[random.over]\nlr = [1]": "random.n must say how many trials there are",
    "[random]\nn = 0\n[random.over]\nlr = [1]": "random.n must be a whole number from 1 to 100,000",
    "[random]\nn = 2\nparallel = 3\n[random.over]\nlr = [1]": "there is no random.parallel",
    "[random]\nn = 2\n[random.over]\nlr = {from = 2, to = 1}": "random.over.lr.from must be below",
    "[random]\nn = 2\n[random.over]\nlr = {from = 1, to = nan}": "must have numbers as from and to",
    "[random]\nn = 2\n[random.over]\nlr = {from = 0, to = 1, log = true}": "must be above 0 where",
    "[random]\nn = 2\n[random.over]\nhidden = {from = 1.5, to = 2}": "must have whole numbers as",
    "[random]\nn = 2\n[random.over]\nhidden = {from = 1, to = 2, step = 2}": "there is no random",
    "[random]\nn = 2\n[random.over]\nlayers = {from = 1, to = 2, depth = [0]}": "layers.depth must",
    "[random]\nn = 2\n[random.over]\nweights = {from = 1, to = 2}": "must be a list of values; got",
    "[search]\nn = 2\nobjectives = ['speed']\n[search.over]\nlr = [1]": "search.objectives must be",
    "[search]\nn = 2\nparallel = 0\n[search.over]\nlr = [1]": "search.parallel must be a whole",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_names_the_file_and_the_key(text, tmp_path):
    with pytest.raises(InputError) as refused:
        read(text, tmp_path)
    told = str(refused.value)
    assert told.startswith(f"{tmp_path / 'plan.toml'}: ")
    assert MISTAKES[text] in told
    assert "\n" not in told


def test_a_folder_is_that_of_one_plan_of_which_only_the_number_of_trials_may_change(tmp_path):
    text = "[base]\nepochs = 3\n[random]\nn = %d\n[random.over]\nlr = [%s]"
    keep_plan(read(text % (5, 0.1), tmp_path), tmp_path / "plan.toml", tmp_path)
    keep_plan(read(text % (9, 0.1), tmp_path), tmp_path / "plan.toml", tmp_path)
    for other, key in (
        (text % (9, "0.1, 0.2"), "random.over.lr"),
        ((text % (9, 0.1)).replace("3", "4"), "base.epochs"),
        ("[grid]\nlr = [0.1]", "grid"),
    ):
        plan = read(other, tmp_path)
        with pytest.raises(RunError, match=f"plan.toml in {key}: choose another --out"):
            keep_plan(plan, tmp_path / "plan.toml", tmp_path)


@pytest.mark.parametrize("address", ["nonsense", "x://y", "tcp://host", "tcp://a b:1"])
def test_an_address_that_is_none_is_refused(address):
    with (
        pytest.raises(RunError, match="is no address such as tcp://10.0.0.1:8786"),
        joined(address),
    ):
        pass


def test_a_scheduler_without_certificates_and_too_many_processes_are_refused():
    pytest.importorskip("distributed")
    with pytest.raises(RunError, match="needs certificates"), joined("tls://127.0.0.1:1"):
        pass
    with pytest.raises(RunError, match="--workers 100000 are too many"), local(100_000, 100_000):
        pass


# Which trials follow


def test_all_listed_trials_are_carried_out_whatever_the_order_of_results():
    pytest.importorskip("distributed")
    over = {"lr": Range(0.01, 1.0), "layers": Choice(("5", "9-7"))}
    plan = Plan({}, "random", over, 30, seed=2)
    first = carried_out(Listed(plan), Workers(0))
    assert sorted(first) == list(range(1, 31))
    assert carried_out(Listed(plan), Workers(1)) == first


@pytest.mark.parametrize("stops", [(), (9,), (3, 1, 14, 8)])
def test_a_search_chooses_the_same_in_any_order_of_results_and_after_any_stop(stops, tmp_path):
    pytest.importorskip("distributed")
    pytest.importorskip("optuna")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = carried_out(Search(search(parallel=4), tmp_path / "one"), Workers(0))
    other = {}
    for seed, after in enumerate(stops, start=1):
        with pytest.raises(KeyboardInterrupt):
            carried_out(Search(search(n=15), tmp_path / "other"), Workers(seed, after), other)
    assert carried_out(Search(search(), tmp_path / "other"), Workers(9), other) == one
    assert len(one) == 24


def test_a_search_learns_from_what_it_is_told(tmp_path):
    """Far more often than at random, it chooses rates of learning near the best one."""
    pytest.importorskip("distributed")
    pytest.importorskip("optuna")
    found = carried_out(Search(search(n=40, objectives=("accuracy",)), tmp_path), Workers(0))
    rates = [abs(np.log10(found[k][0]["lr"]) + 1) for k in range(11, 41)]
    assert np.median(rates) < 0.35


def test_the_seed_decides_what_a_search_chooses(tmp_path):
    pytest.importorskip("optuna")
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
    one, other = (Search(search(seed=seed), tmp_path / str(seed)).next() for seed in (1, 2))
    assert one.settings != other.settings


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_that_of_plain_loops(rows):
    beaten = [
        any(all(b <= a for a, b in zip(row, other, strict=True)) and other != row for other in rows)
        for row in rows
    ]
    assert front(np.array(rows, float)).tolist() == [not one for one in beaten]


def test_half_a_line_of_a_journal_is_dropped_and_other_damage_is_told(tmp_path):
    journal = tmp_path / "study.journal"
    mend(journal)
    for content, left in ((b'{"a":1}\n{"b', b'{"a":1}\n'), (b'{"a', b""), (b"{}\n", b"{}\n")):
        journal.write_bytes(content)
        mend(journal)
        assert journal.read_bytes() == left
    for content in (b"junk\n", b"\xff\n", b"[1]\n{}\n", b'{"a\n{}\n'):
        journal.write_bytes(content)
        with pytest.raises(RunError, match=r"study.journal is damaged: .*; remove it"):
            mend(journal)
