import numpy as np
import pytest
from cases import PAIRS, SEEDS, run
from cases_moved import RADII, moved, of_kind
from hypothesis import given, reject
from hypothesis import strategies as st

import ttfs
from ttfs.errors import InputError

KINDS = ["dense", "exact", "bits", "delays", "maps", "windows"]
INF = np.inf


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
    with np.errstate(all="ignore"):
        try:
            found = ttfs.certify(network, times, radius)
        except InputError:  # roundings as large as thresholds
            reject()
    for _ in range(moves):
        other = moved(rng, times, radius, network.t_max)
        assert outside(network, found, other) == []
        record = run(network, other)
        label = ttfs.decide(record.times[-1], record.potential).label
        assert (label == found.label)[found.certified].all()


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_spike_is_outside_its_bounds(kind, pair, data):
    network, times = data.draw(of_kind(kind, *pair))
    rng = np.random.default_rng(data.draw(SEEDS))
    judge(network, times, data.draw(st.sampled_from(RADII)), rng, 4)
