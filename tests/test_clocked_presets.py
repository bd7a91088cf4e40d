"""Presets of rate-coded networks, and the first steps of those that were published."""

from dataclasses import replace

import numpy as np
import pytest

import ttfs
from ttfs.presets.clocked_table import CLOCKED, FULL


@pytest.mark.parametrize("name", FULL)
def test_a_published_configuration_is_a_preset_of_its_own(name):
    full = ttfs.presets.preset(name, full=True)
    assert full != CLOCKED[name]
    assert ttfs.presets.name_of(full) == f"{name}-full"
    assert full.rates() is not None


@pytest.mark.parametrize("name", FULL)
def test_published_configurations_take_their_first_steps(name):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    recipe = replace(FULL[name], batch_size=2, epochs=1)
    rng = np.random.default_rng(0)
    shape = (32, 32, 3) if recipe.dataset == "cifar10" else (28, 28)
    images = rng.integers(0, 256, (5, *shape), dtype=np.uint8)
    labels = np.array([0, 1, 2, 3, 9])
    recipe = recipe.for_images(shape)
    trainer = recipe.trainer(recipe.network(shape, 10, 0), 0)
    times = recipe.encoder(images.reshape(5, -1))
    history = trainer.fit(times, labels, epochs=1)
    assert np.isfinite(history.records[0]["loss"])
    found = trainer.evaluated(trainer.best, times[:2], labels[:2])
    assert found.rate == recipe.rates()
