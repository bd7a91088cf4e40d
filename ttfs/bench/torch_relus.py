"""An ordinary network in PyTorch, to compare the training of a spiking one with."""

import importlib.util
import itertools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np


def train_relus(
    sizes: tuple[int, ...], images: np.ndarray, labels: np.ndarray, batch: int, rounds: int
) -> list[float] | None:
    """Seconds in which ReLUs see all images once by Adam, for each round; None without PyTorch.

    In a process of its own: the threads of PyTorch and of Numba would wait for each other.
    """
    if importlib.util.find_spec("torch") is None:
        return None
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(rounds_of, sizes, images, labels, batch, rounds).result()


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
