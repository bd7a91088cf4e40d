"""What `ttfs info` says about a model file, and about the cost of the model."""

import argparse
from textwrap import TextWrapper
from typing import Any

from ttfs.errors import InputError

WIDE = 96  # characters of a line of the recipe


def run_info(options: argparse.Namespace) -> None:
    """Describe a model file and, if asked for, what the model costs."""
    from ttfs.checks import shown
    from ttfs.cli.given import print_circuit
    from ttfs.cli.subject import subject_of
    from ttfs.formats.circuit_file import holds_circuit
    from ttfs.formats.model_file import load

    if options.dataset and not options.cost:
        raise InputError(f"--dataset {options.dataset} is used only with --cost: add --cost")
    if holds_circuit(options.model):
        return print_circuit(options)
    subject = subject_of(options) if options.cost else None
    model = subject.model if subject else load(options.model)
    print(model.network.summary())
    print(f"  encoder: {model.encoder}")
    print(f"  seed: {model.network.seed}")
    for key in ("dataset", "accuracy", "accuracy_lenient", "versions", "origin"):
        value = model.report.get(key)
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}" for name, version in value.items())
        if isinstance(value, float):
            value = f"{100 * value:.2f} %"
        if value not in (None, ""):
            print(f"  {key.replace('_', ' ')}: {shown(value)}")
    recipe = model.report.get("recipe")
    if recipe is not None:
        print("  recipe:", *lines_of(str(recipe)), sep="\n    ")
    if subject:
        print_cost(subject)


def lines_of(text: str) -> list[str]:
    """The arguments in the text of a call, each on a line of its own, or on several if it is long.

    Empty texts are left out.

    >>> lines_of("Recipe(epochs=3, layers=(Dense(64, 10), Dense(10, 10)), teacher='')")
    ['epochs=3', 'layers=(Dense(64, 10), Dense(10, 10))']
    """
    from ttfs.checks import shown

    wrapped = TextWrapper(WIDE, subsequent_indent="  ", break_on_hyphens=False)
    parts = [part for part in arguments_in(text) if not part.endswith("=''")]
    return [line for part in parts for line in wrapped.wrap(shown(part))]


def arguments_in(text: str) -> list[str]:
    """The arguments in the text of a call; the text itself if it is something else.

    >>> arguments_in("Recipe(rule=Exact(floor=0.1, rise=None), epochs=3)")
    ['rule=Exact(floor=0.1, rise=None)', 'epochs=3']
    """
    inside, depth = text.partition("(")[2].removesuffix(")"), 0
    parts, quote = [""], ""
    for letter in inside:
        if letter in ("'", '"') and quote in ("", letter):
            quote = "" if quote else letter
        if not quote:
            depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not (depth or quote):
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()] if not depth and inside else [text]


def print_cost(subject: Any) -> None:
    """Print what a model needs, in all and up to its decision."""
    from ttfs.checks import shown
    from ttfs.measures.cost import cost_of

    data = subject.data
    cost = cost_of(subject.model.network, subject.stimuli)
    subject.warn()
    zeros = 100 * cost.connection_sparsity
    print(f"  cost, for {cost.samples} samples of {shown(data.name)} {data.split}:")
    print(f"    parameters            {cost.parameters:,}, {zeros:.1f} % of the weights are 0")
    print(
        f"    footprint             {cost.footprint_bits / 8000:,.1f} kB: {cost.weight_bits:,} bits"
        f" of weights, {cost.other_bits:,} of other parameters, {cost.state_bits:,} of state"
    )
    print(f"    dense operations      {cost.dense_operations:,}")
    print(f"    {'for each sample':20s} {'total':>12s} {'up to the decision':>18s}")
    for name in ("synaptic_operations", "additions", "multiply_accumulates", "membrane_updates"):
        whole, until = (getattr(work, name) for work in (cost.whole, cost.to_decision))
        print(f"    {name.replace('_', ' '):20s} {whole:12,.0f} {until:18,.0f}")
    whole, until = (100 * work.activation_sparsity for work in (cost.whole, cost.to_decision))
    print(f"    {'neurons silent':20s} {whole:10.1f} % {until:16.1f} %")
