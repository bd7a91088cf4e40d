"""What each command does: it calls the package, and prints a line for each result."""

import argparse
import os
import sys
from dataclasses import replace
from functools import partial
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
            raise InputError("--full is about a preset: say --preset NAME")
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
    from ttfs.presets import with_hidden
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
            raise InputError(f"--gamma is a setting of rule S4NN; this recipe learns by {name}")
        recipe = replace(recipe, rule=replace(recipe.rule, gamma=options.gamma))
    return recipe


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
        raise InputError(f"--from keeps the kind of weights: leave out --weights {options.weights}")
    model = load(options.origin)
    if "rate" in model.report:
        raise InputError(f"{options.origin} was made for firing rates: --from trains single spikes")
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


def run_train(options: argparse.Namespace) -> None:
    """Train, and say where the results are."""
    from ttfs.cli.runs import SAVED, Run, train

    name = options.preset or Path(options.dataset or "digits").stem
    name += "-full" if options.full else ""
    if options.origin:
        name = f"{options.origin.resolve().parent.name}-further"
    folder = options.out or Path("runs") / f"{name}-seed{options.seed}"
    if options.origin and options.origin.resolve().parent == folder.resolve():
        raise InputError(
            f"--from {options.origin} lies in the folder of the run: choose another --out"
        )
    recipe = recipe_of(options)
    run = Run(
        folder,
        seed=options.seed,
        resume=options.resume,
        force=options.force,
        progress=False if options.quiet else None,
        log=None if options.quiet else partial(print, flush=True),
        origin=str(options.origin or ""),
        base=options.preset or "",
    )
    report = train(recipe, run)
    if not options.quiet:
        print_report(report)
        print(f"written to {folder}")
    if report["interrupted"]:
        raise KeyboardInterrupt(SAVED)


def run_evaluate(options: argparse.Namespace) -> None:
    """Evaluate a saved model."""
    from ttfs.cli.runs import examine, report_on, write_report
    from ttfs.cli.subject import subject_of, warn_lost
    from ttfs.measures.diagnosis import firing_table

    subject = subject_of(options)
    if options.rate or "rate" in subject.model.report:
        from ttfs.cli.rates import evaluate_rates

        told = {"steps": options.rate, "reset": options.reset, "negative": options.negative}
        return evaluate_rates(subject, options.report, **told)
    if options.reset or options.negative is not None:
        given = f"--reset {options.reset}" if options.reset else "--negative"
        raise InputError(f"{given} is about firing rates; say --rate STEPS")
    network, data = subject.model.network, subject.data
    found, seconds = examine(network, subject.stimuli, data)
    report = report_on(network, data, found, seconds)
    if options.report:
        write_report(options.report, report)
    print_report(report)
    print("\n".join(f"  {line}" for line in firing_table(found).split("\n")))
    warn_lost(report["input_lost"])


def print_report(report: dict[str, Any]) -> None:
    """Print the most important numbers, with their names."""
    from ttfs.measures.metrics import in_words

    found = dict(report)
    for name, key in (("spikes", "spikes"), ("operations", "synaptic_operations")):
        told = report[f"{key}_per_sample"]
        found |= {
            f"{name}_per_sample": told["total"],
            f"{name}_to_decision": told["until_decision"],
        }
    timed = "training time" if "epochs" in report else "time"
    speed = f"{report['seconds']:.2f} s, {report['samples_per_second']:.0f} samples/s"
    rows = in_words(found) | {timed: speed}
    if "relus" in report:
        relus, steps = report["relus"], report["relus"]["steps"].items()
        rows["network of ReLUs"] = (
            f"{100 * relus['accuracy']:.2f} %, same decision in {100 * relus['agreement']:.2f} %"
        )
        rows |= {f"{n} steps per window": f"{100 * share:.2f} %" for n, share in steps}
    print(f"{report['network']} on {report['dataset']} {report['split']}")
    for name, value in rows.items():
        print(f"  {name:20s}  {value}")


def run_info(options: argparse.Namespace) -> None:
    """Describe a model file and, if asked for, what the model costs."""
    from ttfs.checks import shown
    from ttfs.cli.subject import subject_of
    from ttfs.formats.model_file import load

    if options.dataset and not options.cost:
        raise InputError(f"--dataset {options.dataset} is what --cost counts; add --cost")
    subject = subject_of(options) if options.cost else None
    model = subject.model if subject else load(options.model)
    print(model.network)
    for number, layer in enumerate(model.network.layers, start=1):
        print(f"  layer {number}: {layer}")
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
        print("  recipe:", *map(shown, arguments_in(str(recipe))), sep="\n    ")
    if subject:
        print_cost(subject)


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
    print(f"    {'for each sample':20s} {'in all':>12s} {'to the decision':>18s}")
    for name in ("synaptic_operations", "additions", "multiply_accumulates", "membrane_updates"):
        whole, until = (getattr(work, name) for work in (cost.whole, cost.to_decision))
        print(f"    {name.replace('_', ' '):20s} {whole:12,.0f} {until:18,.0f}")
    whole, until = (100 * work.activation_sparsity for work in (cost.whole, cost.to_decision))
    print(f"    {'neurons silent':20s} {whole:10.1f} % {until:16.1f} %")


def run_plot(options: argparse.Namespace) -> None:
    """Draw a model at work."""
    from ttfs.checks import as_labels
    from ttfs.cli import pictures
    from ttfs.cli.subject import subject_of
    from ttfs.engines.arrivals import up_to
    from ttfs.engines.batch import happening
    from ttfs.measures.metrics import decisions_of

    subject = subject_of(options)
    subject.check_index(options.index)
    network, data, given = subject.model.network, subject.data, subject.stimuli
    as_labels(data.labels, len(data), network.sizes[-1])
    subject.warn()
    stimuli = happening(given, up_to(network.t_max, given.dtype))
    folder = options.out or options.model.parent
    folder.mkdir(parents=True, exist_ok=True)
    one = stimuli[options.index]
    title = f"{data.name} {options.split} {options.index}, label {data.labels[options.index]}"
    print(pictures.raster(folder, network, one, title))
    print(pictures.latency_map(folder, network, one, data.image_shape, title))
    print(pictures.latencies(folder, network, stimuli, data.labels))
    print(pictures.weights(folder, network, data.image_shape))
    print(pictures.diagram(folder, network))
    found = decisions_of(network, stimuli)
    print(pictures.classes(folder, found, data.labels))
    print(pictures.mistakes(folder, network, stimuli, found, data.labels, data.image_shape))


def stepped(options: argparse.Namespace) -> tuple[Any, Any]:
    """The one sample that was asked for, with its model, and a simulator for it."""
    from ttfs.cli.subject import subject_of
    from ttfs.engines.simulator import Simulator

    subject = subject_of(options).only(options.index)
    subject.warn()
    return subject, Simulator(subject.model.network, subject.stimuli[0])


def run_view(options: argparse.Namespace) -> None:
    """Write the page of one stimulus."""
    from ttfs import viewer
    from ttfs.cli.pictures import as_image

    subject, simulator = stepped(options)
    one = subject.data
    shape = as_image(one.image_shape, subject.model.network.sizes[0])
    made = viewer.page(
        simulator,
        shape,
        int(one.labels[0]),
        image=one.images[0] if shape else None,
        title=f"{one.name} {options.split} {options.index}",
    )
    print(made.save(options.out or options.model.parent / "view.html"))


def run_step(options: argparse.Namespace) -> None:
    """Step through one stimulus."""
    from ttfs.cli.console import serve

    subject, simulator = stepped(options)
    one, network = subject.data, subject.model.network
    title = f"{network} on {one.name} {options.split} {options.index}, label {one.labels[0]}"
    serve(simulator, title, until=options.until, json=options.json)


def run_robustness(options: argparse.Namespace) -> None:
    """Tell how robust a model is."""
    from ttfs.cli.robustness import run_robustness

    run_robustness(options)


def run_compare(options: argparse.Namespace) -> None:
    """Print a table of runs, and draw them."""
    from shutil import get_terminal_size

    from ttfs.cli.comparison import check_costs, groups, table

    over = check_costs(options.over.split(","))
    found = groups(options.runs)
    print(table(found, get_terminal_size().columns if sys.stdout.isatty() else None))
    if options.out:
        from ttfs.cli import pictures

        pictures.comparison(options.out, found, over)


def run_presets(options: argparse.Namespace) -> None:
    """List the presets."""
    from ttfs.cli.runs import kind_of
    from ttfs.presets.table import APART, FULL, PRESETS

    for name, recipe in PRESETS.items():
        rule = recipe.learning()
        needs = ("PyTorch" if name in APART else "") + (", --full" if name in FULL else "")
        row = (name, recipe.dataset, kind_of(recipe), rule, f"{recipe.epochs} epochs", needs)
        words = " ".join(
            f"{text:{n}s}" for text, n in zip(row, (23, 14, 8, 10, 11, 16), strict=True)
        )
        print(f"{words} {recipe.notation}  {recipe.published}".rstrip())


def run_datasets(options: argparse.Namespace) -> None:
    """List the data sets."""
    from ttfs.datasets import status

    for found in status():
        sizes = f"{found.train} + {found.test} samples, {found.pixels} inputs"
        print(f"{found.name:15s} {sizes:38s} {found.location or 'absent'}")
        if found.note:
            print(f"{'':15s} {found.note}")


def run_bench(options: argparse.Namespace) -> None:
    """Time the kernels; the dense method uses one thread, which only the environment can set."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ttfs.bench.bench import COLD, bench
    from ttfs.bench.comparison import compared, read
    from ttfs.cli.runs import write_report

    old = read(options.compare) if options.compare else None
    names = options.cases.split(",") if options.cases else None
    if options.out and names == [COLD]:
        raise InputError(f"--out draws speeds, and case {COLD} has none: name others, too")
    report = bench(names, log=partial(print, flush=True))
    if options.report:
        write_report(options.report, report)
    if old:
        print("\nnow, compared with before:", *compared(old, report), sep="\n")
    if options.out:
        from ttfs.cli import pictures

        print(pictures.throughput(options.out, report))


def run_warmup(options: argparse.Namespace) -> None:
    """Compile everything, and say where it is kept."""
    import time

    from ttfs.cli.warmup import warm_up

    started = time.perf_counter()
    folder = warm_up((lambda text: None) if options.quiet else partial(print, end="", flush=True))
    if not options.quiet:
        kept = f"kept in {folder}" if folder else "not kept"
        print(f"everything is compiled, in {time.perf_counter() - started:.0f} s, and {kept}")
