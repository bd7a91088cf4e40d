"""The `ttfs` command: arguments in, calls, one line for each result.

Nothing heavy is imported before a command needs it, so that `ttfs --help` answers at once.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ttfs.errors import InputError, TTFSError

DESCRIPTION = """\
Single-spike (time-to-first-spike) networks: every neuron fires at most once, and the time of
that spike is the message. Simulate them exactly, train them on a plain processor, look at
their spikes."""

EXAMPLES = """\
examples:
  ttfs train                                   a binary network on 8x8 digits, in seconds
  ttfs train --preset binary-mnist --seed 1    one bit for each weight, on MNIST
  ttfs train --dataset mine.npz --hidden 200   your own images and labels
  ttfs compare runs/*                          runs side by side
  ttfs evaluate runs/digits-seed0/model.npz --dataset digits
  ttfs plot runs/digits-seed0/model.npz --dataset digits --index 7
  ttfs view runs/digits-seed0/model.npz --dataset digits --index 7 --out page.html
  ttfs step runs/digits-seed0/model.npz --dataset digits --index 7

The first run of a command compiles for up to a minute; `ttfs warmup` does that beforehand.

exit codes: 0 done, 2 something to mend (one sentence says what), 130 stopped by Ctrl-C,
141 nobody reads the output any more"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    with warnings.catch_warnings():
        warnings.showwarning = tell
        return answer(arguments)


def tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    """A warning in one sentence, without the line of code that gave it."""
    print(f"ttfs: {message}", file=sys.stderr)


def answer(arguments: Sequence[str] | None) -> int:
    """Do what the arguments ask; a sentence and an exit code for what goes wrong."""
    try:
        options = parser().parse_args(arguments)
        with told_of_compiling() if wants_kernels(options) else nullcontext():
            if getattr(options, "threads", None):
                use_threads(options.threads)
            code = options.command(options) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as when piped into `head`: what is left to print goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except TTFSError as error:
        return complain(error)
    except OSError as error:
        return complain(f"{error.filename or 'file'}: {error.strerror or error}")
    except MemoryError:
        return complain("not enough memory")
    except KeyboardInterrupt:
        print("ttfs: stopped", file=sys.stderr)
        return 130


def wants_kernels(options: argparse.Namespace) -> bool:
    """Whether a command runs networks, and its user wants to hear of it."""
    return hasattr(options, "threads") and not getattr(options, "quiet", False)


def told_of_compiling() -> AbstractContextManager[Any]:
    """A time in which the first kernel that has to be compiled is announced, once."""
    from numba.core import event

    class Announcement(event.Listener):
        said = False

        def on_start(self, what: Any) -> None:
            if not self.said:
                print("ttfs: compiling, this first time, for up to a minute", file=sys.stderr)
            self.said = True

        def on_end(self, what: Any) -> None:
            pass

    return event.install_listener("numba:compile", Announcement())


def complain(what: object) -> int:
    """One sentence for a user's mistake."""
    print(f"ttfs: {what}", file=sys.stderr)
    return 2


class Parser(argparse.ArgumentParser):
    """One that answers a mistake with one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    import ttfs

    top = Parser(
        prog="ttfs",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"ttfs {ttfs.__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    seeing = (add_info, add_plot, add_view, add_step)
    others = (add_compare, add_datasets, add_bench, add_warmup)
    for add in (add_train, add_evaluate, *seeing, *others):
        add(commands)
    return top


def add_train(commands: Any) -> None:
    """ttfs train."""
    train = commands.add_parser(
        "train",
        help="train a network and write model, report and pictures",
        description="Train a network and write model.npz, report.json, history.csv, raster.png,"
        " latency.png and training.png into a folder. Without options: a binary network on the"
        " embedded 8x8 digits. What is not given is as in the preset, or in the one for the data"
        " set and kind of weights. The weights kept are those that did best on held-out training"
        " data; the test data are only used for the report.",
    )
    add = train.add_argument
    add(
        "--preset",
        metavar="NAME",
        help="a whole recipe, such as binary-mnist; a wrong name lists them",
    )
    add(
        "--dataset",
        metavar="D",
        help="digits, mnist, fashion-mnist, yin-yang, or FILE.npz with `images` and `labels`",
    )
    add("--hidden", type=hidden, metavar="N", help="hidden neurons (600 for binary weights)")
    add("--weights", choices=["binary", "real"], help="one bit each, or real numbers")
    add("--epochs", type=count, metavar="N", help="times that each sample is seen")
    add("--batch-size", type=count, metavar="N", help="samples for each step")
    add("--lr", type=above_zero, metavar="X", help="learning rate, constant")
    add("--gamma", type=above_zero, metavar="X", help="lead wanted for the right output (S4NN)")
    add("--seed", type=natural, default=0, metavar="N", help="decides everything random (0)")
    add("--threads", type=count, metavar="N", help="threads; changes nothing but the time")
    add("--out", type=Path, metavar="DIR", help="folder (runs/<preset or dataset>-seed<N>)")
    add("--resume", action="store_true", help="go on after a stop or a crash, same options")
    add("--force", action="store_true", help="overwrite an earlier run in the folder")
    add("--quiet", action="store_true", help="no bar and no lines, only errors")
    train.set_defaults(command=run_train)


def add_model(command: Any, *, dataset: bool = True) -> None:
    """Arguments that several commands share."""
    command.add_argument("model", type=Path, metavar="MODEL", help="model.npz of a run")
    if dataset:
        text = "data set, as for train"
        command.add_argument("--dataset", required=True, metavar="D", help=text)
        command.add_argument("--split", choices=["train", "test"], default="test")
        command.add_argument("--threads", type=count, metavar="N", help="number of threads")


def add_evaluate(commands: Any) -> None:
    """ttfs evaluate."""
    evaluate = commands.add_parser("evaluate", help="accuracy, spikes and timing of a model")
    add_model(evaluate)
    evaluate.add_argument("--report", type=new_file, metavar="FILE", help="write it as JSON too")
    evaluate.set_defaults(command=run_evaluate)


def add_info(commands: Any) -> None:
    """ttfs info."""
    info = commands.add_parser(
        "info",
        help="what a model file holds, and what the model costs",
        description="Print what a model file holds; with --cost what the model needs for the"
        " samples of a data set, in the terms of NeuroBench: bits, sparsity, operations.",
    )
    add_model(info, dataset=False)
    add = info.add_argument
    add("--cost", action="store_true", help="count bits and operations; needs --dataset")
    add("--dataset", metavar="D", help="data set, as for train")
    add("--split", choices=["train", "test"], default="test")
    add("--threads", type=count, metavar="N", help="number of threads")
    info.set_defaults(command=run_info)


def add_plot(commands: Any) -> None:
    """ttfs plot."""
    plot = commands.add_parser(
        "plot",
        help="pictures of a model at work",
        description="Write raster.png and map.png of one stimulus, latency.png of many, and"
        " weights.png.",
    )
    add_model(plot)
    plot.add_argument("--index", type=natural, default=0, metavar="N", help="stimulus (0)")
    plot.add_argument("--out", type=Path, metavar="DIR", help="folder (that of the model)")
    plot.set_defaults(command=run_plot)


def add_view(commands: Any) -> None:
    """ttfs view."""
    view = commands.add_parser(
        "view",
        help="a web page to step through one stimulus",
        description="Write one web page, to be opened in any browser without a network: step"
        " through the events of one stimulus, click a spike and see what brought it about.",
    )
    add_model(view)
    view.add_argument("--index", type=natural, default=0, metavar="N", help="stimulus (0)")
    view.add_argument("--out", type=Path, metavar="FILE", help="page (view.html beside the model)")
    view.set_defaults(command=run_view)


def add_step(commands: Any) -> None:
    """ttfs step."""
    step = commands.add_parser(
        "step",
        help="step through one stimulus, event by event, in the terminal",
        description="Let the events of one stimulus happen one by one. Commands come from the"
        " terminal or, line by line, from a pipe: Enter steps, c continues, h lists the others.",
    )
    add_model(step)
    step.add_argument("--index", type=natural, default=0, metavar="N", help="stimulus (0)")
    step.add_argument("--until", type=from_zero, metavar="T", help="run to this time first")
    step.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line for each event; without a terminal, for all of them",
    )
    step.set_defaults(command=run_step)


def add_compare(commands: Any) -> None:
    """ttfs compare."""
    compare = commands.add_parser(
        "compare",
        help="runs side by side: a table, and a picture",
        description="Print a table of runs of `ttfs train`, in Markdown, those of one recipe and"
        " several seeds together; with --out, draw accuracy over what it costs.",
    )
    compare.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run")
    text = "of the picture: some of spikes, time, operations, footprint (spikes,time)"
    compare.add_argument("--over", default="spikes,time", metavar="COST,...", help=text)
    compare.add_argument("--out", type=picture, metavar="FILE", help="png, pdf or svg")
    compare.set_defaults(command=run_compare)


def add_datasets(commands: Any) -> None:
    """ttfs datasets."""
    datasets = commands.add_parser("datasets", help="which data sets are here, and where")
    datasets.set_defaults(command=run_datasets)


def add_bench(commands: Any) -> None:
    """ttfs bench."""
    bench = commands.add_parser(
        "bench",
        help="time the kernels beside their limits",
        description="Microseconds for each sample, on one thread and on all, beside the time"
        " merely to add the same rows of weights and that of a dense method in NumPy.",
    )
    bench.add_argument("--report", type=new_file, metavar="FILE", help="write it as JSON")
    bench.add_argument("--cases", metavar="NAME,...", help="only these")
    text = "a report of before: print the ratio of each case to it"
    bench.add_argument("--compare", type=Path, metavar="OLD.json", help=text)
    text = "draw speeds under their limits: png, pdf or svg"
    bench.add_argument("--out", type=picture, metavar="FILE", help=text)
    bench.set_defaults(command=run_bench)


def add_warmup(commands: Any) -> None:
    """ttfs warmup."""
    warmup = commands.add_parser(
        "warmup",
        help="compile everything once",
        description="Compile, once and for all, what the other commands would compile when they"
        " first need it. Takes a few minutes; what is already compiled is passed over.",
    )
    warmup.add_argument("--quiet", action="store_true", help="no lines, only errors")
    warmup.set_defaults(command=run_warmup)


def number(kind: type, least: float, most: float, what: str) -> Any:
    """A parser of numbers of one kind from `least` to `most`."""

    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return parse


count = number(int, 1, 10**18, "a whole number from 1 on, of at most 18 digits")
natural = number(int, 0, 10**18, "a whole number from 0 on, of at most 18 digits")
hidden = number(int, 1, 10**6, "a whole number from 1 to a million")
from_zero = number(float, 0, float("inf"), "a time from 0 on")
above_zero = number(float, 5e-324, 1e308, "a number above 0")


def new_file(text: str) -> Path:
    """A path that can become a file, seen before the work is done."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.parent}: No such folder")
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{path}: Not a file, and in the way of one")
    return path


def picture(text: str) -> Path:
    """The same, with the ending of a picture."""
    if not text.lower().endswith((".png", ".pdf", ".svg")):
        raise argparse.ArgumentTypeError(f"{text!r} must end in .png, .pdf or .svg")
    return new_file(text)


def use_threads(threads: int) -> None:
    """Limit the threads of compiled loops."""
    import numba

    most = int(getattr(numba.config, "NUMBA_NUM_THREADS"))  # noqa: B009, set at import
    if threads > most:
        raise InputError(f"--threads {threads}: this machine offers {most}")
    numba.set_num_threads(threads)


def recipe_of(options: argparse.Namespace) -> Any:
    """The preset or data set asked for, with what the other options change."""
    from ttfs.presets import for_dataset, preset, with_hidden, with_kind
    from ttfs.rules import S4NN

    if options.preset:
        recipe = preset(options.preset)
        if options.dataset:
            recipe = replace(recipe, dataset=options.dataset)
        if options.weights:
            recipe = with_kind(recipe, binary=options.weights == "binary")
    else:
        recipe = for_dataset(options.dataset or "digits", binary=options.weights != "real")
    if options.hidden:
        recipe = with_hidden(recipe, options.hidden)
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


def run_train(options: argparse.Namespace) -> int:
    """Train, and say where things are."""
    from ttfs.runs import Run, train

    name = options.preset or Path(options.dataset or "digits").stem
    folder = options.out or Path("runs") / f"{name}-seed{options.seed}"
    run = Run(
        folder,
        seed=options.seed,
        resume=options.resume,
        force=options.force,
        progress=False if options.quiet else None,
        log=None if options.quiet else print,
    )
    report = train(recipe_of(options), run)
    if not options.quiet:
        print_report(report)
        print(f"written to {folder}")
    if report["interrupted"]:
        print("ttfs: stopped; the best weights so far are saved", file=sys.stderr)
        return 130
    return 0


def run_evaluate(options: argparse.Namespace) -> None:
    """Evaluate a saved model."""
    from ttfs.runs import evaluate_file, write_report

    report = evaluate_file(options.model, options.dataset, options.split)
    if options.report:
        write_report(options.report, report)
    print_report(report)


def print_report(report: dict[str, Any]) -> None:
    """The figures that matter, with their names."""
    strict, lenient, spiking = (
        f"{100 * report[key]:.2f} %" for key in ("accuracy", "accuracy_lenient", "accuracy_spiking")
    )
    spikes, work = report["spikes_per_sample"], report["synaptic_operations_per_sample"]
    rows = {
        "accuracy": f"{strict} strict, {lenient} counting ties as right,",
        "": f"{spiking} counting silence as wrong",
        "samples": f"{report['samples']}, {report['ties']} tied, {report['undecided']} undecided",
        "decision time": f"{report['decision_time_mean']:.3g} on average ({report['unit']})",
        "spikes": f"{spikes['total']:.1f}, {spikes['until_decision']:.1f} to the decision",
        "synaptic operations": f"{work['total']:.0f}, {work['until_decision']:.0f} to the decision",
        "training time"
        if "epochs" in report
        else "time": f"{report['seconds']:.2f} s, {report['samples_per_second']:.0f} samples/s",
    }
    print(f"{report['network']} on {report['dataset']} {report['split']}")
    for name, value in rows.items():
        print(f"  {name:20s}  {value}")


def run_info(options: argparse.Namespace) -> None:
    """Describe a model file, and say what the model costs."""
    from ttfs.model_file import load

    if options.cost and not options.dataset:
        raise InputError("--cost counts the work for samples: name them with --dataset")
    if options.dataset and not options.cost:
        raise InputError(f"--dataset {options.dataset} is what --cost counts; add --cost")
    model = load(options.model)
    print(model.network)
    for number, layer in enumerate(model.network.layers, start=1):
        print(f"  layer {number}: {layer}")
    print(f"  encoder: {model.encoder}")
    print(f"  seed: {model.network.seed}")
    for key in ("dataset", "accuracy", "accuracy_lenient", "versions", "recipe"):
        value = model.report.get(key)
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}" for name, version in value.items())
        if isinstance(value, float):
            value = f"{100 * value:.2f} %"
        if value is not None:
            print(f"  {key.replace('_', ' ')}: {value}")
    if options.cost:
        print_cost(options)


def print_cost(options: argparse.Namespace) -> None:
    """What a model needs, in all and until it has decided."""
    from ttfs.runs import cost_file

    cost = cost_file(options.model, options.dataset, options.split)
    zeros = 100 * cost.connection_sparsity
    print(f"  cost, for {cost.samples} samples of {options.dataset} {options.split}:")
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


def model_and_data(options: argparse.Namespace) -> tuple[Any, Any]:
    """The model, and the split that has the stimulus asked for."""
    from ttfs.model_file import load
    from ttfs.runs import split_of

    model = load(options.model)
    data = split_of(options.dataset, options.split)
    if options.index >= len(data):
        raise InputError(f"--index {options.index}: {data.name} has {len(data)} samples")
    return model, data


def run_plot(options: argparse.Namespace) -> None:
    """Draw a model at work."""
    from ttfs import pictures
    from ttfs.runs import stimuli_for

    model, data = model_and_data(options)
    stimuli = stimuli_for(model, data, str(options.model))
    folder = options.out or options.model.parent
    folder.mkdir(parents=True, exist_ok=True)
    network, one = model.network, stimuli[options.index]
    print(pictures.raster(folder, network, one))
    print(pictures.latency_map(folder, network, one, data.image_shape))
    print(pictures.latencies(folder, network, stimuli, data.labels))
    print(pictures.weights(folder, network, data.image_shape))


def run_view(options: argparse.Namespace) -> None:
    """Write the page of one stimulus."""
    from ttfs import viewer
    from ttfs.runs import stimuli_for
    from ttfs.simulator import Simulator

    model, data = model_and_data(options)
    chosen = slice(options.index, options.index + 1)
    one = replace(data, images=data.images[chosen], labels=data.labels[chosen])
    flat = len(data.image_shape) == 2
    made = viewer.page(
        Simulator(model.network, stimuli_for(model, one, str(options.model))[0]),
        data.image_shape if flat else None,
        int(one.labels[0]),
        image=one.images[0] if flat else None,
        title=f"{data.name} {options.split} {options.index}",
    )
    print(made.save(options.out or options.model.parent / "view.html"))


def run_step(options: argparse.Namespace) -> None:
    """Step through one stimulus."""
    from ttfs.console import serve
    from ttfs.runs import stimuli_for
    from ttfs.simulator import Simulator

    model, data = model_and_data(options)
    part = slice(options.index, options.index + 1)
    one = replace(data, images=data.images[part], labels=data.labels[part])
    simulator = Simulator(model.network, stimuli_for(model, one, str(options.model))[0])
    title = f"{model.network} on {data.name} {options.split} {options.index}, label {one.labels[0]}"
    serve(simulator, title, until=options.until, json=options.json)


def run_compare(options: argparse.Namespace) -> None:
    """Print a table of runs, and draw them."""
    from ttfs.comparison import check_costs, groups, table

    over = check_costs(options.over.split(","))
    found = groups(options.runs)
    print(table(found))
    if options.out:
        from ttfs import pictures

        pictures.comparison(options.out, found, over)


def run_datasets(options: argparse.Namespace) -> None:
    """List the data sets."""
    from ttfs.datasets import status

    for found in status():
        sizes = f"{found.train} + {found.test} samples, {found.pixels} inputs"
        print(f"{found.name:15s} {sizes:38s} {found.location or 'absent'}")
        if found.note:
            print(f"{'':15s} {found.note}")


def run_bench(options: argparse.Namespace) -> None:
    """Measure; the dense method on one thread, which only its environment can tell it."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ttfs.bench import bench
    from ttfs.bench_comparison import compared, read
    from ttfs.runs import write_report

    old = read(options.compare) if options.compare else None
    report = bench(options.cases.split(",") if options.cases else None, log=print)
    if options.report:
        write_report(options.report, report)
    if old:
        print("\nnow and before:", *compared(old, report), sep="\n")
    if options.out:
        from ttfs import pictures

        print(pictures.throughput(options.out, report))


def run_warmup(options: argparse.Namespace) -> None:
    """Compile everything, and say where it is kept."""
    import time

    from ttfs.warmup import warm_up

    started = time.perf_counter()
    folder = warm_up((lambda line: None) if options.quiet else print)
    if not options.quiet:
        kept = f"kept in {folder}" if folder else "not kept"
        print(f"everything is compiled, in {time.perf_counter() - started:.0f} s, and {kept}")
