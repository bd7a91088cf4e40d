"""The arguments of the commands that make models: train, sweep and convert."""

import argparse
from functools import partial
from typing import Any

from ttfs.cli import commands, converting
from ttfs.cli.help_words import NEGATIVE, PLAN, SWEEP
from ttfs.cli.values import (
    above_zero,
    count,
    hidden,
    name,
    natural,
    new_file,
    numbers,
    path,
    potential,
    several,
)
from ttfs.cli.workers import add_workers


def add_train(parsers: Any) -> None:
    """ttfs train."""
    train = parsers.add_parser(
        "train",
        help="train a network; write the model, a report and pictures",
        description="Train a network and write model.npz, report.json, history.csv, raster.png,"
        " latency.png and training.png to a folder, and checkpoint.npz after each epoch. Without"
        " options, this trains a binary network on the 8x8 digits that come with the package."
        " Settings that are not given are those of the preset or, without one, of the default"
        " recipe for the data set and kind of weights. The weights kept are those that did best on"
        " held-out training data; the test data are used only for the report.",
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
        " folder: of images, train/CLASS/IMAGE.png, of shards, train/*.npz, or of event cameras,"
        " Train/CLASS/*.bin",
    )
    size = train.add_mutually_exclusive_group().add_argument
    text = "neurons of each hidden layer (600 for binary weights)"
    size("--hidden", type=hidden, nargs="+", metavar="N", help=text)
    text = "all hidden layers, as papers write them: 400-200, or 24C5-P2-48C5-P2-256 for images"
    size("--layers", metavar="L", help=text)
    text = "train a saved network further: its layers and weights, on its data set or --dataset"
    size("--from", type=path, dest="origin", metavar="MODEL", help=text)
    add("--weights", choices=["binary", "real"], help="one bit each, or real numbers")
    text = "learn from this trained network, or from several, in addition to labels"
    add("--teacher", type=path, nargs="+", metavar="MODEL", help=text)
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
    text = (
        "train every preset with several seeds, one run after the other in folders of runs/ or"
        " --out, and print the tables of results; this takes days, and goes on where it stopped"
    )
    add("--all-presets", action="store_true", help=text)
    add("--seeds", type=several, metavar="A-B", help="seeds of all presets: 0-2, or 0,3 (0-2)")
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
    add_workers(sweep.add_mutually_exclusive_group().add_argument, "one for each core")
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
