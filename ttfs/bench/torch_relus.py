"""An ordinary network in PyTorch, to compare the training of a spiking one with."""

import importlib.util
import itertools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from ttfs.network.chain import check_chain
from ttfs.network.notation import layers_of

if TYPE_CHECKING:
    import torch


def train_relus(
    sizes: tuple[int, ...], images: np.ndarray, labels: np.ndarray, batch: int, rounds: int
) -> list[float] | None:
    """Seconds in which ReLUs see all images once by Adam, for each round; None without PyTorch.

    In a process of its own, as the threads of PyTorch and of Numba would wait for each other.
    """
    if importlib.util.find_spec("torch") is None:
        return None
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(rounds_of, sizes, images, labels, batch, rounds).result()


def run_relus(
    layers: str,
    shape: tuple[int, int, int],
    images: np.ndarray,
    labels: np.ndarray,
    batch: int,
    learning: bool,
) -> float | None:
    """Seconds in which a network of maps of ReLUs sees all images once; None without PyTorch.

    layers: as papers write them; the median of some rounds.
    """
    if importlib.util.find_spec("torch") is None:
        return None
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(seconds_of_maps, layers, shape, images, labels, batch, learning).result()


def seconds_of_maps(
    layers: str,
    shape: tuple[int, int, int],
    images: np.ndarray,
    labels: np.ndarray,
    batch: int,
    learning: bool,
) -> float:
    """The same in this process, on one thread; one round is not counted."""
    import torch

    torch.set_num_threads(1)
    net = relus_of(layers, shape)
    loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters())
    height, width, channels = shape
    pixels = torch.from_numpy(images).reshape(-1, height, width, channels).permute(0, 3, 1, 2)
    wanted, seconds = torch.from_numpy(labels), []
    for _ in range(6):
        started = time.perf_counter()
        for start in range(0, len(pixels), batch):
            part = slice(start, start + batch)
            if not learning:
                with torch.inference_mode():
                    net(pixels[part])
                continue
            optimizer.zero_grad()
            loss(net(pixels[part]), wanted[part]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))


def relus_of(layers: str, shape: tuple[int, int, int]) -> "torch.nn.Sequential":
    """A network of ReLUs of layers such as 24C5, P2 and 256, in PyTorch."""
    import torch

    found: list[torch.nn.Module] = []
    flat = shape[:2] == (1, 1)
    for layer in check_chain(layers_of(layers), shape):
        if layer.pools:
            found.append(torch.nn.MaxPool2d(*layer.windows))
        elif layer.kind == "conv2d":
            sizes = layer.shape[2], layer.columns
            found += [torch.nn.Conv2d(*sizes, *layer.windows), torch.nn.ReLU()]
        else:
            found += [] if flat else [torch.nn.Flatten()]
            found += [torch.nn.Linear(layer.rows, layer.columns), torch.nn.ReLU()]
            flat = True
    return torch.nn.Sequential(*found[:-1])


def rounds_of(
    sizes: tuple[int, ...], images: np.ndarray, labels: np.ndarray, batch: int, rounds: int
) -> list[float]:
    """The same in this process, on one thread; one round is not counted."""
    import torch

    torch.set_num_threads(1)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net, loss = torch.nn.Sequential(*layers[:-1]), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters())
    pixels, wanted = torch.from_numpy(images), torch.from_numpy(labels)
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        for start in range(0, len(pixels), batch):
            part = slice(start, start + batch)
            optimizer.zero_grad()
            loss(net(pixels[part]), wanted[part]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds[1:]
