"""ReLUs trained in PyTorch: what is kept is the network of spikes, and nothing is lost."""

from dataclasses import replace

import numpy as np
import pytest

import ttfs
from ttfs.augmentation import Shift
from ttfs.cli.runs import Run, train
from ttfs.errors import InputError, RunError
from ttfs.presets import WindowRecipe, windows
from ttfs.rules import Windows

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from ttfs.training.relus import Relus  # noqa: E402

NOTATION = "6C3p1-P2-9C3-20"


def recipe_of(**settings):
    """A small recipe for the digits."""
    told = {"epochs": 3, "batch_size": 50, "average": 500, "dropout": 0.1}
    augmentation = (Shift(1, (8, 8)),)
    return windows("digits", NOTATION, **(told | {"augmentation": augmentation} | settings))


@pytest.fixture(scope="module")
def digits():
    """Times and labels to learn."""
    data, _ = ttfs.datasets.digits()
    return recipe_of().encoder(data.images[:700]), data.labels[:700]


def fitted(recipe, digits, seed=0, **settings):
    """A trainer that has learned."""
    trainer = recipe.trainer(recipe.network((8, 8), 10, seed), seed)
    trainer.history = trainer.fit(*digits, epochs=recipe.epochs, **settings)
    return trainer


def weights_of(trainer):
    """All numbers of its network."""
    network = trainer.network
    limits = [layer.threshold for layer in network.layers]
    return [np.array(each) for each in (*network.weights, *network.biases, *limits)]


def alike(one, other):
    """Whether two trainers have learned the same, to the bit."""
    pairs = zip(weights_of(one), weights_of(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("binary", [False, True])
def test_a_network_of_relus_becomes_one_of_spikes_that_says_the_same(binary, digits):
    recipe = recipe_of(epochs=30 if binary else 12)
    if binary:
        layers = windows("digits", NOTATION, binary=True).layers
        recipe = replace(recipe, layers=layers).relearning(binary=True)
    trainer = fitted(recipe, digits)
    found = ttfs.evaluate(trainer.network, *digits)
    assert found.accuracy > (0.5 if binary else 0.9)
    assert found.undecided == 0
    weighted = [layer.rows > 0 for layer in trainer.network.layers]
    assert (trainer.network.binary[weighted] == binary).all()
    relus = trainer.relus(trainer.best)
    with torch.no_grad():
        potentials = relus.double().eval()(trainer.loop.maps(digits[0]).double())[0].numpy()
    values = 1 - np.minimum(digits[0], 1)
    assert (trainer.conversion.decisions(values) == potentials.argmax(axis=1)).all()
    record = ttfs.forward(trainer.network, digits[0])
    clipped = max(trainer.conversion.compare(values).clipped)
    close = abs(trainer.conversion.outputs(record.potential) - potentials).max(axis=1) < 1e-3
    assert close.mean() >= (1 if clipped == 0 else 0.9)
    history = trainer.history
    epochs = range(recipe.epochs)
    assert [record["epoch"] for record in history.records] == [k + 1 for k in epochs]
    assert history.best_epoch == 1 + max(
        epochs, key=lambda k: (history.records[k]["validation_accuracy"], k)
    )


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(digits, tmp_path):
    recipe, path = recipe_of(sparse=0.01, whiten=True), tmp_path / "checkpoint.npz"
    whole = fitted(recipe, digits)

    def stop():
        stopped.append(1)
        if len(stopped) == 2:
            raise KeyboardInterrupt

    stopped = []
    half = fitted(recipe, digits, checkpoint=path, written=stop)
    assert half.history.interrupted
    assert len(half.history.records) == 2
    lines = []
    resumed = fitted(recipe, digits, checkpoint=path, resume=True, log=lines.append)
    assert len(lines) == 1
    assert not resumed.history.interrupted
    assert alike(whole, resumed)
    fitted(recipe, digits, checkpoint=path, resume=True, log=lines.append)
    assert lines[-1] == "nothing is left to train: 3 of 3 epochs are done"
    assert not alike(whole, fitted(recipe, digits, seed=1))


def test_a_checkpoint_of_something_else_is_refused(digits, tmp_path):
    path = tmp_path / "checkpoint.npz"
    recipe = recipe_of(epochs=1)
    fitted(recipe, digits, checkpoint=path)
    with pytest.raises(RunError, match="belongs to a run with other data or settings"):
        fitted(replace(recipe, dropout=0.3), digits, checkpoint=path, resume=True)
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for damaged in (b"", b"PK\x03\x04", content[:-100], bytes(flipped), content + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="is not a readable checkpoint"):
            fitted(recipe, digits, checkpoint=path, resume=True)


def test_activations_that_cost_are_fewer(digits):
    def spikes(sparse):
        rates = ttfs.Adam(lr=ttfs.Cosine(0.02))  # with which biases can move in so few steps
        recipe = recipe_of(sparse=sparse, epochs=12, optimizer=rates, muon=2.5)
        return ttfs.evaluate(fitted(recipe, digits).network, *digits)

    assert spikes(0.3).spikes_per_sample < 0.8 * spikes(0.0).spikes_per_sample


def test_a_first_layer_whitens_patches():
    rng = np.random.default_rng(0)
    images = rng.random((300, 9, 9, 2)) @ np.array([[1.0, 0.6], [0.0, 0.4]])
    recipe = windows("mine.npz", "16C2-4C3-P2", whiten=True)
    relus = Relus(recipe.network((9, 9, 2), 3, seed=0).layers)
    maps = torch.from_numpy(images.transpose(0, 3, 1, 2)).float()
    relus.whiten(maps)
    with torch.no_grad():
        rows = relus.blocks[0].sums(maps)[:, :8].permute(0, 2, 3, 1).flatten(0, 2).double()
    covariance = np.cov(rows.numpy().T)
    np.testing.assert_allclose(covariance, np.eye(8), atol=0.06)
    matrix = relus.blocks[0].matrix
    assert not matrix.requires_grad
    assert torch.equal(matrix[:8], -matrix[8:])


def test_a_run_leaves_a_report_that_compares_with_relus(tmp_path):
    told = []
    report = train(recipe_of(epochs=2), Run(tmp_path / "run", log=told.append))
    relus = report["relus"]
    assert relus["agreement"] == pytest.approx(1, abs=0.02)
    assert relus["accuracy"] == pytest.approx(report["accuracy"], abs=0.02)
    assert 0 < relus["steps"]["8"] <= 1
    assert set(relus["clipped"]) == {"conv 1", "pool 1", "conv 2", "hidden", "output"}
    model = ttfs.load(tmp_path / "run" / "model.npz")
    assert isinstance(model.network.psp, ttfs.Windows)
    assert (tmp_path / "run" / "checkpoint.npz").exists()
    with pytest.raises(RunError, match="already holds"):
        train(recipe_of(epochs=2), Run(tmp_path / "run"))
    train(recipe_of(epochs=2), Run(tmp_path / "run", resume=True))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"psp": ttfs.Ramp()}, r"WindowRecipe trains only for Windows\(\)"),
        ({"psp": ttfs.Windows(length=2.0)}, r"WindowRecipe trains only for Windows\(\)"),
        ({"encoder": ttfs.Latency(t_max=2.0)}, r"its encoder must have t_max=1"),
        ({"rule": ttfs.rules.Exact()}, r"WindowRecipe\(rule=...\) must be ttfs.rules.Windows"),
        ({"optimizer": ttfs.SGD()}, r"WindowRecipe\(optimizer=...\) must be Adam"),
        ({"muon": -1.0}, r"WindowRecipe\(muon=...\) must be"),
        ({"dropout": 1.0}, r"WindowRecipe\(dropout=...\) must be below 1"),
        ({"validation": 2}, r"WindowRecipe\(validation=...\) must be below 1"),
        ({"sparse": np.nan}, r"WindowRecipe\(sparse=...\) must be"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        WindowRecipe("digits", recipe_of().layers, **settings)


def test_other_rates_hold_for_other_weights():
    recipe = ttfs.presets.with_kind(recipe_of(), binary=True)
    assert recipe.muon == 0
    assert recipe.binary
    assert ttfs.presets.with_kind(recipe, binary=False).muon > 0
    assert isinstance(recipe.rule, Windows)


@pytest.mark.parametrize("samples", [3, 20, 60])
def test_all_samples_are_seen_however_large_a_batch_is(samples, digits):
    recipe = recipe_of(batch_size=40, epochs=1, validation=0)
    trainer = fitted(recipe, (digits[0][:samples], digits[1][:samples]))
    assert len(trainer.history.records) == 1
    recipe = recipe_of(validation=0.5)
    with pytest.raises(InputError, match="training needs at least 2 samples, got 1"):
        fitted(recipe, (digits[0][:2], digits[1][:2]))
    with pytest.raises(InputError, match=r"batch_size=...\) must be a whole number, 2 or more"):
        fitted(replace(recipe, batch_size=1), digits)


def test_rates_that_are_too_large_are_said(digits):
    with pytest.raises(InputError, match="no longer finite after epoch 1; lower the learning rate"):
        fitted(recipe_of(optimizer=ttfs.Adam(lr=1e30)), digits)


def test_one_training_leaves_pytorch_as_it_was(digits):
    before, state = torch.get_num_threads(), torch.get_rng_state()
    fitted(recipe_of(epochs=1), digits)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_maps_may_stand_on_dense_layers(digits):
    recipe = windows("digits", "12-8C1-P1", epochs=1, batch_size=50)
    assert len(fitted(recipe, digits).history.records) == 1


def test_thresholds_follow_from_samples_of_all_kinds(digits):
    order = np.argsort(digits[1], kind="stable")
    trainer = fitted(recipe_of(epochs=1), (digits[0][order], digits[1][order]))
    means = trainer.loop.shown[:100].mean(axis=0)
    np.testing.assert_allclose(means, trainer.loop.shown.mean(axis=0), atol=0.2)


def test_encoders_that_make_more_of_images_are_compared_by_what_they_make(tmp_path):
    recipe = recipe_of(encoder=ttfs.OnOff((8, 8)), augmentation=(Shift(1, (8, 8, 3)),), epochs=1)
    report = train(recipe, Run(tmp_path / "run"))
    assert report["relus"]["accuracy"] == pytest.approx(report["accuracy"], abs=0.02)
