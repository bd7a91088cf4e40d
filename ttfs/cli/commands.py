"""What each command does: it calls the package, and prints a line for each result."""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ttfs.errors import InputError

MOST = 10_000  # samples that are drawn, where data may be larger than memory


def run_train(options: argparse.Namespace) -> None:
    """Train, and say where the results are."""
    from ttfs.cli.recipes import recipe_of, teachers_of
    from ttfs.cli.runs import SAVED, Run, folder_of, train

    if options.all_presets:
        from ttfs.cli.all_presets import train_all

        return train_all(options)
    if options.seeds:
        raise InputError("--seeds is for --all-presets; a single training takes --seed N")
    name = options.preset or Path(options.dataset or "digits").stem
    name += "-full" if options.full else ""
    if options.origin:
        name = f"{options.origin.resolve().parent.name}-further"
    folder = options.out or folder_of(name, options.seed)
    if options.origin:
        check_apart(options.origin, folder, "--from")
    recipe = recipe_of(options)
    teachers = teachers_of(recipe, options.teacher, folder.parent)
    for teacher in teachers:
        check_apart(Path(teacher), folder, "--teacher")
    run = Run(
        folder,
        seed=options.seed,
        resume=options.resume,
        force=options.force,
        progress=False if options.quiet else None,
        log=None if options.quiet else partial(print, flush=True),
        origin=str(options.origin or ""),
        base=options.preset or "",
        teachers=teachers,
    )
    report = train(recipe, run)
    if not options.quiet:
        print_report(report)
        print(f"written to {folder}")
    if report["interrupted"]:
        raise KeyboardInterrupt(SAVED)


def check_apart(model: Path, folder: Path, option: str) -> None:
    """Refuse a model that the run in a folder would overwrite."""
    if model.resolve().parent == folder.resolve():
        raise InputError(f"{option} {model} lies in the folder of the run: choose another --out")


def run_sweep(train: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Train everything that a plan names; `train` is the parser of its settings."""
    from ttfs.cli.sweeping import sweep

    sweep(train, options)


def run_evaluate(options: argparse.Namespace) -> None:
    """Evaluate a saved model."""
    from ttfs.cli.runs import examine, report_on, write_report
    from ttfs.cli.subject import subject_of, warn_lost
    from ttfs.cli.workers import executor_of
    from ttfs.measures.diagnosis import firing_table

    subject = subject_of(options)
    if options.rate or "rate" in subject.model.report:
        from ttfs.cli.rates import evaluate_rates

        if options.scheduler or options.workers:
            raise InputError("--scheduler and --workers are for single spikes, not firing rates")
        told = {"steps": options.rate, "reset": options.reset, "negative": options.negative}
        return evaluate_rates(subject, options.report, **told)
    if options.reset or options.negative is not None:
        given = f"--reset {options.reset}" if options.reset else "--negative"
        raise InputError(f"{given} is for firing rates: add --rate STEPS")
    network, data = subject.model.network, subject.data
    with executor_of(options) as executor:
        found, seconds = examine(network, subject.stimuli, data, executor)
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
    speed = f"{report['seconds']:.2f} s, {report['samples_per_second']:,.0f} samples/s"
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


def run_plot(options: argparse.Namespace) -> None:
    """Draw a model at work."""
    from ttfs.checks import as_labels
    from ttfs.cli import pictures
    from ttfs.cli.given import draw, is_given
    from ttfs.cli.subject import subject_of
    from ttfs.engines.arrivals import up_to
    from ttfs.engines.batch import happening
    from ttfs.files.chunked import Chunked
    from ttfs.measures.metrics import decisions_of

    if is_given(options):
        return draw(options)
    subject = subject_of(options)
    subject.check_index(options.index)
    network, data, given = subject.model.network, subject.data, subject.stimuli
    as_labels(data.labels, len(data), network.sizes[-1])
    subject.warn()
    bound = up_to(network.t_max, given.dtype)
    one = happening(given[options.index : options.index + 1], bound)[0]
    if isinstance(given, Chunked):
        print(f"data that are read chunk by chunk: latencies and mistakes of the first {MOST:,}")
        data, given = data.part(slice(MOST)), given[:MOST]
    stimuli = happening(given, bound)
    folder = options.out or options.model.parent
    folder.mkdir(parents=True, exist_ok=True)
    label = subject.data.labels[options.index]
    title = f"{data.name} {options.split} {options.index}, label {label}"
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
    from ttfs.cli.given import is_given, view
    from ttfs.cli.pictures import as_image

    if is_given(options):
        return view(options)
    subject, simulator = stepped(options)
    one = subject.data
    shape = as_image(one.image_shape, subject.model.network.sizes[0])
    made = viewer.page(
        simulator,
        shape,
        int(one.labels[0]),
        image=one.images[0] if shape and one.stop is None else None,
        title=f"{one.name} {options.split} {options.index}",
    )
    print(made.save(options.out or options.model.parent / "view.html"))


def run_step(options: argparse.Namespace) -> None:
    """Step through one stimulus."""
    from ttfs.cli.console import serve
    from ttfs.cli.given import is_given, simulated

    if is_given(options):
        title, simulator = simulated(options)
    else:
        subject, simulator = stepped(options)
        one, network = subject.data, subject.model.network
        title = f"{network} on {one.name} {options.split} {options.index}, label {one.labels[0]}"
    serve(simulator, title, until=options.until, json=options.json)


def run_robustness(options: argparse.Namespace) -> None:
    """Tell how robust a model is."""
    from ttfs.cli.robustness import run_robustness

    run_robustness(options)


def run_compare(options: argparse.Namespace) -> None:
    """Print a table of runs, or the tables of results, and draw the runs."""
    from shutil import get_terminal_size

    from ttfs.checks import shown
    from ttfs.cli.comparison import check_costs, finished, groups, table

    over = check_costs(options.over.split(","))
    folders, others = finished(options.runs)
    found = groups(folders)
    told = "left out, as no training has finished there: " + ", ".join(map(str, others))
    notes = [told] if others else []
    if options.results:
        from ttfs.cli.results import remarks, results

        notes += remarks(found)
        print(results(found))
    else:
        print(table(found, get_terminal_size().columns if sys.stdout.isatty() else None))
    for note in notes:
        print(f"ttfs: {shown(note)}", file=sys.stderr)
    if options.out:
        from ttfs.cli import charts

        charts.comparison(options.out, found, over)


def run_presets(options: argparse.Namespace) -> None:
    """List the presets."""
    from ttfs.cli.runs import kind_of
    from ttfs.presets.table import APART, FULL, PRESETS

    for name, recipe in PRESETS.items():
        rule = recipe.learning()
        needs = ("PyTorch" if name in APART else "") + (", --full" if name in FULL else "")
        needs += f"taught by {recipe.teacher}" if recipe.teacher else ""
        row = (name, recipe.dataset, kind_of(recipe), rule, f"{recipe.epochs} epochs", needs)
        words = " ".join(
            f"{text:{n}s}" for text, n in zip(row, (23, 14, 8, 10, 11, 22), strict=True)
        )
        print(f"{words} {recipe.notation}  {recipe.published}".rstrip())


def run_datasets(options: argparse.Namespace) -> None:
    """List the data sets."""
    from ttfs.datasets import status

    for found in status():
        sizes = f"{found.train:,} + {found.test:,} samples, {found.pixels:,} inputs"
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
        raise InputError(f"--out draws speeds, and the case {COLD} has none: name others as well")
    report = bench(names, log=partial(print, flush=True))
    if options.report:
        write_report(options.report, report)
    if old:
        print("\ncompared with the earlier report:", *compared(old, report), sep="\n")
    if options.out:
        from ttfs.cli import charts

        print(charts.throughput(options.out, report))


def run_warmup(options: argparse.Namespace) -> None:
    """Compile everything, and say where it is kept."""
    import time

    from ttfs.cli.warmup import warm_up

    started = time.perf_counter()
    folder = warm_up((lambda text: None) if options.quiet else partial(print, end="", flush=True))
    if not options.quiet:
        kept = f"kept in {folder}" if folder else "not kept"
        print(f"everything is compiled, in {time.perf_counter() - started:.0f} s, and {kept}")
