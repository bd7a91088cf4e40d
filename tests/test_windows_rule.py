"""The rule of windows: gradients by finite differences, and that it learns."""

import numpy as np
import pytest
from cases import for_all_threads
from cases_windows import networks, times_of
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.errors import InputError
from ttfs.kernels.threads import no_work_is_little
from ttfs.network.notation import layers_of
from ttfs.network.weights import Binary
from ttfs.optimizers import SGD, Adam, Cosine
from ttfs.rules import Windows
from ttfs.rules.lesson import Batch, Lesson

STEP = 1e-6


def loss_of(network, times, labels, rule):
    """The mean loss of a batch, by the potentials that `forward` finds."""
    potential = ttfs.forward(network, times).potential
    shares = potential / network.scaled_thresholds(len(network.layers) - 1)[0] / rule.tau
    shares = shares - shares.max(axis=1, keepdims=True)
    logarithms = shares - np.log(np.exp(shares).sum(axis=1, keepdims=True))
    wanted = np.full(shares.shape, rule.smoothing / shares.shape[1])
    wanted[np.arange(len(labels)), labels] += 1 - rule.smoothing
    return -np.sum(wanted * logarithms) / len(labels)


def gradients_of(network, times, labels, rule):
    """By name, the derivatives of the mean loss: what a step of plain descent by 1 takes away."""
    before = {name: array.copy() for name, array in network.parameters().items()}
    sgd = SGD(lr=1.0)
    slots = {name: sgd.slots(array) for name, array in network.parameters().items()}
    slots["rule"] = rule.memory()
    order = np.arange(len(labels))
    rule.train(Lesson(network, times, labels, order, len(labels), sgd, slots, 1.0))
    found = {}
    for name, array in network.parameters().items():
        found[name] = before[name] - array
        array[:] = before[name]
    for k in range(len(network.layers)):
        network.refresh(k)
    return found


@given(networks(exact=False), st.sampled_from([0.0, 0.2]))
def test_gradients_are_those_of_finite_differences(case, smoothing):
    network, values = case
    if network.layers[-1].pools or np.unique(network.layers[-1].threshold).size > 1:
        return
    rng = np.random.default_rng(0)
    labels = rng.integers(0, network.sizes[-1], len(values))
    rule, times = Windows(tau=0.5, smoothing=smoothing), times_of(values)
    found = gradients_of(network, times, labels, rule)
    for name, array in network.parameters().items():
        if name.startswith("scale"):
            continue
        kind, number = name.split("_")
        width = network.arrays.widths[int(number) - 1] if kind == "weights" else len(array)
        columns = network.layers[int(number) - 1].columns
        places = np.flatnonzero(np.arange(len(array)) % width < columns)
        for place in rng.choice(places, min(4, len(places)), replace=False):
            kept, losses = array[place], []
            for change in (STEP, -STEP):
                array[place] = kept + change
                losses.append(loss_of(network, times, labels, rule))
            array[place] = kept
            slope = (losses[0] - losses[1]) / (2 * STEP)
            assert found[name][place] == pytest.approx(slope, abs=2e-6, rel=1e-5)


def test_the_gradient_by_a_scale_is_that_of_finite_differences():
    rng = np.random.default_rng(1)
    signs = Binary(init=(-1, 1), scale=0.3, clip=1, scale_rate=1)
    bits = ttfs.Dense(6, 8, weights=signs, threshold=2.0, bias=rng.normal(0, 0.3, 8))
    top = ttfs.Dense(8, 3, weights=signs, threshold=2.0)
    network = ttfs.Network(bits, top, psp=ttfs.Windows(), dtype=np.float64, seed=2)
    times, labels = times_of(rng.random((20, 6))), rng.integers(0, 3, 20)
    rule = Windows(tau=0.5)
    found = gradients_of(network, times, labels, rule)
    for k in (0, 1):
        losses = []
        for change in (STEP, -2 * STEP):
            network.scales[k] += change
            network.refresh(k)
            losses.append(loss_of(network, times, labels, rule))
        network.scales[k] += STEP
        network.refresh(k)
        slope = (losses[0] - losses[1]) / (2 * STEP)
        assert found[f"scale_{k + 1}"][0] == pytest.approx(slope, abs=1e-6)


def test_the_loss_and_hits_are_those_of_the_network():
    rng = np.random.default_rng(3)
    network = ttfs.Network(
        ttfs.Dense(6, 8, threshold=1.0, initial=rng.normal(0, 0.5, (6, 8))),
        ttfs.Dense(8, 3, threshold=1.0, initial=rng.normal(0, 0.5, (8, 3))),
        psp=ttfs.Windows(),
        dtype=np.float64,
    )
    times, labels = times_of(rng.random((20, 6))), rng.integers(0, 3, 20)
    told = Windows()._tell(network, Batch(times, labels))
    assert told.loss / 20 == pytest.approx(loss_of(network, times, labels, Windows()))
    assert told.hits == ttfs.evaluate(network, times, labels).accuracy * 20


def learned(binary=False, steps=None, layers="8C3p1-P2-40", epochs=6):
    """A network for the digits that has learned, and how well it does on those held out."""
    train, test = ttfs.datasets.digits()
    encoder = ttfs.Latency(t_max=1.0)
    weights = Binary(clip=1) if binary else ttfs.Real()
    parts = layers_of(f"{layers}-10", weights=weights, threshold=1.0, bias=0.0)
    network = ttfs.Network(*parts, shape=(8, 8, 1), psp=ttfs.Windows(steps), seed=0)
    times = [encoder(images.reshape(-1, 64)) for images in (train.images, test.images)]
    ttfs.begin_by_firing(network, times[0][:200])
    rule, adam = Windows(smoothing=0.05), Adam(lr=Cosine(0.01))
    trainer = ttfs.Trainer(network, rule=rule, optimizer=adam, batch_size=20, seed=0)
    trainer.fit(times[0], train.labels, epochs=epochs)
    return network, ttfs.evaluate(network, times[1], test.labels).accuracy


@pytest.mark.parametrize(("binary", "steps"), [(False, None), (False, 4), (True, None)])
def test_networks_with_windows_learn_the_digits(binary, steps):
    _, accuracy = learned(binary, steps)
    assert accuracy > (0.88 if binary else 0.95)


def test_training_gives_the_same_bits_with_any_number_of_threads():
    with no_work_is_little():
        found = for_all_threads(lambda: learned(epochs=1)[0])
    for other in found[1:]:
        for a, b in zip(found[0].weights, other.weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_networks_without_windows_are_refused():
    network = ttfs.Network(ttfs.Dense(3, 2), psp=ttfs.Ramp())
    with pytest.raises(InputError, match="rule Windows needs a Windows response"):
        Windows().check(network)
    with pytest.raises(InputError, match="tau"):
        Windows(tau=0)
