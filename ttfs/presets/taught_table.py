"""The presets that learn from a convolutional network of this package as well as from labels."""

from ttfs.augmentation import Dropout, Jitter
from ttfs.codes.contrast import OnOff
from ttfs.losses import CrossEntropy, Distilled
from ttfs.optimizers import Adam, Cosine, Warm
from ttfs.presets.recipe import BIT, MNIST, exact, stack
from ttfs.rules import Exact

DIGITS = Distilled(CrossEntropy(tau=0.1), share=0.8, tau=0.05, softness=0.05)
CLOTHES = Distilled(CrossEntropy(tau=0.05), share=0.9, tau=0.05, softness=0.07, original=True)

TAUGHT = {
    "exact-mnist-taught": exact(
        "mnist",
        stack("400", *MNIST),
        rule=Exact(DIGITS, weight_decay=0.1),
        augmentation=(Dropout(0.25), Jitter(0.1)),
        optimizer=Adam(lr=Cosine(6e-4)),
        average=100_000,
        epochs=50,
        published="97.4 S4NN (lenient)",
        teacher="conv-mnist",
    ),
    "exact-fashion-taught": exact(
        "fashion-mnist",
        stack("1000"),
        encoder=OnOff((28, 28)),
        by_firing=True,
        rule=Exact(CLOTHES, weight_decay=0.03),
        augmentation=(Dropout(0.1),),
        optimizer=Adam(lr=Cosine(4e-4)),
        average=100_000,
        epochs=25,
        published="about 88.0 S4NN (lenient)",
        teacher="conv-fashion",
    ),
    "binary-fashion-taught": exact(
        "fashion-mnist",
        stack("1000", BIT),
        encoder=OnOff((28, 28)),
        by_firing=True,
        rule=Exact(CLOTHES),
        augmentation=(Dropout(0.05),),
        optimizer=Adam(lr=Warm(Cosine(6e-3)), beta2=0.98),
        average=100_000,
        epochs=30,
        published="87.3 BS4NN (lenient)",
        teacher="conv-fashion",
    ),
}
