import itertools

import numba
import numpy as np
import pytest
from cases import (
    FLOATS,
    PAIRS,
    PALETTES,
    SEEDS,
    TIMES,
    any_networks,
    any_stimuli,
    any_times,
    any_weights,
    dyadic_networks,
    dyadic_times,
    run,
    same_bits,
    same_record,
)
from guarded import guarded, guarded_tuple, guards, in_own_process
from hypothesis import given
from hypothesis import strategies as st
from reference import forward_exact, forward_float

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.kernels import batch as kernels

pytestmark = pytest.mark.small
INF = np.inf
EDGES = [1, 15, 16, 17, 63, 64, 65, 80, 128, 130]  # of vectors of 16 and words of 64 neurons
compiled_only = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")


def network_of(*weights, threshold=1.0, delay=0.0, t_max=100.0, dtype=np.float64):
    """A network with the given weights and the same settings in each layer."""
    layers = [ttfs.Dense.of(w, threshold=threshold, delay=delay) for w in weights]
    return ttfs.Network(*layers, t_max=t_max, dtype=dtype)


def changed(network, weights=None, **settings):
    """The network with other weights, or with other settings of its layers."""
    weights = network.weights if weights is None else weights
    layers = []
    for layer, w in zip(network.layers, weights, strict=True):
        known = {"threshold": layer.threshold, "delay": layer.delay}
        layers.append(ttfs.Dense.of(w, **(known | settings)))
    return ttfs.Network(*layers, t_max=network.t_max, dtype=network.dtype)


# Against exact arithmetic


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_random_networks_equal_exact_arithmetic(dtype, time_dtype, data):
    network = data.draw(dyadic_networks(dtype))
    times = data.draw(dyadic_times(network, time_dtype))
    record = run(network, times)
    assert same_record(record, forward_exact(network, times))


@given(data=st.data())
def test_every_entry_of_a_tiny_network_may_be_anything(data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=3))
    weight = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0, -0.25])
    layers = []
    for below, size in itertools.pairwise(sizes):
        row = st.lists(weight, min_size=size, max_size=size)
        weights = data.draw(st.lists(row, min_size=below, max_size=below))
        delay = data.draw(st.sampled_from([0, 1]))
        threshold = data.draw(st.sampled_from([0.5, 1, 2]))
        layers.append(ttfs.Dense.of(weights, threshold=threshold, delay=delay))
    network = ttfs.Network(*layers, t_max=4)
    time = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, INF])
    times = [data.draw(st.lists(time, min_size=sizes[0], max_size=sizes[0]))]
    record = run(network, times)
    assert same_record(record, forward_exact(network, times))


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_layers_of_every_width_equal_exact_arithmetic(dtype, size):
    rng = np.random.default_rng(size)
    network = network_of(
        rng.choice(PALETTES["mixed"], (30, size)),
        rng.choice(PALETTES["mixed"], (size, size)),
        threshold=rng.integers(1, 40, size) / 4,
        delay=0.5,
        t_max=8,
        dtype=dtype,
    )
    times = rng.choice([0.0, 1.0, 1.5, 6.0, 8.0, INF], (2, 30))
    record = run(network, times)
    assert same_record(record, forward_exact(network, times))
    assert size == 1 or np.isfinite(record.times[-1]).any()


@pytest.mark.parametrize("inputs", [1, 2, 255, 256, 257, 1000])
def test_any_number_of_inputs_equals_exact_arithmetic(inputs):
    rng = np.random.default_rng(inputs)
    weights = rng.choice(PALETTES["signs"], (inputs, 17))
    network = network_of(weights, threshold=2, t_max=20, dtype=np.float32)
    times = rng.integers(0, 22, (2, inputs))
    assert same_record(run(network, times), forward_exact(network, times.astype(float)))


# Against the promised order of additions


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("inputs", [1, 100, 1000])
def test_large_layers_equal_the_plain_loops_in_every_bit(inputs, size):
    rng = np.random.default_rng([inputs, size])
    first = any_weights(rng, "near", (inputs, size), np.float32)
    second = any_weights(rng, "near", (size, 10), np.float32)
    layers = [
        ttfs.Dense.of(first, threshold=np.abs(first).max(), delay=0.1),
        ttfs.Dense.of(second, threshold=np.abs(second).max(), delay=0.1),
    ]
    network = ttfs.Network(*layers, t_max=100)
    times = np.array([any_times(rng, kind, inputs, 100) for kind in ("uniform", "ties")])
    assert same_record(run(network, times), forward_float(network, times))


@pytest.mark.parametrize("dtype", TIMES)
def test_times_of_any_size_are_sorted(dtype):
    info = np.finfo(dtype)
    times = [0.0, float(info.smallest_subnormal), float(info.tiny), 1e-20, 1.0, 255.0, 256.0, 257.0]
    times += [2.0**20, np.nextafter(dtype(2**20), dtype(INF)), 1e30, float(info.max) / 4]
    order = np.random.default_rng(0).permutation(len(times))
    row = np.array(times, dtype)[order]
    # Neuron j fires when j + 1 inputs have arrived: the sorted times, one in each neuron.
    threshold = np.arange(1.0, len(times) + 1)
    network = network_of(np.ones((len(times), len(times))), threshold=threshold, t_max=1e308)
    assert same_bits(run(network, row[None]).times[1][0], np.sort(row))


def test_potentials_that_overflow_behave_as_ieee_says():
    big = float(np.finfo(np.float32).max)
    network = network_of([[big, big], [big, -1.0], [-big, -1.0]], threshold=big, dtype=np.float32)
    record = run(network, [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])
    assert same_record(record, forward_float(network, np.array([[0.0, 1, 2], [2.0, 1, 0]])))


# The definition at its edges


def test_a_spike_at_the_horizon_does_not_happen():
    before = np.nextafter(10.0, 0)
    record = run(network_of([[1.0]], t_max=10), [[10.0], [before], [11.0], [INF]])
    assert record.times[1].ravel().tolist() == [INF, before, INF, INF]
    assert record.potential.ravel().tolist() == [0, 1, 0, 0]


def test_a_delay_can_take_an_arrival_over_the_horizon():
    record = run(network_of([[1.0]], delay=2.5, t_max=10), [[7.5], [7.25]])
    assert record.times[1].ravel().tolist() == [INF, 9.75]
    assert record.potential.ravel().tolist() == [0, 1]


def test_an_arrival_is_rounded_to_the_dtype_of_the_times():
    network = network_of([[1.0], [1.0]], threshold=2, delay=0.1)
    for dtype in FLOATS:
        record = run(network, np.array([[1, 2]], dtype))
        assert record.times[1][0, 0] == dtype(2 + 0.1)


def test_an_arrival_that_rounds_to_the_horizon_does_not_happen():
    before = np.nextafter(np.float32(10), np.float32(0))
    network = network_of([[1.0]], delay=1e-7, t_max=10)
    assert run(network, np.array([[before]])).times[1][0, 0] == before
    network = network_of([[1.0]], delay=9e-7, t_max=10)
    assert run(network, np.array([[before]])).times[1][0, 0] == INF


def test_all_inputs_of_an_instant_are_added_before_the_neuron_is_asked():
    network = network_of([[2.0], [-1.5], [1.0]])
    record = run(network, [[3.0, 3.0, INF], [3.0, 3.0, 3.0], [3.0, 4.0, 5.0]])
    assert record.times[1].ravel().tolist() == [INF, 3, 3]
    assert record.potential.ravel().tolist() == [0.5, 1.5, 2.0]


def test_a_neuron_fires_at_the_threshold_itself():
    assert run(network_of([[1.0]]), [[4.0]]).times[1][0, 0] == 4


def test_without_delay_a_spike_passes_all_layers_at_once():
    assert [t[0, 0] for t in run(network_of(*[[[1.0]]] * 4), [[4.0]]).times] == [4.0] * 5


def test_each_layer_adds_its_own_delay():
    layers = [ttfs.Dense.of([[1.0]], threshold=1, delay=delay) for delay in (1, 0.5, 0, 2)]
    record = ttfs.forward(ttfs.Network(*layers, t_max=100), [[4.0]])
    assert [t[0, 0] for t in record.times] == [4, 5, 5.5, 5.5, 7.5]


def test_a_silent_layer_silences_those_above():
    network = network_of(np.ones((3, 70)), -np.ones((70, 2)), np.ones((2, 2)), t_max=9)
    record = run(network, np.zeros((1, 3)))
    assert np.isinf(record.times[2]).all()
    assert np.isinf(record.times[3]).all()
    assert (record.potential == 0).all()


def test_a_potential_at_a_spike_is_not_changed_by_later_inputs():
    network = network_of([[1.0, 0.25], [1.0, 0.25], [-5.0, 0.25]])
    record = run(network, [[0.0, 1.0, 2.0]])
    assert record.times[1].tolist() == [[0.0, INF]]
    assert record.potential.tolist() == [[1.0, 0.75]]


def test_minus_zero_is_zero():
    network = network_of(np.arange(9.0).reshape(3, 3) - 2)
    assert same_record(run(network, [[-0.0, 0.0, -0.0]]), run(network, [[0.0, 0.0, 0.0]]))
    assert not np.signbit(run(network, [[-0.0, 0.0, 1.0]]).times[1]).any()


def test_an_empty_batch_gives_empty_results():
    network = network_of(np.ones((3, 70)), np.ones((70, 2)), dtype=np.float32)
    record = ttfs.forward(network, np.empty((0, 3)))
    assert len(record) == 0
    assert [t.shape for t in record.times] == [(0, 3), (0, 70), (0, 2)]
    assert record.potential.shape == (0, 2)
    assert (record.times[1].dtype, record.potential.dtype) == (np.float64, np.float32)


# What goes in and comes out


@pytest.mark.parametrize("dtype", TIMES)
def test_times_come_back_in_the_dtype_they_had(dtype):
    record = ttfs.forward(network_of([[1.0]], dtype=np.float32), np.array([[2]], dtype))
    assert [t.dtype for t in record.times] == [dtype, dtype]
    assert record.potential.dtype == np.float32


STIMULUS = np.array([[0.0, 3.0, 1.0], [2.0, 2.0, 5.0]])
READINGS = {
    "list": STIMULUS.tolist(),
    "integers": STIMULUS.astype(int),
    "small integers": STIMULUS.astype(np.uint8),
    "half precision": STIMULUS.astype(np.float16),
    "other byte order": STIMULUS.astype(">f8"),
    "columns first": np.asfortranarray(STIMULUS),
    "every other": np.repeat(np.repeat(STIMULUS, 2, axis=0), 2, axis=1)[::2, ::2],
    "backwards": STIMULUS[::-1, ::-1].copy()[::-1, ::-1],
}


@pytest.mark.parametrize("times", READINGS.values(), ids=READINGS.keys())
def test_the_same_numbers_in_another_form_give_the_same_record(times):
    network = network_of(np.arange(12).reshape(3, 4) / 4, threshold=2)
    record = ttfs.forward(network, times)
    assert same_record(record, ttfs.forward(network, STIMULUS))
    assert same_bits(record.times[0], STIMULUS)


def test_a_record_says_how_large_it_is():
    record = ttfs.forward(network_of(np.ones((3, 2))), STIMULUS)
    assert repr(record) == "Record(2 samples, 3-2)"


def test_changed_weights_count_from_the_next_call_on():
    network = network_of([[1.0]])
    network.weights[0][:] = 0.5
    assert ttfs.forward(network, [[2.0]]).times[1][0, 0] == INF


WRONG = {
    "one stimulus without a batch": ([1.0, 2.0, 3.0], ShapeError, "pass times"),
    "too many dimensions": (np.zeros((1, 1, 3)), ShapeError, "3"),
    "no dimension": (1.0, ShapeError, "samples, 3"),
    "too few inputs": (np.zeros((4, 2)), ShapeError, r"\(4, 2\)"),
    "too many inputs": (np.zeros((4, 5)), ShapeError, r"\(4, 5\)"),
    "rows of different length": ([[1.0, 2.0, 3.0], [1.0]], InputError, "times"),
    "not a number": ([[0.0, np.nan, 1.0]], InputError, "nan"),
    "negative": ([[0.0, -1.0, 1.0]], InputError, "-1.0"),
    "minus infinity": ([[0.0, -INF, 1.0]], InputError, "-inf"),
    "words": ([["a", "b", "c"]], InputError, "numbers"),
    "complex": (np.zeros((1, 3), complex), InputError, "numbers"),
    "nothing": (None, InputError, "numbers"),
}


@pytest.mark.parametrize(("times", "error", "words"), WRONG.values(), ids=WRONG.keys())
def test_impossible_times_are_refused(times, error, words):
    with pytest.raises(error, match=words):
        ttfs.forward(network_of(np.ones((3, 2))), times)


# The same input gives the same output


# Laws


@given(data=st.data(), shift=st.integers(1, 50))
def test_shifted_inputs_shift_the_spikes(data, shift):
    network = data.draw(dyadic_networks(t_max=1000.0, delays=[0.0, 1.0, 3.0]))
    times = data.draw(dyadic_times(network, grids=["steps", "at once", "two"]))
    first, second = run(network, times), run(network, times + shift)
    assert all(same_bits(a + shift, b) for a, b in zip(first.times, second.times, strict=True))
    assert same_bits(first.potential, second.potential)


@given(data=st.data())
def test_a_neuron_fires_when_an_input_arrives_and_before_the_horizon(data):
    network = data.draw(any_networks())
    times = data.draw(any_stimuli(network))
    record = run(network, times)
    for layer, below, above in zip(network.layers, record.times, record.times[1:], strict=False):
        for arrivals, spikes in zip(below + layer.delay, above, strict=True):
            assert np.isin(spikes, [*arrivals, INF]).all()
            assert ((spikes < network.t_max) | np.isinf(spikes)).all()


@given(data=st.data())
def test_more_excitation_is_never_later(data):
    network = data.draw(dyadic_networks(palettes=["excitatory", "equal"]))
    times = data.draw(dyadic_times(network))
    stronger = changed(network, [w + 0.25 for w in network.weights])
    first, second = run(network, times), run(stronger, times)
    assert all((b <= a).all() for a, b in zip(first.times, second.times, strict=True))


@given(data=st.data())
def test_a_lower_threshold_is_never_later_in_one_layer(data):
    network = data.draw(dyadic_networks())
    times = data.draw(dyadic_times(network))
    layer = network.layers[0]
    easier = ttfs.Dense.of(
        network.weights[0], threshold=np.divide(layer.threshold, 2), delay=layer.delay
    )
    easier = ttfs.Network(easier, t_max=network.t_max)
    assert (run(easier, times).times[1] <= run(network, times).times[1]).all()


@given(data=st.data(), seed=SEEDS)
def test_inputs_of_weight_zero_change_nothing(data, seed):
    network = data.draw(any_networks())
    times = data.draw(any_stimuli(network))
    rng = np.random.default_rng(seed)
    first = np.concatenate([network.weights[0], np.zeros((5, network.sizes[1]))])
    wider = changed(network, [first, *network.weights[1:]])
    more = np.concatenate([times, rng.uniform(0, 10, (len(times), 5))], axis=1)
    assert same_record(run(network, times), run(wider, more))


# One bit


@given(data=st.data(), scale=st.sampled_from([0.5, 1, 2, 5]))
def test_a_binary_network_is_a_real_one_of_signs_with_scaled_thresholds(data, scale):
    real = data.draw(dyadic_networks())
    times = data.draw(dyadic_times(real))
    layers = [
        ttfs.Dense.of(
            w, threshold=layer.threshold, delay=layer.delay, weights=ttfs.Binary(scale=scale)
        )
        for w, layer in zip(real.weights, real.layers, strict=True)
    ]
    binary = ttfs.Network(*layers, t_max=real.t_max)
    signs = [
        ttfs.Dense.of(
            np.where(w >= 0, 1, -1),
            threshold=np.divide(layer.threshold, scale),
            delay=layer.delay,
        )
        for w, layer in zip(real.weights, real.layers, strict=True)
    ]
    signs = ttfs.Network(*signs, t_max=real.t_max)
    record = run(binary, times)
    assert same_record(record, run(signs, times))
    assert same_record(record, forward_exact(binary, times))
    assert np.array_equal(record.potential, np.rint(record.potential))


# Memory: what vector loads and stores touch. They are not bounds-checked.


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("poison", [INF, -INF, np.nan])
def test_padding_is_never_read(size, poison):
    rng = np.random.default_rng(size)
    network = network_of(
        *[rng.choice(PALETTES["mixed"], shape) for shape in [(20, size), (size, size), (size, 3)]]
    )
    times = rng.integers(0, 9, (20, 20))
    clean = run(network, times)
    for k, outputs in enumerate(network.sizes[1:]):
        network.padded(network.arrays.weights, k)[:, outputs:] = poison
        start, end = network.arrays.units[k] + outputs, network.arrays.units[k + 1]
        network.arrays.thresholds[start:end] = -INF
    assert same_record(clean, run(network, times))


SHAPES = [
    (1, 1),
    (3, 16, 17),
    (17, 63, 1),
    (2, 64, 64),
    (64, 65, 15),
    (70, 1, 70),
    (9, 300, 10),
    (300, 80, 130, 10),
]


def run_guarded(sizes, at, *, dtype=np.float32, time_dtype=np.float64, cut=0):
    """Every sample of a batch in memory that ends the process when left; returns the spikes.

    `cut`: by how many numbers the weights are too short.
    """
    rng = np.random.default_rng(0)
    layers = [
        # Neurons that fire one by one leave as many instants as there can be.
        ttfs.Dense.of(rng.uniform(0, 1, (m, n)), threshold=np.linspace(0.1, m / 4, n))
        for m, n in itertools.pairwise(sizes)
    ]
    network = ttfs.Network(*layers, t_max=2000, dtype=dtype)
    times = [
        rng.permutation(1000)[: sizes[0]],
        rng.uniform(0, 1000, sizes[0]),
        rng.uniform(0, 4000, sizes[0]),
        np.zeros(sizes[0]),
        np.full(sizes[0], INF),
    ]
    times = np.array(times, time_dtype)
    arrays = network.arrays
    arrays = guarded_tuple(arrays._replace(weights=arrays.weights[: len(arrays.weights) - cut]), at)
    work = guarded_tuple(kernels.make_work(arrays, times), at)
    record, heard = ttfs.forward(network, times), np.empty((len(times), len(sizes) - 1), int)
    whole = np.empty((len(times), 0), np.int32)
    potential = guarded(np.empty((len(times), sizes[-1]), dtype), at)
    for s in range(len(times)):
        for scratch in work[:-1]:  # but for the strides
            scratch.view(np.uint8)[...] = 255  # what a former sample left
        spikes = guarded(np.empty(arrays.units[-1], time_dtype), at)
        found = kernels.Found(spikes[None], potential, whole, heard)
        end = kernels.run_sample(arrays, guarded(times[s], at), False, work, spikes)
        kernels.finish(arrays, False, end, work, spikes, found, s)
        for k, size in enumerate(sizes[1:]):
            start = arrays.units[k]
            assert same_bits(spikes[start : start + size], record.times[k + 1][s])
        assert same_bits(potential[s], record.potential[s])


def run_all_guarded(at):
    for sizes in SHAPES:
        for dtype, time_dtype in PAIRS:
            run_guarded(sizes, at, dtype=dtype, time_dtype=time_dtype)


@guards
@pytest.mark.parametrize("at", ["start", "end"])
def test_kernels_stay_within_their_arrays(at):
    child = in_own_process("test_batch", "run_all_guarded", at)
    assert child.returncode == 0, child.stderr


@guards
def test_a_load_beyond_its_array_would_be_seen():
    code = "import test_batch as t; t.run_guarded((9, 30, 10), 'end', cut={})"
    assert in_own_process("builtins", "exec", code.format(0)).returncode == 0
    assert in_own_process("builtins", "exec", code.format(1)).returncode < 0


@pytest.mark.parametrize("sizes", SHAPES)
def test_scratch_has_room_for_every_event_instant_and_mark(sizes):
    network = network_of(*[np.ones(shape) for shape in itertools.pairwise(sizes)])
    arrays = network.arrays
    work = kernels.make_work(arrays, np.empty((1, sizes[0])))
    longest = max(sizes)
    assert work.arrivals.size >= longest
    assert work.instants.size >= longest
    for k, size in enumerate(sizes[1:]):
        stride = work.strides[k]
        assert kernels.WORD * work.waiting[k].size >= kernels.WORD * stride >= size
        rows = sizes[k] * stride // kernels.WORDS
        assert sizes[k] * stride <= work.marks.size
        assert rows + kernels.WORDS <= work.some.size
        assert rows <= min(work.when.size, work.whose.size)
        last_load = arrays.rows[k] + sizes[k] * arrays.widths[k]
        assert last_load <= arrays.weights.size
        assert arrays.units[k + 1] <= arrays.thresholds.size
        assert arrays.units[k] + arrays.widths[k] <= work.potential.size


@compiled_only
def test_bounds_checks_that_were_asked_for_are_made(tmp_path):
    asked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_OPT": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    child = in_own_process("test_batch", "go_beyond", **asked)
    assert child.returncode == 0, child.stderr


def go_beyond():
    """What an index beyond an array leads to, where it is checked."""
    arrays = network_of([[1.0]]).arrays
    work = kernels.make_work(arrays, np.empty((1, 1)))
    with pytest.raises(IndexError):
        kernels.schedule(arrays, 1, 8.0, work)
    whole, heard = np.zeros((0, 1), np.int32), np.zeros((1, 1), int)
    found = kernels.Found(np.zeros((1, 16)), np.zeros((0, 1)), whole, heard)
    with pytest.raises(IndexError):
        kernels.run(arrays, False, np.zeros((1, 1)), found, work, 0, 1)
