"""Networks as NIR graphs, and graphs as networks."""

from pathlib import Path

import numpy as np
import pytest

import ttfs
from ttfs.codes.decoding import RULE
from ttfs.formats import nir_files
from ttfs.formats.nir_files import write_nir
from ttfs.formats.nir_in import model_from_nir
from ttfs.formats.nir_out import order_of

nir = pytest.importorskip("nir")
h5py = pytest.importorskip("h5py")
from reference_nir import first_spikes  # noqa: E402, it is of no use without nir


def halves(*shape, seed=0):
    return np.random.default_rng(seed).integers(-2, 5, shape) / 2


def dense(psp=None, **settings):
    return ttfs.Network(
        ttfs.Dense.of(halves(6, 5), threshold=[2.0, 1.0, 3.0, 2.5, 1.5]),
        ttfs.Dense(5, 4, weights=ttfs.Binary(scale=0.7), threshold=1.0, delay=1.5),
        psp=psp,
        t_max=20,
        **settings,
    )


def maps(psp=None, **settings):
    return ttfs.Network(
        ttfs.Conv2d(3, 3, padding=1, initial=halves(3, 3, 2, 3), threshold=[2.0, 3.0, 1.5]),
        ttfs.MinPool2d(2, delay=0.5),
        ttfs.Conv2d(4, (1, 2), stride=(1, 2), weights=ttfs.Binary(scale=1), threshold=2.0),
        ttfs.Dense.of(halves(12, 5, seed=1), threshold=2.0),
        shape=(7, 5, 2),
        psp=psp,
        t_max=20,
        unit="ms",
        **settings,
    )


def delayed(psp=None, **settings):
    return ttfs.Network(
        ttfs.Conv2d(2, 2, delay=ttfs.Delays("input", init=(0.1, 3)), threshold=2.0),
        ttfs.Dense(None, 3, delay=np.arange(24.0) / 4, threshold=3.0),
        shape=(4, 5, 2),
        psp=psp,
        t_max=30,
        **settings,
    )


CASES = [
    make(psp, dtype=dtype)
    for make in (dense, maps, delayed)
    for psp in (None, ttfs.Ramp(), ttfs.Ramp(2.5))
    for dtype in (np.float32, float)
]


def saved(network, folder):
    """The bytes of a network's model file, which say all about it."""
    return ttfs.save(folder / "model.npz", network).read_bytes()


@pytest.mark.parametrize("network", CASES, ids=repr)
def test_a_graph_and_its_file_give_the_same_network_bit_for_bit(network, tmp_path):
    graph = ttfs.to_nir(network)
    path = write_nir(tmp_path / "net.nir", graph)
    wanted = saved(network, tmp_path)
    assert saved(ttfs.from_nir(graph), tmp_path) == wanted
    assert saved(ttfs.from_nir(path), tmp_path) == wanted


@pytest.mark.parametrize("network", CASES, ids=repr)
def test_by_the_equations_of_nir_neurons_first_fire_when_they_fire_here(network):
    graph = ttfs.to_nir(network)
    stimuli = np.random.default_rng(2).random((3, network.sizes[0])) * 12
    stimuli[:, ::7] = np.inf
    if isinstance(network.psp, ttfs.Step):
        stimuli = np.floor(stimuli)  # for ties
    record = ttfs.forward(network, stimuli)
    order = order_of(network.shapes[0], not network.mapped[0])
    for sample, stimulus in enumerate(stimuli):
        shape = tuple(graph.nodes["input"].input_type["input"])
        found = list(first_spikes(graph, stimulus[order].reshape(shape)).values())
        for layer, theirs in enumerate(found, start=1):
            below = order_of(network.shapes[layer], not network.mapped[layer - 1])
            ours = record.times[layer][sample][below]
            theirs = np.where(theirs < network.t_max, theirs, np.inf)
            if isinstance(network.psp, ttfs.Step):
                np.testing.assert_array_equal(theirs, ours)
            else:
                np.testing.assert_allclose(theirs, ours, rtol=1e-5)
    assert np.isfinite(record.times[-1]).any()


@pytest.mark.parametrize("network", [dense(), maps(ttfs.Ramp()), delayed()], ids=repr)
def test_without_its_metadata_a_graph_fires_the_same(network):
    graph = ttfs.to_nir(network)
    graph.metadata = {}
    other = ttfs.from_nir(graph, t_max=network.t_max, unit=network.unit)
    stimuli = np.random.default_rng(3).random((20, network.sizes[0])) * 10
    record = ttfs.forward(network, stimuli)
    for ours, theirs in zip(record.times, ttfs.forward(other, stimuli).times, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert other.unit == network.unit


def test_a_threshold_that_is_just_reached_is_reached_there_too():
    network = ttfs.Network(ttfs.Dense.of([[0.5], [0.5]], threshold=1.0), t_max=9)
    graph = ttfs.to_nir(network)
    assert first_spikes(graph, np.array([1.0, 3.0])) == {"output_neurons": 3}
    graph.nodes["output_neurons"].v_threshold[:] = 1
    assert first_spikes(graph, np.array([1.0, 3.0])) == {"output_neurons": np.inf}


def test_metadata_say_what_nir_has_no_words_for():
    graph = ttfs.to_nir(maps(ttfs.Ramp(2)))
    told = graph.nodes["output_neurons"].metadata
    assert told == {"single_spike": True, "response": "Ramp(rise=2)", "t_max": 20, "unit": "ms"}
    assert graph.nodes["pool_1_neurons"].metadata["pool"]
    assert graph.metadata["decision"] == RULE


def test_encoder_and_report_come_along(tmp_path):
    encoder = ttfs.Latency(t_max=8, steps=True)
    graph = ttfs.to_nir(dense(), encoder=encoder, report={"accuracy": 0.9})
    model = model_from_nir(write_nir(tmp_path / "net.nir", graph))
    assert (model.encoder, model.report) == (encoder, {"accuracy": 0.9})


def test_what_others_will_do_differently_is_said():
    def begins(network):
        return [note.split(":")[0] for note in ttfs.nir_notes(network)]

    always = ["single spikes", "threshold", "time", "horizon"]
    plain = ttfs.Network(ttfs.Dense(2, 2), t_max=4)
    assert begins(plain) == always
    more = [*always, "ramps", "delays", "pools", "window sizes", "thresholds"]
    assert begins(maps(ttfs.Ramp())) == more


def test_what_no_graph_can_express_is_refused():
    windows = ttfs.Network(ttfs.Dense(2, 2), psp=ttfs.Windows())
    with pytest.raises(ttfs.InputError, match="no thresholds that fall"):
        ttfs.to_nir(windows)
    pairs = ttfs.Network(ttfs.Dense(2, 2, delay=[[1, 2], [3, 4]]))
    with pytest.raises(ttfs.InputError, match="Dense 1: NIR delays spikes, not synapses"):
        ttfs.to_nir(pairs)
    with pytest.raises(ttfs.InputError, match="from_nir"):
        ttfs.from_nir(pairs)


# Graphs of others


def ifs(size, threshold=1.0, r=1.0):
    ones = np.ones(size, np.float32)
    return nir.IF(r=r * ones, v_threshold=threshold * ones)


def chain(*nodes, shape=(2,)):
    names = ["input", *(f"n{k}" for k in range(len(nodes))), "output"]
    ends = nir.Input(np.array(shape)), nir.Output(np.array([1]))
    nodes = dict(zip(names, [ends[0], *nodes, ends[1]], strict=True))
    edges = list(zip(names, names[1:], strict=False))
    return nir.NIRGraph(nodes, edges, type_check=False)


LINEAR = nir.Linear(np.ones((3, 2), np.float32))
WEIGHT = np.ones((3, 2, 2, 2), np.float32)


def conv(size=(4, 4), weight=WEIGHT, stride=1, padding=0, dilation=1, groups=1, bias=0.0):
    bias = np.full(len(weight), bias, np.float32)
    return nir.Conv2d(size, weight, stride, padding, dilation, groups, bias)


def pool(kind, size=2):
    return kind(np.array([size, size]), np.array([size, size]), np.array([0, 0]))


def test_a_graph_from_elsewhere_becomes_a_network():
    graph = chain(
        conv(padding="same", weight=np.ones((3, 2, 3, 3))),
        ifs((3, 4, 4)),
        pool(nir.SumPool2d),
        ifs((3, 2, 2), 0.5),
        nir.Flatten(np.array([3, 2, 2]), 0, -1),
        nir.Delay(np.full(12, 0.25)),
        nir.Affine(np.ones((5, 12)), np.zeros(5)),
        nir.I(np.ones(5)),
        ifs(5, 2.0),
        shape=(2, 4, 4),
    )
    with pytest.raises(ttfs.InputError, match="node 'n8': all neurons must have an I"):
        ttfs.from_nir(graph)
    edges = [edge for edge in graph.edges if "n7" not in edge] + [("n6", "n8")]
    del graph.nodes["n7"]
    network = ttfs.from_nir(nir.NIRGraph(graph.nodes, edges, type_check=False), t_max=7, unit="s")
    assert repr(network) == "Network(4x4x2-3C3p1-P2-5, Step(), t_max=7)"
    assert network.layers[2].delay == 0.25
    assert network.unit == "s"
    assert network.dtype == np.float64


def test_spikes_that_last_for_a_time_step_need_its_length():
    graph = chain(LINEAR, ifs(3, r=1000.0))
    with pytest.raises(ttfs.InputError, match=r"node 'n1': r must be 1, got 1000; .* dt=0.001"):
        ttfs.from_nir(graph)
    assert ttfs.from_nir(graph, dt=0.001).sizes == (2, 3)
    ramps = chain(LINEAR, nir.I(np.full(3, 1000.0)), ifs(3))
    assert ttfs.from_nir(ramps, dt=0.001).psp == ttfs.Ramp()


def test_a_batch_of_one_sample_is_no_dimension():
    assert ttfs.from_nir(chain(LINEAR, ifs(3), shape=(1, 2))).sizes == (2, 3)
    flat = nir.Flatten(np.array([1, 3, 3, 3]), 1, -1)
    layers = conv(), ifs((3, 3, 3)), flat, nir.Linear(np.ones((5, 27))), ifs(5)
    network = ttfs.from_nir(chain(*layers, shape=(1, 2, 4, 4)))
    assert network.shapes == ((4, 4, 2), (3, 3, 3), (1, 1, 5))


def branch():
    graph = chain(LINEAR, ifs(3))
    graph.nodes["more"] = ifs(3)
    graph.edges.append(("n0", "more"))
    return graph


def loop():
    graph = chain(LINEAR, ifs(3))
    graph.edges.append(("n1", "n0"))
    return graph


def apart():
    graph = chain(LINEAR, ifs(3))
    graph.nodes["alone"] = ifs(3)
    return graph


LIF = nir.LIF(np.ones(3), np.ones(3), np.zeros(3), np.ones(3))
REFUSED = {
    "node 'n1': a LIF leaks": lambda: chain(LINEAR, LIF),
    "node 'n0' is connected to several": branch,
    "node 'n1' is connected to several|node 'n0' is connected to several": loop,
    "node 'alone' is not on the way": apart,
    "node 'n0': has a bias": lambda: chain(nir.Affine(np.ones((3, 2)), np.ones(3)), ifs(3)),
    "node 'n0': has weights of \\(3, 5\\) for 2": lambda: chain(
        nir.Linear(np.ones((3, 5))), ifs(3)
    ),
    "node 'n1': a Linear must be followed by an IF": lambda: chain(LINEAR, LINEAR),
    "the last node before the output must be an IF": lambda: chain(LINEAR),
    "node 'n0': an IF must follow synapses": lambda: chain(ifs(2)),
    "node 'n0': a Threshold means nothing": lambda: chain(
        nir.Threshold(np.ones(2)), LINEAR, ifs(3)
    ),
    "node 'n0': a Scale means nothing": lambda: chain(nir.Scale(np.ones(2)), LINEAR, ifs(3)),
    "node 'n0': a NIRGraph means nothing": lambda: chain(chain(LINEAR), ifs(3)),
    "node 'n1': thresholds must be 0 or more": lambda: chain(LINEAR, ifs(3, -1.0)),
    "node 'n1' must have finite numbers as r": lambda: chain(LINEAR, ifs(3, r=np.nan)),
    "node 'n0': Dense\\(threshold=...\\) must be above 0 and finite": lambda: chain(
        LINEAR, nir.IF(np.ones(3), np.full(3, 1e300))
    ),
    "node 'n1' has 4 thresholds for 3": lambda: chain(LINEAR, ifs(4)),
    "node 'input': the input must be": lambda: chain(LINEAR, ifs(3), shape=(3, 2)),
    "node 'n0': needs maps": lambda: chain(conv(), ifs((3, 3, 3))),
    "node 'n0': must have one group": lambda: chain(conv(groups=2), ifs(3), shape=(2, 4, 4)),
    "n0': must have one group, and": lambda: chain(conv(dilation=2), ifs(3), shape=(2, 4, 4)),
    "node 'n0': padding 'same'": lambda: chain(conv(padding="same"), ifs(3), shape=(2, 4, 4)),
    "node 'n0': has a bias, a": lambda: chain(conv(bias=1), ifs((3, 3, 3)), shape=(2, 4, 4)),
    "node 'n0': must follow a Flatten": lambda: chain(
        nir.Linear(np.ones((3, 32))), ifs(3), shape=(2, 4, 4)
    ),
    "node 'n1': thresholds must be the same in all of a channel": lambda: chain(
        conv(), ifs((3, 3, 3), np.arange(27.0).reshape(3, 3, 3)), shape=(2, 4, 4)
    ),
    "node 'n0': its neurons must fire with one spike": lambda: chain(
        pool(nir.AvgPool2d), ifs((2, 2, 2), 0.25), shape=(2, 4, 4)
    ),
    "node 'n1': delays after synapses": lambda: chain(LINEAR, nir.Delay(np.arange(3.0)), ifs(3)),
    "node 'n0' has 4 delays for 2": lambda: chain(nir.Delay(np.arange(4.0)), LINEAR, ifs(3)),
    "node 'n1': must flatten all": lambda: chain(
        nir.Delay(np.ones((2, 4, 4))), nir.Flatten(np.array([2, 4, 4]), 1, -1), shape=(2, 4, 4)
    ),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_means_nothing_here_is_refused_by_the_name_of_its_node(told):
    with pytest.raises(ttfs.InputError, match=told):
        ttfs.from_nir(REFUSED[told]())


def test_a_graph_that_was_changed_is_not_taken_for_ours():
    graph = ttfs.to_nir(dense())
    graph.nodes["hidden_neurons"].v_threshold[0] *= 2
    with pytest.raises(ttfs.InputError, match="node 'hidden_neurons' is not as ttfs wrote it"):
        ttfs.from_nir(graph)
    graph = ttfs.to_nir(dense())
    graph.nodes["output_synapses"].weight[0, 0] = 0.5
    with pytest.raises(ttfs.InputError, match="node 'output_synapses' is not as ttfs wrote it"):
        ttfs.from_nir(graph)
    graph.metadata = {}
    assert ttfs.from_nir(graph).weights[1][0, 0] == 0.5
    graph = ttfs.to_nir(dense())
    del graph.nodes["output_delay"]
    with pytest.raises(ttfs.InputError, match="edges|output_delay"):
        ttfs.from_nir(graph)
    with pytest.raises(ttfs.InputError, match="says itself what t_max is"):
        ttfs.from_nir(ttfs.to_nir(dense()), t_max=3)


# Files of others


def test_a_file_that_is_cut_is_refused_wherever_it_was(tmp_path):
    path = tmp_path / "net.nir"
    whole = write_nir(path, ttfs.to_nir(dense())).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:place])
        with pytest.raises(ttfs.ModelFileError, match="net.nir: is no NIR graph, or damaged"):
            ttfs.from_nir(path)


def test_a_file_in_which_anything_was_changed_is_refused_or_read(tmp_path):
    path = tmp_path / "net.nir"
    whole = write_nir(path, ttfs.to_nir(dense())).read_bytes()
    rng, refused = np.random.default_rng(4), 0
    for place in rng.integers(len(whole), size=40):
        content = bytearray(whole)
        content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        try:  # no other error, and no endless wait
            ttfs.from_nir(path)
        except ttfs.ModelFileError:
            refused += 1
    assert refused


def trap(path, change):
    """A file of a graph in which something was changed."""
    write_nir(path, ttfs.to_nir(dense()))
    with h5py.File(path, "r+") as file:
        change(file["node/nodes"])
    return path


def huge(nodes):
    del nodes["hidden_synapses/weight"]
    nodes["hidden_synapses"].create_dataset("weight", (10**6, 10**6), "f4")


def packed(nodes):
    del nodes["hidden_synapses/weight"]
    some = {"compression": "gzip", "chunks": (2**20,)}
    nodes["hidden_synapses"].create_dataset("weight", (2**26,), "f4", **some)[:9] = 1


def linked(nodes):
    del nodes["hidden_synapses/weight"]
    nodes["hidden_synapses/weight"] = h5py.ExternalLink("/etc/passwd", "x")


def elsewhere(nodes):
    del nodes["hidden_synapses/weight"]
    stored = [("/etc/passwd", 0, 80)]
    nodes["hidden_synapses"].create_dataset("weight", (4, 5), "f4", external=stored)


def nested(nodes):
    nodes["hidden_synapses/again"] = nodes["hidden_synapses"]


def many(nodes):
    for k in range(99):
        nodes["hidden_synapses"].create_group(f"g{k}")


TRAPS = {
    "takes 4,000,000 MB": huge,
    "takes 268 MB": packed,
    "is a link to something else": linked,
    "is not in the file itself": elsewhere,
    "nested deeper than": nested,
    "holds more than": many,
}


@pytest.mark.parametrize("told", TRAPS)
def test_a_file_that_is_a_trap_is_refused(told, tmp_path, monkeypatch):
    monkeypatch.setattr(nir_files, "MOST", 90)
    path = trap(tmp_path / "net.nir", TRAPS[told])
    with pytest.raises(ttfs.ModelFileError, match=told):
        ttfs.from_nir(path)


def test_a_small_file_makes_no_huge_network(tmp_path):
    large = chain(
        conv(size=(40_000, 40_000), weight=np.ones((1, 1, 1, 1))),
        nir.IF(np.ones(1), np.ones(1)),
        shape=(1, 40_000, 40_000),
    )
    path = write_nir(tmp_path / "net.nir", large)
    with pytest.raises(ttfs.ModelFileError, match="its network takes|synapses, too many"):
        ttfs.from_nir(path)


def test_what_is_no_nir_file_is_refused(tmp_path):
    with pytest.raises(ttfs.ModelFileError, match="there is no such file"):
        ttfs.from_nir(tmp_path / "none.nir")
    (tmp_path / "text.nir").write_text("a graph")
    with pytest.raises(ttfs.ModelFileError, match="is no NIR graph, or damaged"):
        ttfs.from_nir(str(tmp_path / "text.nir"))
    with pytest.raises(ttfs.ModelFileError, match="is no NIR graph, or damaged"):
        ttfs.from_nir(Path(tmp_path))


CUBE = np.zeros((2, 2, 2, 2))
VALUES = ["text", -1, 2**62, 0.5, np.nan, [], [[1.0]], [1, 2, 3], True, CUBE, None]


@pytest.mark.parametrize("ours", [True, False])
def test_whatever_a_file_holds_in_any_place_is_refused_in_a_sentence_or_read(ours, tmp_path):
    path, places = tmp_path / "net.nir", []
    graph = ttfs.to_nir(maps())
    graph.metadata = graph.metadata if ours else {}
    whole = write_nir(path, graph).read_bytes()
    with h5py.File(path) as file:
        file["node"].visititems(lambda name, part: places.append(name))
    places = [place for place in places if "_neurons/metadata" not in place]
    for number, place in enumerate(places):
        value = VALUES[(number + ours) % len(VALUES)]
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            del file["node"][place]
            if value is None:
                file["node"].create_group(place)
            else:
                file["node"][place] = value
        try:
            ttfs.from_nir(path)
        except ttfs.ModelFileError as error:
            told = str(error)
            assert "\n" not in told
