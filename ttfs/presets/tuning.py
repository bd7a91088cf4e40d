"""Recipes that begin with trained networks: with their weights, or with what they say."""

from dataclasses import replace
from typing import Any

from ttfs.checks import of_kind
from ttfs.errors import InputError
from ttfs.losses import CrossEntropy, Distilled
from ttfs.network.delays import Delays
from ttfs.network.network import Network
from ttfs.network.weights import Binary
from ttfs.presets.recipe import Recipe
from ttfs.rules import Exact, Surrogate


def with_network(recipe: Recipe, network: Network) -> Recipe:
    """The recipe with the layers, weights, response and horizon of a trained network.

    Of latent weights, files keep only the signs. Latent weights from a file therefore begin with
    these signs and the mean size that they would have at random.

    recipe: for networks that learn from spike times, not in PyTorch. network: without skip
        connections. Its weights become those of a network in float32, as all recipes make them.

    Raises
    ------
    InputError: another kind of recipe or network.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense(64, 20), ttfs.Dense(20, 10), psp=ttfs.Ramp(), t_max=4)
    >>> recipe = with_network(ttfs.presets.preset("exact-mnist"), network)
    >>> again = recipe.network((8, 8), classes=10, seed=1)
    >>> bool((again.weights[0] == network.weights[0]).all())
    True
    """
    of_kind(recipe, Recipe, "with_network(recipe)", "a Recipe, such as that of preset(name)")
    of_kind(network, Network, "with_network(network)", "a Network")
    if type(recipe) is not Recipe:
        raise InputError(
            f"a {type(recipe).__name__} trains in PyTorch, where networks begin with random weights"
        )
    if network.skips:
        raise InputError(f"{network} has skip connections, which recipes do not train")
    return replace(
        recipe,
        layers=tuple(_held(network, k) for k in range(len(network.layers))),
        psp=network.psp,
        horizon=network.t_max,
        by_firing=False,
        unit=network.unit,
        published="",
    )


def with_teacher(recipe: Recipe) -> Recipe:
    """The recipe with a rule that learns from a teacher, which it may already have.

    Half of the loss is then the teacher's, see `ttfs.losses.Distilled`. Recipes that train in
    PyTorch need no other rule.

    Raises
    ------
    InputError: a rule that cannot learn from a teacher.

    >>> import ttfs
    >>> with_teacher(ttfs.presets.preset("exact-mnist")).rule.loss.share
    0.5
    """
    rule = recipe.rule
    if isinstance(rule, Exact):
        loss = rule.loss
        tau = loss.tau if isinstance(loss, CrossEntropy) else Distilled.tau
        taught = loss if isinstance(loss, Distilled) else Distilled(loss, tau=tau, softness=tau)
        return replace(recipe, rule=replace(rule, loss=taught))
    if isinstance(rule, Surrogate):
        return replace(recipe, rule=replace(rule, distilled=rule.distilled or Distilled.share))
    if type(recipe) is not Recipe:
        return recipe
    raise InputError(
        f"rule {type(rule).__name__} cannot learn from a teacher; Exact and Surrogate can"
    )


def _held(network: Network, k: int) -> Any:
    """A layer that begins with the weights, biases, delays and scale that it has now."""
    layer: Any = network.layers[k]
    if layer.pools:
        return layer
    changes: dict[str, Any] = {"initial": network.latents[k].copy()}
    if isinstance(layer.weights, Binary):
        changes["weights"] = replace(layer.weights, scale=float(network.scales[k]))
        if (abs(changes["initial"]) == 1).all():  # as from a file
            low, high = layer.weights.bounds(layer.fan_in, layer.columns, 1.0)
            changes["initial"] *= (abs(low) + abs(high)) / 4
    bias = network.biases[k]
    if bias is not None:
        whole = bias.size != layer.columns  # one for each neuron of a map
        changes["bias"] = bias.reshape(layer.gives) if whole else bias.copy()
    if isinstance(layer.delay, Delays):
        changes["delay"] = replace(layer.delay, init=network.delays[k].copy())
    return replace(layer, **changes)
