"""`ttfs export`, and `ttfs convert` of .nir files: models for and from other simulators."""

import argparse
from pathlib import Path
from typing import Any

from ttfs.errors import InputError


def run_export(options: argparse.Namespace) -> None:
    """Write a model for other simulators, and say what they will do differently."""
    kinds = {".nir": export_nir, ".py": export_script}
    if options.file.suffix not in kinds:
        raise InputError(f"{options.file} must end in .nir, for a graph, or .py, for a script")
    if options.file.exists() and not options.force:
        raise InputError(f"{options.file} is there already; --force overwrites it")
    written = kinds[options.file.suffix](options)
    print(f"written to {' and '.join(map(str, written))}")


def export_nir(options: argparse.Namespace) -> list[Path]:
    """Write a NIR graph; return the file."""
    from ttfs.formats.model_file import load
    from ttfs.formats.nir_files import write_nir
    from ttfs.formats.nir_out import nir_notes, to_nir

    given = {"--simulator": options.simulator, "--step": options.step, "--index": options.index}
    for name, value in given.items():
        if value is not None:
            raise InputError(f"{name} is about scripts, not {options.file}")
    model = load(options.model)
    graph = to_nir(model.network, encoder=model.encoder, report=model.report)
    write_nir(options.file, graph)
    print("other simulators:")
    for note in nir_notes(model.network):
        print(f"* {note}")
    return [options.file]


def export_script(options: argparse.Namespace) -> list[Path]:
    """Write a script for NEST or PyNN; return its files."""
    from ttfs.cli.subject import subject_of
    from ttfs.formats.circuit_file import holds_circuit, load_circuit
    from ttfs.formats.model_file import load
    from ttfs.formats.scripts import numbers_beside, to_script

    stimuli, circuit = None, holds_circuit(options.model)
    if options.index is not None:
        if circuit:
            raise InputError(f"--index is about models with data; {options.model} holds a circuit")
        stimuli = subject_of(options).only(options.index).stimuli
    subject = load_circuit(options.model) if circuit else load(options.model).network
    simulator, step = options.simulator or "nest", options.step or 1.0
    to_script(subject, options.file, simulator=simulator, step=step, stimuli=stimuli)
    print(f"python {options.file} runs it in {'NEST' if simulator == 'nest' else 'PyNN'}")
    return [options.file, numbers_beside(options.file)]


def run_import(options: argparse.Namespace) -> None:
    """Write the network of a .nir file as a model."""
    from ttfs.formats.model_file import save
    from ttfs.formats.nir_in import model_from_nir

    other: dict[str, Any] = {
        "--layers": options.layers,
        "--calibrate": options.calibrate,
        "--steps": options.steps,
        "--rate": options.rate,
        "--threshold": options.threshold,
    }
    for name, value in other.items():
        if value is not None:
            raise InputError(f"{name} is about networks of ReLUs, not {options.weights}")
    model = model_from_nir(options.weights, t_max=options.t_max, dt=options.dt)
    report = model.report or {"converted": options.weights.name}
    print(model.network)
    save(options.out, model.network, encoder=model.encoder, report=report)
    print(f"written to {options.out}")
