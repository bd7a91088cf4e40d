"""Networks that learn from other networks."""

import copy
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import reference_training as slow
from cases import SEEDS, same_bits
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.augmentation import Dropout, Jitter, Shift
from ttfs.cli import cli
from ttfs.errors import InputError, ModelFileError, RunError, ShapeError
from ttfs.losses import Answers, CrossEntropy, Distilled, Relative
from ttfs.presets import PRESETS, preset, with_teacher
from ttfs.rules import S4NN, Exact, Surrogate
from ttfs.rules.lesson import Batch
from ttfs.training.checkpoint import fingerprint
from ttfs.training.teachers import Teachers, teachers_of

INF = np.inf
TIMES = np.random.default_rng(0).choice([0.0, 0.2, 0.5, 1.0, INF], (240, 12)).astype(np.float32)


def network(*hidden, outputs=3, psp=None, seed=0, dtype=np.float32, inputs=12):
    sizes = [inputs, *hidden, outputs]
    layers = [
        ttfs.Dense(n, m, ttfs.Real(init=(-6 / n, 9 / n)), threshold=1.0)
        for n, m in zip(sizes, sizes[1:], strict=False)
    ]
    return ttfs.Network(*layers, psp=psp or ttfs.Ramp(), t_max=4, seed=seed, dtype=dtype)


TEACHER = network(20, seed=17)
SAID = ttfs.predict(TEACHER, TIMES)
WRONG = (SAID + 1) % 3  # labels that are never what the teacher says


def trained(student, rule, *, epochs=12, labels=WRONG, **settings):
    told = {"teacher": TEACHER, "batch_size": 10} | settings
    trainer = ttfs.Trainer(student, rule, ttfs.Adam(0.02), **told)
    trainer.fit(TIMES, labels, epochs=epochs, validation=0.0)
    return student


# The loss


@st.composite
def told(draw):
    """Spike times, labels, horizon and probabilities."""
    rng, outputs = np.random.default_rng(draw(SEEDS)), draw(st.integers(1, 5))
    samples = draw(st.integers(0, 4))
    times = rng.choice([0.0, 1.0, 1.5, 7.9, 8.0, 9.0, INF], (samples, outputs))
    wanted = rng.choice([0.0, 0.1, 1.0, 3.0], (samples, outputs))
    return times, rng.integers(0, outputs, samples), 8.0, wanted / (wanted.sum(1)[:, None] + 1)


@given(case=told(), tau=st.sampled_from([0.1, 1.0, 100.0]))
def test_a_teacher_s_share_of_the_loss_is_a_cross_entropy(case, tau):
    times, labels, t_max, wanted = case
    loss, errors = Distilled(share=1, tau=tau).errors(times, labels, t_max, Answers(wanted))
    assert np.isclose(loss, slow.cross_entropy_toward(times, wanted, t_max, tau), rtol=1e-12)
    clipped, step = np.minimum(times, t_max), 1e-4 * tau
    for place in np.ndindex(times.shape):
        up, down = clipped.copy(), clipped.copy()
        up[place] += step
        down[place] -= step
        high, low = (slow.cross_entropy_toward(x, wanted, INF, tau) for x in (up, down))
        assert abs(errors[place] - (high - low) / (2 * step)) < 1e-5 / tau


@given(case=told(), smoothing=st.sampled_from([0.0, 0.1]))
def test_a_teacher_who_says_what_labels_say_changes_nothing(case, smoothing):
    times, labels, t_max, _ = case
    outputs = times.shape[1]
    wanted = (1 - smoothing) * np.eye(outputs)[labels] + smoothing / outputs
    plain = CrossEntropy(0.5, smoothing)
    loss = Distilled(plain, share=0.3, tau=0.5)
    found = loss.errors(times, labels, t_max, Answers(wanted))
    for one, other in zip(found, plain.errors(times, labels, t_max), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_labels_and_teacher_share_the_loss():
    times, answers = np.array([[1.0, 2.0, INF]]), Answers(np.array([[0.2, 0.3, 0.5]]))
    for base in (CrossEntropy(0.5), Relative(1.0)):
        parts = [Distilled(base, share=1, tau=0.5).errors(times, [1], 4, answers)]
        parts.append(base.errors(times, [1], 4))
        both = Distilled(base, share=0.25, tau=0.5).errors(times, [1], 4, answers)
        for found, (soft, hard) in zip(both, zip(*parts, strict=True), strict=True):
            np.testing.assert_allclose(found, 0.25 * soft + 0.75 * hard, rtol=1e-12)


def test_spike_times_are_pulled_to_the_teacher_s():
    loss = Distilled(layers=((1, 2), (3, 1)), pull=0.5)
    answers = Answers(np.zeros((1, 1)), (np.array([[1.0, INF, INF, 2.0]]), np.zeros((1, 1))))
    moved = loss.pulls(1, np.array([[2.0, 3.0, INF, INF]]), 4.0, answers)
    assert moved.tolist() == [[0.5, -0.5, 0.0, 1.0]]
    assert loss.pulls(2, np.ones((1, 5)), 4.0, answers).tolist() == [[0.0] * 5]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"share": -0.1}, "share"),
        ({"share": 1.1}, "share"),
        ({"tau": 0}, "tau"),
        ({"softness": np.nan}, "softness"),
        ({"pull": -1}, "pull"),
        ({"original": "yes"}, "original"),
        ({"loss": Distilled()}, "another loss"),
        ({"loss": 3}, "losses"),
        ({"layers": [(1, 1)]}, "layers"),
        ({"layers": ((1,),)}, "layers"),
        ({"layers": ((0, 1),)}, "layers"),
    ],
)
def test_impossible_settings_are_refused(settings, wanted):
    with pytest.raises(InputError, match=wanted):
        Distilled(**settings)


def test_answers_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="decisions"):
        Distilled().errors(np.zeros((2, 3)), [0, 0], 4, Answers(np.zeros((2, 4))))


# The gradient


@pytest.mark.parametrize("layers", [(), ((1, 1),), ((1, 1), (2, 2))], ids=str)
def test_derivatives_by_weights_are_those_of_decisions_and_spike_times(layers):
    student, teacher = (network(6, dtype=np.float64, seed=seed) for seed in (1, 2))
    loss = Distilled(CrossEntropy(0.4), share=0.6, tau=0.5, softness=0.4, layers=layers, pull=0.7)
    rng = np.random.default_rng(0)
    times, labels = rng.uniform(0, 1, (5, 12)), rng.integers(0, 3, 5)
    answers = Teachers([teacher], loss).answers(times)

    def value():
        spikes = ttfs.forward(student, times).times
        total = 0.4 * slow.cross_entropy(spikes[-1], labels, 4.0, 0.4)
        total += 0.6 * slow.cross_entropy_toward(spikes[-1], answers.decisions, 4.0, 0.5)
        for (own, _), wanted in zip(layers, answers.spikes, strict=True):
            total += 0.35 * np.square(np.minimum(spikes[own], 4) - np.minimum(wanted, 4)).sum()
        return total / len(times)

    told = Exact(loss, floor=0.0, learn_silent=False)._tell(student, Batch(times, labels, answers))
    for signal in told.signals:
        weights = student.latents[signal.layer]
        room = np.zeros(student.arrays.widths[signal.layer] * len(weights))
        found = signal.by_weights(student, room)
        for place in [(0, 0), (3, 1), (5, 2)]:
            at, ends = weights[place], []
            for step in (1e-6, -1e-6):
                weights[place] = at + step
                student.refresh(signal.layer)
                ends.append(value())
            weights[place] = at
            student.refresh(signal.layer)
            assert abs(found[place] - (ends[0] - ends[1]) / 2e-6) < 1e-7


# Training


@pytest.mark.parametrize("rule", [Exact(Distilled(share=1, tau=0.2)), Surrogate(distilled=1)])
def test_a_student_learns_what_its_teacher_says_not_what_labels_say(rule):
    psp = ttfs.Step() if isinstance(rule, Surrogate) else ttfs.Ramp()
    assert np.bincount(SAID, minlength=3).max() < 0.5 * len(SAID)
    student = trained(network(30, psp=psp, seed=3), rule)
    assert (ttfs.predict(student, TIMES) == SAID).mean() > 0.75


def test_a_student_learns_its_teacher_s_spike_times():
    def distance(student):
        spikes = [np.minimum(ttfs.forward(one, TIMES).times[1], 4) for one in (student, TEACHER)]
        return np.square(spikes[0] - spikes[1]).mean()

    start = network(20, seed=4)
    before = distance(start)
    loss = Distilled(share=1, layers=((1, 1),), pull=1.0)
    assert distance(trained(start, Exact(loss))) < 0.5 * before


def test_several_teachers_decide_together():
    other, rule = network(seed=5), Distilled(softness=0.3)
    alone = [Teachers([one], rule).answers(TIMES).decisions for one in (TEACHER, other)]
    both = Teachers([TEACHER, other], rule).answers(TIMES).decisions
    np.testing.assert_allclose(both, np.mean(alone, axis=0), rtol=1e-12)
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-12)


def test_softness_is_the_scale_of_a_softmax_of_spike_times_silence_included():
    teacher = ttfs.Network(
        ttfs.Dense.of([[1.0, 0.5, 0.0]], threshold=1.0), psp=ttfs.Ramp(), t_max=4
    )
    found = Teachers([teacher], Distilled(softness=0.5)).answers(np.zeros((1, 1))).decisions[0]
    wanted = np.exp(-np.array([1.0, 2.0, 4.0]) / 0.5)
    np.testing.assert_allclose(found, wanted / wanted.sum(), rtol=1e-12)


class Seen(list):
    """What a teacher is shown."""

    def __call__(self, teachers, times, plain=Teachers.answers):
        self.append(times.copy())
        return plain(teachers, times)


@pytest.mark.parametrize(
    ("changes", "original"),
    [
        ((), True),
        ((Dropout(0.3), Jitter(0.1)), True),
        ((Shift(1, (3, 4)), Dropout(0.3)), False),
        ((Shift(1, (3, 4)),), False),
    ],
    ids=str,
)
def test_a_teacher_sees_samples_before_noise_is_added(monkeypatch, changes, original):
    seen = Seen()
    monkeypatch.setattr(Teachers, "answers", lambda self, times: seen(self, times))
    trained(network(), Exact(Distilled()), epochs=2, augmentation=changes)
    assert len(seen) == (1 if original else 2)  # once for all, or once in an epoch
    if original:
        assert same_bits(seen[0], TIMES)
    else:  # moved, and nothing has been left out but over the edge
        assert np.isin(seen[0], TIMES).all()
        assert np.isinf(seen[0]).mean() < np.isinf(TIMES).mean() + 0.35
        assert not same_bits(np.sort(seen[0], axis=0), np.sort(TIMES, axis=0))


def test_a_teacher_may_see_samples_before_they_are_moved(monkeypatch):
    seen = Seen()
    monkeypatch.setattr(Teachers, "answers", lambda self, times: seen(self, times))
    rule, changes = Exact(Distilled(original=True)), (Shift(1, (3, 4)), Dropout(0.1))
    trained(network(), rule, epochs=2, augmentation=changes)
    assert len(seen) == 1
    assert same_bits(seen[0], TIMES)


def test_answers_that_are_kept_are_those_asked_for_again(monkeypatch):
    def fit():
        return trained(network(), Exact(Distilled()), epochs=2, augmentation=(Jitter(1e-60),))

    kept = fit()
    monkeypatch.setattr(Teachers, "shown", lambda self, augmentation: len(augmentation))
    assert same_bits(fit().weights[0], kept.weights[0])


def test_a_resumed_student_is_the_one_that_never_stopped(tmp_path):
    def fit(epochs, teacher=TEACHER, **told):
        student = network(8, seed=1)
        trainer = ttfs.Trainer(student, Exact(Distilled()), batch_size=20, teacher=teacher)
        trainer.fit(TIMES, WRONG, epochs=epochs, checkpoint=tmp_path / "c.npz", **told)
        return student

    fit(2)
    resumed = fit(4, resume=True)
    (tmp_path / "c.npz").unlink()
    assert same_bits(fit(4).weights[0], resumed.weights[0])
    with pytest.raises(RunError, match="other data or settings"):
        fit(5, network(20, seed=8), resume=True)


def test_teachers_with_other_thresholds_are_others():
    def told(size):
        thresholds = np.ones(2000)
        thresholds[1000] = size  # which a printed array leaves out
        layer = ttfs.Dense.of(np.ones((2, 2000)), threshold=thresholds)
        teachers = Teachers([ttfs.Network(layer, psp=ttfs.Ramp(), t_max=4)], Distilled())
        return fingerprint((), teachers.arrays())

    assert told(1) == told(1) != told(2)


def test_a_network_is_not_its_own_teacher():
    student = network(8)
    with pytest.raises(InputError, match="copy.deepcopy"):
        ttfs.Trainer(student, RULE, teacher=[TEACHER, student])
    ttfs.Trainer(student, RULE, teacher=copy.deepcopy(student))


def test_a_teacher_may_be_a_file(tmp_path):
    ttfs.save(tmp_path / "teacher.npz", TEACHER)
    ways = TEACHER, tmp_path / "teacher.npz", str(tmp_path / "teacher.npz"), [TEACHER]
    found = [trained(network(), Exact(Distilled()), epochs=1, teacher=way) for way in ways]
    for one in found[1:]:
        assert same_bits(one.weights[0], found[0].weights[0])
    with pytest.raises(ModelFileError, match="no such file"):
        trained(network(), Exact(Distilled()), teacher=tmp_path / "none.npz")


RULE = Exact(Distilled())
HINTS = Exact(replace(RULE.loss, layers=((1, 1),), pull=1.0))


@pytest.mark.parametrize(
    ("rule", "teacher", "wanted"),
    [
        (RULE, None, "teacher=.*missing"),
        (Exact(), TEACHER, "does not learn from a teacher"),
        (S4NN(), TEACHER, "does not learn from a teacher"),
        (Surrogate(), TEACHER, "does not learn from a teacher"),
        (RULE, [], "got 0"),
        (RULE, 3, "model file"),
        (RULE, network(outputs=4), "12 inputs and 4 outputs"),
        (RULE, network(inputs=11), "11 inputs and 3 outputs"),
        (HINTS, [TEACHER, TEACHER], "exactly one network"),
        (HINTS, TEACHER, "layer 1 of the network has 8 neurons, layer 1 of the teacher 20"),
        (Exact(replace(HINTS.loss, layers=((1, 5),))), TEACHER, "no layer 5, only 2"),
        (Exact(replace(HINTS.loss, layers=((5, 1),))), TEACHER, "network has no layer 5, only 2"),
    ],
)
def test_teachers_that_cannot_teach_are_refused(rule, teacher, wanted):
    with pytest.raises(InputError, match=wanted):
        teachers_of(teacher, rule, network(8))


# The command


def main(line, *more):
    return cli.main([*line.split(), *map(str, more)])


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A model that has learned the digits a little."""
    run = tmp_path_factory.mktemp("teacher") / "run"
    assert main("train --hidden 30 --epochs 4 --quiet --out", run) == 0
    return str(run / "model.npz")


def test_a_command_trains_with_teachers_and_the_report_names_them(teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = "train --hidden 20 --epochs 2 --weights real --quiet --out"
    assert main(line, "taught", "--teacher", teacher, teacher) == 0
    report = json.loads((tmp_path / "taught" / "report.json").read_text("utf-8"))
    assert report["teachers"] == [teacher, teacher]
    assert "Distilled" in report["recipe"]
    assert main(line, "alone") == 0
    weights = [ttfs.load(f"{name}/model.npz").network.weights[0] for name in ("taught", "alone")]
    assert not same_bits(*weights)


def test_a_teacher_is_not_overwritten_by_what_it_teaches(teacher, tmp_path, capsys):
    own = tmp_path / "model.npz"
    shutil.copy(teacher, own)
    assert main(f"train --epochs 1 --quiet --force --teacher {own} --out", tmp_path) == 2
    assert "lies in the folder of the run" in capsys.readouterr().err
    assert ttfs.load(own).network.sizes[1] == 30


def test_a_preset_may_name_its_teacher(teacher, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    named = replace(with_teacher(preset("digits")), epochs=1, teacher="some-other")
    monkeypatch.setitem(PRESETS, "taught-digits", named)
    assert main("train --preset taught-digits --quiet") == 2
    said = capsys.readouterr().err
    assert "preset some-other" in said
    assert "--teacher" in said
    (tmp_path / "runs" / "some-other-seed0").mkdir(parents=True)
    shutil.copy(teacher, tmp_path / "runs" / "some-other-seed0" / "model.npz")
    assert main("train --preset taught-digits --seed 3") == 0
    assert "taught by runs/some-other-seed0/model.npz" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("--teacher none.npz", "no such file"),
        ("--preset bs4nn-digits --teacher {}", "rule S4NN cannot learn from a teacher"),
        ("--preset exact-mnist --dataset {} --teacher {}", "64 inputs"),
        ("--preset yin-yang --teacher {}", "both must read the same"),
    ],
)
def test_a_command_says_which_teachers_cannot_teach(teacher, told, wanted, tmp_path, capsys):
    mine = tmp_path / "mine.npz"  # of 20 inputs
    np.savez(mine, images=np.zeros((60, 5, 4), np.uint8), labels=np.arange(60) % 10)
    given = [mine, teacher] if "--dataset" in told else [teacher]
    line = f"train {told.format(*given)} --quiet --out"
    assert main(line, tmp_path / "run") == 2
    assert wanted in capsys.readouterr().err


def test_recipes_learn_from_teachers_as_their_rules_do():
    assert with_teacher(preset("exact-mnist")).rule.loss.loss == preset("exact-mnist").rule.loss
    assert with_teacher(preset("step-binary-mnist")).rule.distilled == 0.5
    once = with_teacher(preset("exact-mnist"))
    assert with_teacher(once) == once
    assert with_teacher(preset("window-mnist")) == preset("window-mnist")
    with pytest.raises(InputError, match="STiDiBP"):
        with_teacher(preset("stidi-mnist"))
