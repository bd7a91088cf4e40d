"""The arguments of `ttfs`, and its help."""

import argparse
import sys
from typing import Any, NoReturn

from ttfs import __version__
from ttfs.cli import commands, exchange
from ttfs.cli.help_words import DESCRIPTION, EXAMPLES, NEGATIVE
from ttfs.cli.info import run_info
from ttfs.cli.making import add_convert, add_sweep, add_train
from ttfs.cli.values import (
    above_zero,
    count,
    from_zero,
    name,
    natural,
    new_file,
    path,
    picture,
)
from ttfs.cli.workers import add_workers
from ttfs.errors import InputError

MODEL_OR_CIRCUIT = "model.npz of a run, or a circuit as ttfs.save_circuit writes it"


class Help(argparse.RawDescriptionHelpFormatter):
    """Help with room for the names of commands, whose indentation argparse does not count."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action.choices, dict):
            self._action_max_length += self._indent_increment


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
        formatter_class=Help,
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


def add_export(parsers: Any) -> None:
    """ttfs export."""
    export = parsers.add_parser(
        "export",
        help="a model for other simulators: a NIR graph, or a script for NEST or PyNN",
        description="Write a model as a graph that other simulators read (FILE.nir), and print what"
        " they will do differently; or a model with steps, or a circuit, as a Python script that"
        " builds and runs it in NEST or PyNN (FILE.py, with FILE_numbers.npz). With --index, that"
        " stimulus is included.",
    )
    add_model(export, MODEL_OR_CIRCUIT)
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


def add_model(command: Any, what: str = "model.npz of a run") -> None:
    """Add the model that a command takes."""
    command.add_argument("model", type=path, metavar="MODEL", help=what)


def add_data(command: Any) -> None:
    """Add the data that a command uses."""
    command.add_argument("--dataset", type=name, metavar="D", help="as for train (the model's)")
    command.add_argument("--split", choices=["train", "test"], default="test")
    command.add_argument("--threads", type=count, metavar="N", help="number of threads")


def add_stimulus(command: Any) -> None:
    """Add the model, the data, and which sample of them is meant."""
    add_model(command, MODEL_OR_CIRCUIT)
    add_data(command)
    command.add_argument("--index", type=natural, default=0, metavar="N", help="stimulus index (0)")
    text = (
        "instead of a data set, needed by a circuit: spike times of the input, as in 0,1.5,inf, or"
        " FILE.npz with an array `times`, or one for each layer that is told when to fire"
    )
    command.add_argument("--times", type=name, metavar="T", help=text)


def add_evaluate(parsers: Any) -> None:
    """ttfs evaluate."""
    evaluate = parsers.add_parser(
        "evaluate",
        help="accuracy, spikes and timing of a model",
        description="Print accuracy, decision time, spikes and synaptic operations of a model on a"
        " data set, and when its layers fire.",
    )
    add_model(evaluate)
    add_data(evaluate)
    evaluate.add_argument("--report", type=new_file, metavar="FILE", help="write a JSON report")
    group = evaluate.add_mutually_exclusive_group()
    add_workers(group.add_argument, "this one, with all its threads")
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
    add_model(info, MODEL_OR_CIRCUIT)
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
    text = "print the tables of results, a row for each preset, from runs of presets alone"
    compare.add_argument("--results", action="store_true", help=text)
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
        " is available with --full, the preset that has to be trained first as a teacher, hidden"
        " layers as papers write them, and accuracies published elsewhere.",
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
        " The case growth takes networks and batches of several sizes."
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
