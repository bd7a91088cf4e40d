"""Simulators whose pages are tested, and what a page holds and shows."""

import base64
import json
from html.parser import HTMLParser

import numpy as np
import pytest
import scipy.sparse as sp

import ttfs

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIMIT = 2_000_000  # bytes of a page
TYPES = {"u1": "<u1", "i1": "<i1", "u2": "<u2", "i4": "<i4", "i8": "<i8", "f4": "<f4", "f8": "<f8"}
CORNER = "e => { const box = e.getBoundingClientRect(); return [box.left, box.top]; }"
PRESS = (
    "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))"
)
SPENT = """async () => {
  const spent = [];
  for (let k = 0, n = 100; k < 15; k++) {
    await new Promise(done => requestAnimationFrame(done));
    const start = performance.now();
    ACTION;
    document.body.getBoundingClientRect();
    spent.push(performance.now() - start);
  }
  return spent.sort((a, b) => a - b)[1];  // other processes may be at work meanwhile
}"""


def strokes(seed=0, silent=True):
    """(784,) a picture of two thick lines, as dark around as a handwritten digit."""
    y, x = np.mgrid[:28, :28] / 27
    angle = np.random.default_rng(seed).uniform(0.3, 1.2)
    near = np.minimum(np.abs(y - 0.5 - angle * (x - 0.5)), np.abs(x - 0.5))
    values = np.clip(1.4 - 9 * near, 0, 1) * (np.hypot(x - 0.5, y - 0.5) < 0.42)
    return values if silent else np.clip(values + 0.02, 0, 1)


def wide(kind=ttfs.Binary, hidden=600, silent=True):
    """A simulator of a network as large as those of the published experiments."""
    binary = kind is ttfs.Binary
    weights = ttfs.Binary((-1, 1.2), scale=5) if binary else ttfs.Real((-0.3, 1))
    network = ttfs.Network(
        ttfs.Dense(784, hidden, weights=weights, threshold=40, delay=1),
        ttfs.Dense(hidden, 10, weights=weights, threshold=60, delay=1),
        t_max=256,
        seed=1,
    )
    return ttfs.Simulator(network, ttfs.encode_latency(strokes(silent=silent).ravel()))


def real(dtype=np.float32, psp=None):
    """A small simulator whose sums are not exact."""
    layers = [
        ttfs.Dense(16, 12, weights=ttfs.Real(init=(-0.4, 1)), threshold=1.3, delay=0.7),
        ttfs.Dense(12, 4, weights=ttfs.Real(init=(-0.4, 1)), threshold=1.1, delay=0.3),
    ]
    network = ttfs.Network(*layers, t_max=40, seed=3, dtype=dtype, psp=psp or ttfs.Step())
    times = np.random.default_rng(1).uniform(0, 30, 16).astype(dtype)
    times[5:7] = np.inf
    return ttfs.Simulator(network, times)


def mixed(psp=None):
    """A circuit with every kind of projection, and with a loop."""
    rng = np.random.default_rng(0)
    sparse = sp.csr_array(sp.random(8, 6, density=0.5, random_state=rng))
    delays = rng.choice([0.5, 1.0, 2.0], (8, 6))
    circuit = ttfs.Circuit(
        [
            ttfs.Population("eye", 8),
            ttfs.Population("middle", 6, threshold=0.9),
            ttfs.Population("out", 3, threshold=1.0),
        ],
        [
            ttfs.Projection("eye", "middle", sparse, delay=0.25),
            ttfs.Projection("eye", "middle", rng.uniform(-0.3, 0.7, (8, 6)), delay=delays),
            ttfs.Projection("middle", "out", rng.uniform(-0.2, 0.8, (6, 3)), delay=0.5),
            ttfs.Projection("out", "middle", rng.uniform(-0.5, 0, (3, 6)), delay=0.1),
        ],
        dtype=np.float64,
        unit="ms",
        psp=psp,
    )
    return ttfs.Simulator(circuit, {"eye": rng.uniform(0, 5, 8), "out": [np.inf, np.inf, 1.5]})


def binary(psp):
    """A simulator of weights that differ only in sign, of which one output stays silent."""
    layers = [
        ttfs.Dense(64, 20, weights=ttfs.Binary(init=(-1, 1.5)), threshold=9, delay=0.5),
        ttfs.Dense(20, 6, weights=ttfs.Binary(init=(-1, 1.2)), threshold=4),
    ]
    network = ttfs.Network(*layers, t_max=60, seed=2, psp=psp)
    times = np.random.default_rng(3).integers(0, 40, 64).astype(np.float64)
    return ttfs.Simulator(network, times)


def mapped(psp=None, dtype=np.float32, weights=None, delay=0.0):
    """A simulator of maps with padding, strides and pooling, and a dense layer."""
    weights = ttfs.Real(init=(-0.4, 1)) if weights is None else weights
    threshold = 4 if isinstance(weights, ttfs.Binary) else np.array([1.3, 0.9, 1.7])
    network = ttfs.Network(
        ttfs.Conv2d(3, (3, 2), padding=(1, 0), weights=weights, threshold=threshold, delay=delay),
        ttfs.MinPool2d((2, 1), padding=(1, 0), delay=0.25),
        ttfs.Conv2d(2, 2, stride=(1, 2), weights=weights, threshold=1.1, delay=0.5),
        ttfs.Dense(None, 4, weights=weights, threshold=0.8),
        shape=(5, 6, 2),
        t_max=40,
        seed=5,
        dtype=dtype,
        psp=psp or ttfs.Step(),
    )
    times = np.random.default_rng(2).integers(0, 60, 60) / dtype(2)
    times[::7] = np.inf
    return ttfs.Simulator(network, times)


def looped(psp=None):
    """A circuit in which maps are heard together with other projections, and pools with pools."""
    rng = np.random.default_rng(4)
    filters = rng.uniform(-0.3, 0.9, (2, 2, 1, 2))
    circuit = ttfs.Circuit(
        [
            ttfs.Population("left", 12),
            ttfs.Population("right", 12),
            ttfs.Population("map", 12, threshold=0.9),
            ttfs.Population("pool", 4, threshold=1.0),
            ttfs.Population("deaf", 4),  # without a threshold
            ttfs.Population("out", 3, threshold=1.0),
        ],
        [
            ttfs.Projection("left", "map", ttfs.Conv2d(2, 2, initial=filters, shape=(3, 4, 1))),
            ttfs.Projection(
                "right", "map", ttfs.Conv2d(2, 2, initial=filters, shape=(3, 4, 1)), delay=0.5
            ),
            ttfs.Projection("map", "map", rng.uniform(-0.1, 0, (12, 12)), delay=0.2),
            ttfs.Projection("map", "pool", ttfs.MinPool2d((1, 2), shape=(2, 3, 2)), delay=0.1),
            ttfs.Projection("right", "pool", ttfs.MinPool2d((2, 3), stride=1, shape=(3, 4, 1))),
            ttfs.Projection("map", "deaf", ttfs.MinPool2d((1, 2), shape=(2, 3, 2))),
            ttfs.Projection("pool", "out", rng.uniform(0, 0.8, (4, 3)), delay=0.5),
        ],
        dtype=np.float64,
        unit="ms",
        psp=psp,
    )
    times = {name: rng.uniform(0, 5, 12) for name in ("left", "right")}
    return ttfs.Simulator(circuit, times)


def windowed(dtype=np.float64, given=False, weights=None):
    """A simulator of windows: maps, a pool, biases, and a connection past a layer."""
    weights = ttfs.Real(init=(-0.4, 0.6)) if weights is None else weights
    threshold = 4 if isinstance(weights, ttfs.Binary) else np.array([1.3, 0.9, 1.7])
    told = {"weights": weights, "threshold": threshold}
    network = ttfs.Network(
        ttfs.Conv2d(3, 3, padding=1, bias=[0.1, -0.2, 0.0], **told),
        ttfs.Conv2d(3, 3, padding=1, **told),
        ttfs.MinPool2d(2),
        ttfs.Dense(None, 4, weights=weights, threshold=0.8, bias=0.25),
        shape=(4, 6, 2),
        seed=5,
        dtype=dtype,
        psp=ttfs.Windows(length=2.0),
        skips=[ttfs.Skip(1, 2)] if given else [],
    )
    times = np.random.default_rng(2).integers(0, 60, 48) / dtype(20)
    times[::7] = np.inf
    hidden = np.full(72, np.inf, dtype)
    hidden[:3] = 2.5, 3.5, 2.0
    return ttfs.Simulator(network, {0: times, 1: hidden} if given else times)


MAPS = {
    "looped maps": looped,
    "maps": mapped,
    "one-bit maps": lambda: mapped(weights=ttfs.Binary(init=(-1, 1.5))),
    "delayed maps": lambda: mapped(dtype=np.float64, delay=np.arange(60.0) % 4),
}
RAMPS = {
    "endless": lambda: real(psp=ttfs.Ramp()),
    "short": lambda: real(np.float64, ttfs.Ramp(0.3)),
    "long": lambda: real(psp=ttfs.Ramp(15.1)),
    "circuit": lambda: mixed(ttfs.Ramp(1.7)),
    "endless circuit": lambda: mixed(ttfs.Ramp()),
    "binary": lambda: binary(ttfs.Ramp(2.5)),
    "looped maps with ramps": lambda: looped(ttfs.Ramp(1.7)),
    "endless maps": lambda: mapped(ttfs.Ramp()),
    "long maps": lambda: mapped(ttfs.Ramp(15.1)),
    "short delayed maps": lambda: mapped(ttfs.Ramp(0.3), np.float64, delay=np.arange(60.0) % 4),
}
ramps = pytest.mark.parametrize("make", RAMPS.values(), ids=RAMPS)
WINDOWED = {
    "one-bit windows": lambda: windowed(
        np.float32, weights=ttfs.Binary(init=(-1, 1.5), scale=0.25)
    ),
    "windows and skips": lambda: windowed(given=True),
}
EVERY = {"real": real, "mixed": mixed} | MAPS | RAMPS | WINDOWED
every = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


def patient(kind, hidden):
    """A simulator in which every neuron waits for all inputs, and still fires."""
    circuit = wide(kind, hidden).circuit
    quiet = [
        ttfs.Population(population.name, population.size) for population in circuit.populations
    ]
    times = {0: np.linspace(0, 200, 784), 1: np.linspace(201, 250, hidden)}
    return ttfs.Simulator(ttfs.Circuit(quiet, circuit.projections, t_max=256), times)


def papers():
    """A simulator of a network of the papers' size, most of whose neurons fire."""
    layers = [
        ttfs.Conv2d(24, 5, weights=ttfs.Real(init=(-0.2, 1)), threshold=2.0),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(48, 5, weights=ttfs.Real(init=(-0.3, 1)), threshold=40.0),
        ttfs.MinPool2d(2),
        ttfs.Dense(None, 256, weights=ttfs.Real(init=(-0.3, 1)), threshold=60.0),
        ttfs.Dense(256, 10, weights=ttfs.Real(init=(-0.3, 1)), threshold=30.0),
    ]
    network = ttfs.Network(*layers, shape=(28, 28, 1), t_max=256, seed=1)
    return ttfs.Simulator(network, ttfs.encode_latency(strokes(silent=False).ravel()))


class Data(HTMLParser):
    """Collects the text of the page's data as a browser would see it."""

    def __init__(self, text):
        super().__init__()
        self.inside, self.found = False, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.inside = ("id", "data") in attributes

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, text):
        self.found += [text] if self.inside else []


def data_of(made):
    """What a page holds."""
    return json.loads("".join(Data(made.html).found))


def unpacked(packed):
    """An array of the page's data."""
    return np.frombuffer(base64.b64decode(packed["data"]), TYPES[packed["type"]])


def number(text):
    """A number as the page writes it."""
    return float(text.replace("\N{MINUS SIGN}", "-").replace("\N{INFINITY}", "inf"))


def column(tab, table, index):
    """The cells of a column of a table."""
    return tab.locator(f"{table} tbody td:nth-child({index})").all_inner_texts()


def choose(tab, layer, neuron):
    """Ask for a neuron by its number."""
    tab.select_option("#layer", str(layer))
    tab.fill("#neuron", str(neuron))
    tab.press("#neuron", "Enter")


def settled(potential, error):
    """A potential as the page writes it: 0 where rounding may have made it."""
    return 0.0 if abs(potential) <= 2 * error else potential


def began(simulator, layer, neuron):
    """Where the potential of a neuron that hears a window began."""
    return simulator.circuit.biases[simulator.circuit.units[layer].start + neuron]


def check_explanation(tab, simulator, layer, neuron):
    """Every number of the table is the simulator's."""
    inputs = simulator.explain(layer, neuron).inputs
    if len(inputs) > 100:
        tab.click("#every")
    columns = [column(tab, "#inputs", index) for index in range(1, 6)]
    if bias := began(simulator, layer, neuron):
        first = [cells.pop(0) for cells in columns]
        assert first[:-1] == ["bias", "", "", ""]
        assert np.float32(number(first[-1])) == np.float32(bias)
    names = simulator.circuit.names
    assert columns[0] == [f"{names[one.layer]} {one.neuron}" for one in inputs]
    errors = simulator.explain(layer, neuron).errors()
    potentials = [settled(one.potential, error) for one, error in zip(inputs, errors, strict=False)]
    single = simulator.plan.weights.dtype == np.float32
    exactly = np.float32 if single else float
    for cells, key in zip(columns[1:-1], ["spiked", "time", "weight"], strict=True):
        assert [exactly(number(cell)) for cell in cells] == [getattr(one, key) for one in inputs]
    assert [exactly(number(cell)) for cell in columns[-1]] == potentials
