"""scikit-learn's own checks of estimators, without an exception."""

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.utils.estimator_checks import parametrize_with_checks

from ttfs.sklearn import TTFSClassifier, TTFSEncoder


@parametrize_with_checks([TTFSEncoder(), TTFSClassifier("16", epochs=12, batch_size=10)])
def test_an_estimator_is_one(estimator, check):
    check(estimator)
