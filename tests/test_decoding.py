import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ttfs import decide
from ttfs.errors import InputError, ShapeError

pytestmark = pytest.mark.small
INF = np.inf


@st.composite
def outputs(draw):
    """Times with many ties and silences, potentials with many ties."""
    shape = draw(st.tuples(st.integers(0, 5), st.integers(1, 6)))
    time_dtype, dtype = draw(st.sampled_from([np.float32, np.float64])), np.float32
    times = st.sampled_from([0.0, -0.0, 1.0, 2.5, INF])
    potential = st.sampled_from([-INF, -2.0, 0.0, 1.0, 3.0])
    return (
        draw(arrays(time_dtype, shape, elements=times)),
        draw(arrays(dtype, shape, elements=potential)),
    )


@given(outputs())
def test_decisions_equal_the_plain_loops(given_outputs):
    times, potential = given_outputs
    decisions = decide(times, potential)
    choices = reference.decide(times, potential)
    assert len(decisions) == len(choices)
    for name in ("label", "time", "tied", "undecided"):
        wanted = [getattr(choice, name) for choice in choices]
        assert getattr(decisions, name).tolist() == wanted, name
    assert decisions.first.tolist() == [choice.first for choice in choices]


def test_the_output_that_fires_first_wins_whatever_its_potential():
    assert decide([[2.0, 1.0, 3.0]], [[9.0, 1.0, 9.0]]).label == [1]


def test_ties_go_to_the_larger_potential_and_then_to_the_lower_index():
    decisions = decide([[1.0, 1.0, 5.0], [1.0, 1.0, 1.0]], [[1.0, 2.0, 9.0], [2.0, 1.0, 2.0]])
    assert decisions.label.tolist() == [1, 0]
    assert decisions.tied.tolist() == [True, True]
    assert decisions.first.tolist() == [[True, True, False], [True] * 3]


def test_silence_is_decided_by_potential_and_counted_as_undecided():
    decisions = decide([[INF, INF], [INF, 3.0]], [[-1.0, -0.5], [9.0, 1.0]])
    assert decisions.label.tolist() == [1, 1]
    assert decisions.undecided.tolist() == [True, False]
    assert decisions.time.tolist() == [INF, 3]
    assert not decisions.first[0].any()
    assert not decisions.tied.any()


def test_one_output_is_always_the_answer():
    decisions = decide([[INF], [2.0]], [[0.0], [1.0]])
    assert decisions.label.tolist() == [0, 0]
    assert not decisions.tied.any()


def test_no_samples_give_no_decisions():
    decisions = decide(np.empty((0, 3)), np.empty((0, 3)))
    assert len(decisions) == 0
    assert decisions.first.shape == (0, 3)


def test_lists_and_integers_are_times_too():
    assert decide([[3, 1]], [[0, 0]]).label.tolist() == [1]


@pytest.mark.parametrize(
    ("times", "potential"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([[1.0, 2.0]], [1.0, 2.0]),
        ([[1.0, 2.0]], [[1.0, 2.0, 3.0]]),
        (np.zeros((3, 0)), np.zeros((3, 0))),
        (np.zeros((1, 1, 1)), np.zeros((1, 1, 1))),
    ],
)
def test_shapes_that_do_not_fit_are_refused(times, potential):
    with pytest.raises(ShapeError, match=r"\(samples, outputs\)"):
        decide(times, potential)


@pytest.mark.parametrize("bad", [np.nan, -1.0, -INF])
def test_times_that_are_none_are_refused(bad):
    with pytest.raises(InputError, match="times"):
        decide([[1.0, bad]], [[0.0, 0.0]])


def test_a_potential_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="potential"):
        decide([[1.0, 2.0]], [["a", "b"]])
