"""Numbers of any range -> spike times, as a transformer of scikit-learn."""

from typing import Any

import numpy as np

from ttfs.checks import as_times, flag, of_kind, short
from ttfs.codes.contrast import OnOff
from ttfs.codes.encoders import Encoder
from ttfs.codes.encoding import Direct, Latency
from ttfs.errors import InputError, extra

with extra("sklearn"):
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

FLOATS = [np.float64, np.float32]


class TTFSEncoder(TransformerMixin, BaseEstimator):
    """Spike times of numbers, whose range is taken from the samples it is fitted to.

    The smallest number of a feature becomes 0 and the largest 1; what lies outside is clipped. The
    larger such a value is, the earlier its input fires. With a complement, each feature has a
    second input, for 1 minus the value: it fires the earlier the smaller the number is, so that
    small numbers are heard as soon as large ones. Silence is inf.

    Parameters
    ----------
    encoder: turns values from 0 to 1 into times: a `ttfs.Latency`, `Direct` or `OnOff`; by default
        `Latency(t_max=1)`, which leaves 0 silent.
    complement: whether there is a second input for each feature, which follows the first.
    per: of what the range is taken: "feature", of each feature by itself; "all", of all together,
        such as pixels; None: values are from 0 to 1 already.

    Attributes
    ----------
    encoder_: the encoder used.
    low_, high_: (features,) the numbers that become 0 and 1. A feature with only one number is 0.
    n_features_in_, feature_names_in_: as in scikit-learn.

    >>> import numpy as np
    >>> encoder = TTFSEncoder().fit([[10.0], [20.0]])
    >>> encoder.transform([[10.0], [12.5], [20.0], [99.0]])
    array([[ inf, 0.  ],
           [0.75, 0.25],
           [0.  ,  inf],
           [0.  ,  inf]])
    >>> encoder.inverse_transform([[0.75, 0.25]])
    array([[12.5]])
    """

    def __init__(self, encoder: Any = None, *, complement: bool = True, per: Any = "feature"):
        self.encoder = encoder
        self.complement = complement
        self.per = per

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None) -> "TTFSEncoder":
        """Take the range of X, (samples, features); y is ignored."""
        X = validate_data(self, X, dtype=FLOATS)
        encoder = Latency(t_max=1.0) if self.encoder is None else self.encoder
        kinds = "a ttfs.Latency, Direct or OnOff, or None"
        self.encoder_ = of_kind(encoder, Encoder, "TTFSEncoder(encoder=...)", kinds)
        if flag(self.complement, "TTFSEncoder(complement=...)") and isinstance(encoder, OnOff):
            raise InputError(
                "TTFSEncoder: OnOff has channels for dark and bright already: complement=False"
            )
        if self.per not in ("feature", "all", None):
            raise InputError(
                f'TTFSEncoder(per=...) must be "feature", "all" or None, got {short(self.per)}'
            )
        axis = 0 if self.per == "feature" else None
        features = np.ones(X.shape[1], X.dtype)
        self.low_ = features * (0 if self.per is None else X.min(axis=axis))
        self.high_ = features * (1 if self.per is None else X.max(axis=axis))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Spike times (samples, inputs) of X, (samples, features), in the precision of X."""
        check_is_fitted(self)
        values = self._values(validate_data(self, X, dtype=FLOATS, reset=False))
        times = self.encoder_(values)
        if not self.complement:
            return times
        return np.stack([times, self.encoder_(1 - values)], axis=-1).reshape(len(times), -1)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Numbers (samples, features) that have the spike times X, (samples, inputs).

        They are as exact as the times, and what was clipped comes back as the limit.
        """
        check_is_fitted(self)
        encoder, inputs = self.encoder_, len(self.get_feature_names_out())
        given = as_times(X, inputs, "times").astype(np.float64)
        own = given.reshape(len(given), -1, 1 + self.complement)[..., 0]
        if isinstance(encoder, Direct):
            own = own[:, : self.n_features_in_]
            values = (own - encoder.early) / (encoder.late - encoder.early)
        else:
            own = own.reshape(len(own), self.n_features_in_, -1)[..., 0]
            values = 1 - np.minimum(own / encoder.t_max, 1)
        return self.low_ + np.clip(values, 0, 1) * (self.high_ - self.low_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names (inputs,) made of those of the features."""
        check_is_fitted(self)
        names = list(_check_feature_names_in(self, input_features))
        if isinstance(self.encoder_, OnOff):
            names = [f"{name}{part}" for name in names for part in ("", "_on", "_off")]
        elif self.encoder_.inputs(len(names)) > len(names):
            names.append("bias")
        if self.complement:
            names = [f"{name}{part}" for name in names for part in ("", "_complement")]
        return np.array(names, dtype=object)

    def _values(self, X: np.ndarray) -> np.ndarray:
        """Values from 0 to 1, halved first because the distance of two numbers can overflow."""
        half = self.high_ / 2 - self.low_ / 2
        if self.per is None and not ((X >= 0) & (X <= 1)).all():
            raise InputError("TTFSEncoder(per=None) takes values from 0 to 1")
        with np.errstate(over="ignore"):
            share = (X / 2 - self.low_ / 2) / np.where(half > 0, half, 1)
        return np.where(half > 0, np.clip(share, 0, 1), 0).astype(X.dtype)
