"""What a network of single spikes loses against ReLUs, layer by layer: python docs/lost.py MODEL

The first layers of a trained convolutional model are kept unchanged, and their spike times are read
as values, 1 - t / t_max, with silence as 0. On top of them, a network of ReLUs replaces the other
layers and is trained (PyTorch, images mirrored at random). With no layer kept, this is a network of
ReLUs on the model's own inputs; what is lost from one line to the next is lost in that layer.
"""

import argparse
import time

import numpy as np
import torch

import ttfs

BATCH = 100


def values_of(network: ttfs.Network, times: np.ndarray, layer: int) -> torch.Tensor:
    """(samples, channels, height, width) values of the spikes of a layer; 0 is the input."""
    found = []
    for start in range(0, len(times), 500):
        some = times[start : start + 500]
        spikes = some if layer == 0 else ttfs.forward(network, some).times[layer]
        found.append((1 - np.minimum(spikes, network.t_max) / network.t_max).astype(np.float16))
    maps = np.concatenate(found).reshape(len(times), *network.shapes[layer])
    return torch.from_numpy(np.ascontiguousarray(maps.transpose(0, 3, 1, 2)))


def relus_above(network: ttfs.Network, layer: int) -> torch.nn.Sequential:
    """Untrained ReLUs that replace the layers above a given one."""
    nn, parts, flat = torch.nn, [], network.shapes[layer][:2] == (1, 1)
    for k in range(layer, len(network.layers)):
        one, below = network.layers[k], network.shapes[k][2]
        if one.kind == "conv2d":
            parts += [nn.Conv2d(below, one.columns, one.kernel_size, one.stride, one.padding)]
            parts += [nn.BatchNorm2d(one.columns), nn.ReLU()]
        elif one.pools:
            parts.append(nn.MaxPool2d(one.kernel_size, one.stride, one.padding))
        else:
            parts += [] if flat else [nn.Flatten()]
            parts += [nn.Dropout(0.3), nn.Linear(one.inputs, one.outputs), nn.ReLU()]
            flat = True
    return nn.Sequential(
        *([nn.Flatten()] if network.shapes[layer][:2] == (1, 1) else []), *parts[:-1]
    )


def trained(top: torch.nn.Module, values: torch.Tensor, labels: torch.Tensor, epochs: int) -> None:
    """Train by AdamW with a rate that rises and falls once."""
    steps = epochs * (len(values) // BATCH)
    adam = torch.optim.AdamW(top.parameters(), weight_decay=0.02)
    rates = torch.optim.lr_scheduler.OneCycleLR(adam, 3e-3, total_steps=steps)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(epochs):
        order = torch.randperm(len(values))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            some = values[chosen].float()
            some = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, some, some.flip(3))
            adam.zero_grad()
            loss(top(some), labels[chosen]).backward()
            adam.step()
            rates.step()


def main() -> None:
    """Print a line for each layer that is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = ttfs.load(options.model)
    network = model.network
    train, test = ttfs.datasets.load(options.dataset)
    times = [model.encoder(part.images).reshape(len(part.images), -1) for part in (train, test)]
    labels = [torch.from_numpy(part.labels.astype(np.int64)) for part in (train, test)]
    print(f"{network}: {100 * ttfs.evaluate(network, times[1], test.labels).accuracy:.2f} %")
    kept = [k for k in range(len(network.layers)) if k == 0 or not network.layers[k].pools]
    for layer in kept:
        started = time.perf_counter()
        torch.manual_seed(0)
        top = relus_above(network, layer)
        trained(top, values_of(network, times[0], layer), labels[0], options.epochs)
        top.eval()
        with torch.inference_mode():
            shown = values_of(network, times[1], layer)
            said = torch.cat([top(some.float()).argmax(1) for some in shown.split(500)])
        share = 100 * float((said == labels[1]).float().mean())
        name = network.names[layer]
        taken = time.perf_counter() - started
        print(f"spikes up to {name}, ReLUs above: {share:.2f} % ({taken:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
