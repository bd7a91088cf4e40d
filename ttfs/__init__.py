"""Single-spike (time-to-first-spike) networks: exact in time, trained on latencies.

Every neuron fires at most once, and the time of that spike is the message.
"""

TYPE_CHECKING = False  # as checkers of types know it; `typing` takes longer than all else here

__version__ = "0.1.0"

# Names are imported when first used: `ttfs --help` need not wait for a compiler.
_HOMES = {
    "checks": ["NO_SPIKE"],
    "circuit": ["Circuit"],
    "cost": ["Cost", "cost_of"],
    "decoding": ["Decisions", "decide"],
    "delays": ["Delays"],
    "diagnosis": ["diagnose"],
    "encoding": ["Direct", "Latency", "encode_latency"],
    "errors": [
        "DatasetError",
        "InputError",
        "ModelFileError",
        "RunError",
        "ShapeError",
        "TTFSError",
    ],
    "events": ["Event"],
    "history": ["History"],
    "layers": ["Dense"],
    "metrics": ["Evaluation", "evaluate"],
    "model_file": ["Model", "load", "save"],
    "network": ["Network"],
    "optimizers": ["SGD", "Adam", "Cosine", "Linear", "Momentum"],
    "populations": ["Population", "Projection"],
    "propagation": ["Record", "forward"],
    "psp": ["Ramp", "Step"],
    "simulator": ["Simulator"],
    "trainer": ["Trainer"],
    "weights": ["Binary", "Real"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {
    "augmentation",
    "datasets",
    "gradients",
    "losses",
    "plotting",
    "presets",
    "rules",
    "silence",
    "viewer",
}

__all__ = sorted([*_HOME, *_MODULES])

if TYPE_CHECKING:
    from typing import Any

    from ttfs import (
        augmentation,
        datasets,
        gradients,
        losses,
        plotting,
        presets,
        rules,
        silence,
        viewer,
    )
    from ttfs.checks import NO_SPIKE
    from ttfs.circuit import Circuit
    from ttfs.cost import Cost, cost_of
    from ttfs.decoding import Decisions, decide
    from ttfs.delays import Delays
    from ttfs.diagnosis import diagnose
    from ttfs.encoding import Direct, Latency, encode_latency
    from ttfs.errors import (
        DatasetError,
        InputError,
        ModelFileError,
        RunError,
        ShapeError,
        TTFSError,
    )
    from ttfs.events import Event
    from ttfs.history import History
    from ttfs.layers import Dense
    from ttfs.metrics import Evaluation, evaluate
    from ttfs.model_file import Model, load, save
    from ttfs.network import Network
    from ttfs.optimizers import SGD, Adam, Cosine, Linear, Momentum
    from ttfs.populations import Population, Projection
    from ttfs.propagation import Record, forward
    from ttfs.psp import Ramp, Step
    from ttfs.simulator import Simulator
    from ttfs.trainer import Trainer
    from ttfs.weights import Binary, Real


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name in _HOME:
        value = getattr(import_module(f"ttfs.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"ttfs.{name}")
    else:
        raise AttributeError(f"module 'ttfs' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
