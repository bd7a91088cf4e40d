import io

import numpy as np
import pytest
from cases import FLOATS, MIXED, any_networks, any_stimuli, same_bits, times_for
from cases_circuits import circuits, finished, given_of, stimuli
from hypothesis import given
from hypothesis import strategies as st
from reference import course_of, synapses_of

import ttfs
from ttfs import Circuit, Network, Population, Projection, Simulator
from ttfs.cli.console import Console

pytestmark = pytest.mark.small
INF = np.inf


def explained(data, **settings):
    """A simulator at its end, what a circuit does by definition, and all explanations."""
    circuit = data.draw(circuits(**settings))
    stimulus = data.draw(stimuli(circuit))
    simulator = finished(circuit, stimulus)
    return simulator, course_of(circuit, given_of(stimulus)), explanations_of(simulator)


def explanations_of(simulator):
    """(population, neuron) -> its explanation, for all of them."""
    return {
        (k, j): simulator.explain(k, j)
        for k, population in enumerate(simulator.circuit.populations)
        for j in range(population.size)
    }


def reached(circuit, spikes, neuron):
    """All (arrival, layer, neuron, spiked, weight) at a neuron until its spike or the end."""
    end = spikes.get(neuron, INF)
    found = [
        (spikes[s.source] + s.delay, *s.source, spikes[s.source], s.weight)
        for s in synapses_of(circuit)
        if s.target == neuron and s.source in spikes
    ]
    return sorted(i for i in found if i[0] <= end and i[0] < circuit.t_max)


# Why a neuron fired


@given(data=st.data())
def test_the_inputs_are_all_spikes_that_reached_the_neuron(data):
    simulator, course, found = explained(data)
    spikes = {neuron: float(time) for neuron, time in course.spikes.items()}
    for neuron, why in found.items():
        inputs = [(i.time, i.layer, i.neuron, i.spiked, i.weight) for i in why.inputs]
        assert sorted(inputs) == reached(simulator.circuit, spikes, neuron)


@given(data=st.data())
def test_inputs_come_in_order_and_add_up(data):
    simulator, _, found = explained(data)
    for (k, j), why in found.items():
        order = [(i.time, i.neuron) for i in why.inputs]
        assert order == sorted(order)
        potential = [i.potential for i in why.inputs]
        assert potential == np.cumsum([i.weight for i in why.inputs]).tolist()
        assert simulator.potential(k)[j] == (potential or [0.0])[-1]


@given(data=st.data())
def test_at_a_spike_the_potential_has_reached_the_threshold(data):
    simulator, course, found = explained(data)
    for (k, j), why in found.items():
        assert why.time == simulator.times(k)[j]
        assert why.threshold == simulator.circuit.populations[k].threshold[j]
        if why.time < INF:
            assert why.margin == course.potential[k, j] - why.threshold
            assert why.closest == why.time
            assert why.given == (why.margin < 0)
            if not why.given:
                assert why.inputs[-1].time == why.time


@given(data=st.data())
def test_a_silent_neuron_comes_closest_where_its_potential_is_largest(data):
    _, course, found = explained(data)
    for neuron, why in found.items():
        history = course.history[neuron]
        if neuron not in course.spikes and history:
            best = max(potential for _, potential in history)
            assert why.margin == best - why.threshold
            assert why.closest == min(time for time, potential in history if potential == best)
            assert why.margin < 0


@given(data=st.data())
def test_where_nothing_arrived_nothing_is_said(data):
    _, course, found = explained(data)
    for neuron, why in found.items():
        if neuron not in course.spikes and not course.history[neuron]:
            assert why.inputs == ()
            assert np.isnan(why.closest)
            assert why.margin == -why.threshold
            assert not why.given


@pytest.mark.parametrize(("dtype", "time_dtype"), MIXED)
@given(data=st.data())
def test_the_last_potential_is_the_simulators_in_every_bit(dtype, time_dtype, data):
    network = data.draw(any_networks(dtype))
    for row in data.draw(any_stimuli(network, time_dtype, most_samples=1)):
        with np.errstate(all="ignore"):
            simulator = finished(network, row)
            found = explanations_of(simulator)
        for (k, j), why in found.items():
            if why.inputs:
                last = network.dtype.type(why.inputs[-1].potential)
                assert same_bits(last, simulator.potential(k)[j])


@given(data=st.data())
def test_in_the_middle_of_everything_the_inputs_are_those_until_now(data):
    circuit = data.draw(circuits())
    ends = {p.title: p for p in circuit.projections}  # an event tells these, not the projection
    circuit = Circuit(circuit.populations, list(ends.values()), t_max=circuit.t_max)
    simulator = Simulator(circuit, data.draw(stimuli(circuit)))
    arrived = {n: [] for n in explanations_of(simulator)}
    synapses = list(synapses_of(circuit))
    while (event := simulator.step()) is not None:
        if event.kind == "arrival":
            spiked = simulator.times(event.source)[event.neuron]
            sender = (event.source, event.neuron)
            for s in synapses:
                if (s.source, s.target[0], spiked + s.delay) == (sender, event.layer, event.time):
                    arrived[s.target].append((event.time, *sender))
        for neuron, why in explanations_of(simulator).items():
            inputs = [(i.time, i.layer, i.neuron) for i in why.inputs]
            assert inputs == [i for i in arrived[neuron] if i[0] <= why.time]


def hesitant():
    """A neuron that three inputs of one instant take over its threshold and back."""
    layer = ttfs.Dense.of([[2.0], [1.0], [-1.5]], threshold=2.5, delay=1.0)
    return Simulator(Network(layer, t_max=20, unit="ms"), [1.0, 1.0, 1.0])


def test_in_the_middle_of_an_instant_a_neuron_has_yet_to_fire():
    simulator = hesitant()
    for _ in range(5):
        simulator.step()
    why = simulator.explain("output", 0)
    assert [i.potential for i in why.inputs] == [2.0, 3.0]
    assert (why.time, why.margin) == (INF, 0.5)
    assert str(why).startswith("output 0 has yet to fire; at 2 ms 0.5 above its threshold 2.5\n")
    simulator.run()
    why = simulator.explain("output", 0)
    assert (why.time, why.closest, why.margin) == (INF, 2.0, -1.0)


def test_a_horizon_that_float32_cannot_hold_hides_no_input():
    populations = [Population("a", 1), Population("b", 1, 5.0)]
    projection = Projection("a", "b", [[1.0]], [[0.2]])
    simulator = finished(Circuit(populations, [projection], t_max=0.7), np.float32([0.5]))
    assert simulator.potential("b")[0] == len(simulator.explain("b", 0).inputs) == 1


def test_a_told_neuron_fires_without_reason():
    simulator = Simulator(hesitant().circuit, {0: [1.0, 4.0, 5.0], 1: [3.0]})
    simulator.run()
    why = simulator.explain("output", 0)
    assert why.given
    assert (why.time, why.margin, len(why.inputs)) == (3.0, -0.5, 1)
    assert str(why) == "output 0 fired at 3 ms: the stimulus says so"


def test_a_told_neuron_that_has_reason_fires_for_that_reason():
    simulator = Simulator(hesitant().circuit, {0: [1.0, 1.0, 5.0], 1: [2.0]})
    simulator.run()
    why = simulator.explain("output", 0)
    assert not why.given
    assert (why.time, why.margin) == (2.0, 0.5)


def test_inputs_after_the_spike_are_not_its_reason():
    simulator = Simulator(hesitant().circuit, [1.0, 2.0, 3.0])
    simulator.run()
    assert [i.time for i in simulator.explain("output", 0).inputs] == [2.0, 3.0]


# In words


def test_an_explanation_reads_as_a_table():
    layer = ttfs.Dense.of([[0.75, -1.0], [0.5, 0.25]], threshold=[1.0, 2.0], delay=1.0)
    simulator = Simulator(Network(layer, t_max=256, unit="ms"), [12.5, 3.0])
    assert str(simulator.explain("output", 0)) == "output 0 has not fired; nothing has reached it"
    simulator.run()
    fired = """\
output 0 fired at 13.5 ms, 0.25 above its threshold 1
   arrives             from   fired at     weight potential
         4          input 1          3       +0.5 0.5
      13.5          input 0       12.5      +0.75 1.25"""
    assert str(simulator.explain("output", 0)) == fired
    silent = """\
output 1 has not fired; closest at 4 ms, 1.75 below its threshold 2
   arrives             from   fired at     weight potential
         4          input 1          3      +0.25  0.25
      13.5          input 0       12.5         -1 -0.75"""
    assert str(simulator.explain("output", 1)) == silent
    assert str(simulator.explain("input", 0)) == "input 0 fired at 12.5 ms: the stimulus says so"


def test_inputs_without_weight_are_not_printed():
    layer = ttfs.Dense.of([[0.0, 0.0], [0.5, 0.0]], threshold=1.0)
    simulator = finished(Network(layer, t_max=9), [1.0, 2.0])
    assert len(simulator.explain("output", 0).inputs) == 2
    assert (
        str(simulator.explain("output", 0))
        == """\
output 0 has not fired; closest at 2 steps, 0.5 below its threshold 1
   arrives             from   fired at     weight potential
         2          input 1          2       +0.5 0.5"""
    )
    assert str(simulator.explain("output", 1)) == "output 1 has not fired; nothing has reached it"


# Traces


def corners_of(history, end):
    """The corners of a potential that is known at each instant at which something arrived."""
    corners, potential = [(0.0, 0.0)], 0.0
    for time, value in history:
        corners += [(float(time), potential), (float(time), float(value))]
        potential = float(value)
    return [*corners, (end, potential)]


@given(data=st.data())
def test_a_trace_has_its_corners_where_something_arrives(data):
    simulator, course, found = explained(data)
    for (k, j), why in found.items():
        (trace,) = simulator.trace(k, j)
        end = why.time if why.time < INF else simulator.time
        corners = list(zip(trace.times.tolist(), trace.potential.tolist(), strict=True))
        assert corners == corners_of(course.history[k, j], end)
        assert (trace.layer, trace.neuron) == (k, j)
        assert (trace.spike, trace.threshold) == (why.time, why.threshold)


@given(data=st.data())
def test_a_trace_ends_now_or_at_the_spike(data):
    circuit = data.draw(circuits())
    simulator = Simulator(circuit, data.draw(stimuli(circuit)))
    for _ in range(data.draw(st.integers(0, 15))):
        simulator.step()
    for k in range(len(circuit.populations)):
        for j, trace in enumerate(simulator.trace(k)):
            assert trace.times[-1] == min(trace.spike, simulator.time)
            assert trace.potential[-1] == simulator.potential(k)[j]
            assert (np.diff(trace.times) >= 0).all()


def test_traces_are_those_that_were_asked_for():
    layer = ttfs.Dense.of(np.eye(4), threshold=1)
    simulator = finished(Network(layer, t_max=9), [1.0, 2.0, 3.0, INF])
    assert [t.neuron for t in simulator.trace("output")] == [0, 1, 2, 3]
    assert [t.neuron for t in simulator.trace(1, [2, 0])] == [2, 0]
    assert [t.neuron for t in simulator.trace(1, 3)] == [3]
    assert simulator.trace(1, []) == []
    (trace,) = simulator.trace("output", 1)
    assert trace.times.tolist() == [0, 1, 1, 2, 2, 2]
    assert trace.potential.tolist() == [0, 0, 0, 0, 1, 1]


# In words


def spelled(weights, times, dtype, *, time_dtype=None, threshold=99.0, psp=None):
    """The explanation of one neuron, in lines, with numbers as they are typed."""
    layer = ttfs.Dense.of(np.array(weights)[:, None], threshold=threshold)
    network = Network(layer, psp=psp, t_max=1000, dtype=dtype, unit="ms")
    simulator = Simulator(network, np.array(times, time_dtype or dtype))
    simulator.run()
    return simulator.explain("output", 0), str(simulator.explain("output", 0)).splitlines()


@pytest.mark.parametrize("dtype", FLOATS)
@given(tenths=st.lists(st.integers(-30, 30).filter(bool), min_size=1, max_size=30))
def test_a_potential_has_the_digits_that_rounding_leaves(dtype, tenths):
    weights = [*(each / 10 for each in tenths), -sum(tenths) / 10]
    _, lines = spelled(weights, range(len(weights)), dtype)
    shown = [float(line.split()[-1]) for line in lines[2:]]
    sums = np.cumsum([*tenths, -sum(tenths)][: len(shown)]) / 10
    assert shown == sums.tolist()


@pytest.mark.parametrize("rise", [INF, 2.5])
@pytest.mark.parametrize("dtype", FLOATS)
@given(
    tenths=st.lists(st.integers(-30, 30).filter(bool), min_size=1, max_size=12),
    start=st.floats(0, 200),
)
def test_a_ramp_that_was_taken_back_leaves_nothing(dtype, rise, tenths, start):
    weights = [*(each / 10 for each in tenths), -sum(tenths) / 10]
    times = [start] * (len(tenths) + 1) + [start + 10.0]
    kinds = {"dtype": dtype, "time_dtype": times_for(dtype)[0]}
    why, lines = spelled([*weights, 0.5], times, **kinds, psp=ttfs.Ramp(rise))
    assert abs(why.inputs[-1].potential) <= 2 * why.errors()[len(why.inputs) - 1]
    assert lines[-1].split()[-1] == "0"


@given(time=st.floats(0, 999, width=32))
def test_times_in_words_are_told_from_all_others(time):
    _, lines = spelled([1.0], [time], np.float32)
    assert [np.float32(word) for word in lines[2].split()[:1]] == [time]
    assert np.float32(lines[0].split("closest at ")[1].split()[0]) == time
    assert len(lines[2].split()[0].replace(".", "").lstrip("0").split("e")[0]) <= 9


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_spike_of_ramps_is_shown_to_the_digits_of_its_sums(dtype):
    layer = ttfs.Dense.of([[0.1]], threshold=1)
    network = Network(layer, psp=ttfs.Ramp(), t_max=200, dtype=dtype, unit="ms")
    for stimulus in times_for(dtype):
        simulator = Simulator(network, np.array([100.1], stimulus))
        simulator.run()
        lines = str(simulator.explain("output", 0)).splitlines()
        assert lines[0] == "output 0 fired at 110.1 ms, reaching its threshold 1"
        assert lines[2].split()[0] == "100.1"


def test_what_is_missing_by_rounding_is_said_to_be():
    over = float(np.nextafter(np.float32(1), np.float32(2)))
    _, lines = spelled([0.1, 0.2, 0.7], [1, 2, 3], np.float32, threshold=over)
    assert lines[0] == (
        "output 0 has not fired; closest at 3 ms, 1e-07 below its threshold 1,"
        " which is within rounding"
    )
    _, lines = spelled([0.1, 0.2, 0.4, -0.7], [1, 2, 3, 4.1], np.float32, threshold=1)
    assert lines[0] == "output 0 has not fired; closest at 3 ms, 0.3 below its threshold 1"
    assert lines[-1].split() == ["4.1", "input", "3", "4.1", "-0.7", "0"]


def test_whole_numbers_stay_whole():
    _, lines = spelled([1.0] * 700 + [-1.0], range(701), np.float32)
    assert [line.split()[-1] for line in lines[2:]] == [*map(str, range(1, 701)), "699"][
        : len(lines) - 2
    ]


@pytest.mark.parametrize("dtype", FLOATS)
def test_numbers_without_end_are_shown_as_they_are(dtype):
    most = float(np.finfo(dtype).max)
    for weights in ([-most, -most], [-most, -most, most]):
        with np.errstate(all="ignore"):
            _, lines = spelled(weights, range(len(weights)), dtype, threshold=most)
        assert lines[-1].split()[-1] == "-inf"


def test_the_console_shows_numbers_to_the_digits_they_have():
    layer = ttfs.Dense.of([[0.1], [0.2], [0.4], [-0.7]], threshold=1)
    network = Network(layer, t_max=20, unit="ms")
    simulator = Simulator(network, np.array([1, 2, 3, 12.345679], np.float32))
    console = Console(simulator, out := io.StringIO())
    for command in ("c", "p", "s", "b t 3.0000001", "e output 0"):
        console.obey(command)
    lines = out.getvalue().splitlines()
    assert lines[0] == " 12.345679  input 3 reaches output"
    assert lines[3].split() == ["0", "0", "1"]
    assert " 12.345679  input 3" in lines
    assert "break at 3.0000001" in lines
    assert lines[-1].split() == ["12.345679", "input", "3", "12.345679", "-0.7", "0"]


def test_a_spike_that_would_come_at_the_horizon_is_not_to_come():
    network = ttfs.Network(ttfs.Dense.of([[1], [1]], threshold=2), psp=ttfs.Ramp(5.0), t_max=10)
    simulator = ttfs.Simulator(network, [4.0, 5.0])
    assert simulator.run() == "end"
    told = str(simulator.explain("output", 0)).splitlines()[0]
    assert told == "output 0 has not fired; it would reach its threshold 2 at the horizon"
