"""Values that cannot be meant: simulators and circuits answer each with an error of ours."""

import decimal
import fractions

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs import Circuit, Population, Projection, Simulator, TTFSError


class Awkward:
    """Neither a number nor to be shown."""

    def __repr__(self):
        raise RuntimeError("no words for it")


def entries_outside():
    """Sparse matrices whose indices SciPy has not looked at."""
    for kind in ("csr", "csc", "bsr", "coo", "lil"):
        matrix = sp.coo_array(([1.0, 2.0], ([0, 1], [0, 1])), (2, 2)).asformat(kind)
        if kind == "coo":
            matrix.row[1] = 10**6
        elif kind == "lil":
            matrix.rows[1] = [10**6]
        else:
            matrix.indices[-1] = 10**6
        yield matrix
    backwards = sp.csr_array(np.eye(2))
    backwards.indptr[1] = 7
    yield backwards


def loop():
    itself = []
    itself.append(itself)
    return itself


SCALARS = [
    *(None, True, False, np.True_, 0, -1, -3, 1, 2, 1.5, -0.0, np.nan, np.inf, -np.inf, 1e300),
    *(1e-320, 10**400, -(10**400), 10**5000, 2**31, 2**62, 2**63, 2**64, 2**62 - 1, 1j, Awkward()),
    *(np.int8(1), np.uint64(2**63), np.float16(1), np.float32(1), np.longdouble(1), np.float64(1)),
    *("", "x", "0", "input", "a\nb", "\x1b[2J", "\ud800", b"x", np.str_("output"), object(), int),
    *(decimal.Decimal(1), fractions.Fraction(1, 3), np.datetime64("now"), range(2), iter([1.0])),
]
ARRAYS = [
    *([], (), {}, set(), [1.0], [1.0, 2.0], (0, 1), [[1.0, 2.0]], [[1.0], [1.0, 2.0]], [None, 1]),
    *(["a", "b"], [1j, 2], [10**400, 1], [np.nan, 1], [np.inf, -1], [True, False], [1, [2]]),
    *(np.array(1.0), np.array([1.0]), np.array(["x"]), np.array([None]), np.zeros((2, 2, 2))),
    *(np.zeros((0, 2)), np.eye(2), np.eye(2, dtype=np.int8), np.eye(2) * np.nan, np.eye(2) * 1j),
    *(np.zeros(2, "M8[s]"), np.zeros(2, [("a", float)]), np.array([1, 2], ">f8"), np.eye(3)[::2]),
    *(np.array([1e300, 1]), np.array([1, 2], np.float16), np.array([1, 2], np.longdouble), loop()),
    *(sp.eye_array(2), sp.csr_array((2, 2)), sp.csr_matrix(np.eye(2) * 1j), sp.eye(2).tocsc()),
    *(
        sp.coo_array(np.eye(2, dtype=bool)),
        sp.csr_array(np.eye(2, dtype=np.int8)),
        sp.eye(2) * 1e60,
    ),
    *(
        sp.csr_array((3, 2**40)),
        sp.dok_array((2, 2)),
        sp.lil_array((2, 2)),
        sp.dia_array(np.eye(2)),
    ),
    *entries_outside(),
]
KEYS = [
    *((0, 0), (1, 0), (1, 9), ("input", 1), ("x", 0), (0, "x"), (0, 1.5), (0, True), (0, 0, 0)),
    *((0, 0, 1, 0), ("input", 0, "output", 1), (0, 0, 1, 9), (1, 0, 0, 0), (0, None, 1, 0), (), 3),
    *((None, 0), (10**400, 0), (0, 10**5000), "ab", (0, -1), (np.int64(0), np.int8(1)), None),
]
MAPPINGS = [{key: value} for key in KEYS for value in (1.0, None, "x", np.nan, 10**400, [1.0], -1)]
MAPPINGS += [{(0, 0): value} for value in (*SCALARS, *ARRAYS)]
MAPPINGS += [{(0, 0, 1, 0): value} for value in (*SCALARS, *ARRAYS)]
MAPPINGS += [{(1, 0): 1.0, ("output", 0): 2.0}, [(0, 0)], [((0, 0), 1.0)]]
STIMULI = [{name: [1.0, 2.0]} for name in (*SCALARS, (0, 0))] + [{0: value} for value in ARRAYS]
ANYTHING = [*SCALARS, *ARRAYS, *MAPPINGS, *STIMULI]

NETWORK = ttfs.Network(ttfs.Dense.of([[1.0, 0.5], [1.0, 0.5]], threshold=[2.0, 0.75]), t_max=20)
SIMULATORS = {
    "steps": lambda: Simulator(NETWORK, [1.0, 3.0]),
    "ramps": lambda: Simulator(ramps(), np.float32([1.0, 3.0])),
}
QUESTIONS = {
    "Simulator": (lambda s, x: Simulator(x, [1.0]), 1),
    "times": (lambda s, x: Simulator(s.circuit, x), 1),
    "reset": (lambda s, x: s.reset(x), 1),
    "restore": (lambda s, x: s.restore(x), 1),
    "run": (lambda s, x: s.run(x), 1),
    "break_on": (
        lambda s, k, n, t, p: s.break_on(layer=k, neuron=n, time=t, potential=p),
        4,
    ),
    "break_on time": (lambda s, x: s.break_on(time=x), 1),
    "break_on layer": (lambda s, x: s.break_on(layer=x), 1),
    "break_on neuron": (lambda s, x: s.break_on(layer=1, neuron=x), 1),
    "break_on potential": (lambda s, x: s.break_on(layer=1, neuron=0, potential=x), 1),
    "what_if": (lambda s, t, w, h: s.what_if(times=t, weights=w, thresholds=h), 3),
    "what_if times": (lambda s, x: s.what_if(times=x), 1),
    "what_if weights": (lambda s, x: s.what_if(weights=x), 1),
    "what_if thresholds": (lambda s, x: s.what_if(thresholds=x), 1),
    "times of": (lambda s, x: s.times(x), 1),
    "potential": (lambda s, x: s.potential(x), 1),
    "explain": (lambda s, k, n: s.explain(k, n), 2),
    "explain neuron": (lambda s, x: s.explain(1, x), 1),
    "trace": (lambda s, k, n: s.trace(k, n), 2),
    "trace neurons": (lambda s, x: s.trace(1, x), 1),
    "Population": (lambda s, n, k, h: run(Circuit([Population(n, k, h)], [])), 3),
    "Population name": (lambda s, x: run(Circuit([Population(x, 2)], [])), 1),
    "Population size": (lambda s, x: Population("a", x), 1),
    "Population threshold": (lambda s, x: run(Circuit([Population("a", 2, x)], [])), 1),
    "Projection": (lambda s, a, b, w, d: run(pair(Projection(a, b, w, d))), 4),
    "Projection source": (lambda s, x: run(pair(Projection(x, "b", np.eye(2)))), 1),
    "Projection target": (lambda s, x: run(pair(Projection("a", x, np.eye(2)))), 1),
    "Projection weights": (lambda s, x: run(pair(Projection("a", "b", x))), 1),
    "Projection of own delays": (
        lambda s, x: run(pair(Projection("a", "b", x, np.eye(2)))),
        1,
    ),
    "Projection delay": (lambda s, x: run(pair(Projection("a", "b", np.eye(2), x))), 1),
    "Circuit": (lambda s, x: Circuit(x, []), 1),
    "Circuit.of": (lambda s, x: Circuit.of(x), 1),
    "Ramp": (lambda s, x: run(pair(psp=ttfs.Ramp(x))), 1),
    "Circuit projections": (lambda s, x: Circuit([Population("a", 2)], x), 1),
    "Circuit t_max": (lambda s, x: run(pair(t_max=x)), 1),
    "Circuit dtype": (lambda s, x: run(pair(dtype=x)), 1),
    "Circuit unit": (lambda s, x: run(pair(unit=x)), 1),
    "Circuit psp": (lambda s, x: run(pair(psp=x)), 1),
}


def ramps():
    return pair(Projection("a", "b", sp.csr_array(np.eye(2)), np.eye(2)), psp=ttfs.Ramp(2.0))


def pair(*projections, **settings):
    return Circuit([Population("a", 2), Population("b", 2, 1.0)], projections, **settings)


def run(circuit):
    """Let everything happen, and ask for it."""
    simulator = Simulator(circuit, np.full(circuit.populations[0].size, 1.0))
    simulator.run()
    last = len(circuit.populations) - 1
    str(simulator.explain(last, 0)), simulator.trace(last), simulator.snapshot()
    return simulator


def answered(ask, *values):
    """Whether something was answered; what is not, is an error of ours that can be shown."""
    try:
        ask(*values)
    except TTFSError as refusal:
        error = refusal
    else:
        return True
    assert str(error).isprintable()
    return False


@pytest.mark.parametrize("kind", SIMULATORS)
@pytest.mark.parametrize("question", [q for q, (_, count) in QUESTIONS.items() if count == 1])
def test_a_value_of_any_kind_is_taken_or_refused(question, kind):
    ask, simulator = QUESTIONS[question][0], SIMULATORS[kind]()
    answers = [answered(ask, simulator, value) for value in ANYTHING]
    assert not all(answers)
    assert answered(simulator.reset, [1.0, 3.0])
    simulator.clear_breaks()
    assert simulator.run() == "end"


@pytest.mark.parametrize("question", [q for q, (_, count) in QUESTIONS.items() if count > 1])
@given(data=st.data())
def test_values_of_any_kinds_together_are_taken_or_refused(question, data):
    ask, count = QUESTIONS[question]
    simulator = SIMULATORS[data.draw(st.sampled_from(sorted(SIMULATORS)))]()
    answered(ask, simulator, *(data.draw(st.sampled_from(ANYTHING)) for _ in range(count)))
