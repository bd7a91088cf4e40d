"""A picture of how large a part of each layer fires."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.plotting import firing_by_layer


def axes():
    return Figure(figsize=(4, 3)).subplots()


def test_bars_show_who_fires_and_from_the_right_who_never_does():
    ax = axes()
    fire, never = firing_by_layer([0.8, 0.4, 0.0], [0.0, 0.25, 0.5], ax=ax)
    assert np.allclose([bar.get_width() for bar in fire], [20, 60, 100])
    assert [bar.get_x() + bar.get_width() for bar in never] == [100, 75, 50]
    assert ax.get_xlim() == (0, 100)
    (label,) = (text.get_text() for text in ax.get_legend().get_texts())
    assert "never" in label


def test_an_evaluation_stands_for_shares_and_names():
    network = ttfs.Network(ttfs.Dense(4, 3, threshold=1.0), t_max=9)
    found = ttfs.evaluate(network, [[1.0, 2.0, np.inf, 3.0]], [0])
    ax = axes()
    fire, never = firing_by_layer(found, ax=ax)
    assert np.allclose([bar.get_width() for bar in fire], 100 * (1 - np.array(found.silent)))
    assert np.allclose([-bar.get_width() for bar in never], 100 * np.array(found.never))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["input", "output"]


def test_names_stand_beside_the_bars_and_shares_at_the_right():
    ax = axes()
    firing_by_layer([0.5, 0.994, 1.0], [0, 0, 0], ax=ax, names=["input", "conv", "output"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["input", "conv", "output"]
    assert [text.get_text() for text in ax.texts] == ["50 %", "0.6 %", "0 %"]
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("silent", "never", "error"),
    [
        ([0.5, 0.5], [0.5], ShapeError),
        ([], [], ShapeError),
        ([[0.5]], [[0.5]], ShapeError),
        ([1.5], [0.0], InputError),
        ([0.5], [-0.1], InputError),
        ([np.nan], [0.0], InputError),
    ],
)
def test_shares_that_are_none_are_refused(silent, never, error):
    with pytest.raises(error):
        firing_by_layer(silent, never, ax=axes())
