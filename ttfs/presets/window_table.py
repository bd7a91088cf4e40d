"""The presets that train ReLUs in PyTorch and convert them."""

from ttfs.augmentation import Distort, Erase, Flip, Shift
from ttfs.presets.window_recipe import adam, windows
from ttfs.rules import Windows

WINDOWS = {
    "window-mnist": windows(
        "mnist",
        "48C5-P2-96C5-P2-512",
        augmentation=(Distort((28, 28)),),
        sparse=0.05,
        epochs=50,
        published="99.51 Parallel TTFS",
    ),
    "window-fashion": windows(
        "fashion-mnist",
        "32C3-64C3p1-P2-128C3p1-128C3p1-P2-256C3p1-P2-512",
        augmentation=(Flip((28, 28)), Shift(2, (28, 28)), Erase(8, (28, 28))),
        validation=0.05,
        dropout=0.3,
        sparse=0.05,
        rounded=8,
        epochs=12,
        published="93.14 Parallel TTFS",
    ),
    "window-cifar10": windows(
        "cifar10",
        "24C2-64C3p1-P2-64C3p1-256C3p1-P2-256C3p1-256C3p1-P2-256C3p1-P3",
        rule=Windows(tau=1.0, smoothing=0.2, weight_decay=0.01),
        optimizer=adam(4e-3),
        muon=15.0,
        augmentation=(
            Flip((32, 32, 3)),
            Shift(4, (32, 32, 3), mirror=True),
            Erase(12, (32, 32, 3)),
        ),
        batch_size=500,
        validation=0.05,
        sparse=0.03,
        whiten=True,
        rounded=8,
        epochs=40,
        published="95.06 Parallel TTFS",
    ),
    "window-binary-mnist": windows(
        "mnist",
        "32C5-P2-64C5-P2-512",
        binary=True,
        augmentation=(Distort((28, 28)),),
        sparse=0.03,
        epochs=40,
        published="98.6 STiDi-BP",
    ),
    "window-binary-fashion": windows(
        "fashion-mnist",
        "32C3-64C3p1-P2-128C3p1-128C3p1-P2-256C3p1-P2-512",
        binary=True,
        augmentation=(Flip((28, 28)), Shift(1, (28, 28))),
        validation=0.05,
        sparse=0.05,
        rounded=8,
        epochs=16,
        published="92.0 STiDi-BP",
    ),
}
