"""First spikes of exported networks: `python -m ttfs.bench.peers.exports [SIMULATOR ...]`.

Networks of single spikes, random ones and one that is trained on the digits, are written as NIR
graphs and as scripts, and run by those simulators that are installed: nest, pynn, spikingjelly,
snntorch, norse. For each layer, it prints how many of its first spikes are the same.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

import ttfs
from ttfs.bench.peers.runs import check_known

STEPS = 32
Run = Callable[[ttfs.Network, np.ndarray], list[np.ndarray]]
"""Gives the first spike times of each layer for some stimuli."""


def random_networks() -> Iterator[tuple[str, ttfs.Network]]:
    """A dense network, one of one-bit weights, and maps with a pool; all sums are exact."""
    rng = np.random.default_rng(0)

    def halves(*shape: int) -> np.ndarray:
        return rng.integers(-2, 5, shape) / 2

    dense = [
        ttfs.Dense.of(halves(40, 30), threshold=20.0),
        ttfs.Dense.of(halves(30, 20), threshold=8.0),
        ttfs.Dense.of(halves(20, 10), threshold=4.0),
    ]
    yield "dense", ttfs.Network(*dense, t_max=STEPS)
    delayed = [replace(layer, delay=delay) for layer, delay in zip(dense, (1, 0, 3), strict=True)]
    yield "delays", ttfs.Network(*delayed, t_max=STEPS)
    bits = [
        ttfs.Dense(40, 30, weights=ttfs.Binary(scale=1), threshold=6.0),
        ttfs.Dense(30, 10, weights=ttfs.Binary(scale=1), threshold=3.0),
    ]
    yield "one bit", ttfs.Network(*bits, t_max=STEPS)
    maps: list[Any] = [
        ttfs.Conv2d(4, 3, padding=1, initial=halves(3, 3, 2, 4), threshold=5.0),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(3, 2, initial=halves(2, 2, 4, 3), threshold=3.0),
        ttfs.Dense.of(halves(27, 10), threshold=4.0),
    ]
    yield "maps", ttfs.Network(*maps, shape=(8, 8, 2), t_max=STEPS)


def trained_network() -> tuple[ttfs.Network, np.ndarray]:
    """A one-bit network trained on the digits, and its test stimuli."""
    train, test = ttfs.datasets.digits()
    encode = ttfs.Latency(t_max=STEPS, steps=True)
    network = ttfs.Network(
        ttfs.Dense(64, 400, weights=ttfs.Binary(init=(-0.5, 1), scale=20)),
        ttfs.Dense(400, 10, weights=ttfs.Binary(init=(-15, 30), scale=5)),
        t_max=STEPS,
    )
    trainer = ttfs.Trainer(network, ttfs.rules.S4NN(gamma=2), ttfs.SGD(lr=0.3))
    trainer.fit(encode(train.images), train.labels, epochs=30)
    accuracy = ttfs.evaluate(network, encode(test.images), test.labels).accuracy
    print(f"digits: {accuracy:.1%} of the test images right")
    return network, encode(test.images)


def scripts(simulator: str) -> Run:
    """A function that runs a network by its script."""

    def run(network: ttfs.Network, stimuli: np.ndarray) -> list[np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            path = ttfs.to_script(network, f"{folder}/net.py", simulator=simulator, stimuli=stimuli)
            done = subprocess.run([sys.executable, path], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stderr)
            with np.load(f"{folder}/net_spikes.npz") as spikes:
                return [spikes[name] for name in network.names[1:]]

    return run


def from_file(importer: Callable[[Any], Any]) -> Run:
    """A function that runs a network by its NIR file in PyTorch, step by step."""

    def run(network: ttfs.Network, stimuli: np.ndarray) -> list[np.ndarray]:
        import nir
        import torch

        with tempfile.TemporaryDirectory() as folder:
            nir.write(f"{folder}/net.nir", ttfs.to_nir(network))
            graph = nir.read(f"{folder}/net.nir")
        later = undelayed(graph, network)
        with torch.no_grad():
            rows = [first_spikes(importer(graph), graph, network, row) for row in stimuli]
        found = [np.array(one) + by for one, by in zip(zip(*rows, strict=True), later, strict=True)]
        return [np.where(times < network.t_max, times, np.inf) for times in found]

    return run


def undelayed(graph: Any, network: ttfs.Network) -> list[float]:
    """Take the delays out of a graph; how much later each layer fires with them.

    None of the three knows such nodes. One delay for a whole layer only makes its spikes later.
    """
    later, total = [], 0.0
    for layer in network.names[1:]:
        name = layer.replace(" ", "_") + "_delay"
        if name in graph.nodes:
            (delay,) = np.unique(graph.nodes.pop(name).delay)
            total += delay
            (before,) = (source for source, target in graph.edges if target == name)
            (after,) = (target for source, target in graph.edges if source == name)
            graph.edges = [edge for edge in graph.edges if name not in edge] + [(before, after)]
        later.append(total)
    return later


def first_spikes(
    model: Any, graph: Any, network: ttfs.Network, stimulus: np.ndarray
) -> list[np.ndarray]:
    """First spikes of each layer for one stimulus; time in a simulator is the number of a step."""
    import torch

    shape = tuple(graph.nodes["input"].input_type["input"])
    told = [name.replace(" ", "_") + "_neurons" for name in network.names[1:]]
    found = {
        name: np.full(size, np.inf) for name, size in zip(told, network.sizes[1:], strict=True)
    }
    step = 0

    def watch(name: str, layer: int) -> Callable[[Any, Any, Any], Any]:
        def note(module: Any, given: Any, result: Any) -> Any:
            spikes = (result[0] if isinstance(result, tuple) else result).detach().numpy()
            maps = network.shapes[layer]
            own = spikes.reshape(maps[2], maps[0], maps[1]).transpose(1, 2, 0).reshape(-1) > 0
            new = own & np.isinf(found[name])
            found[name][new] = step
            # simulators let neurons fire again: only the first spike goes on
            only = new.reshape(maps).transpose(2, 0, 1).reshape(spikes.shape)
            only = torch.from_numpy(only.astype(np.float32))
            return (only, *result[1:]) if isinstance(result, tuple) else only

        return note

    for layer, name in enumerate(told, start=1):
        model.get_submodule(name).register_forward_hook(watch(name, layer))
    pixels = stimulus.reshape(network.shapes[0])
    ordered = pixels.transpose(2, 0, 1) if len(shape) == 3 else pixels
    state = None
    for step in range(STEPS):
        spikes = torch.from_numpy((ordered == step).astype(np.float32).reshape(1, *shape))
        state = step_of(model, spikes, state)
    return [found[name] for name in told]


def step_of(model: Any, spikes: Any, state: Any) -> Any:
    """The state of a model after one more step."""
    result = model(spikes) if state is None else model(spikes, state)
    return result[1] if isinstance(result, tuple) else None


def spikingjelly(graph: Any) -> Any:
    """SpikingJelly wants to know its time step: 1, as r is 1."""
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return import_from_nir(graph, dt=1.0)


def snntorch(graph: Any) -> Any:
    """snnTorch reads an IF as a leaky neuron whose state is elsewhere; both are put right."""
    import torch
    from snntorch import Leaky
    from snntorch.import_nir import import_from_nir

    model = import_from_nir(graph)
    for module in model.modules():
        if isinstance(module, Leaky):
            module.beta, module.init_hidden = torch.tensor(1.0), True
    return model


def norse(graph: Any) -> Any:
    """Norse knows sums of windows, but no averages; for a first spike, they are the same."""
    import nir
    from norse.torch import from_nir

    for name, node in graph.nodes.items():
        if isinstance(node, nir.AvgPool2d):
            graph.nodes[name] = nir.SumPool2d(node.kernel_size, node.stride, node.padding)
    return from_nir(graph)


PEERS: dict[str, Run] = {
    "nest": scripts("nest"),
    "pynn": scripts("pynn"),
    "spikingjelly": from_file(spikingjelly),
    "snntorch": from_file(snntorch),
    "norse": from_file(norse),
}
MODULES = {"pynn": "pyNN"}


def compare(simulator: str, name: str, network: ttfs.Network, stimuli: np.ndarray) -> bool:
    """Print how many first spikes are the same; whether all are."""
    wanted = ttfs.forward(network, stimuli).times[1:]
    found = PEERS[simulator](network, stimuli)
    parts = []
    for layer, ours, theirs in zip(network.names[1:], wanted, found, strict=True):
        fired = np.isfinite(ours).sum()
        parts.append(f"{layer} {(ours == theirs).sum()} of {ours.size} ({fired} fired)")
    print(f"{simulator:13} {name:8} {', '.join(parts)}")
    return all(np.array_equal(*pair) for pair in zip(wanted, found, strict=True))


def case(name: str) -> tuple[ttfs.Network, np.ndarray]:
    """One of the random networks, and stimuli for it."""
    network = dict(random_networks())[name]
    times = np.random.default_rng(1).integers(0, STEPS, (5, network.sizes[0]))
    return network, times.astype(float)


def main(names: list[str]) -> int:
    """All networks in all simulators that are named, or are there."""
    there = [name for name in PEERS if find_spec(MODULES.get(name, name))]
    if not there:
        print(f"none of {', '.join(PEERS)} is installed: pip install 'ttfs[peers]' brings most")
        return 2
    try:
        check_known(names, there, "simulator here")
    except ttfs.InputError as error:
        print(error)
        return 2
    cases = [(name, *case(name)) for name, _ in random_networks()]
    network, stimuli = trained_network()
    cases.append(("digits", network, stimuli[:20]))
    equal = [compare(peer, *one) for peer in names or there for one in cases]
    print("all equal" if all(equal) else "NOT all equal")
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
