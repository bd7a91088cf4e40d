import numpy as np
import pytest
import reference_training as slow
from cases import FLOATS, SEEDS, same_bits
from hypothesis import given
from hypothesis import strategies as st

from ttfs.errors import InputError, ShapeError
from ttfs.silence import Bump, Hinge, Push, Revive

pytestmark = pytest.mark.small
INF = np.inf


@st.composite
def layers(draw):
    """(gradient with padding, silent, weights, threshold) of a layer; sums are exact."""
    rng = np.random.default_rng(draw(SEEDS))
    inputs, outputs, padding = (draw(st.integers(0, 6)) for _ in range(3))
    inputs, outputs = inputs + 1, outputs + 1
    dtype = draw(st.sampled_from(FLOATS))
    gradient = rng.standard_normal((inputs, outputs + padding)).astype(dtype)
    silent = rng.choice([0.0, 0.25, 0.3, 1.0], outputs)
    weights = (rng.integers(-4, 9, (inputs, outputs)) / 4).astype(dtype)
    threshold = draw(st.sampled_from([0.25, 1.0, 3.0]))
    if draw(st.booleans()):
        threshold = rng.integers(1, 12, outputs) / 4
    return gradient, silent, weights, threshold


# The neurons that hardly ever fire


def test_the_dead_are_those_that_fired_less_often_than_their_share():
    silent = np.array([0.0, 0.75, 0.8, 1.0])
    assert Revive(0.25).dead(silent).tolist() == [2, 3]
    assert Revive(0).dead(silent).tolist() == []
    assert Revive().dead(np.array([0.9, 0.9995])).tolist() == [1]


# What is added to gradients


@given(layer=layers(), strength=st.sampled_from([0.5, 48.37]))
def test_a_push_is_its_strength_for_each_silent_sample(layer, strength):
    gradient, silent, *_ = layer
    wanted = slow.pushed(gradient, silent, strength)
    assert Push(strength).change(*layer) is None
    assert same_bits(gradient, wanted)


@given(layer=layers(), strength=st.sampled_from([0.5, 100.0]))
def test_a_hinge_pulls_neurons_that_could_never_fire(layer, strength):
    gradient, _, weights, threshold = layer
    wanted = slow.hinged(gradient, weights, threshold, strength)
    assert Hinge(strength).change(*layer) is None
    assert same_bits(gradient, wanted)


@given(layer=layers())
def test_a_hinge_is_the_derivative_of_the_weight_sum_cost(layer):
    _, silent, weights, threshold = layer
    weights = weights + 2.0**-10  # no sum is at its threshold
    gradient, step = np.zeros_like(weights), 2.0**-20
    Hinge(100).change(gradient, silent, weights, threshold)
    for place in np.ndindex(weights.shape):
        costs = []
        for change in (step, -step):
            changed = weights.astype(np.float64)
            changed[place] += change
            costs.append(slow.weight_sum_cost(changed, threshold, 100.0))
        assert np.isclose((costs[0] - costs[1]) / (2 * step), gradient[place], atol=1e-6)


@given(layer=layers())
def test_cures_add_up_and_leave_padding_and_weights_alone(layer):
    gradient, silent, weights, _ = layer
    before, kept = gradient.copy(), weights.copy()
    for cure in (Push(2), Hinge(3)):
        cure.change(*layer)
    assert same_bits(gradient[:, silent.size :], before[:, silent.size :])
    assert same_bits(weights, kept)


@pytest.mark.parametrize("cure", [Push(1), Hinge(1)])
@pytest.mark.parametrize(
    ("gradient", "silent", "weights"),
    [((2, 3), 4, (2, 4)), ((2, 3), 3, (3, 3)), ((2, 3), 2, (2, 3))],
)
def test_arrays_of_different_layers_are_refused(cure, gradient, silent, weights):
    with pytest.raises(ShapeError, match="do not belong to one layer"):
        cure.change(np.zeros(gradient), np.zeros(silent), np.zeros(weights), 1.0)


# Bumps instead of gradients


@given(data=st.data(), seed=SEEDS, alike=st.booleans())
def test_bumps_are_those_of_the_definition(data, seed, alike):
    rng = np.random.default_rng(seed)
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    most = tuple(data.draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])) for _ in sizes[1:])
    most = most[:1] * len(most) if alike else most
    batches = [
        [rng.random((4, n)) < data.draw(st.sampled_from([0.0, 0.2, 0.6, 1.0])) for n in sizes[1:]]
        for _ in range(data.draw(st.integers(0, 6)))
    ]
    shapes = list(zip(sizes[:-1], sizes[1:], strict=True))
    weights = [rng.integers(-8, 9, shape) / 4 for shape in shapes]
    history, wanted = slow.bumped(batches, weights, 0.125, most)
    bump, memory = Bump(0.125, most[0] if alike else most), np.array([-1.0, 0.0])
    found = []
    for missing in batches:
        silent = [layer.mean(axis=0) for layer in missing]
        did = bump.apply(list(zip(weights, silent, strict=True)), memory)
        found.append(int(memory[0]) if did else None)
        assert did or memory.tolist() == [-1, 0]
    assert found == history
    assert all(same_bits(a, b) for a, b in zip(weights, wanted, strict=True))


def test_bumps_end_before_weights_are_infinite():
    weights, memory = np.zeros((1, 1), np.float32), np.array([-1.0, 0.0])
    for _ in range(2000):
        assert Bump(1, 0.5).apply([(weights, np.ones(1))], memory)
    assert memory.tolist() == [0, 2000]
    assert 2**20 <= weights[0, 0] < 2000 * 2**20


def test_a_share_for_each_layer_must_be_for_each():
    with pytest.raises(ShapeError, match=r"Bump\(most=...\) has 2 fractions for 3 layers"):
        Bump(most=(0.3, 0.0)).check(3)
    Bump(most=(0.3, 0.0)).check(2)
    Bump(most=0.3).check(2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Revive(1), r"Revive\(share=...\) must be below 1"),
        (lambda: Push(0), r"Push\(strength=...\) must be above 0"),
        (lambda: Hinge(INF), r"Hinge\(strength=...\) must be above 0"),
        (lambda: Bump(size=-1), r"Bump\(size=...\) must be above 0"),
        (lambda: Bump(most=1.5), r"Bump\(most=...\) must be 1 or less"),
        (lambda: Bump(most=(0.3, -1)), r"Bump\(most=...\) must be 0 or more"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
