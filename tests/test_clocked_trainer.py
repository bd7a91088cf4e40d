"""Trainings of clocked networks: what they reach, keep and report."""

import json
from dataclasses import replace

import numpy as np
import pytest

import ttfs
from ttfs.cli import cli
from ttfs.cli.comparison import groups, table
from ttfs.cli.runs import Run, train
from ttfs.clocked import Rate, Surrogate, evaluate, run
from ttfs.errors import InputError, RunError
from ttfs.presets import ClockedRecipe, clocked

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

PLAIN = Rate(4, initial=0.0, pool="currents")
HARD = replace(PLAIN, reset="hard", initial=0.5)
STBP = Rate(5, keep=0.25, reset="hard", initial=0.0, output="spikes", pool="currents")
KINDS = {
    "through steps": {"rate": PLAIN},
    "proxy": {"rate": HARD, "coupling": "proxy"},
    "tandem": {"rate": replace(PLAIN, initial=0.5), "coupling": "tandem"},
    "dsr": {"rate": replace(PLAIN, initial=0.5), "coupling": "dsr"},
    "stbp": {
        "rate": STBP,
        "surrogate": Surrogate("rectangle", 0.3),
        "loss": "mse",
        "norm": "none",
        "gain": 1.9,
    },
    "bnn": {
        "rate": Rate(1, initial=1.0, pool="currents"),
        "surrogate": Surrogate("rectangle", 0.5),
        "signed": True,
        "binary": True,
    },
}


def recipe_of(**settings):
    """A small recipe for the digits."""
    told = {"epochs": 12, "batch_size": 50, "average": 500, "rate": PLAIN}
    return clocked("digits", settings.pop("notation", "60-60"), **(told | settings))


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


def alike(one, other):
    """Whether two trainers have learned the same, to the bit."""
    return all(torch.equal(value, other.best[name]) for name, value in one.best.items())


@pytest.mark.parametrize("kind", KINDS)
def test_digits_are_learned_and_the_network_that_is_kept_does_the_same(kind, digits):
    settings = dict(KINDS[kind])
    recipe = recipe_of(**settings, **({"epochs": 40} if kind in ("stbp", "bnn") else {}))
    trainer = fitted(recipe, digits)
    found = trainer.evaluated(trainer.best, *digits)
    assert found.accuracy > 0.9
    best = max(record["validation_accuracy"] for record in trainer.history.records)
    assert best > 0.75
    again = evaluate(trainer.network, np.maximum(1 - digits[0], 0), digits[1], recipe.rate)
    assert again.accuracy == pytest.approx(found.accuracy, abs=0.005)
    assert trainer.network.binary.all() == recipe.binary
    assert again.spikes_per_sample == pytest.approx(found.spikes_per_sample, rel=0.01)


def test_maps_are_learned_with_votes_and_neunorm_and_kept_in_the_checkpoint(digits, tmp_path):
    recipe = recipe_of(notation="6C3-P2-30", norm="neunorm", gain=1.9, voters=3, epochs=20)
    trainer = fitted(recipe, digits, checkpoint=tmp_path / "c.npz")
    assert trainer.network is None
    assert trainer.evaluated(trainer.best, *digits).accuracy > 0.6
    again = recipe.trainer(recipe.network((8, 8), 10, 0), 0)
    again.fit(*digits, epochs=20, checkpoint=tmp_path / "c.npz", resume=True)
    assert alike(trainer, again)


@pytest.mark.parametrize("kind", ["through steps", "proxy"])
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(kind, digits, tmp_path):
    recipe = recipe_of(**KINDS[kind], epochs=3)
    whole = fitted(recipe, digits)
    path, seen = tmp_path / "c.npz", []

    def stop():
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt

    part = fitted(recipe, digits, checkpoint=path, written=stop)
    assert part.history.interrupted
    rest = fitted(recipe, digits, checkpoint=path, resume=True)
    assert len(rest.history.records) == 3
    assert alike(rest, whole)
    other = replace(recipe, sharpness=5.0)
    with pytest.raises(RunError, match="other data or settings"):
        fitted(other, digits, checkpoint=path, resume=True)


def test_a_run_leaves_a_report_that_stands_beside_those_of_single_spikes(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "wants_kernels", lambda options: False)
    report = train(recipe_of(epochs=4), Run(tmp_path / "rates"))
    assert report == json.loads((tmp_path / "rates" / "report.json").read_text("utf-8")) | {
        name: report[name]
        for name in ("accuracy_by_step",)  # a tuple
    }
    assert cli.main(["train", "--epochs", "1", "--hidden", "20", "--quiet", "--out", "once"]) == 0
    found = table(groups([tmp_path / "rates", tmp_path / "once"]))
    assert "rates of 4 steps, reset soft" in found
    assert f"{100 * report['accuracy']:.2f}" in found
    capsys.readouterr()
    told = ["evaluate", "rates/model.npz", "--dataset", "digits", "--rate", "4"]
    assert cli.main(told) == 0
    assert (tmp_path / "rates" / "training.png").exists()
    assert report["rate"]["steps"] == 4
    assert report["cost"]["parameters"] > 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"muon": 25.0, "norm": "none"}, "muon=.... needs norm='batch'"),
        ({"loss": "hinge"}, "loss=.... must be 'ce' or 'mse'"),
        ({"sharpness": 0.0}, "sharpness=..."),
        ({"binary": True, "norm": "none"}, "one-bit weights need norm='batch'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    recipe = recipe_of(**settings)
    with pytest.raises(InputError, match=said):
        recipe.trainer(recipe.network((8, 8), 10, 0), 0)


def test_recipes_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="coupling=.*proxy or tandem.*'twin'"):
        recipe_of(coupling="twin")
    with pytest.raises(InputError, match="more epochs than layers"):
        recipe_of(coupling="tandem", progressive=True, epochs=3)
    with pytest.raises(InputError, match="rate=...."):
        recipe_of(rate=8)
    with pytest.raises(InputError, match="Windows"):
        replace(recipe_of(), psp=ttfs.Ramp())
    with pytest.raises(InputError, match="t_max=1"):
        replace(recipe_of(), encoder=ttfs.Latency(t_max=2.0))
    binary = recipe_of().relearning(binary=True)
    assert isinstance(binary, ClockedRecipe)
    assert (binary.muon, binary.optimizer.lr.lr.start) == (0.0, 4e-3)


def test_labels_are_classes_and_not_voters(digits):
    recipe = recipe_of(voters=3, loss="ce")
    with pytest.raises(InputError, match="labels must be in 0..9"):
        fitted(recipe, (digits[0], digits[1] + 5))


@pytest.mark.parametrize("output", ["potential", "spikes"])
def test_signs_of_maps_that_are_not_padded_are_kept_as_a_network(output, digits, tmp_path):
    rate = Rate(1, initial=1.0, pool="currents", output=output)
    settings = {**KINDS["bnn"], "rate": rate, "notation": "8C3-P2-8C2-16", "epochs": 3}
    trainer = fitted(recipe_of(**settings), digits)
    values = np.maximum(1 - digits[0], 0)
    found = trainer.evaluated(trainer.best, *digits)
    again = evaluate(trainer.network, values, digits[1], rate)
    assert again.accuracy == pytest.approx(found.accuracy, abs=0.005)
    assert again.spikes_per_sample == pytest.approx(found.spikes_per_sample, rel=0.01)
    course = trainer.clocked(trainer.best).course(values)
    np.testing.assert_allclose(run(trainer.network, values, rate).outputs, course.outputs, 1e-3)
    padded = fitted(recipe_of(**settings | {"notation": "8C3-8C3p1-16", "epochs": 1}), digits)
    assert padded.network is None


def test_a_run_whose_network_is_no_model_says_so_and_leaves_no_other(tmp_path):
    told = []
    recipe = recipe_of(notation="6C3-P2-30", norm="neunorm", gain=1.9, epochs=1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.npz").write_bytes(b"of other weights")
    train(recipe, Run(str(tmp_path / "run"), force=True, log=told.append))
    assert any("do not fit into a model.npz" in line for line in told)
    assert not (tmp_path / "run" / "model.npz").exists()


def test_one_network_learns_alike_whatever_was_asked_of_it_before(digits):
    recipe = recipe_of(epochs=2)
    one, other = fitted(recipe, digits), fitted(recipe, digits)
    assert alike(one, other)
    np.testing.assert_array_equal(one.network.weights[0], other.network.weights[0])


def test_layers_get_spikes_one_by_one_even_after_a_break(digits, tmp_path):
    told = {"rate": replace(PLAIN, initial=0.5), "coupling": "tandem", "progressive": True}
    recipe = recipe_of(notation="12C3-P2-32", **told)
    trainer = recipe.trainer(recipe.network((8, 8), 10, 0), 0)
    made, stages = [], []
    make, loss = trainer.module, trainer.loss

    def module(times):
        made.append(make(times))
        return made[0]

    def seen(one, maps, labels):
        learns = [block.matrix.requires_grad for block in one.blocks]
        stages.append((one.spiking, learns))
        return loss(one, maps, labels)

    trainer.module, trainer.loss = module, seen
    trainer.fit(*digits, epochs=recipe.epochs)
    order = [stage for k, stage in enumerate(stages) if k == 0 or stage != stages[k - 1]]
    assert order == [
        (0, [True, True, True]),
        (1, [True, True, True]),
        (2, [False, True, True]),
        (3, [False, False, True]),
    ]
    assert trainer.evaluated(trainer.best, *digits).accuracy > 0.9

    def stop():
        if len(made[-1].blocks) == made[-1].spiking:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint.npz"
    half = recipe.trainer(recipe.network((8, 8), 10, 0), 0)
    half.module = lambda times: made.append(make(times)) or made[-1]
    half.fit(*digits, epochs=recipe.epochs, checkpoint=path, written=stop)
    resumed = recipe.trainer(recipe.network((8, 8), 10, 0), 0)
    resumed.fit(*digits, epochs=recipe.epochs, checkpoint=path, resume=True)
    for name, value in trainer.best.items():
        assert torch.equal(value, resumed.best[name])
    with pytest.raises(InputError, match="progressive=True. needs a coupling"):
        replace(recipe, coupling=None).trainer(recipe.network((8, 8), 10, 0), 0)
