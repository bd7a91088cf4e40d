import io
import signal
import sys

import numba
import numpy as np
import pytest
from cases import for_all_threads, same_bits

import ttfs
from ttfs.augmentation import Jitter
from ttfs.errors import InputError, RunError, ShapeError
from ttfs.losses import CrossEntropy
from ttfs.rules import S4NN, Exact
from ttfs.rules.lesson import Lesson
from ttfs.training import trainer as module
from ttfs.training.checkpoint import Checkpoint

INF = np.inf
REAL = ttfs.Real(init=(0, 60))


def stimuli(count=60, seed=0, classes=3):
    """(times, labels) of classes that differ in which four of their inputs come early."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    bright = np.arange(12) // 4 == labels[:, None]
    times = np.where(bright, rng.integers(0, 16, (count, 12)), rng.integers(5, 40, (count, 12)))
    return np.where(times < 32, times, INF).astype(np.float32), labels


DATA = stimuli()
HELD_OUT = stimuli(20, seed=1)


def network(first=REAL, last=REAL, *, seed=0, dtype=np.float32, t_max=32, threshold=100):
    """12-8-3 neurons."""
    layers = ttfs.Dense(12, 8, first, threshold, delay=1), ttfs.Dense(8, 3, last, delay=1)
    return ttfs.Network(*layers, t_max=t_max, seed=seed, dtype=dtype)


def binary():
    return network(ttfs.Binary(init=(-1, 2), scale=40), ttfs.Binary(init=(-1, 2), scale=45))


def maps():
    """A map of 3 x 4 inputs, windows of 1 x 2 that see it, pools, and 3 neurons."""
    layers = ttfs.Conv2d(6, (1, 2), threshold=1), ttfs.MinPool2d((1, 2)), ttfs.Dense(None, 3)
    return ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=100, shape=(3, 4, 1))


RULE = S4NN(gamma=4, revive=0.1)
DECAY = S4NN(gamma=4, weight_decay=0.001)
WAYS = {
    "real": lambda: ttfs.Trainer(network(), RULE, ttfs.SGD(5), seed=2),
    "binary, falling rate": lambda: ttfs.Trainer(binary(), RULE, ttfs.SGD(ttfs.Cosine(1))),
    "averaged": lambda: ttfs.Trainer(binary(), RULE, ttfs.SGD(1), average=20),
    "decay, float64": lambda: ttfs.Trainer(network(dtype=np.float64), DECAY, ttfs.SGD(3)),
    "adam": lambda: ttfs.Trainer(binary(), RULE, ttfs.Adam(0.1), batch_size=7),
    "maps, by firing": lambda: ttfs.Trainer(
        maps(), Exact(CrossEntropy(tau=5)), ttfs.Adam(0.05), batch_size=7, by_firing=True, average=9
    ),
    "momentum": lambda: ttfs.Trainer(
        network(), DECAY, ttfs.Momentum(ttfs.Linear(2, 0.5)), batch_size=16, average=100
    ),
}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks in an epoch of few samples."""
    monkeypatch.setattr(module, "CHUNK", 25)


def state(network):
    """All that learns, as one array."""
    parts = [*network.latents, *network.weights, network.scales]
    return np.concatenate([np.ravel(part).astype(np.float64) for part in parts])


def timeless(history):
    """Records without the seconds they took, as text because NaN is not NaN."""
    kept = [{k: float(v) for k, v in r.items() if k != "seconds"} for r in history.records]
    return list(map(repr, kept))


def fit(trainer, **settings):
    """The history of five epochs on DATA, unless told otherwise."""
    return trainer.fit(*DATA, **({"epochs": 5, "validation": 0.2} | settings))


def same_end(first, second):
    """Whether two (trainer, history) came to the same end, bit for bit."""
    (a, past), (b, other) = first, second
    return (
        same_bits(state(a.network), state(b.network))
        and timeless(past) == timeless(other)
        and (past.best_epoch, past.warnings) == (other.best_epoch, other.warnings)
    )


class CrashError(Exception):
    """What a crash is made of here."""


def stop_at(epoch, error):
    """A log that raises when the line of an epoch comes: its checkpoint is not written yet."""

    def log(line):
        if line.startswith(f"epoch {epoch}/"):
            raise error

    return log


# What is learned


@pytest.mark.parametrize("way", WAYS)
def test_training_learns_the_problem(way):
    trainer = WAYS[way]()
    before = ttfs.evaluate(trainer.network, *HELD_OUT).accuracy
    history = fit(trainer, epochs=20)
    assert ttfs.evaluate(trainer.network, *HELD_OUT).accuracy > max(0.5, before)
    assert history.records[-1]["loss"] < 0.7 * history.records[0]["loss"]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too many samples")
@pytest.mark.parametrize(
    ("first", "last", "gamma"),
    [
        (ttfs.Binary(init=(-0.5, 1), scale=20), ttfs.Binary(init=(-15, 30), scale=6), 10),
        (ttfs.Real(init=(-32, 36)), ttfs.Real(init=(-15, 16)), 20),
    ],
)
def test_a_small_network_reads_digits_after_a_few_epochs(first, last, gamma, monkeypatch):
    monkeypatch.undo()
    train, test = ttfs.datasets.digits()
    encode = ttfs.Latency(t_max=256, steps=True)
    layers = ttfs.Dense(64, 300, first, delay=1), ttfs.Dense(300, 10, last, delay=1)
    trainer = ttfs.Trainer(
        ttfs.Network(*layers), S4NN(gamma=gamma), ttfs.SGD(ttfs.Linear(0.4, 0.04))
    )
    trainer.fit(encode(train.images), train.labels, epochs=12)
    assert trainer.evaluate(encode(test.images), test.labels).accuracy > 0.85


# One truth: fit is train in a loop


def by_hand(trainer, epochs):
    """Train along the way that `fit` promises; the network after each chunk."""
    parameters = trainer.network.parameters()
    slots = {name: trainer.optimizer.slots(array) for name, array in parameters.items()}
    size = max(1, 25 // trainer.batch_size) * trainer.batch_size
    states = []
    for epoch in range(epochs):
        order = np.random.default_rng([trainer.seed, 1, epoch]).permutation(60)
        for start in range(0, len(order), size):
            lr = trainer.optimizer.lr
            lr = lr((epoch + start / len(order)) / epochs) if callable(lr) else lr
            seen = trainer.network, *DATA, order[start : start + size]
            trainer.rule.train(Lesson(*seen, trainer.batch_size, trainer.optimizer, slots, lr))
            states.append(np.concatenate([a.astype(float) for a in parameters.values()]))
    return states


def parameters_of(trainer):
    """All parameters as one array."""
    arrays = trainer.network.parameters().values()
    return np.concatenate([array.astype(float) for array in arrays])


def never_reviving(way):
    trainer = WAYS[way]()
    trainer.rule = S4NN(gamma=4, weight_decay=trainer.rule.weight_decay, revive=0)
    return trainer


def test_weights_begin_by_what_fires_once():
    trainer = WAYS["maps, by firing"]()
    drawn = state(trainer.network)
    trainer.optimizer = ttfs.Adam(1e-20)
    fit(trainer, epochs=1)
    begun = state(trainer.network)
    assert not same_bits(begun, drawn)
    fit(trainer, epochs=1)
    assert same_bits(state(trainer.network), begun)


def test_maps_may_be_trained_on():
    flat, shaped = WAYS["maps, by firing"](), WAYS["maps, by firing"]()
    times, labels = DATA
    flat.fit(times, labels, epochs=2)
    shaped.fit(times.reshape(-1, 3, 4, 1), labels, epochs=2)
    assert same_bits(state(flat.network), state(shaped.network))


@pytest.mark.parametrize("way", ["real", "binary, falling rate", "decay, float64", "adam"])
def test_without_averaging_the_last_weights_are_those_that_training_leaves(way):
    trainer, other = never_reviving(way), never_reviving(way)
    fit(trainer, epochs=3, validation=0)
    by_hand(other, 3)
    assert same_bits(state(trainer.network), state(other.network))


@pytest.mark.parametrize("average", [25, 40, 60, 10**9])
def test_averaged_weights_are_the_promised_running_mean(average):
    trainer, other = never_reviving("real"), never_reviving("real")
    trainer.average = average
    fit(trainer, epochs=3, validation=0)
    mean, states = 0.0, by_hand(other, 3)
    for n, now in enumerate(states, start=1):
        part = max(min(1, 25 / average), 1 / n)
        mean = (1 - part) * mean + part * now
    assert parameters_of(trainer) == pytest.approx(mean, abs=1e-3)
    if average == 10**9:
        assert mean == pytest.approx(np.mean(states, axis=0), abs=1e-3)


def test_averaging_does_not_change_what_is_averaged():
    losses = []
    for average in (0, 100):
        trainer = never_reviving("real")
        trainer.average = average
        losses.append([record["loss"] for record in fit(trainer).records])
    assert losses[0] == losses[1]


def test_a_revived_neuron_does_not_drag_its_dead_weights_along():
    net = network()
    net.latents[0][:, 2] = -1000
    trainer = ttfs.Trainer(net, RULE, ttfs.SGD(1), average=10**9)
    history = fit(trainer, epochs=2, validation=0)
    assert history.records[0]["revived"] >= 1
    assert net.latents[0][:, 2].min() > -100


# The seed decides everything


@pytest.mark.parametrize("way", WAYS)
def test_the_same_seed_gives_the_same_bits(way):
    first, second = WAYS[way](), WAYS[way]()
    assert same_end((first, fit(first)), (second, fit(second)))


@pytest.mark.parametrize("validation", [0.2, 0])
def test_another_seed_gives_other_weights(validation):
    first, second = ttfs.Trainer(network(), RULE), ttfs.Trainer(network(), RULE, seed=1)
    fit(first, validation=validation)
    fit(second, validation=validation)
    assert not same_bits(state(first.network), state(second.network))


def test_the_seed_decides_the_split_the_order_and_what_is_revived(monkeypatch):
    learned, revived, learn = [], [], S4NN.train

    def train(self, lesson):
        learned.append(tuple(lesson.order))
        return learn(self, lesson)

    def end_epoch(self, network, silent, seed):
        revived.append(tuple(seed))
        return 0

    monkeypatch.setattr(module, "CHUNK", 1000)
    monkeypatch.setattr(S4NN, "train", train)
    monkeypatch.setattr(S4NN, "end_epoch", end_epoch)
    for seed in (1, 1, 2):
        fit(ttfs.Trainer(network(), seed=seed), epochs=2)
    assert learned[:2] == learned[2:4]
    assert revived[:2] == revived[2:4]
    assert len(set(learned)) == len(set(revived)) == 4, "each epoch has its own"
    assert set(learned[0]) == set(learned[1]) != set(learned[4]) == set(learned[5])


@pytest.mark.parametrize("way", ["averaged", "adam"])
def test_the_number_of_threads_changes_nothing(way):
    def end():
        trainer = WAYS[way]()
        return trainer, fit(trainer)

    first, *others = for_all_threads(end)
    assert all(same_end(first, other) for other in others)


def test_data_are_not_changed():
    times, labels = (array.copy() for array in DATA)
    fit(WAYS["momentum"](), validation=0.3)
    assert same_bits(times, DATA[0])
    assert same_bits(labels, DATA[1])


# Validation


def test_the_weights_kept_are_those_that_did_best_on_held_out_data():
    trainer = WAYS["real"]()
    history = fit(trainer, epochs=12, validation=HELD_OUT)
    scores = [record["validation_accuracy"] for record in history.records]
    assert min(scores) < max(scores) != scores[-1], "a test of nothing"
    assert history.best_epoch == 1 + scores.index(max(scores))
    assert trainer.evaluate(*HELD_OUT).accuracy == max(scores)


def test_without_validation_the_last_weights_are_kept():
    trainer = never_reviving("real")
    history = fit(trainer, validation=0)
    assert history.best_epoch == 5
    assert not any(key.startswith("validation") for key in history.records[0])


def test_explicit_validation_data_are_not_learned():
    first, second = WAYS["real"](), WAYS["real"]()
    past = fit(first, validation=HELD_OUT), fit(second, validation=(DATA[0][:3], DATA[1][:3]))
    assert [r["loss"] for r in past[0].records] == [r["loss"] for r in past[1].records]


@pytest.mark.parametrize(("share", "count"), [(0.2, 12), (0.5, 30), (0.01, 1), (0.001, 0)])
def test_a_share_of_the_samples_is_held_out_and_the_others_learned(share, count, monkeypatch):
    seen, learn = [], S4NN.train

    def train(self, lesson):
        seen.extend(lesson.order)
        return learn(self, lesson)

    monkeypatch.setattr(S4NN, "train", train)
    trainer = WAYS["real"]()
    history = fit(trainer, epochs=2, validation=share)
    assert len(seen) == 2 * (60 - count)
    assert len(set(seen)) == 60 - count
    assert ("validation_accuracy" in history.records[0]) == (count > 0)


def test_the_history_tells_of_every_epoch():
    history = fit(WAYS["binary, falling rate"]())
    assert [record["epoch"] for record in history.records] == [1, 2, 3, 4, 5]
    for record in history.records:
        assert record["seconds"] > 0
        assert record["loss"] >= 0
        shares = [value for key, value in record.items() if "accuracy" in key or "silent" in key]
        assert len(shares) == 5
        assert all(0 <= share <= 1 for share in shares)
    rates = [record["lr"] for record in history.records]
    assert rates == sorted(rates, reverse=True)
    lines = history.csv().splitlines()
    assert lines[0].split(",") == list(history.records[0])
    assert len(lines) == 6
    assert not history.interrupted


def test_a_history_without_epochs_is_an_empty_table():
    assert ttfs.History().csv() == "epoch\n"


# Stopped, and resumed


@pytest.mark.parametrize(("way", "stop"), [("real", 1), *((way, 4) for way in WAYS), ("adam", 5)])
def test_a_training_killed_at_any_epoch_resumes_to_the_same_bits(way, stop, tmp_path):
    whole, first, second = WAYS[way](), WAYS[way](), WAYS[way]()
    expected = whole, fit(whole)
    file = tmp_path / "checkpoint.npz"
    with pytest.raises(CrashError):
        fit(first, checkpoint=file, log=stop_at(stop, CrashError()))
    assert file.exists() == (stop > 1)
    lines = []
    history = fit(second, checkpoint=file, resume=True, log=lines.append)
    assert same_end((second, history), expected)
    assert lines[0].startswith(f"epoch {stop}/5")


def test_a_training_killed_many_times_comes_to_the_same_end(tmp_path):
    whole = WAYS["adam"]()
    expected, file = (whole, fit(whole)), tmp_path / "checkpoint.npz"
    for stop in (2, 2, 3, 5):
        with pytest.raises(CrashError):
            fit(WAYS["adam"](), checkpoint=file, resume=True, log=stop_at(stop, CrashError()))
    trainer = WAYS["adam"]()
    assert same_end((trainer, fit(trainer, checkpoint=file, resume=True)), expected)


def test_a_finished_training_resumes_to_what_it_was(tmp_path):
    first, second = WAYS["averaged"](), WAYS["averaged"]()
    file = tmp_path / "checkpoint.npz"
    past = fit(first, checkpoint=file)
    assert same_end((second, fit(second, checkpoint=file, resume=True)), (first, past))


def test_more_epochs_can_be_added_if_the_rate_is_constant(tmp_path):
    whole, first = WAYS["real"](), WAYS["real"]()
    fit(first, epochs=2, checkpoint=tmp_path / "c.npz")
    second = WAYS["real"]()
    history = fit(second, epochs=5, checkpoint=tmp_path / "c.npz", resume=True)
    assert same_end((second, history), (whole, fit(whole)))


def test_resuming_from_nothing_begins_at_the_beginning(tmp_path):
    first, second = WAYS["real"](), WAYS["real"]()
    history = fit(first, checkpoint=tmp_path / "new.npz", resume=True)
    assert same_end((first, history), (second, fit(second)))


def test_without_resume_an_old_checkpoint_is_not_read(tmp_path):
    file = tmp_path / "c.npz"
    fit(WAYS["real"](), epochs=2, checkpoint=file)
    trainer, other = WAYS["real"](), WAYS["real"]()
    assert same_end((trainer, fit(trainer, checkpoint=file)), (other, fit(other)))


@pytest.mark.parametrize("way", ["real", "averaged", "decay, float64"])
def test_ctrl_c_leaves_the_best_weights_so_far(way):
    trainer, other = WAYS[way](), WAYS[way]()
    history = fit(trainer, log=stop_at(3, KeyboardInterrupt()))
    assert history.interrupted
    expected = fit(other, epochs=3)
    assert same_bits(state(trainer.network), state(other.network))
    assert timeless(history) == timeless(expected)
    assert history.best_epoch == expected.best_epoch


def test_ctrl_c_in_the_first_epoch_leaves_the_network_as_it_was(monkeypatch):
    calls = []

    def train(self, *arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return learn(self, *arguments)

    learn = S4NN.train
    monkeypatch.setattr(S4NN, "train", train)
    trainer, before = WAYS["adam"](), state(WAYS["adam"]().network)
    history = fit(trainer)
    assert history.interrupted
    assert (history.records, history.best_epoch) == ([], 0)
    assert same_bits(state(trainer.network), before)


STEPS = [
    *(("Checkpoint", name) for name in ("note", "write", "blend", "averaged", "replacing")),
    *(("module", name) for name in ("evaluate", "diagnose", "record_of", "line")),
    *(("Trainer", name) for name in ("_learn", "_revive", "_seen")),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS)
def test_ctrl_c_anywhere_in_an_epoch_leaves_a_training_of_the_epochs_before(
    owner, name, after, monkeypatch, tmp_path
):
    """Also where it is raised at once, as by a handler that is not ours."""
    home = {"Checkpoint": Checkpoint, "module": module, "Trainer": ttfs.Trainer}[owner]
    calls, call = [], getattr(home, name)

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3 and not after:
            raise KeyboardInterrupt
        result = call(*arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(home, name, interrupted)
        trainer = WAYS["real"]()
        history = fit(trainer, checkpoint=tmp_path / "c.npz")
    assert history.interrupted
    assert all({"epoch", "revived", "seconds"} <= set(record) for record in history.records)
    assert history.csv().count("\n") == len(history.records) + 1
    if history.records:
        other = WAYS["real"]()
        expected = fit(other, epochs=len(history.records))
        assert same_bits(state(trainer.network), state(other.network))
        assert timeless(history) == timeless(expected)
        assert history.best_epoch == expected.best_epoch
    whole, resumed = WAYS["real"](), WAYS["real"]()
    again = fit(resumed, checkpoint=tmp_path / "c.npz", resume=True)
    assert same_end((resumed, again), (whole, fit(whole)))


@pytest.mark.skipif(sys.platform == "win32", reason="signals come otherwise here")
def test_ctrl_c_in_python_waits_for_the_end_of_a_step_once_an_epoch_is_done():
    """And is over with it: what is done afterwards is not interrupted."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        trainer, other, lines = WAYS["real"](), WAYS["real"](), []

        def log(line):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            lines.append(line)

        history = fit(trainer, log=log)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (history.interrupted, len(history.records)) == (True, 1)
    assert lines[0].startswith("epoch 1/5")
    fit(other, epochs=1)
    assert same_bits(state(trainer.network), state(other.network))


@pytest.mark.parametrize("stream", [None, "closed"])
def test_without_an_error_stream_there_is_no_bar(stream, monkeypatch):
    if stream:
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    assert len(fit(WAYS["real"](), epochs=1, progress=True).records) == 1
    assert len(fit(WAYS["real"](), epochs=1, log=[].append).records) == 1


def test_after_ctrl_c_the_same_trainer_can_resume(tmp_path):
    trainer, other = WAYS["averaged"](), WAYS["averaged"]()
    settings = {"checkpoint": tmp_path / "c.npz"}
    assert fit(trainer, log=stop_at(3, KeyboardInterrupt()), **settings).interrupted
    history = fit(trainer, resume=True, **settings)
    assert not history.interrupted
    assert same_end((trainer, history), (other, fit(other)))


# What people see


def test_every_epoch_is_a_line_and_every_warning_is_told_once():
    lines = []
    trainer = ttfs.Trainer(network(ttfs.Real(init=(-1, 0))), S4NN(revive=0))
    history = fit(trainer, log=lines.append)
    assert [line.split(" | ")[0] for line in lines if "|" in line] == [
        f"epoch {epoch}/5" for epoch in range(1, 6)
    ]
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert [f"warning: {sentence}" for sentence in history.warnings] == warnings
    assert len([line for line in warnings if "layer 1 is dead" in line]) == 1


@pytest.mark.parametrize("validation", [0, 0.1, HELD_OUT])
def test_training_data_that_are_too_late_are_told_of_once_before_the_first_epoch(validation):
    lines, trainer = [], ttfs.Trainer(network(t_max=32), RULE)
    times = DATA[0] * 8
    history = trainer.fit(times, DATA[1], epochs=2, validation=validation, log=lines.append)
    told = [k for k, line in enumerate(lines) if "input is lost: " in line]
    assert told == [0]
    assert lines[0].startswith("warning: input is lost: 9")
    assert history.warnings[0] == lines[0].removeprefix("warning: ")


@pytest.mark.parametrize(
    "wrong", [{"resume": np.ones(2)}, {"progress": "yes"}, {"log": "print"}, {"epochs": 2**1023}]
)
def test_how_to_fit_is_checked_before_anything_is_learned(wrong):
    net = network()
    before = net.weights[0].copy()
    with pytest.raises(InputError, match=rf"^fit\({next(iter(wrong))}=...\) must be"):
        ttfs.Trainer(net, RULE).fit(*DATA, **wrong)
    assert same_bits(net.weights[0], before)


@pytest.mark.parametrize("rate", [np.nan, -1.0, "fast", None, INF])
def test_a_schedule_that_gives_no_rate_is_refused(rate):
    with pytest.raises(InputError, match="^what a schedule gives must be"):
        ttfs.Trainer(network(), RULE, ttfs.SGD(lr=lambda done: rate)).fit(*DATA, epochs=1)


def test_a_share_of_ties_that_changes_is_one_warning():
    kind = ttfs.Real(init=(900, 1000))  # one input spike is enough
    trainer = ttfs.Trainer(network(kind, kind), S4NN(gamma=1), ttfs.SGD(20), seed=1)
    history = fit(trainer, epochs=8)
    ties = [warning for warning in history.warnings if warning.startswith("outputs tie")]
    assert len(ties) == 1


def test_nothing_is_printed_unless_asked_for(capsys):
    fit(WAYS["real"](), progress=False)
    fit(WAYS["real"](), epochs=1)
    assert capsys.readouterr() == ("", "")


def test_a_bar_goes_to_the_error_stream_and_leaves_the_lines_whole(capsys):
    fit(WAYS["real"](), progress=True, log=print)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 5
    assert all(line.startswith("epoch ") for line in out.splitlines())
    assert "epoch" in err


# Mistakes


@pytest.mark.parametrize(
    ("times", "labels", "error", "message"),
    [
        (DATA[0][:, :11], DATA[1], ShapeError, r"times for 12 inputs must be \(samples, 12\)"),
        (DATA[0][0], DATA[1][:1], ShapeError, r"for one stimulus, pass times\[None\]"),
        (DATA[0], DATA[1][:-1], ShapeError, r"labels must be \(60,\), one for each sample"),
        (DATA[0], DATA[1] + 1, InputError, r"labels must be in 0..2"),
        (DATA[0], DATA[1] - 1, InputError, r"labels must be in 0..2"),
        (DATA[0], DATA[1] + 0.5, InputError, "labels must be whole numbers"),
        (DATA[0] - 1, DATA[1], InputError, "must be 0 or later"),
        (np.full((60, 12), np.nan), DATA[1], InputError, "must be 0 or later"),
        (np.empty((0, 12)), [], InputError, "training needs at least one sample, got none"),
        ([["a"] * 12], [0], InputError, "must be numbers"),
    ],
)
def test_data_that_do_not_fit_are_refused_and_change_nothing(times, labels, error, message):
    trainer, before = WAYS["real"](), state(WAYS["real"]().network)
    with pytest.raises(error, match=message):
        trainer.fit(times, labels)
    with pytest.raises(error, match=message.replace("training", "validation")):
        trainer.fit(*DATA, validation=(times, labels))
    assert same_bits(state(trainer.network), before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation": 1}, r"fit\(validation=...\) must be below 1, got 1"),
        ({"validation": -0.1}, r"fit\(validation=...\) must be 0 or more, got -0.1"),
        ({"validation": 0.999}, "leaves none of 60 samples to train on"),
        ({"validation": "some"}, r"fit\(validation=...\) must be a number, got 'some'"),
        ({"validation": (DATA[0],)}, r"must be \(times, labels\), got 1 parts"),
        ({"resume": True}, r"fit\(resume=True\) continues from a file: name it with checkpoint"),
        ({"epochs": 0}, r"fit\(epochs=...\) must be a whole number, 1 or more; got 0"),
        ({"epochs": 2.5}, r"fit\(epochs=...\) must be a whole number, 1 or more; got 2.5"),
    ],
)
def test_impossible_settings_of_a_training_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        fit(WAYS["real"](), **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, r"Trainer\(batch_size=...\) must be a whole number, 1 or more; got 0"),
        ({"batch_size": True}, r"Trainer\(batch_size=...\) must be a whole number"),
        ({"average": -1}, r"Trainer\(average=...\) must be a whole number, 0 or more; got -1"),
        ({"seed": -1}, r"Trainer\(seed=...\) must be a whole number, 0 or more; got -1"),
        ({"seed": 0.5}, r"Trainer\(seed=...\) must be a whole number, 0 or more; got 0.5"),
        ({"rule": "exact"}, r"Trainer\(rule=...\) must be one of ttfs.rules, .* got 'exact'"),
        ({"rule": S4NN}, r"Trainer\(rule=...\) must be one of ttfs.rules"),
        ({"optimizer": "adam"}, r"must be an SGD\(...\), Momentum\(...\) or Adam\(...\), got 'a"),
        ({"optimizer": ttfs.Adam}, r"Trainer\(optimizer=...\) must be"),
        ({"optimizer": 0.1}, r"Trainer\(optimizer=...\) must be .* got 0.1"),
        ({"augmentation": Jitter(0.1)}, r"Trainer\(augmentation=...\) must be a list .*got Jitter"),
        ({"by_firing": "yes"}, r"Trainer\(by_firing=...\) must be True or False"),
        ({"augmentation": [Jitter]}, r"Trainer\(augmentation=...\) must be a list"),
        ({"rule": S4NN(gamma=32)}, "must be below the network's t_max 32, got 32"),
    ],
)
def test_impossible_trainers_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        ttfs.Trainer(network(), **settings)


@pytest.mark.parametrize(
    "take", [ttfs.Trainer, lambda n: ttfs.forward(n, *DATA[:1]), lambda n: ttfs.evaluate(n, *DATA)]
)
def test_a_model_in_the_place_of_its_network_is_refused_by_name(take):
    words = r"\(network=...\) must be a Network, .* load\(path\).network, got Model"
    with pytest.raises(InputError, match=words):
        take(ttfs.Model(network(), None, {}, {}))


def test_validation_data_may_be_a_list():
    given = fit(WAYS["real"](), validation=[DATA[0][:9], DATA[1][:9]])
    assert timeless(given) == timeless(fit(WAYS["real"](), validation=(DATA[0][:9], DATA[1][:9])))


def test_a_single_sample_is_enough():
    trainer = WAYS["real"]()
    history = trainer.fit(DATA[0][:1], DATA[1][:1], epochs=2)
    assert len(history.records) == 2
    assert np.isfinite(state(trainer.network)).all()


def test_a_checkpoint_needs_a_folder_before_anything_is_learned(tmp_path):
    trainer, before = WAYS["real"](), state(WAYS["real"]().network)
    with pytest.raises(RunError, match="there is no folder"):
        fit(trainer, checkpoint=tmp_path / "no" / "c.npz")
    assert same_bits(state(trainer.network), before)
