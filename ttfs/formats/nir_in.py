"""Networks from graphs of the Neuromorphic Intermediate Representation (NIR)."""

import os
from dataclasses import fields
from math import prod
from typing import Any

import numpy as np

from ttfs.errors import InputError, ModelFileError, extra
from ttfs.files.archives import archive
from ttfs.formats import model_header
from ttfs.formats.model_file import Model, restore
from ttfs.formats.nir_chain import chain_of, numbers
from ttfs.formats.nir_files import read_nir
from ttfs.formats.nir_out import HEADER, Names, order_below, to_nir
from ttfs.formats.sealed import SEAL_SIZE
from ttfs.network.chain import Layer, names_of
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.network.weights import Binary


def from_nir(
    source: Any,
    *,
    t_max: float | None = None,
    unit: str | None = None,
    dt: float | None = None,
    trusted: bool = False,
) -> Network:
    """The network in a NIR graph or file, in which each neuron fires at most once.

    A graph that `to_nir` made gives the same network, bit for bit. One from another simulator
    must be a chain of `Linear`, `Affine` or `Conv2d`, each followed by `IF`, with `Flatten` and
    `Delay` where needed; `I` between synapses and neurons makes ramps, and `SumPool2d` or
    `AvgPool2d` into neurons that a single spike makes fire a `MinPool2d`. There is no reset here,
    and no second spike. NIR neurons fire above v_threshold, so thresholds are the next larger
    number.

    Parameters
    ----------
    source: a `nir.NIRGraph`, or the name of a file.
    t_max, unit: horizon (256) and unit of time ("step") of a graph from another simulator.
    dt: time step of a simulator that takes spikes as pulses of one step: it writes r = 1 / dt
        for neurons to whose potential a spike adds its weight. By default, r must be 1.
    trusted: whether a file may take as much memory as it needs; see `load`.

    Raises
    ------
    ModelFileError: no such file, a damaged one, or one of the following.
    InputError: nodes that mean nothing here, by name: leaks, biases, branches, loops.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[2.0], [1.0]], threshold=3.0))
    >>> from_nir(to_nir(network)).weights[0].tolist()
    [[2.0], [1.0]]
    """
    return model_from_nir(source, t_max=t_max, unit=unit, dt=dt, trusted=trusted).network


def model_from_nir(source: Any, *, trusted: bool = False, **settings: Any) -> Model:
    """The same with the encoder and the report that the graph may hold."""
    with extra("nir"):
        import nir
    if isinstance(source, nir.NIRGraph):
        return _model(source, None, settings)
    if not isinstance(source, str | os.PathLike):
        kind = type(source).__name__
        raise InputError(f"from_nir(...) must be a nir.NIRGraph or the name of a file, got {kind}")
    graph = read_nir(source)
    try:
        size = None if trusted else os.path.getsize(source)
        return _model(graph, size, settings)
    except InputError as error:
        raise ModelFileError(f"{os.fspath(source)}: {error}") from None


def _model(graph: Any, size: int | None, settings: dict[str, Any]) -> Model:
    """The model of a graph, which has come from a file of that size if it is not trusted."""
    text = graph.metadata.get(HEADER)
    if text is None:
        return Model(chain_of(graph, size, **settings), None, {}, {})
    given = [name for name, value in settings.items() if value is not None]
    if given:
        raise InputError(f"the graph says itself what {given[0]} is; leave it out")
    if not isinstance(text, str):
        raise InputError(f"metadata {HEADER!r} must be text, got {type(text).__name__}")
    return _own(graph, text.encode("utf-8", "replace"), size)


def _own(graph: Any, text: bytes, size: int | None) -> Model:
    """A model that `to_nir` wrote: settings from the header, numbers from the nodes."""
    header = model_header.parse(text)
    if isinstance(model_header.psp_of(header), Windows):
        raise InputError("its metadata speak of Windows(), which NIR cannot express")
    layers = tuple(model_header.layer_of(one, header["format"]) for one in header["layers"])
    arrays = {"header": np.frombuffer(text, np.uint8)}
    for k, name in enumerate(names_of(layers)[1:]):
        arrays |= _arrays(graph, header, layers, k, Names.of(name))
    content = archive(arrays, SEAL_SIZE)
    model = restore(content, trusted=size is None)
    again = to_nir(model.network, encoder=model.encoder, report=model.report)
    if sorted(graph.edges) != sorted(again.edges):
        raise InputError("its edges are not those that ttfs wrote")
    for name, node in again.nodes.items():
        fits(_same(graph.nodes.get(name), node), name)
    return model


def _arrays(
    graph: Any, header: dict[str, Any], layers: tuple[Layer, ...], k: int, names: Names
) -> dict[str, np.ndarray]:
    """The arrays of a layer, as a model file has them."""
    layer, record = layers[k], header["layers"][k]
    found, below = {}, prod(layer.shape if k == 0 else layers[k - 1].gives)
    if layer.rows:
        weights = numbers(graph, names.synapses, "weight")
        if isinstance(layer, Dense):
            fits(weights.shape == (layer.columns, below), names.synapses)
            own = np.empty(weights.shape[::-1], weights.dtype)
            own[order_below(layers, k)] = weights.T
        else:
            fits(weights.ndim == 4, names.synapses)
            own = weights.transpose(2, 3, 1, 0).reshape(-1, len(weights))
        if isinstance(layer.weights, Binary):
            fits(bool(np.isin(own, (-1, 1)).all()), names.synapses)
            found[f"weights_{k + 1}"] = np.packbits(own > 0)
        else:
            dtype = model_header.LITTLE_ENDIAN[header["dtype"]]
            found[f"weights_{k + 1}"] = own.astype(dtype)
    if isinstance(record["delay"], dict):
        learn = bool(model_header.delays_of(record["delay"]).rate)
        given = numbers(graph, names.delay, "delay")
        if learn:
            given = np.asarray(graph.nodes[names.delay].metadata.get("latent"))
        fits(given.size == below and given.dtype == np.float64, names.delay)
        delays = np.empty((below, 1))
        delays[order_below(layers, k), 0] = given.reshape(-1)
        found[f"latent_delays_{k + 1}" if learn else f"delays_{k + 1}"] = delays
    return found


def fits(whether: bool, name: str) -> None:
    """Refuse a graph whose metadata are not those of its nodes."""
    if not whether:
        cure = f"without the metadata {HEADER!r} the graph is read like any other"
        raise InputError(f"node {name!r} is not as ttfs wrote it; {cure}")


def _same(one: Any, other: Any) -> bool:
    """Whether two nodes are of a kind and hold the same numbers."""
    names = {field.name for field in fields(other)} - {"metadata", "input_type", "output_type"}
    return type(one) is type(other) and all(
        np.array_equal(np.asarray(getattr(one, name)), np.asarray(getattr(other, name)))
        for name in names
    )
