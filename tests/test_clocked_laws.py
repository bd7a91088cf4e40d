"""What papers say of firing rates holds here, for networks that were trained on digits."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

import ttfs
from ttfs.cli import cli
from ttfs.clocked import METHODS, Rate, compensated, convert_to_rates, evaluate, run
from ttfs.errors import InputError

SIZES = 64, 100, 100, 10
SEEDS = range(3)


def learned(threshold, steps, seed):
    """A network of ReLUs that are clipped at a threshold, and quantised if there are steps."""
    train, _ = ttfs.datasets.digits()
    layers = [ttfs.Dense(a, b, threshold=threshold, bias=0.0) for a, b in itertools.pairwise(SIZES)]
    network = ttfs.Network(*layers, psp=ttfs.Windows(steps), seed=seed, unit="window")
    times = ttfs.Latency(t_max=1.0)(train.images)
    ttfs.begin_by_firing(network, times[:200])
    optimizer = ttfs.Adam(lr=ttfs.Cosine(0.01))
    rule = ttfs.rules.Windows(smoothing=0.1)
    trainer = ttfs.Trainer(network, rule=rule, optimizer=optimizer, batch_size=50, seed=seed)
    trainer.fit(times, train.labels, epochs=10)
    return network


@pytest.fixture(scope="module")
def ordinary():
    """Layers of three networks whose ReLUs are hardly ever clipped, and images."""
    train, _ = ttfs.datasets.digits()
    found = []
    for seed in SEEDS:
        network = learned(8.0, None, seed)
        pairs = zip(network.weights, network.biases, strict=True)
        found.append([ttfs.Dense.of(weights, bias=bias) for weights, bias in pairs])
    return found, train


def agreement(ordinary, steps, method, hard=False, **settings):
    """In what part of the images rates decide as ReLUs do, on average over the networks."""
    several, data = ordinary
    shares = []
    for layers in several:
        found, rate = convert_to_rates(layers, data.images[:500], method, steps, **settings)
        rate = Rate(steps, initial=rate.initial, shift=rate.shift, reset="hard" if hard else "soft")
        decisions = found.decisions(data.images)
        told = evaluate(found.network, data.images, data.labels, rate, decisions=decisions)
        shares.append(told.agreement)
    return np.mean(shares)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_lower_thresholds_are_better_for_few_steps(ordinary, steps):
    local, quantile, most = (
        agreement(ordinary, steps, method) for method in ("local", "quantile", "max")
    )
    assert local >= quantile >= most
    assert agreement(ordinary, steps, "local", per="layer") > quantile
    assert agreement(ordinary, steps, "potential") > most
    assert agreement(ordinary, steps, "error") > quantile


def test_more_rounds_are_worse_for_few_steps_and_better_for_many(ordinary):
    few = [agreement(ordinary, 1, "local", rounds=n) for n in (1, 2, 5)]
    many = [agreement(ordinary, 64, "local", rounds=n) for n in (1, 5)]
    assert few[0] > few[1] > few[2]
    assert many[1] >= many[0]


def test_rates_that_take_spikes_back_are_closer_to_what_relus_say():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        sizes = (20, 50), (50, 50), (50, 50), (50, 5)
        layers = [ttfs.Dense.of(rng.normal(size=size) * (2 / size[0]) ** 0.5) for size in sizes]
        values = rng.random((200, 20))
        found, rate = convert_to_rates(layers, values, "error", 8)
        once = ttfs.forward(found.network, found.times(values)).potential
        right = once / found.network.layers[-1].threshold
        plain, better = (
            abs(run(found.network, values, own).outputs[-1] - right).mean()
            for own in (rate, replace(rate, negative=True))
        )
        assert better < 0.8 * plain


def test_a_soft_reset_is_better_than_a_hard_one(ordinary):
    soft, hard = (
        [agreement(ordinary, steps, "local", hard=hard) for steps in (2, 4, 8, 16)]
        for hard in (False, True)
    )
    assert np.mean(soft) > np.mean(hard)


@pytest.mark.parametrize("method", [name for name, own in METHODS.items() if own.thresholds])
def test_all_methods_come_to_what_relus_say(ordinary, method):
    assert agreement(ordinary, 64, method) > 0.985


def test_a_quantised_network_says_by_rates_nearly_what_it_says_by_times():
    _, test = ttfs.datasets.digits()
    for seed in SEEDS:
        network = learned(1.0, 4, seed)
        by_times = ttfs.evaluate(network, ttfs.Latency(t_max=1.0)(test.images), test.labels)
        by_rates = evaluate(network, test.images, test.labels, METHODS["qcfs"].rates(4))
        shifted = evaluate(network, test.images, test.labels, METHODS["shifted"].rates(16))
        assert shifted.accuracy >= by_times.accuracy - 0.01
        assert by_rates.accuracy >= by_times.accuracy - 0.01
        once = 1 - np.mean(by_times.silent[1:-1])  # in layers of one size
        assert by_rates.spikes_per_hidden_neuron > once


def test_the_mean_error_of_outputs_is_smaller_on_other_images(ordinary):
    several, data = ordinary
    seen, other = data.images[::2], data.images[1::2]
    for layers in several:
        found, rate = convert_to_rates(layers, seen, "local", 4)
        once = ttfs.forward(found.network, found.times(other)).potential
        right = (once / found.network.layers[-1].threshold).mean(axis=0)
        plain, better = (
            abs(run(network, other, rate).outputs[-1].mean(axis=0) - right).mean()
            for network in (found.network, compensated(found.network, seen, rate))
        )
        assert better < 0.75 * plain


def test_a_method_that_is_not_known_is_refused(ordinary):
    with pytest.raises(InputError, match="method must be max or quantile or shifted"):
        convert_to_rates(ordinary[0][0], ordinary[1].images, "best", 4)
    with pytest.raises(InputError, match="thresholds with which a network was trained"):
        convert_to_rates(ordinary[0][0], ordinary[1].images, "qcfs", 4)
    with pytest.raises(InputError, match="rounds belong to threshold='local'"):
        convert_to_rates(ordinary[0][0], ordinary[1].images, "max", 4, rounds=2)


def test_a_model_is_evaluated_by_rates_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "wants_kernels", lambda options: False)
    network = learned(1.0, 8, 0)
    ttfs.save("model.npz", network, encoder=ttfs.Latency(t_max=1.0))
    told = ["evaluate", "model.npz", "--dataset", "digits"]
    assert cli.main([*told, "--rate", "8", "--reset", "hard", "--report", "rates.json"]) == 0
    report = json.loads((tmp_path / "rates.json").read_text("utf-8"))
    _, test = ttfs.datasets.digits()
    found = evaluate(network, test.images, test.labels, Rate(8, reset="hard"))
    assert report["accuracy"] == found.accuracy
    assert report["rate"]["reset"] == "hard"
    assert report["spikes_per_sample"] == found.spikes_per_sample
    text = capsys.readouterr().out
    assert f"{100 * found.accuracy:.2f} %" in text
    assert "those of the same network with single spikes" in text
    assert cli.main([*told, "--rate", "4", "--negative"]) == 0
    found = evaluate(network, test.images, test.labels, Rate(4, negative=True))
    assert f"{100 * found.accuracy:.2f} %" in capsys.readouterr().out
    for wrong in ("--reset", "hard"), ("--negative",):
        assert cli.main([*told, *wrong]) == 2
        assert f"{' '.join(wrong)} is for firing rates" in capsys.readouterr().err
    assert cli.main([*told, "--rate", "4", "--negative", "--reset", "hard"]) == 2
    assert "which needs reset='soft'" in capsys.readouterr().err
    assert cli.main(["train", "--epochs", "1", "--quiet", "--hidden", "5", "--out", "run"]) == 0
    encoder, rate = ttfs.Latency(t_max=1.0), {"steps": 4, "reset": "hard", "initial": 0.0}
    ttfs.save("rates.npz", network, encoder=encoder, report={"rate": rate})
    capsys.readouterr()
    assert cli.main(["evaluate", "rates.npz", "--dataset", "digits"]) == 0
    own = evaluate(network, test.images, test.labels, Rate(4, reset="hard", initial=0.0))
    assert f"{100 * own.accuracy:.2f} % strict" in capsys.readouterr().out
    assert cli.main(["info", "rates.npz", "--cost", "--dataset", "digits"]) == 0
    assert (
        "rates.npz was made for firing rates, by which `ttfs evaluate`" in capsys.readouterr().err
    )
    ttfs.save("bad.npz", network, report={"rate": {"steps": 4, "shape": 1}})
    assert cli.main(["evaluate", "bad.npz", "--dataset", "digits"]) == 2
    assert "a report's rate must have fields of Rate" in capsys.readouterr().err
    told[1] = "run/model.npz"
    assert cli.main([*told, "--rate", "4"]) == 2
    assert "rates need a network with psp=Windows(), this one has" in capsys.readouterr().err
