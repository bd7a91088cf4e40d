import numpy as np
import pytest
from cases import PAIRS, RESPONSES, SEEDS, run
from cases_moved import RADII, moved, of_kind
from cases_windows import networks as windowed
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from reference_certify import bounds_of

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.robustness import attack, plain
from ttfs.robustness.envelope import PART
from ttfs.robustness.rounding import are_exact, margins

INF = np.inf
KINDS = ["dense", "exact", "bits", "delays", "maps", "windows"]
ONE = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)


def certified(network, times, radius):
    """A certificate; another example is tried where roundings are as large as thresholds."""
    try:
        with np.errstate(all="ignore"):
            return ttfs.certify(network, times, radius)
    except InputError:
        reject()


def outside(network, found, times):
    """The (layer, sample, neuron) of each spike that is not within the bounds of a certificate."""
    record = run(network, times)
    return [
        (k, *place)
        for k, layer in enumerate(record.times)
        for place in np.argwhere(~((found.earliest[k] <= layer) & (layer <= found.latest[k])))
    ]


def judge(network, times, radius, rng, moves):
    """No movement of these stimuli takes a spike out of its bounds, or changes a sure decision."""
    found = certified(network, times, radius)
    record = run(network, times)
    assert (found.label == ttfs.decide(record.times[-1], record.potential).label).all()
    for _ in range(moves):
        other = moved(rng, times, radius)
        assert outside(network, found, other) == []
        record = run(network, other)
        label = ttfs.decide(record.times[-1], record.potential).label
        assert (label == found.label)[found.certified].all()


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(data=st.data())
def test_no_spike_is_outside_its_bounds(kind, pair, data):
    network, times = data.draw(of_kind(kind, *pair))
    rng = np.random.default_rng(data.draw(SEEDS))
    judge(network, times, data.draw(st.sampled_from(RADII)), rng, 4)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=1200)
@given(data=st.data())
def test_no_spike_is_outside_its_bounds_in_a_hundred_thousand_trials(kind, data):
    network, times = data.draw(of_kind(kind, *data.draw(st.sampled_from(PAIRS))))
    rng = np.random.default_rng(data.draw(SEEDS))
    judge(network, times, data.draw(st.sampled_from(RADII)), rng, 8)  # of two samples or three


# Against a slow twin in rational numbers


def as_floats(pairs):
    return np.array([[float(t) for t in pair] for pair in pairs]).T


@pytest.mark.parametrize("kind", ["exact", "bits"])
@settings(max_examples=15)
@given(data=st.data())
def test_where_sums_are_exact_so_are_bounds(kind, data):
    network, times = data.draw(of_kind(kind, np.float32, np.float64, exact=True))
    radius = data.draw(st.sampled_from([0.0, 0.25, 1.0, 4.0]))
    found = ttfs.certify(network, times, radius)
    for s, row in enumerate(times):
        for k, pairs in enumerate(bounds_of(network, row, radius)):
            assert found.earliest[k][s].tolist() == as_floats(pairs)[0].tolist()
            assert found.latest[k][s].tolist() == as_floats(pairs)[1].tolist()


def drawn(seed, psp):
    """A network of a convolution, a pool and two dense layers, with delays, and a stimulus."""
    rng = np.random.default_rng(seed)
    layers = [
        ttfs.Conv2d(3, 2, initial=rng.normal(0.2, 1, (8, 3)), threshold=[0.5, 0.7, 1], delay=0.1),
        ttfs.MinPool2d(2, stride=1, delay=rng.uniform(0, 0.2, 27)),
        ttfs.Dense.of(
            rng.normal(0.2, 1, (12, 5)), threshold=0.8, delay=rng.uniform(0, 0.3, (12, 5))
        ),
        ttfs.Dense.of(rng.normal(0.3, 1, (5, 3)), threshold=0.4),
    ]
    network = ttfs.Network(*layers, psp=psp, t_max=20, dtype=float, shape=(4, 4, 2))
    times = rng.uniform(0, 3, (1, 32))
    return network, np.where(rng.random(times.shape) < 0.3, INF, times)


@pytest.mark.parametrize("psp", RESPONSES[:4], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_bounds_are_those_of_the_twin(psp, seed):
    network, times = drawn(seed, psp)
    found = ttfs.certify(network, times, 0.05)
    for k, pairs in enumerate(bounds_of(network, times[0], 0.05)):
        np.testing.assert_allclose(found.earliest[k][0], as_floats(pairs)[0], rtol=1e-8)
        np.testing.assert_allclose(found.latest[k][0], as_floats(pairs)[1], rtol=1e-8)


@settings(max_examples=15)
@given(data=st.data())
def test_bounds_in_windows_are_those_of_the_twin(data):
    network, values = data.draw(windowed(exact=False))
    if network.skips:
        reject()  # which the twin does not know
    times = np.where(values > 0, 1 - values, INF)
    found = ttfs.certify(network, times, 0.05)
    for s, row in enumerate(times):
        for k, pairs in enumerate(bounds_of(network, row, 0.05)):
            end = network.psp.begin(network.windows[k] + 1)  # a value of almost 0 is as good as 0
            for bound, exact in zip((found.earliest, found.latest), as_floats(pairs), strict=True):
                at, exact = np.minimum(bound[k][s], end), np.minimum(exact, end)
                np.testing.assert_allclose(at, exact, rtol=1e-8)


# Edges


def test_bounds_of_the_first_layer_are_reached():
    rng = np.random.default_rng(0)
    weights, times = rng.normal(0.5, 1, (6, 1)), rng.uniform(1, 5, (1, 6))
    network = ttfs.Network(ttfs.Dense.of(weights, threshold=0.5), t_max=10, dtype=float)
    found = ttfs.certify(network, times, 0.5)
    for bound, way in ((found.earliest, -1), (found.latest, 1)):
        reached = ttfs.forward(network, times + 0.5 * way * np.sign(weights.T)).times[1]
        np.testing.assert_allclose(reached, bound[1])


@pytest.mark.parametrize("psp", RESPONSES, ids=str)
def test_without_movement_bounds_are_the_spikes(psp):
    network, times = drawn(1, psp)
    found, record = ttfs.certify(network, times, 0), ttfs.forward(network, times)
    for early, layer, late in zip(found.earliest, record.times, found.latest, strict=True):
        assert (early <= layer).all()
        assert (layer <= late).all()
        np.testing.assert_allclose(early, late, rtol=1e-8)
    decisions = ttfs.decide(record.times[-1], record.potential)
    assert (found.certified == ~(decisions.tied | decisions.undecided)).all()


def test_a_spike_that_can_reach_the_horizon_can_be_gone():
    for radius, last in ((0.5, 9.5), (1, INF)):
        found = ttfs.certify(ONE, [[9.0, INF]], radius)
        assert found.earliest[1].tolist() == [[9.0 - radius, INF]]
        assert found.latest[1].tolist() == [[last, INF]]
    late = ttfs.certify(ONE, [[10.5, 3.0]], 1)
    assert late.earliest[0][0, 0] == 9.5
    assert late.latest[0][0, 0] == INF


def test_none_comes_before_zero():
    assert ttfs.certify(ONE, [[0.5, 3.0]], 2).earliest[0].tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("radius", [3.4e38, 1e300, 1.7e308])
def test_a_movement_of_any_size_leaves_silence_alone(radius, dtype):
    found = ttfs.certify(ONE, np.array([[2.0, INF]], dtype), radius)
    assert found.earliest[0].tolist() == [[0.0, INF]]
    assert found.latest[0].tolist() == [[INF, INF]]
    assert not found.certified[0]


def test_a_batch_is_bounded_part_by_part_and_may_be_empty():
    times = np.random.default_rng(0).uniform(0, 9, (PART + 3, 2))
    found = ttfs.certify(ONE, times, 0.5)
    assert len(ttfs.certify(ONE, times[:0], 0.5)) == 0
    for s in (0, PART - 1, PART, PART + 2):
        alone = ttfs.certify(ONE, times[s : s + 1], 0.5)
        assert (found.label[s], found.certified[s]) == (alone.label[0], alone.certified[0])
        for whole, one in zip(
            (*found.earliest, *found.latest), (*alone.earliest, *alone.latest), strict=True
        ):
            assert (whole[s] == one[0]).all()


def test_a_tie_is_not_certain():
    assert ttfs.certify(ONE, [[2.0, 4.0]], [1.0, 0.99][1]).certified.tolist() == [True]
    assert ttfs.certify(ONE, [[2.0, 4.0]], 1.0).certified.tolist() == [False]


def test_an_output_that_always_comes_with_its_rival_wins_by_potential_with_windows():
    layer = ttfs.Dense.of([[3.0, 2.0]], threshold=1)  # both fire at the beginning of the window
    network = ttfs.Network(layer, psp=ttfs.Windows(), dtype=float)
    assert ttfs.forward(network, [[0.2]]).times[1].tolist() == [[1.0, 1.0]]
    assert ttfs.certify(network, [[0.2]], 0.05).certified.tolist() == [True]
    assert ttfs.certify(network, [[0.2]], 0.2).certified.tolist() == [False]


@pytest.mark.parametrize("radius", [-1, INF, np.nan, "a", None])
def test_a_radius_that_is_none_is_refused(radius):
    with pytest.raises(InputError, match=r"certify\(radius=...\)"):
        ttfs.certify(ONE, [[1.0, 2.0]], radius)


def test_what_is_no_network_or_stimulus_is_refused():
    with pytest.raises(ShapeError, match="2"):
        ttfs.certify(ONE, [[1.0]], 0.1)
    with pytest.raises(InputError, match=r"certify\(network=...\)"):
        ttfs.certify(3, [[1.0]], 0.1)


def test_roundings_as_large_as_a_threshold_are_refused_with_the_cure():
    layer = ttfs.Dense.of(np.full((300, 2), 1.1e6), threshold=1.0)
    for dtype, cure in ((np.float32, "dtype=float"), (np.float64, None)):
        network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=10, dtype=dtype)
        if cure is None:
            assert len(ttfs.certify(network, np.ones((1, 300)), 0.1)) == 1
            continue
        with pytest.raises(InputError, match=cure):
            ttfs.certify(network, np.ones((1, 300)), 0.1)


# Roundings


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_any_order_stay_within_the_margin(dtype):
    rng = np.random.default_rng(0)
    layer = ttfs.Dense.of(rng.normal(0, 1, (400, 1)) * 2.0 ** rng.integers(-9, 9, (400, 1)))
    network = ttfs.Network(layer, t_max=1, dtype=dtype)
    weights, margin = network.weights[0][:, 0], margins(network, 0, np.float64)[0]
    sums = [np.cumsum(rng.permutation(weights))[-1] for _ in range(200)]
    assert 0 < max(sums) - min(sums) < margin


def test_what_is_a_multiple_is_added_without_rounding():
    weights = np.array([[0.25, 0.1, 2.0**-30, 1.0], [8, 1, 1, 0]])
    found = are_exact(weights, np.abs(weights).sum(axis=0), np.float32)
    assert found.tolist() == [True, False, False, True]
    assert not margins(ttfs.Network(ttfs.Dense(9, 5, weights=ttfs.Binary())), 0, np.float32).any()


# Attacks


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8)
@given(data=st.data())
def test_no_attack_changes_what_is_certified(kind, data):
    network, times = data.draw(of_kind(kind, np.float64, np.float64))
    radius = data.draw(st.sampled_from([0.05, 0.5, 3.0]))
    found = certified(network, times, radius)
    with np.errstate(all="ignore"):
        broken = attack(network, times, 2 * radius, rounds=2)
    assert (broken.radius[found.certified] > radius).all()
    changed = np.isfinite(broken.radius)
    record = run(network, broken.times)
    label = ttfs.decide(record.times[-1], record.potential).label
    assert ((label != broken.label) == changed).all()
    silent = np.isinf(times)
    assert (np.isinf(broken.times) == silent).all()
    moves = np.abs(np.where(silent, 0, broken.times) - np.where(silent, 0, times)).max(axis=1)
    assert (moves <= np.where(changed, broken.radius, 0) * (1 + 1e-9) + 1e-9).all()


def test_an_attack_finds_the_smallest_movement_that_swaps_two_spikes():
    found = attack(ONE, [[2.0, 5.0], [1.0, 9.0]], most=3)
    assert found.label.tolist() == [0, 0]
    assert found.radius[0] == pytest.approx(1.5, abs=0.05)
    assert found.radius[1] == INF


def test_an_attack_tries_less_where_the_largest_movement_changes_nothing():
    rng = np.random.default_rng(47)
    layer = ttfs.Dense.of(rng.normal(0.3, 1, (4, 3)), threshold=0.7)
    network, times = ttfs.Network(layer, t_max=6), rng.uniform(0.1, 0.9, (40, 4))
    half, whole = (np.isfinite(attack(network, times, most).radius) for most in (0.45, 0.9))
    assert whole[half].all()


def test_a_plain_copy_has_the_same_spikes():
    layers = ttfs.Conv2d(3, 2, weights=ttfs.Binary(scale=2), threshold=3), ttfs.Dense(None, 4)
    network = ttfs.Network(*layers, shape=(4, 4, 1), t_max=9, seed=1)
    times = np.random.default_rng(0).uniform(0, 9, (20, 16))
    copy = plain(network)
    for one, other in zip(run(network, times).times, run(copy, times).times, strict=True):
        assert (one == other).all()
    copy.weights[0][:] = 0
    assert np.isinf(run(copy, times).times[1]).all()
