"""Curves over perturbations, accuracies under movement, and the command that prints them."""

import json

import numpy as np
import pytest

import ttfs
from ttfs.cli import cli
from ttfs.cli import robustness as command
from ttfs.errors import InputError, ShapeError
from ttfs.robustness import curve, movement, plain
from ttfs.robustness.curves import PERTURBATIONS, SHARES, TIMED

INF = np.inf
STRENGTHS = {"jitter": 0.05, "quantised": 0.1} | dict.fromkeys(SHARES, 0.2)


def main(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of the digits, its test stimuli and their labels."""
    path = tmp_path_factory.mktemp("run") / "a"
    assert main("train", "--hidden", 40, "--epochs", 4, "--quiet", "--out", path) == 0
    model = ttfs.load(path / "model.npz")
    _, test = ttfs.datasets.digits()
    return path / "model.npz", model.network, model.encoder(test.images)[:150], test.labels[:150]


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_a_perturbation_does_what_its_name_says(kind):
    rng = np.random.default_rng(0)
    network = ttfs.Network(ttfs.Dense(400, 300, weights=ttfs.Real((-1, 2))), t_max=10)
    times = np.where(rng.random((50, 400)) < 0.5, rng.uniform(0, 1, (50, 400)), INF)
    amount = STRENGTHS[kind]
    other, given = PERTURBATIONS[kind](network, times, amount, rng)
    fired, fires = np.isfinite(times), np.isfinite(given)
    before, after = network.weights[0], other.weights[0]
    lost, new = (fired & ~fires).sum() / fired.sum(), (fires & ~fired).sum() / (~fired).sum()
    assert lost == pytest.approx(amount if kind == "dropped" else 0, abs=0.01)
    assert new == pytest.approx(amount if kind == "added" else 0, abs=0.01)
    both = fired & fires
    moves = given[both] - times[both]
    if kind == "jitter":
        late = times[both] > 4 * amount
        assert moves[late].std() == pytest.approx(amount, rel=0.05)
    elif kind == "quantised":
        np.testing.assert_allclose(given[both] / amount, np.round(given[both] / amount))
        assert np.abs(moves).max() <= amount / 2 + 1e-12
    else:
        assert not moves.any()
    altered = before != after
    if kind == "weights":
        assert (after - before).std() == pytest.approx(amount * before.std(), rel=0.05)
    elif kind.startswith("stuck"):
        assert altered.mean() == pytest.approx(amount, abs=0.01)
        ends = {0.0} if kind.endswith("zero") else {float(before.min()), float(before.max())}
        assert set(after[altered].tolist()) == ends
    else:
        assert other is network


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_a_curve_begins_at_the_accuracy_and_is_the_same_again(kind, trained):
    _, network, times, labels = trained
    found = curve(network, times, labels, kind, [0, STRENGTHS[kind], 1], seeds=2)
    accuracy = ttfs.evaluate(network, times, labels).accuracy
    assert found.accuracy[0] == (accuracy, accuracy)
    assert found.spread[0] == 0
    assert found == curve(network, times, labels, kind, [0, STRENGTHS[kind], 1], seeds=2)
    assert found.mean[2] < accuracy


def test_what_is_certain_is_below_what_survives_an_attack(trained):
    _, network, times, labels = trained
    found = movement(network, times, labels, [0.2, 1e-4, 0.05])
    assert found.radii == (1e-4, 0.05, 0.2)
    accuracy = ttfs.evaluate(network, times, labels).accuracy
    assert found.accuracy == accuracy
    bounds = zip(found.certified, found.attacked, strict=True)
    assert all(0 <= low <= high <= accuracy for low, high in bounds)
    assert found.certified[0] > 0.9 * accuracy
    assert found.attacked[2] < accuracy
    single = ttfs.certify(network, times, 0.05)
    assert found.certified[1] == (single.certified & (single.label == labels)).mean()


@pytest.mark.parametrize("radii", [[], [[1.0]], [0.1, -1], 0, "a", [INF]])
def test_radii_that_are_none_are_refused(radii):
    network = ttfs.Network(ttfs.Dense(2, 2), t_max=9)
    with pytest.raises(InputError, match="movement"):
        movement(network, [[1.0, 2.0]], [0], radii)


@pytest.mark.parametrize(
    ("kind", "amounts", "told"),
    [
        ("rotten", [1], "kind=.*jitter"),
        (3, [1], "kind="),
        ("jitter", [], "amounts="),
        ("jitter", [-1], "amounts="),
        ("quantised", [1e-300], "amounts=.*must be from"),
        ("weights", [1e300], "amounts=.*must be from"),
        ("dropped", [1.5], "dropped must be shares"),
    ],
)
def test_a_curve_of_nothing_is_refused(kind, amounts, told):
    network = ttfs.Network(ttfs.Dense(2, 2), t_max=9)
    with pytest.raises(InputError, match=told):
        curve(network, [[1.0, 2.0]], [0], kind, amounts)
    with pytest.raises((InputError, ShapeError)):
        curve(network, np.empty((0, 2)), [], "jitter", [1])


def test_the_command_prints_a_table_and_writes_a_report_and_a_picture(trained, tmp_path, capsys):
    model, network, _, _ = trained
    told = "--samples", 60, "--radius", 0.05, 0.01, "--seeds", 2, "--out", tmp_path / "new"
    assert main("robustness", model, *told) == 0
    out = capsys.readouterr().out
    assert "60 samples" in out
    assert out.index("1 % of the window") < out.index("5 % of the window")
    assert "under attack" in out
    report = json.loads((tmp_path / "new" / "robustness.json").read_text("utf-8"))
    assert report["movement"]["samples"] == 60
    assert report["movement"]["radii"] == [0.01, 0.05]
    assert [one["kind"] for one in report["curves"]] == [*TIMED, *SHARES]
    assert report["network"] == repr(network)
    assert (tmp_path / "new" / "robustness.png").stat().st_size > 1000
    assert main("robustness", model, *told) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("told", [["--radius", "0"], ["--samples", "0"], ["--radius"]])
def test_mistakes_are_told_in_one_sentence(told, trained, capsys):
    assert main("robustness", trained[0], *told) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_folder_that_cannot_be_made_is_told_of_before_anything_is_computed(
    trained, tmp_path, capsys
):
    (tmp_path / "file").touch()
    assert main("robustness", trained[0], "--out", tmp_path / "file") == 2
    told = capsys.readouterr()
    assert (told.out, len(told.err.strip().splitlines())) == ("", 1)


def test_double_precision_changes_no_decision(trained):
    _, network, times, labels = trained
    copy = plain(network, float)
    assert copy.dtype == np.float64
    found = ttfs.evaluate(copy, times.astype(float), labels).accuracy
    assert found == pytest.approx(ttfs.evaluate(network, times, labels).accuracy, abs=0.01)


def test_samples_in_blocks_give_what_all_at_once_give(monkeypatch):
    monkeypatch.setattr(command, "BLOCK", 3)
    rng = np.random.default_rng(0)
    network = ttfs.Network(ttfs.Dense(6, 4, threshold=1.0), psp=ttfs.Ramp(), t_max=9, dtype=float)
    times, labels, radii = rng.uniform(0, 3, (7, 6)), rng.integers(0, 4, 7), [0.01, 0.5]
    found, whole = (f(network, times, labels, radii) for f in (command.moved, movement))
    assert (found.samples, found.radii, found.unit) == (7, whole.radii, whole.unit)
    assert found.accuracy == pytest.approx(whole.accuracy)
    assert found.certified == pytest.approx(whole.certified)
    assert found.attacked == pytest.approx(whole.attacked)
    assert 0 < whole.certified[0] <= whole.attacked[0]
