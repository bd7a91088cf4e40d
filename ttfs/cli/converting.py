"""`ttfs convert`: networks of ReLUs become models of single spikes or of firing rates."""

import argparse
from dataclasses import asdict, replace
from typing import Any

from ttfs.cli.exchange import run_import
from ttfs.errors import InputError, ModelFileError


def run_convert(options: argparse.Namespace) -> None:
    """Convert weights that were trained elsewhere, and report how far the model is from them."""
    from ttfs import datasets
    from ttfs.clocked.compensation import compensated
    from ttfs.codes.encoding import Latency
    from ttfs.conversion.convert import shape_of
    from ttfs.formats.model_file import save

    if options.out.exists() and not options.force:
        raise InputError(f"{options.out} already exists; --force overwrites it")
    if options.weights.suffix == ".nir":
        run_import(options)
        return
    for name, given in {"--t-max": options.t_max, "--dt": options.dt}.items():
        if given is not None:
            raise InputError(f"{name} applies to .nir files, not {options.weights}")
    if options.calibrate is None:
        raise InputError("add --calibrate D, the data from which thresholds are derived")
    method = method_for(options)
    training, _ = datasets.load(options.calibrate)
    chosen = training.part(slice(options.samples))
    if options.weights.suffix == ".npz" and not options.layers:
        model = converted_before(options)
        encoder = model.encoder or Latency(t_max=1.0)
        some = model.network.psp.values(chosen.encoded(encoder), 0)
        found, rate = converted(options, method, model.network, some)
    else:
        if method == "qcfs":
            raise InputError(
                "--threshold qcfs keeps the thresholds of a model with windows: give such a model,"
                " without --layers"
            )
        if training.stop is not None:
            raise InputError(f"{training.name} holds spike times, but ReLUs take values in 0..1")
        shape, some = shape_of(training.image_shape), chosen.images
        told = {"layers": options.layers, "shape": shape, "mean": options.mean, "std": options.std}
        found, rate = converted(options, method, options.weights, some, **told)
        encoder = found.encoder
    report = {
        "converted": options.weights.name,
        "dataset": options.calibrate,
        "calibrated on": f"{options.calibrate}, {len(some)} training samples",
        "threshold": method + (f" for each {options.per}" if options.per else ""),
    }
    print(found.network)
    distance = found.compare(some)
    print(distance)
    network = found.network
    if rate:
        report |= {"rate": asdict(rate), "agreement": distance.agreement}
        print(f"for firing rates: {rate.steps} steps, {rate.told()}")
    if options.compensate:
        network = compensated(network, some, rate)
        report |= {"biases": "compensate the mean error of firing rates", "agreement": None}
        print("biases compensate for the mean error of firing rates")
    save(options.out, network, encoder=encoder, report=report)
    print(f"written to {options.out}")


def method_for(options: argparse.Namespace) -> str:
    """How thresholds are found; options that contradict each other are refused."""
    rates = {
        f"--threshold {options.threshold}": options.threshold in ("potential", "qcfs"),
        "--initial": options.initial is not None,
        "--negative": options.negative,
        "--compensate": options.compensate,
    }
    if options.rate is None and any(rates.values()):
        told = next(name for name, given in rates.items() if given)
        raise InputError(f"{told} is for firing rates: add --rate STEPS")
    if options.rate is not None and options.steps is not None:
        raise InputError(
            "--steps counts the instants of a window, --rate those of a clock: give only one of"
            " them"
        )
    if options.threshold == "qcfs" and options.per:
        raise InputError("--threshold qcfs keeps the thresholds of the model: omit --per")
    return options.threshold or ("error" if options.rate else "max")


def converted(
    options: argparse.Namespace, method: str, model: Any, some: Any, **settings: Any
) -> tuple[Any, Any]:
    """The conversion of a model, and the rates for which it was made, or None."""
    from ttfs.clocked.methods import convert_to_rates
    from ttfs.conversion.convert import convert

    settings |= {} if options.per is None else {"per": options.per}
    if options.rate:
        found, rate = convert_to_rates(model, some, method, options.rate, **settings)
        initial = rate.initial if options.initial is None else options.initial
        return found, replace(rate, initial=initial, negative=options.negative)
    return convert(model, some, steps=options.steps, threshold=method, **settings), None


def converted_before(options: argparse.Namespace) -> Any:
    """A model that is to get other thresholds or steps."""
    from ttfs.formats.model_file import load
    from ttfs.network.psp import Windows

    path = options.weights
    try:
        model = load(path)
    except ModelFileError as error:
        if not path.exists():
            raise
        if "damaged" in str(error):
            raise
        cure = "for arrays from another framework, give --layers, as in 32C3-P2-256-10"
        raise ModelFileError(f"{error}; {cure}") from None
    if model.report.get("biases"):
        raise InputError(
            f"{path} has biases that compensate for firing rates: convert the model from which it"
            " was made"
        )
    if not isinstance(model.network.psp, Windows):
        raise InputError(f"{path} must have psp=Windows() to be converted, not {model.network.psp}")
    if model.network.psp.length != 1:
        raise InputError(f"{path} must have windows of length 1, not {model.network.psp.length:g}")
    if (options.mean, options.std) != (0.0, 1.0):
        raise InputError(f"{path} is a model and has its own encoder: omit --mean and --std")
    return model
