from dataclasses import replace

import numba
import numpy as np
import pytest
from cases import same_bits

import ttfs
from ttfs import Binary, Conv2d, Dense, MinPool2d, Real
from ttfs.errors import InputError, ShapeError
from ttfs.presets import (
    PRESETS,
    ClockedRecipe,
    Recipe,
    WindowRecipe,
    deep,
    for_dataset,
    for_layers,
    preset,
    stack,
    with_hidden,
    with_kind,
    with_layers,
)
from ttfs.presets.table import in_order

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too many samples")
NETWORKS = {
    "conv-mnist": "28x28x1-24C5-P2-48C5-P2-256-10",
    "stidi-conv-mnist": "28x28x1-40C5-P2-1000-10",
    "stidi-conv-fashion": "28x28x3-20C5-P2-40C5-P2-1000-10",
    "step-conv-binary-mnist": "28x28x1-24C5-P2-48C5-P2-256-10",
    "exact-mnist": "784-400-10",
    "digits": "64-600-10",
    "yin-yang": "4-30-3",
}
SHAPES = {
    "digits": (8, 8),
    "yin-yang": (4,),
    "cifar10": (32, 32, 3),
}  # of what is no image of 28 x 28


APART = WindowRecipe, ClockedRecipe  # which need PyTorch


def network_of(recipe, seed=0):
    """A network for the recipe's own data."""
    inputs = SHAPES.get(recipe.dataset, (28, 28))
    return recipe.network(inputs, 3 if recipe.dataset == "yin-yang" else 10, seed)


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_network_and_a_trainer(name):
    recipe = preset(name)
    network = network_of(recipe, seed=1)
    if isinstance(recipe, APART):
        pytest.importorskip("torch", reason="PyTorch is not installed")
    teacher = network_of(preset(recipe.teacher)) if recipe.teacher else None
    trainer = recipe.trainer(network, seed=2, teacher=teacher)
    assert f"-{recipe.notation}-" in repr(network)
    assert NETWORKS.get(name, "") in repr(network)
    weighted = [layer.rows > 0 for layer in network.layers]
    assert (network.binary[weighted] == recipe.binary).all()
    assert (network.seed, trainer.seed) == (1, 2)
    kind = (recipe.dataset, recipe.binary)
    known = [r for r in PRESETS.values() if (r.dataset, r.binary) == kind]
    others = [r for r in known if not isinstance(r, APART)]
    if others:
        assert for_dataset(recipe.dataset, binary=recipe.binary) == others[0]
    assert ttfs.presets.name_of(recipe) == name


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_not_changed_by_its_own_data(name):
    recipe = preset(name)
    assert recipe.for_images(SHAPES.get(recipe.dataset, (28, 28))) == recipe


def test_every_preset_comes_after_its_teacher():
    order = in_order()
    assert sorted(order) == sorted(PRESETS)
    for name, recipe in PRESETS.items():
        assert not recipe.teacher or order.index(recipe.teacher) < order.index(name)


def test_an_unknown_preset_is_refused():
    with pytest.raises(ttfs.InputError, match="no preset is called 'x', only digits"):
        preset("x")


# Variations


@pytest.mark.parametrize("name", PRESETS)
def test_weights_of_the_other_kind_begin_as_sizes_suggest(name):
    recipe = preset(name)
    other = with_kind(recipe, binary=not recipe.binary)
    assert with_kind(recipe, binary=recipe.binary) is recipe
    network = network_of(other)
    weighted = [k for k, layer in enumerate(network.layers) if layer.rows]
    assert (network.binary[weighted] == other.binary).all()
    assert other.binary == (not recipe.binary)
    assert network.shapes == network_of(recipe).shapes
    assert np.abs(network.weights[0]).max() <= recipe.layers[0].threshold
    assert (other.optimizer == recipe.optimizer) >= recipe.by_firing


@pytest.mark.parametrize(
    ("binary", "hidden", "least"),
    [(True, 20, 0.3), (True, 150, 0.7), (False, 100, 0.6), (False, 600, 0.85)],
)
def test_fewer_hidden_neurons_and_other_weights_still_learn_the_digits(binary, hidden, least):
    train, test = ttfs.datasets.digits()
    recipe = with_hidden(for_dataset("digits", binary=binary), hidden)
    network = recipe.network(64, 10, seed=0)
    recipe.trainer(network, 0).fit(recipe.encoder(train.images), train.labels, epochs=12)
    found = ttfs.evaluate(network, recipe.encoder(test.images), test.labels)
    assert found.accuracy > least


@pytest.mark.parametrize(
    "name", ["exact-mnist", "s4nn-mnist", "step-binary-mnist", "conv-mnist", "window-mnist"]
)
def test_layers_may_be_any_others_with_the_settings_of_the_first(name):
    recipe = preset(name)
    other = with_layers(recipe, "4C5-P2-8C3-30")
    network = network_of(other)
    assert repr(network).startswith("Network(28x28x1-4C5-P2-8C3-30-10, ")
    first = recipe.layers[0]
    for layer in (other.layers[0], *other.layers[2:]):
        assert (layer.threshold, layer.delay) == (first.threshold, first.delay)
    assert other.binary == recipe.binary
    assert other.by_firing == (name not in ("s4nn-mnist", "window-mnist"))
    assert replace(other, layers=recipe.layers, by_firing=recipe.by_firing) == recipe


def test_a_single_hidden_layer_alone_has_a_number_of_hidden_neurons():
    assert with_hidden(preset("exact-mnist"), 30).notation == "30"
    for name in ("conv-mnist", "exact-mnist"):
        deeper = with_layers(preset(name), "40-30")
        with pytest.raises(InputError, match="the hidden layers are 40-30, not a single one"):
            with_hidden(deeper, 20)


# Recipes of one's own


def test_a_recipe_takes_layers_of_any_depth_and_sizes_follow_from_the_data():
    layers = (Conv2d(4, 3, threshold=1.0), MinPool2d(2), Dense(None, 9), Dense(None, 10))
    network = Recipe("mine.npz", layers).network((8, 6), 5, seed=0)
    assert network.shapes == ((8, 6, 1), (6, 4, 4), (3, 2, 4), (1, 1, 9), (1, 1, 5))
    colours = Recipe("mine.npz", layers).network((8, 6, 3), 5, seed=0)
    assert colours.shapes[:2] == ((8, 6, 3), (6, 4, 4))
    assert Recipe("mine.npz", layers[-1:]).network(7, 2, seed=0).sizes == (7, 2)


def test_weights_that_say_how_they_begin_begin_so():
    layers = stack("30", Real(init=(0.25, 0.25)), Binary(init=(1, 2), scale=3))
    network = deep("mnist", "30").network(784, 10, seed=0)
    told = replace(deep("mnist", "30"), layers=layers).network(784, 10, seed=0)
    assert (told.weights[0] == 0.25).all()
    assert told.scales[1] == 3
    assert np.ptp(network.weights[0]) > 0.1


@pytest.mark.parametrize("binary", [False, True])
def test_deep_recipes_begin_by_what_fires_and_learn_the_digits(binary):
    train, test = ttfs.datasets.digits()
    recipe = for_layers("digits", "12C3-P2-60", binary=binary)
    network = recipe.network(train.image_shape, 10, seed=0)
    before = network.latents[0].copy()
    trainer = recipe.trainer(network, 0)
    assert trainer.begins
    trainer.fit(recipe.encoder(train.images), train.labels, epochs=12)
    rates = [layer.weights.rate for layer in network.layers if layer.rows]
    assert len(set(rates)) == (1 if binary else 3)
    assert not same_bits(before, network.latents[0])
    assert ttfs.evaluate(network, recipe.encoder(test.images), test.labels).accuracy > 0.85


def test_dense_layers_do_not_care_for_the_shape_of_an_image():
    recipe = for_dataset("digits")
    flat, image = (recipe.network(inputs, 10, seed=3) for inputs in (64, (8, 8)))
    assert repr(flat) == repr(image)
    assert flat.shapes == image.shapes
    assert same_bits(flat.latents[0], image.latents[0])


@pytest.mark.parametrize(
    ("notation", "inputs", "message"),
    [
        ("4C3", 784, r"4C3 takes images of \(rows, columns\) or .*, not 784 values without a"),
        ("4C3", (4,), "not 4 values without a shape"),
        ("4C3", (2, 3, 4, 5), "not 120 values without a shape"),
        ("4C3", (3, 32, 32), r"channels last; \(3, 32, 32\) seem to come first: np.moveaxis"),
        ("4C9", (8, 8), r"a window of 9 x 9 is larger than the map of 8 x 8"),
        ("4C5-P2-4C5", (8, 8), "a window of 5 x 5 is larger than the map of 2 x 2"),
    ],
)
def test_data_that_are_no_images_of_a_size_for_the_layers_are_refused(notation, inputs, message):
    with pytest.raises(ShapeError, match=message):
        deep("mine.npz", notation).network(inputs, 10, seed=0)


@pytest.mark.parametrize(
    "layers", [(), [Dense(None, 10)], (Dense(None, 10), MinPool2d(2)), "400", 400]
)
def test_layers_of_a_recipe_end_in_one_for_the_classes(layers):
    with pytest.raises(
        InputError, match=r"Recipe\(layers=...\) must be a tuple of layers, the last"
    ):
        Recipe("digits", layers)
