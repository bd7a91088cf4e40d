"""The arguments of `ttfs`, and its help."""

import argparse
import sys
from functools import partial
from typing import Any, NoReturn

from ttfs import __version__
from ttfs.cli import commands, converting, exchange
from ttfs.cli.help_words import DESCRIPTION, EXAMPLES, PLAN, SWEEP
from ttfs.cli.info import run_info
from ttfs.cli.values import (
    above_zero,
    count,
    from_zero,
    hidden,
    name,
    natural,
    new_file,
    numbers,
    path,
    picture,
    potential,
)
from ttfs.errors import InputError

NEGATIVE = "neurons take back spikes that they fired too early, by negative ones"


class Parser(argparse.ArgumentParser):
    """A parser that answers a mistake with one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; for an unknown argument, the command that it was given to is named."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.prog = getattr(found, "prog", self.prog)
            self.error(f"unknown arguments: {' '.join(unknown)}")
        return found

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write help; argparse's own method would hide a failure to write."""
        (file or sys.stdout).write(message)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = Parser(
        prog="ttfs",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"ttfs {__version__}")
    top.set_defaults(command=lambda options: top.print_help())
    parsers = top.add_subparsers(title="commands", metavar="COMMAND")
    seeing = (add_info, add_plot, add_view, add_step)
    others = (add_robustness, add_compare, add_presets, add_datasets, add_bench, add_warmup)
    for add in (add_train, add_sweep, add_convert, add_export, add_evaluate, *seeing, *others):
        add(parsers)
    for command in parsers.choices.values():
        command.set_defaults(prog=command.prog)
    return top


def add_train(parsers: Any) -> None:
    """ttfs train."""
    train = parsers.add_parser(
        "train",
        help="train a network; write the model, a report and pictures",
        description="Train a network and write model.npz, report.json, history.csv, raster.png,"
        " latency.png and training.png to a folder. Without options, this trains a binary network"
        " on the 8x8 digits that come with the package. Settings that are not given are those of"
        " the preset or, without one, of the default recipe for the data set and kind of weights."
        " The weights kept are those that did best on held-out training data; the test data are"
        " used only for the report.",
    )
    add = train.add_argument
    add(
        "--preset",
        type=name,
        metavar="NAME",
        help="a whole recipe, such as binary-mnist; `ttfs presets` lists them",
    )
    text = "the preset's published configuration, for a GPU; `ttfs presets` marks those with one"
    add("--full", action="store_true", help=text)
    add(
        "--dataset",
        type=name,
        metavar="D",
        help="digits, mnist, fashion-mnist, cifar10, yin-yang, FILE.npz, FILE.h5, FILE.nwb, or a"
        " folder: of images, train/CLASS/IMAGE.png, or of event cameras, Train/CLASS/*.bin",
    )
    size = train.add_mutually_exclusive_group().add_argument
    text = "neurons of each hidden layer (600 for binary weights)"
    size("--hidden", type=hidden, nargs="+", metavar="N", help=text)
    text = "all hidden layers, as papers write them: 400-200, or 24C5-P2-48C5-P2-256 for images"
    size("--layers", metavar="L", help=text)
    text = "train a saved network further: its layers and weights, on its data set or --dataset"
    size("--from", type=path, dest="origin", metavar="MODEL", help=text)
    add("--weights", choices=["binary", "real"], help="one bit each, or real numbers")
    add("--epochs", type=count, metavar="N", help="passes over the training data")
    add("--batch-size", type=count, metavar="N", help="samples per weight update")
    add("--lr", type=above_zero, metavar="X", help="constant learning rate")
    add("--gamma", type=above_zero, metavar="X", help="desired lead of the right output (S4NN)")
    add(
        "--seed", type=natural, default=0, metavar="N", help="seed of everything that is random (0)"
    )
    add(
        "--threads",
        type=count,
        metavar="N",
        help="number of threads; affects only the time (where PyTorch trains, rounding too)",
    )
    add("--out", type=path, metavar="DIR", help="folder (runs/<preset or dataset>-seed<N>)")
    text = "continue a stopped, killed or finished run, with the same options or more --epochs"
    add("--resume", action="store_true", help=text)
    add("--force", action="store_true", help="overwrite an earlier run in the folder")
    add("--quiet", action="store_true", help="print only errors, no progress bar")
    train.set_defaults(command=commands.run_train)


def add_sweep(parsers: Any) -> None:
    """ttfs sweep."""
    sweep = parsers.add_parser(
        "sweep",
        help="many trainings side by side: grids, random draws, searches",
        description=SWEEP,
        epilog=PLAN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sweep.add_argument("plan", type=path, metavar="FILE", help="the plan, such as sweep.toml")
    where = sweep.add_mutually_exclusive_group().add_argument
    text = "a Dask scheduler, tcp://10.0.0.1:8786; its workers must have the same folders"
    where("--scheduler", type=name, metavar="ADDRESS", help=text)
    text = "processes on this machine, of one thread each (one for each core)"
    where("--workers", type=count, metavar="N", help=text)
    text = "folder of the sweep (runs/<name of the file>)"
    sweep.add_argument("--out", type=path, metavar="DIR", help=text)
    sweep.add_argument("--quiet", action="store_true", help="print only errors, no progress bar")
    run = partial(commands.run_sweep, parsers.choices["train"])
    sweep.set_defaults(command=run)


def add_convert(parsers: Any) -> None:
    """ttfs convert."""
    convert = parsers.add_parser(
        "convert",
        help="convert a network of ReLUs that was trained elsewhere",
        description="Read a network of single spikes from a .nir file, and write it as a model. Or"
        " read a network of ReLUs from an .onnx file, or its weights from .npz,"
        " .safetensors or a file written by torch.save(model.state_dict(), ...), and write the"
        " network of single spikes that computes the same; or give a model with windows other"
        " thresholds or steps. Thresholds are derived from the activations that training data"
        " produce, with values in 0..1; if the network was trained on normalised values, give"
        " --mean and --std.",
    )
    add = convert.add_argument
    add(
        "weights",
        type=path,
        metavar="FILE",
        help="a network (.onnx or .nir), weights named as in PyTorch, or a model with windows",
    )
    text = "all layers, as papers write them, including the last: 32C3p1-P2-256-10; not for .onnx"
    add("--layers", metavar="L", help=text)
    text = "data set from whose training images thresholds are derived; needed but for .nir"
    add("--calibrate", type=name, metavar="D", help=text)
    add("--samples", type=count, default=1000, metavar="N", help="number of training images (1000)")
    add("--steps", type=count, metavar="L", help="possible spike times in a window (any time)")
    text = "convert to firing rates over this many clock steps, which `ttfs evaluate` then uses"
    add("--rate", type=count, metavar="STEPS", help=text)
    methods = ["max", "quantile", "error", "local", "potential", "qcfs"]
    text = (
        "the largest activation, a high quantile, the least squared error in steps, or twice the"
        " mean (max; with --rate: error, which suits few steps); for rates only: potential, max"
        " with potentials that start at half the threshold, and qcfs, which keeps the thresholds"
        " of a model with windows"
    )
    add("--threshold", choices=methods, help=text)
    text = "potential with which neurons start, for --rate, in thresholds (depends on --threshold)"
    add("--initial", type=potential, metavar="P", help=text)
    add("--negative", action="store_true", help=f"{NEGATIVE}; for --rate")
    text = "correct biases by the mean error that --rate makes in each channel"
    add("--compensate", action="store_true", help=text)
    text = "one threshold for each channel or for each layer (default depends on --threshold)"
    add("--per", choices=["channel", "layer"], help=text)
    text = "mean with which inputs in 0..1 were normalised: a number, or one for each channel"
    add("--mean", type=numbers, default=0.0, metavar="M", help=f"{text}, as in 0.5,0.4,0.3 (0)")
    text = "standard deviation with which they were normalised, likewise (1)"
    add("--std", type=numbers, default=1.0, metavar="S", help=text)
    text = "horizon of a .nir graph that another simulator wrote (256)"
    add("--t-max", type=above_zero, metavar="T", help=text)
    text = "time step for which that simulator lets a spike last, where neurons have r = 1 / DT (1)"
    add("--dt", type=above_zero, metavar="DT", help=text)
    add("--out", type=new_file, required=True, metavar="FILE", help="the model, .npz")
    add("--force", action="store_true", help="overwrite a file of that name")
    convert.set_defaults(command=converting.run_convert)


def add_export(parsers: Any) -> None:
    """ttfs export."""
    export = parsers.add_parser(
        "export",
        help="a model for other simulators: a NIR graph, or a script for NEST or PyNN",
        description="Write a model as a graph that other simulators read (FILE.nir), and print what"
        " they will do differently; or as a Python script that builds and runs it in NEST or PyNN"
        " (FILE.py, with FILE_numbers.npz). With --index, that stimulus is included.",
    )
    add_model(export)
    export.add_argument("file", type=new_file, metavar="FILE", help="what to write: .nir or .py")
    add = export.add_argument_group("scripts").add_argument
    add("--simulator", choices=["nest", "pynn"], help="for which simulator (nest)")
    text = "grid of time, in the unit of the model: stimuli and delays are multiples of it (1)"
    add("--step", type=above_zero, metavar="T", help=text)
    add("--index", type=natural, metavar="N", help="index of a stimulus to include")
    add("--dataset", type=name, metavar="D", help="its data set (that of the model)")
    add("--split", choices=["train", "test"], default="test")
    export.add_argument("--force", action="store_true", help="overwrite a file of that name")
    export.set_defaults(command=exchange.run_export)


def add_model(command: Any) -> None:
    """Add the model that a command takes."""
    command.add_argument("model", type=path, metavar="MODEL", help="model.npz of a run")


def add_data(command: Any) -> None:
    """Add the data that a command uses."""
    command.add_argument("--dataset", type=name, metavar="D", help="as for train (the model's)")
    command.add_argument("--split", choices=["train", "test"], default="test")
    command.add_argument("--threads", type=count, metavar="N", help="number of threads")


def add_stimulus(command: Any) -> None:
    """Add the model, the data, and which sample of them is meant."""
    add_model(command)
    add_data(command)
    command.add_argument("--index", type=natural, default=0, metavar="N", help="stimulus index (0)")
    text = "spike times of the input: 0,1.5,inf or FILE.npz, by layer; a circuit needs them"
    command.add_argument("--times", type=name, metavar="T", help=text)


def add_evaluate(parsers: Any) -> None:
    """ttfs evaluate."""
    evaluate = parsers.add_parser("evaluate", help="accuracy, spikes and timing of a model")
    add_model(evaluate)
    add_data(evaluate)
    evaluate.add_argument("--report", type=new_file, metavar="FILE", help="write a JSON report")
    rates = evaluate.add_argument_group("firing rates, for models with windows")
    text = "run for this many steps, in each of which every neuron may fire"
    rates.add_argument("--rate", type=count, metavar="STEPS", help=text)
    text = "a spike subtracts the threshold from the potential (soft) or sets it to 0 (hard)"
    rates.add_argument("--reset", choices=["soft", "hard"], help=text)
    both = argparse.BooleanOptionalAction
    rates.add_argument("--negative", action=both, default=None, help=NEGATIVE)
    evaluate.set_defaults(command=commands.run_evaluate)


def add_info(parsers: Any) -> None:
    """ttfs info."""
    info = parsers.add_parser(
        "info",
        help="what a model file holds, and what the model costs",
        description="Print what a model file holds; with --cost, also what the model needs for the"
        " samples of a data set, in the metrics of NeuroBench: bits, sparsity, operations.",
    )
    add_model(info)
    text = "count bits and operations for a data set"
    info.add_argument("--cost", action="store_true", help=text)
    add_data(info)
    info.set_defaults(command=run_info)


def add_plot(parsers: Any) -> None:
    """ttfs plot."""
    plot = parsers.add_parser(
        "plot",
        help="pictures of a model at work",
        description="Write raster.png and map.png of one stimulus (with --times only raster.png);"
        " latency.png, classes.png and mistakes.png of all; network.png and weights.png.",
    )
    add_stimulus(plot)
    plot.add_argument("--out", type=path, metavar="DIR", help="folder (that of the model)")
    plot.set_defaults(command=commands.run_plot)


def add_view(parsers: Any) -> None:
    """ttfs view."""
    view = parsers.add_parser(
        "view",
        help="a web page to step through one stimulus",
        description="Write a web page that opens in any browser, even offline: step through the"
        " events of one stimulus, click a spike to see what caused it, and drag one to see what"
        " would change.",
    )
    add_stimulus(view)
    view.add_argument("--out", type=path, metavar="FILE", help="page (view.html beside the model)")
    view.set_defaults(command=commands.run_view)


def add_step(parsers: Any) -> None:
    """ttfs step."""
    step = parsers.add_parser(
        "step",
        help="step through one stimulus, event by event, in the terminal",
        description="Let the events of one stimulus happen one by one. Commands are read from the"
        " terminal or, line by line, from a pipe: Enter steps, c continues, h lists the others.",
    )
    add_stimulus(step)
    step.add_argument("--until", type=from_zero, metavar="T", help="run to this time first")
    step.add_argument(
        "--json",
        action="store_true",
        help="print each event as one line of JSON; without a terminal, print all events",
    )
    step.set_defaults(command=commands.run_step)


def add_robustness(parsers: Any) -> None:
    """ttfs robustness."""
    robustness = parsers.add_parser(
        "robustness",
        help="accuracy if spikes move or are lost, and weights change",
        description="Print the accuracy of a model if each input spike moves by up to a share of"
        " the window in which inputs fire: what is certain for all movements, and what is left"
        " under attack; and over random jitter, dropped and added spikes, rounded times, noise in"
        " weights and stuck synapses. With --out, also write robustness.json and robustness.png.",
    )
    add_model(robustness)
    add_data(robustness)
    add = robustness.add_argument
    shares = [0.005, 0.01, 0.02, 0.05]
    text = "movements, as shares of the window (0.005 0.01 0.02 0.05)"
    add("--radius", type=above_zero, nargs="+", default=shares, metavar="R", help=text)
    text = "number of samples, drawn at random (all)"
    add("--samples", type=count, metavar="N", help=text)
    add("--seeds", type=count, default=3, metavar="N", help="seeds of random changes (3)")
    add("--out", type=path, metavar="DIR", help="folder")
    robustness.set_defaults(command=commands.run_robustness)


def add_compare(parsers: Any) -> None:
    """ttfs compare."""
    compare = parsers.add_parser(
        "compare",
        help="runs side by side: a table, and a picture",
        description="Print a table of runs of `ttfs train`, with one row for all seeds of a recipe"
        " (in Markdown, and in parts that fit the width of a terminal); with --out, also draw"
        " accuracy against cost.",
    )
    compare.add_argument("runs", type=path, nargs="+", metavar="RUN", help="folder of a run")
    text = "costs to draw, out of spikes, time, operations and footprint (spikes,time)"
    compare.add_argument("--over", default="spikes,time", metavar="COST,...", help=text)
    compare.add_argument("--out", type=picture, metavar="FILE", help="png, pdf or svg")
    compare.set_defaults(command=commands.run_compare)


def add_presets(parsers: Any) -> None:
    """ttfs presets."""
    presets = parsers.add_parser(
        "presets",
        help="list the recipes",
        description="List the recipes that `ttfs train --preset` takes: data, weights, learning"
        " rule or coupling, epochs, whether PyTorch is needed, whether the published configuration"
        " is available with --full, hidden layers as papers write them, and accuracies published"
        " elsewhere.",
    )
    presets.set_defaults(command=commands.run_presets)


def add_datasets(parsers: Any) -> None:
    """ttfs datasets."""
    datasets = parsers.add_parser("datasets", help="which data sets are present, and where")
    datasets.set_defaults(command=commands.run_datasets)


def add_bench(parsers: Any) -> None:
    """ttfs bench."""
    bench = parsers.add_parser(
        "bench",
        help="time the kernels and compare them with their limits",
        description="Print microseconds for each sample, on one thread and on all, next to the time"
        " it takes just to add the same rows of weights and the time of a dense method in NumPy."
        " The last case, cold, gives the seconds that a first training, batch and step take when"
        " nothing is compiled; measuring it takes half a minute.",
    )
    bench.add_argument("--report", type=new_file, metavar="FILE", help="write a JSON report")
    text = "run only these; simulate-sparse-1e8, which takes 3 GB of memory, runs only if named"
    bench.add_argument("--cases", type=name, metavar="NAME,...", help=text)
    text = "an earlier report: print the ratio of each case to it"
    bench.add_argument("--compare", type=path, metavar="OLD.json", help=text)
    text = "draw the speeds and their limits: png, pdf or svg"
    bench.add_argument("--out", type=picture, metavar="FILE", help=text)
    bench.set_defaults(command=commands.run_bench)


def add_warmup(parsers: Any) -> None:
    """ttfs warmup."""
    warmup = parsers.add_parser(
        "warmup",
        help="compile everything beforehand",
        description="Compile, once and for all, what the other commands would compile when they"
        " first need it. This takes a minute or two; what is already compiled is skipped, and"
        " what was compiled for other versions is removed.",
    )
    warmup.add_argument("--quiet", action="store_true", help="print only errors")
    warmup.set_defaults(command=commands.run_warmup)
