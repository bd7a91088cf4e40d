import numpy as np
import pytest

import ttfs

RNG = np.random.default_rng(0)
TIMES, LABELS = RNG.uniform(0, 9, (20, 6)), RNG.integers(0, 3, 20)


def said(*weights, threshold=1.0, times=TIMES):
    """The sentences on a network with these weights."""
    layers = [ttfs.Dense.of(w, threshold=threshold) for w in weights]
    network = ttfs.Network(*layers, t_max=10)
    return ttfs.diagnose(ttfs.evaluate(network, times, LABELS[: len(times)]))


def test_nothing_is_said_of_a_network_that_is_well():
    assert said(np.eye(6), np.eye(6)[:, :3]) == []


def test_a_dead_layer_is_named_with_what_to_do():
    first, second = said(-np.ones((6, 5)), np.ones((5, 3)))
    assert first == (
        "layer 1 is dead: 100 % of its neurons stay silent; lower its threshold or raise its"
        " weights"
    )
    assert second.startswith("layer 2 is dead")


def test_only_the_layer_that_is_dead_is_named():
    (sentence,) = said(RNG.uniform(0.1, 0.6, (6, 5)), -np.ones((5, 3)))
    assert sentence.startswith("layer 2 is dead")


def test_a_layer_whose_neurons_all_fire_at_one_time_is_saturated():
    sentences = said(np.ones((6, 50)), RNG.uniform(0.01, 0.2, (50, 3)))
    assert sentences[0] == (
        "layer 1 is saturated: 100 % of its spikes occur at the same time; raise its threshold or"
        " lower its weights"
    )


def test_a_layer_of_few_loud_neurons_is_not_saturated():
    first = np.zeros((6, 50))
    first[:, :4] = 1
    assert not any("saturated" in sentence for sentence in said(first, np.zeros((50, 3))))


def test_outputs_that_tie_are_told_of():
    hidden = RNG.uniform(0.1, 0.6, (6, 5))
    sentences = said(hidden, np.array([[2.0, 2.0, 0.0]] * 5))
    assert sentences == [
        "outputs tie: several fire first together in 100 % of the samples; times are too coarse"
        " or the last layer's threshold is too low"
    ]


def test_ties_in_half_of_the_samples_are_not_worth_a_word():
    tie, lead = [1.0, 1.0, 5.0, 9.0, 9.0, 9.0], [1.0, 2.0, 5.0, 9.0, 9.0, 9.0]
    outputs = np.eye(6)[:, :3]
    assert said(outputs, times=[tie, lead]) == []
    assert len(said(outputs, times=[tie, tie, lead])) == 1


def test_every_sentence_begins_with_what_it_is_about():
    sentences = said(np.ones((6, 50)), np.ones((50, 3)))
    subjects = [sentence.split(":")[0] for sentence in sentences]
    assert subjects == ["layer 1 is saturated", "layer 2 is saturated", "outputs tie"]


def test_silent_stimuli_are_no_problem():
    assert len(said(np.ones((6, 5)), np.ones((5, 3)), times=np.full((3, 6), np.inf))) == 2


def test_input_that_does_not_happen_is_told_of_with_its_share():
    times = np.where(np.arange(6) < 4, TIMES, [[9.0, 9.0, 9.0, 9.0, 10.0, np.inf]])
    (sentence,) = said(np.eye(6), np.eye(6)[:, :3], times=times)
    assert sentence == (
        "input is lost: 20 % of its spikes come at the horizon or later and do not happen;"
        " the t_max of a network must be no less than that of its encoder"
    )


def test_an_encoder_with_another_scale_of_time_is_told_of():
    train, _ = ttfs.datasets.digits()
    network = ttfs.Network(ttfs.Dense(64, 10), t_max=10)
    times = ttfs.Latency(t_max=256)(train.images[:200])
    sentences = ttfs.diagnose(ttfs.evaluate(network, times, train.labels[:200]))
    assert sentences[0].startswith("input is lost: ")


@pytest.mark.parametrize("late", [0, 1, 3])
def test_a_few_spikes_that_are_too_late_are_not_worth_a_word(late):
    times = TIMES.copy()
    times.flat[:late] = 11
    assert not any("lost" in sentence for sentence in said(np.eye(6), np.eye(6), times=times))


def maps(weights, threshold=1.0, times=None, **settings):
    """What is found for windows of 2 x 2 with these channels on a map of 5 x 5, and a pool."""
    conv = ttfs.Conv2d(len(weights), 2, initial=np.transpose(weights), threshold=threshold)
    layers = conv, ttfs.MinPool2d(2), ttfs.Dense(None, 3, threshold=5.0)
    network = ttfs.Network(*layers, t_max=10, shape=(5, 5, 1), **settings)
    times = RNG.uniform(0, 9, (20, 25)) if times is None else times
    return ttfs.evaluate(network, times, LABELS[: len(times)])


def test_channels_that_fire_nowhere_are_told_of():
    found = maps([[1.0] * 4, [-1.0] * 4, [-2.0] * 4])
    assert found.never[:3] == (0, 2 / 3, 2 / 3)
    sentences = [sentence for sentence in ttfs.diagnose(found) if sentence.startswith("layer 1")]
    assert sentences == [
        "layer 1 has mute channels: 67 % of them fire nowhere in any sample; initialise"
        " weights with begin_by_firing, or revive them"
    ]


def test_maps_that_see_something_in_a_corner_alone_are_not_ill():
    times = np.full((20, 5, 5), np.inf)
    times[:, :3, :3] = RNG.uniform(0, 9, (20, 3, 3))
    found = maps([[0.4] * 4, [0.6] * 4], times=times.reshape(20, 25))
    assert 0.4 < found.silent[1] < 0.9
    assert not any(sentence.startswith("layer 1") for sentence in ttfs.diagnose(found))


def test_maps_that_hardly_fire_are_told_of():
    times = np.full((20, 25), np.inf)
    times[0, 6] = 1.0
    (sentence,) = (s for s in ttfs.diagnose(maps([[1.0] * 4], times=times)) if "layer 1" in s)
    assert sentence == (
        "layer 1 hardly fires: 1.2 % of its neurons do; lower its threshold or raise its weights"
    )


def test_maps_all_of_whose_spikes_come_at_one_time_are_saturated():
    times = np.where(RNG.random((20, 25)) < 0.8, 0.0, np.inf)
    sentences = ttfs.diagnose(maps([[1.0] * 4], times=times))
    assert sentences[0].startswith("layer 1 is saturated: 100 %")


def test_a_table_has_a_line_for_each_layer():
    found = maps([[1.0] * 4, [-1.0] * 4])
    head, *lines = ttfs.firing_table(found).splitlines()
    assert [line.split()[0] for line in lines] == ["input", "conv", "pool", "output"]
    assert lines[1].split()[2:6] == ["4x4x2", "50.0", "%", "50.0"]
    assert len({len(line) for line in [head, *lines]}) == 1
