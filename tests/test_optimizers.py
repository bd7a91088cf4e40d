import numpy as np
import pytest
import reference
from cases import FLOATS, SEEDS, same_bits
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs import SGD, Adam, Cosine, Linear, Momentum
from ttfs.errors import InputError, ShapeError
from ttfs.optimizers import Warm, rate_at

pytestmark = pytest.mark.small


def stepped(optimizer, parameter, gradients, lr):
    """The parameter after a step for each gradient."""
    parameter = parameter.copy()
    slots = optimizer.slots(parameter)
    for gradient in gradients:
        optimizer.step(parameter, gradient, slots, lr)
    return parameter


@st.composite
def problems(draw, dtype):
    """A parameter, some gradients of many sizes, and a learning rate."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    gradients = rng.standard_normal(shape) * np.exp2(rng.uniform(-20, 20, shape))
    gradients[rng.random(shape) < 0.2] = 0
    parameter = rng.standard_normal(shape[1])
    lr = draw(st.sampled_from([0.1, 0.003, 2.0]))
    return parameter.astype(dtype), gradients.astype(dtype), lr


# Against the plain loops


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_gradient_descent_equals_the_plain_loop_in_every_bit(dtype, data):
    parameter, gradients, lr = data.draw(problems(dtype))
    found = stepped(SGD(), parameter, gradients, lr)
    assert same_bits(found, reference.sgd(parameter, gradients, lr))


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data(), keep=st.sampled_from([0, 0.5, 0.9]))
def test_momentum_equals_the_plain_loop_in_every_bit(dtype, data, keep):
    parameter, gradients, lr = data.draw(problems(dtype))
    found = stepped(Momentum(momentum=keep), parameter, gradients, lr)
    assert same_bits(found, reference.momentum(parameter, gradients, lr, keep))


@given(data=st.data(), beta1=st.sampled_from([0.0, 0.9]), beta2=st.sampled_from([0.9, 0.999]))
def test_adam_is_algorithm_1_of_the_paper(data, beta1, beta2):
    parameter, gradients, lr = data.draw(problems(np.float64))
    optimizer = Adam(beta1=beta1, beta2=beta2, epsilon=1e-6)
    expected = reference.adam(parameter, gradients, lr, beta1, beta2, 1e-6)
    assert stepped(optimizer, parameter, gradients, lr) == pytest.approx(expected, rel=1e-12)


@given(data=st.data())
def test_adam_is_that_in_single_precision_too(data):
    parameter, gradients, lr = data.draw(problems(np.float32))
    found = stepped(Adam(), parameter, gradients, lr)
    assert found.dtype == np.float32
    expected = reference.adam(parameter, gradients, np.float32(lr))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4 * lr)


# Laws


def test_momentum_without_memory_is_gradient_descent():
    parameter, gradients = np.ones(4), np.arange(12.0).reshape(3, 4)
    found = stepped(Momentum(momentum=0), parameter, gradients, 0.1)
    assert same_bits(found, stepped(SGD(), parameter, gradients, 0.1))


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient(size):
    found = stepped(Adam(epsilon=1e-20), np.zeros(2), [np.array([size, -size])], 0.1)
    assert found == pytest.approx(np.array([-0.1, 0.1]))


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()])
def test_no_gradient_means_no_step(optimizer):
    parameter = np.array([1.5, -0.0, 0.0, -2.0], np.float32)
    found = stepped(optimizer, parameter, np.zeros((5, 4), np.float32), 0.5)
    assert same_bits(found, parameter)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("optimizer", "lr"), [(SGD(), 0.1), (Momentum(momentum=0.5), 0.1), (Adam(), 0.05)]
)
def test_every_optimizer_descends_a_quadratic(optimizer, lr, dtype):
    goal, curvature = np.array([1.0, -2.0, 0.5], dtype), np.array([0.5, 1.0, 4.0], dtype)
    parameter = np.zeros(3, dtype)
    slots = optimizer.slots(parameter)
    for _ in range(300):
        optimizer.step(parameter, curvature * (parameter - goal), slots, dtype(lr))
    assert parameter == pytest.approx(goal, abs=1e-2)


def test_what_an_optimizer_remembers_belongs_to_one_parameter():
    for optimizer in (SGD(), Momentum(), Adam()):
        first, second = optimizer.slots(np.zeros(3)), optimizer.slots(np.zeros(3))
        assert first.keys() == second.keys()
        arrays = [*first.values(), *second.values()]
        pairs = [(a, b) for i, a in enumerate(arrays) for b in arrays[:i]]
        assert not any(np.shares_memory(a, b) for a, b in pairs)


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()], ids=repr)
@pytest.mark.parametrize("shape", [(), (1,), (3, 7), (2, 16), (0, 4)], ids=str)
def test_parameters_of_any_shape_learn_as_a_row_of_numbers(optimizer, shape):
    gradient = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) - 2
    found = stepped(optimizer, np.ones(shape), [gradient, gradient], 0.1)
    row = gradient.astype(float).reshape(-1)
    wanted = stepped(optimizer, np.ones(row.size), [row, row], 0.1)
    assert found.shape == shape
    assert same_bits(found.reshape(-1), wanted)


def test_gradients_may_lie_anywhere_in_memory():
    gradient = np.arange(160.0).reshape(80, 2)
    for one in (gradient[::2, 0], np.asfortranarray(gradient)[:40, 1], gradient[40:0:-1, 1]):
        found, wanted = (stepped(Momentum(), np.zeros(40), [g], 1) for g in (one, one.copy()))
        assert same_bits(found, wanted)


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()], ids=repr)
def test_arrays_beyond_which_a_step_would_read_or_write_are_refused(optimizer):
    parameter = np.zeros(100)
    slots = optimizer.slots(parameter)
    for gradient in (np.ones(50), np.ones((100, 1)), 1.0):
        with pytest.raises(ShapeError, match="gradient"):
            optimizer.step(parameter, gradient, slots, 0.1)
    with pytest.raises(InputError, match="masked"):
        optimizer.step(parameter, np.ma.masked_all(100), slots, 0.1)
    assert not parameter.any()
    assert not any(array.any() for array in slots.values()), "no step is counted"


@pytest.mark.parametrize("optimizer", [Momentum(), Adam()], ids=repr)
def test_what_is_remembered_of_another_parameter_is_refused(optimizer):
    with pytest.raises(ShapeError, match="of a parameter"):
        optimizer.step(np.zeros(100), np.ones(100), optimizer.slots(np.zeros(50)), 0.1)


def test_parameters_that_cannot_be_changed_in_place_are_refused():
    neighbours = np.zeros(40)
    fixed = np.zeros(20)
    fixed.flags.writeable = False
    for parameter in (neighbours[::2], fixed, np.zeros(20, int), np.zeros((4, 5), order="F")):
        gradient = np.ones(parameter.shape)
        with pytest.raises(InputError, match="parameter"):
            SGD().step(parameter, gradient, {}, 0.1)
    assert not neighbours.any()


# Schedules


@given(start=st.floats(0, 10), end=st.floats(0, 10), done=st.floats(0, 1))
@pytest.mark.parametrize("schedule", [Linear, Cosine])
def test_schedules_go_from_start_to_end_and_stay_between(schedule, start, end, done):
    rate = schedule(start, end)
    assert rate(0) == pytest.approx(start)
    assert rate(1) == pytest.approx(end)
    assert min(start, end) - 1e-12 <= rate(done) <= max(start, end) + 1e-12


def test_schedules_fall_all_the_way():
    for schedule in (Linear(0.2, 0.1), Cosine(0.2, 0.1), Cosine(0.2)):
        rates = [rate_at(schedule, done) for done in np.linspace(0, 1, 20)]
        assert rates == sorted(rates, reverse=True)
        assert len(set(rates)) == 20


def test_a_warm_beginning_rises_in_a_line_and_then_is_the_schedule():
    rate = Warm(Linear(1, 0.5), share=0.1)
    assert rate(0) == pytest.approx(0.1)
    assert rate(0.05) == pytest.approx(0.55 * 0.975)
    for done in (0.1, 0.5, 1.0):
        assert rate(done) == Linear(1, 0.5)(done)
    assert Warm(0.2)(0.5) == 0.2


def test_a_cosine_is_slow_at_both_ends():
    line, cosine = Linear(1, 0), Cosine(1)
    assert cosine(0.1) > line(0.1)
    assert cosine(0.5) == pytest.approx(0.5)
    assert cosine(0.9) < line(0.9)


def test_a_rate_may_be_a_number_or_any_function_of_the_share_done():
    assert rate_at(0.3, 0.7) == 0.3
    assert rate_at(lambda done: 1 - done, 0.25) == 0.75
    assert SGD(lr=lambda done: 0.1).lr(0) == 0.1


# Mistakes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SGD(lr=0), r"SGD\(lr=...\) must be above 0, got 0"),
        (lambda: SGD(lr=-0.1), r"SGD\(lr=...\) must be above 0, got -0.1"),
        (lambda: SGD(lr=np.nan), r"SGD\(lr=...\) must be above 0, got nan"),
        (lambda: SGD(lr="fast"), r"SGD\(lr=...\) must be a number, got 'fast'"),
        (lambda: SGD(lr=None), r"SGD\(lr=...\) must be a number, got None"),
        (lambda: Momentum(lr=np.inf), r"Momentum\(lr=...\) must be above 0, got inf"),
        (lambda: Momentum(momentum=1), r"Momentum\(momentum=...\) must be below 1, got 1"),
        (lambda: Momentum(momentum=-1), r"Momentum\(momentum=...\) must be 0 or more, got -1"),
        (lambda: Adam(lr=0), r"Adam\(lr=...\) must be above 0, got 0"),
        (lambda: Adam(beta1=1), r"Adam\(beta1=...\) must be below 1, got 1"),
        (lambda: Adam(beta2=1.5), r"Adam\(beta2=...\) must be below 1, got 1.5"),
        (lambda: Adam(epsilon=0), r"Adam\(epsilon=...\) must be above 0, got 0"),
        (lambda: Adam(epsilon=1e-50), r"Adam\(epsilon=...\) must be 1e-30 or more, got 1e-50"),
        (lambda: Linear(-1, 0), r"Linear\(start=...\) must be 0 or more, got -1"),
        (lambda: Linear(0, np.inf), r"Linear\(end=...\) must be 0 or more, got inf"),
        (lambda: Cosine(np.nan), r"Cosine\(start=...\) must be 0 or more, got nan"),
        (lambda: Warm(0), r"Warm\(lr=...\) must be above 0, got 0"),
        (lambda: Warm(0.1, 0), r"Warm\(share=...\) must be above 0, got 0"),
        (lambda: Cosine(1, -1), r"Cosine\(end=...\) must be 0 or more, got -1"),
    ],
)
def test_impossible_settings_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_optimizers_and_schedules_are_compared_by_value():
    assert SGD(lr=Linear(0.2, 0.1)) == ttfs.SGD(Linear(0.2, 0.1))
    assert SGD(lr=Linear(0.2, 0.1)) != ttfs.SGD(Cosine(0.2, 0.1))
