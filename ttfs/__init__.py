"""Single-spike (time-to-first-spike) networks: exact in time, trained on latencies.

Every neuron fires at most once, and the time of its spike carries the information.
"""

import sys

TYPE_CHECKING = False  # type checkers know this name; importing `typing` would take too long

__version__ = "0.2.0"

# Names are imported on first use, so that `ttfs --help` need not wait for a compiler.
_HOMES = {
    "checks": ["NO_SPIKE"],
    "codes.decoding": ["Decisions", "decide"],
    "codes.contrast": ["OnOff"],
    "codes.encoding": ["Direct", "Latency", "encode_latency"],
    "codes.first_spikes": ["FirstSpikes", "first_spikes"],
    "codes.spike_times": ["SpikeTimes"],
    "conversion.conversion": ["Conversion", "Distance"],
    "conversion.convert": ["convert"],
    "engines.batch": ["Record", "forward"],
    "engines.circuit": ["Circuit"],
    "engines.events": ["Event"],
    "engines.populations": ["Population", "Projection"],
    "engines.simulator": ["Simulator"],
    "errors": [
        "DatasetError",
        "InputError",
        "ModelFileError",
        "RunError",
        "ShapeError",
        "TTFSError",
    ],
    "formats": ["spikes"],
    "formats.circuit_file": ["load_circuit", "save_circuit"],
    "formats.model_file": ["Model", "load", "save"],
    "formats.nir_in": ["from_nir"],
    "formats.nir_out": ["nir_notes", "to_nir"],
    "formats.scripts": ["to_script"],
    "measures.cost": ["Cost", "cost_of"],
    "measures.diagnosis": ["diagnose", "firing_table"],
    "measures.metrics": ["Evaluation", "evaluate", "predict"],
    "network.conv": ["Conv2d"],
    "network.delays": ["Delays"],
    "network.layers": ["Dense"],
    "network.network": ["Network"],
    "network.pool": ["MinPool2d"],
    "network.psp": ["Ramp", "Step", "Windows"],
    "network.skips": ["Skip"],
    "network.weights": ["Binary", "Real"],
    "optimizers": ["SGD", "Adam", "Cosine", "Linear", "Momentum", "Warm"],
    "robustness.certificate": ["Certificate", "certify"],
    "training.beginning": ["begin_by_firing"],
    "training.history": ["History"],
    "training.trainer": ["Trainer"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {
    "augmentation",
    "clocked",
    "datasets",
    "gradients",
    "losses",
    "plotting",
    "presets",
    "robustness",
    "rules",
    "silence",
    "sklearn",
    "viewer",
}

# Where modules that used to be here have moved: `import ttfs.encoding` gives `ttfs.codes.encoding`.
_MOVED = {
    "cli": "arguments commands comparison console pictures runs warmup",
    "codes": "decoding encoding",
    "datasets": "idx published",
    "engines": "breaks circuit differences events explanations plan populations precision"
    " simulator snapshots",
    "files": "versions",
    "formats": "model_file model_header",
    "gradients": "causes",
    "measures": "cost diagnosis metrics",
    "network": "delays layers psp weights",
    "training": "checkpoint history trainer",
}
_FORMER = {name: f"{room}.{name}" for room, names in _MOVED.items() for name in names.split()} | {
    "bench_comparison": "bench.comparison",
    "bench_parts": "bench.parts",
    "bench_simulator": "bench.simulations",
    "bench_torch": "bench.torch_relus",
    "propagation": "engines.batch",
    "spikes": "formats.spikes",  # not a former name, but the public one
    "yin_yang": "datasets.points",
}

__all__ = sorted([*_HOME, *_MODULES])

if TYPE_CHECKING:
    from typing import Any

    from ttfs import (
        augmentation,
        clocked,
        datasets,
        gradients,
        losses,
        plotting,
        presets,
        robustness,
        rules,
        silence,
        sklearn,
        viewer,
    )
    from ttfs.checks import NO_SPIKE
    from ttfs.codes.contrast import OnOff
    from ttfs.codes.decoding import Decisions, decide
    from ttfs.codes.encoding import Direct, Latency, encode_latency
    from ttfs.codes.first_spikes import FirstSpikes, first_spikes
    from ttfs.codes.spike_times import SpikeTimes
    from ttfs.conversion.conversion import Conversion, Distance
    from ttfs.conversion.convert import convert
    from ttfs.engines.batch import Record, forward
    from ttfs.engines.circuit import Circuit
    from ttfs.engines.events import Event
    from ttfs.engines.populations import Population, Projection
    from ttfs.engines.simulator import Simulator
    from ttfs.errors import (
        DatasetError,
        InputError,
        ModelFileError,
        RunError,
        ShapeError,
        TTFSError,
    )
    from ttfs.formats import spikes
    from ttfs.formats.circuit_file import load_circuit, save_circuit
    from ttfs.formats.model_file import Model, load, save
    from ttfs.formats.nir_in import from_nir
    from ttfs.formats.nir_out import nir_notes, to_nir
    from ttfs.formats.scripts import to_script
    from ttfs.measures.cost import Cost, cost_of
    from ttfs.measures.diagnosis import diagnose, firing_table
    from ttfs.measures.metrics import Evaluation, evaluate, predict
    from ttfs.network.conv import Conv2d
    from ttfs.network.delays import Delays
    from ttfs.network.layers import Dense
    from ttfs.network.network import Network
    from ttfs.network.pool import MinPool2d
    from ttfs.network.psp import Ramp, Step, Windows
    from ttfs.network.skips import Skip
    from ttfs.network.weights import Binary, Real
    from ttfs.optimizers import SGD, Adam, Cosine, Linear, Momentum, Warm
    from ttfs.robustness.certificate import Certificate, certify
    from ttfs.training.beginning import begin_by_firing
    from ttfs.training.history import History
    from ttfs.training.trainer import Trainer


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name in _HOME:
        value = getattr(import_module(f"ttfs.{_HOME[name]}"), name)
    elif name in _MODULES or name in _FORMER:
        value = import_module(f"ttfs.{name}")
    else:
        raise AttributeError(f"module 'ttfs' has no attribute {name!r}")
    globals()[name] = value
    return value


class _Former:
    """Finds a module by the name that it had in 0.1; the module is the same one."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> "Any":
        from importlib.machinery import ModuleSpec

        former = name.removeprefix("ttfs.") if name.startswith("ttfs.") else ""
        return ModuleSpec(name, _Former) if former in _FORMER else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: "Any") -> "Any":
        from importlib import import_module

        module = import_module(f"ttfs.{_FORMER[spec.name.removeprefix('ttfs.')]}")
        spec.loader_state = module.__spec__
        return module

    @staticmethod
    def exec_module(module: "Any") -> None:
        """Restore the module's own specification; the module has run already."""
        module.__spec__ = module.__spec__.loader_state


sys.meta_path.append(_Former)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
