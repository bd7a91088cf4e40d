"""A network of single spikes, its encoder and its training, as a classifier of scikit-learn."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np

from ttfs.checks import (
    NO_SPIKE,
    as_array,
    as_times,
    flag,
    moderate,
    of_kind,
    positive,
    short,
    whole,
)
from ttfs.codes.encoders import Encoder
from ttfs.engines.batch import forward
from ttfs.errors import InputError, extra
from ttfs.measures.metrics import chunks
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.optimizers import Adam, Cosine, Optimizer, Warm, share
from ttfs.sklearn.encoder import FLOATS, TTFSEncoder
from ttfs.sklearn.samples import distinct
from ttfs.sklearn.scores import lateness, probabilities
from ttfs.sklearn.settings import (
    delay_for,
    epochs_for,
    layers_for,
    response_for,
    rule_of,
    shape_for,
    weights_of,
)
from ttfs.training.split import as_weights
from ttfs.training.trainer import Trainer

with extra("sklearn"):
    from sklearn.base import BaseEstimator, ClassifierMixin, clone
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.class_weight import compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data

HORIZON = 4.0  # windows in which inputs fire
AVERAGE = 5000  # samples over which weights are averaged
KINDS = 'a dictionary, "balanced" or None'
DECIDED = 0.5  # share of the samples with an output spike below which there is a warning


class TTFSClassifier(ClassifierMixin, BaseEstimator):
    """A network in which the output that fires first names the class.

    Numbers of any range become spike times (`TTFSEncoder`), and times are in units of the window
    in which inputs fire. The same samples in another order, and a sample that is there twice
    instead of having twice the weight, give the same network to the bit.

    Parameters
    ----------
    layers: the hidden layers as papers write them, "128" or "24C5-P2-256"; or a number, several
        numbers, or a tuple of `ttfs.Dense`, `Conv2d` and `MinPool2d`. "" for none.
    shape: (rows, columns) or (rows, columns, channels) of a sample, for layers of maps.
    weights: "real" or "binary", one bit each; or a `ttfs.Real` or `ttfs.Binary`.
    rule: "exact", "surrogate", "stidi-bp", "s4nn" or "windows", or one of `ttfs.rules`.
    psp: the response; by default the one that the rule learns with.
    encoder: a `TTFSEncoder`, or another transformer to spike times; "passthrough": the samples are
        spike times already, inf for silence. By default a `TTFSEncoder()`.
    t_max: horizon; by default four windows, or with `ttfs.Windows` the end of the last one.
    tau: scale of the probabilities, and of the loss of the rule "exact"; by default a tenth of a
        window. The smaller it is, the surer the classifier is of a small lead.
    epochs: how often the samples are seen; by default about 2,000 steps, but no fewer than 10 and
        no more than 200 epochs.
    batch_size: samples for each step.
    learning_rate: of `ttfs.Adam` at the beginning; it falls to 0.
    optimizer: a `ttfs.SGD`, `Momentum` or `Adam` to use instead.
    validation_fraction: share of the samples to hold out; the weights kept are those of the epoch
        that did best on them. With 0, all are learned, and the last weights are kept.
    class_weight: a dictionary of weights, or "balanced", as in scikit-learn.
    warm_start: whether another call of `fit` goes on with the network and encoder there are.
    verbose: whether to print a line for each epoch.
    random_state: a number, a `numpy.random.RandomState` or None, as in scikit-learn. A number gives
        the same network to the bit, in however many threads and processes.

    Attributes
    ----------
    classes_: (classes,) the labels, sorted; output k stands for class k.
    network_: the `ttfs.Network`.
    encoder_: the fitted encoder, None for "passthrough".
    tau_: the scale of the probabilities.
    history_: the `ttfs.History` of the last training.
    n_iter_: how many epochs that had.
    n_features_in_, feature_names_in_: as in scikit-learn.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = TTFSClassifier("32", epochs=40, random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.9)
    True
    >>> classifier.network_
    Network(8-32-3, Ramp(rise=inf), t_max=4)
    """

    classes_: np.ndarray
    network_: Network

    def __init__(
        self,
        layers: Any = "128",
        *,
        shape: Any = None,
        weights: Any = "real",
        rule: Any = "exact",
        psp: Any = None,
        encoder: Any = None,
        t_max: float | None = None,
        tau: float | None = None,
        epochs: int | None = None,
        batch_size: int = 20,
        learning_rate: float = 0.006,
        optimizer: Any = None,
        validation_fraction: float = 0.0,
        class_weight: Any = None,
        warm_start: bool = False,
        verbose: bool = False,
        random_state: Any = None,
    ):
        self.layers = layers
        self.shape = shape
        self.weights = weights
        self.rule = rule
        self.psp = psp
        self.encoder = encoder
        self.t_max = t_max
        self.tau = tau
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "TTFSClassifier":
        """Fit the encoder and train the network.

        X: (samples, features) numbers, or spike times if `encoder` is "passthrough". y: (samples,)
        labels of any kind. sample_weight: (samples,) how much each sample counts compared with the
        others; one of weight 0 might as well not be there.

        Warns with a `ConvergenceWarning` if no output fires in most of the samples. Ctrl-C stops a
        search as well, and leaves the classifier with the weights it has learned. After an error,
        it is as it was.
        """
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, sample_weight)
        except Exception:
            self.__dict__ = before
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> "TTFSClassifier":
        """The same; where it fails, some attributes may be new and others old."""
        warm = flag(self.warm_start, "TTFSClassifier(warm_start=...)")
        again = warm and hasattr(self, "network_")
        X, y, weights = self._samples(X, y, sample_weight, reset=not again)
        classes, labels = np.unique(y, return_inverse=True)
        if again and not np.array_equal(self.classes_, classes):
            raise InputError(
                f"TTFSClassifier(warm_start=True) knows the classes {self.classes_}, got {classes}"
            )
        self.classes_ = classes
        some, weights = distinct(X, labels, weights)
        X, labels = X[some], labels[some]
        if not again:
            self.encoder_ = self._encoder().fit(X) if self.encoder != "passthrough" else None
        return self._train(self._times(X), labels, weights, again)

    def predict(self, X: Any) -> np.ndarray:
        """(samples,) the class whose output fires first, as `ttfs.decide` finds it."""
        first = self._lateness(X)[0].argmin(axis=1)
        return self.classes_[first]

    def predict_proba(self, X: Any) -> np.ndarray:
        """(samples, classes) the softmax of -t / tau over the output times t.

        Silent outputs have a probability of 0. If all are silent, they count as spikes between two
        and three horizons, the later the lower the potential.
        """
        late, fired = self._lateness(X)
        return probabilities(late, fired, self.tau_)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """(samples, classes) the logarithm of `predict_proba`; -inf for a probability of 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """(samples, classes) how early each output fires: -t; for two classes the second's lead.

        The lead, (samples,), is the time of the first output minus that of the second. A silent
        output counts as one that fires between two and three horizons, the later the lower its
        potential.
        """
        late = self._lateness(X)[0]
        return late[:, 0] - late[:, 1] if late.shape[1] == 2 else -late

    def _checked(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        """X as numbers, and y if given; spike times may be inf."""
        given = isinstance(self.encoder, str)
        finite = {"ensure_all_finite": not given}
        if isinstance(X, np.ma.MaskedArray):  # of which scikit-learn would read what is masked
            X = as_array(X, "X", masked=NO_SPIKE if given else None)
        return validate_data(self, X, y, dtype=FLOATS, reset=reset, **finite)

    def _samples(
        self, X: Any, y: Any, sample_weight: Any, reset: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Checked samples, labels and weights, without those of weight 0."""
        X, y = self._checked(X, y, reset=reset)
        check_classification_targets(y)
        weights = self._weights(y, sample_weight)
        there = weights > 0
        return X[there], y[there], weights[there]

    def _weights(self, y: np.ndarray, sample_weight: Any) -> np.ndarray:
        """(samples,) what each sample counts, by itself and by its class."""
        given = np.ones(len(y)) if sample_weight is None else sample_weight
        weights = as_weights(given, len(y))
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            classes = np.unique(y, return_inverse=True)[1]
            totals = np.bincount(classes, weights)
            return weights / np.where(totals > 0, totals, 1)[classes]
        if self.class_weight is None:
            return weights
        whose = "TTFSClassifier(class_weight=...)"
        own = compute_sample_weight(of_kind(self.class_weight, dict, whose, KINDS), y)
        return as_weights(weights * as_weights(own, len(y), whose), len(y))

    def _encoder(self) -> Any:
        """An encoder that is not fitted yet."""
        if self.encoder is None:
            return TTFSEncoder()
        if not hasattr(self.encoder, "fit"):
            kind = isinstance(self.encoder, Encoder)
            hint = f": say TTFSEncoder({short(self.encoder)})" if kind else ""
            raise InputError(
                "TTFSClassifier(encoder=...) must be a transformer such as TTFSEncoder(),"
                f' "passthrough" or None, got {short(self.encoder)}{hint}'
            )
        return clone(self.encoder)

    def _times(self, X: np.ndarray) -> np.ndarray:
        """Spike times in float32; those of a user's own keep their precision."""
        if self.encoder_ is None:
            return as_times(X, X.shape[1], "X")
        times = np.asarray(self.encoder_.transform(X), np.float32)
        return as_times(times, times.shape[1], "times of the encoder")

    def _train(
        self, times: np.ndarray, labels: np.ndarray, weights: np.ndarray, again: bool
    ) -> "TTFSClassifier":
        """Train a new network, or go on with the one there is."""
        state, batch = self.random_state, whole(self.batch_size, "TTFSClassifier(batch_size=...)")
        if isinstance(state, Integral):
            seed = whole(state, "TTFSClassifier(random_state=...)", least=0)
        else:
            seed = check_random_state(state).randint(2**31 - 1)
        window = self._window(times)
        tau = 0.1 * window if self.tau is None else moderate(self.tau, "TTFSClassifier(tau=...)")
        rule = rule_of(self.rule, tau, window)
        network = self.network_ if again else self._network(times, rule, window, seed)
        trainer = Trainer(
            network,
            rule,
            self._optimizer(),
            batch_size=batch,
            by_firing=not again,
            average=AVERAGE,
            seed=seed,
        )
        epochs = epochs_for(len(labels), batch) if self.epochs is None else self.epochs
        self.history_ = trainer.fit(
            times,
            labels,
            epochs=whole(epochs, "TTFSClassifier(epochs=...)"),
            sample_weight=weights,
            validation=share(self.validation_fraction, "TTFSClassifier(validation_fraction=...)"),
            progress=False,
            log=print if self.verbose else None,
        )
        self.network_, self.tau_ = network, tau
        self.n_iter_ = len(self.history_.records)
        if self.history_.interrupted:
            raise KeyboardInterrupt("training was stopped")
        self._warn()
        return self

    def _window(self, times: np.ndarray) -> float:
        """The time by which inputs have fired."""
        if isinstance(self.encoder_, TTFSEncoder):
            return float(self.encoder_.encoder_.window)
        last = float(np.max(times, where=np.isfinite(times), initial=0.0))
        return last if last > 0 else 1.0

    def _network(self, times: np.ndarray, rule: Any, window: float, seed: int) -> Network:
        """A network with weights that fit neither the samples nor the rule yet."""
        psp = response_for(rule, window) if self.psp is None else self.psp
        t_max: float | None = None if isinstance(psp, Windows) else HORIZON * window
        if self.t_max is not None:
            t_max = moderate(self.t_max, "TTFSClassifier(t_max=...)")
        settings = {"weights": weights_of(self.weights), "delay": delay_for(rule, window)}
        layers = layers_for(self.layers, len(self.classes_), **settings)
        own = isinstance(self.encoder_, TTFSEncoder) and window == 1
        return Network(
            *layers,
            psp=psp,
            t_max=t_max,
            seed=seed,
            unit="window" if own else "time unit",
            shape=shape_for(self.shape, layers, self.n_features_in_, times.shape[1]),
        )

    def _optimizer(self) -> Optimizer:
        if self.optimizer is not None:
            return self.optimizer
        lr = positive(self.learning_rate, "TTFSClassifier(learning_rate=...)")
        return Adam(lr=Warm(Cosine(lr)), beta2=0.98)

    def _warn(self) -> None:
        """Warn if there is little to decide by."""
        last, outputs = f"silent_{len(self.network_.layers)}", len(self.classes_)
        if (1 - self.history_.records[-1][last]) * outputs < DECIDED:  # spikes for each sample
            warnings.warn(
                "no output fires in most of the samples: try a larger learning_rate, more epochs"
                " or a later t_max",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _lateness(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """When each output fires, and which do, as in `scores.lateness`."""
        check_is_fitted(self)
        times, network = self._times(self._checked(X)), self.network_
        parts = [forward(network, times[some]) for some in chunks(network, len(times))]
        outputs = np.concatenate([record.times[-1] for record in parts])
        potential = np.concatenate([record.potential for record in parts])
        return lateness(outputs, potential, network.t_max)
