"""From the options of `ttfs train` to the recipe that they ask for."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttfs.errors import InputError


def begun(options: argparse.Namespace) -> Any:
    """The recipe to begin with: by preset, layers or data set, and by kind of weights."""
    from ttfs.presets import for_dataset, for_layers, preset, with_kind, with_layers

    layers = options.layers
    if options.hidden and options.hidden[1:]:
        layers = "-".join(map(str, options.hidden))
    if not options.preset:
        if options.full:
            raise InputError("--full needs a preset: add --preset NAME")
        dataset, binary = options.dataset or "digits", options.weights != "real"
        if layers is None:
            return for_dataset(dataset, binary=binary)
        return for_layers(dataset, layers, binary=binary)
    recipe = preset(options.preset, full=options.full)
    if options.dataset not in (None, recipe.dataset):
        recipe = replace(recipe, dataset=options.dataset, published="")
    if options.weights:
        other = with_kind(recipe, binary=options.weights == "binary")
        recipe = recipe if other is recipe else replace(other, published="")
    return recipe if layers is None else replace(with_layers(recipe, layers), published="")


def recipe_of(options: argparse.Namespace) -> Any:
    """The recipe asked for, with the changes that the other options make."""
    from ttfs.presets import with_hidden, with_teacher
    from ttfs.rules import S4NN

    recipe = begun(options) if options.origin is None else further(options)
    if options.hidden and not options.hidden[1:]:
        recipe = with_hidden(recipe, options.hidden[0])
    changes = {name: getattr(options, name) for name in ("epochs", "batch_size")}
    recipe = replace(recipe, **{name: value for name, value in changes.items() if value})
    if options.lr:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, lr=options.lr))
    if options.gamma:
        if not isinstance(recipe.rule, S4NN):
            name = type(recipe.rule).__name__
            raise InputError(f"--gamma is a setting of the rule S4NN; this recipe uses {name}")
        recipe = replace(recipe, rule=replace(recipe.rule, gamma=options.gamma))
    return replace(with_teacher(recipe), teacher="") if options.teacher else recipe


def teachers_of(recipe: Any, given: list[Path] | None, runs: Path) -> tuple[str, ...]:
    """The model files of the teachers: those given, or that of the recipe's own teacher.

    runs: the folder with the run of that teacher.

    Raises
    ------
    InputError: the recipe's teacher is not there; ModelFileError: a file that is not a model;
        both before any data are read.
    """
    from ttfs.cli.runs import folder_of
    from ttfs.formats.model_file import load

    if not given and recipe.teacher:
        file = folder_of(recipe.teacher, 0, runs) / "model.npz"
        if not file.exists():
            raise InputError(
                f"this preset learns from the network of preset {recipe.teacher}, but there is no"
                f" {file}: train that one first, or name a model with --teacher"
            )
        given = [file]
    for teacher in given or ():
        model = load(teacher)
        if model.encoder is not None and repr(model.encoder) != repr(recipe.encoder):
            raise InputError(
                f"--teacher {teacher} takes times of {model.encoder}, the network to be trained"
                f" those of {recipe.encoder}: both must read the same"
            )
    return tuple(str(teacher) for teacher in given or ())


def further(options: argparse.Namespace) -> Any:
    """The recipe that trains a saved network further: that of its preset, unless told otherwise.

    The options then name that preset, the data set and the kind of weights.
    """
    from ttfs import rules
    from ttfs.cli.subject import dataset_of
    from ttfs.formats.model_file import load
    from ttfs.network.psp import Step, Windows
    from ttfs.presets import PRESETS, with_network

    if options.weights:
        raise InputError(f"--from keeps the kind of weights: omit --weights {options.weights}")
    model = load(options.origin)
    if "rate" in model.report:
        raise InputError(
            f"{options.origin} was made for firing rates, but --from trains single spikes"
        )
    psp, stored = model.network.psp, [model.report.get(key) for key in ("preset", "base")]
    known = (name for name in stored if isinstance(name, str) and name in PRESETS)
    preset = options.preset or next(known, "step-binary-mnist" if isinstance(psp, Step) else None)
    options.dataset = options.dataset or dataset_of(model, options.origin)
    options.preset = preset
    options.weights = "binary" if model.network.binary.any() else "real"
    recipe = begun(options)
    if model.encoder is not None:
        recipe = replace(recipe, encoder=model.encoder)
    if isinstance(psp, Windows) and preset is None:
        recipe = replace(recipe, rule=rules.Windows())
    return with_network(recipe, model.network)
