"""The classifier in the company of scikit-learn."""

import pickle
import subprocess
import sys
import time
from functools import cache

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from cases import for_all_threads, same_bits
from joblib import parallel_config
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris, make_moons
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.sklearn import TTFSClassifier, TTFSEncoder
from ttfs.sklearn.settings import epochs_for

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
DIGITS = tuple(part[:400] for part in load_digits(return_X_y=True))


def quick(layers="12", **settings):
    """A classifier that learns in a fraction of a second."""
    return TTFSClassifier(layers, **({"epochs": 30, "random_state": 0} | settings))


@cache
def fitted(**settings):
    """A classifier fitted to irises by name."""
    return quick(**settings).fit(X, NAMES)


def all_weights(classifier):
    return np.concatenate([weights.ravel() for weights in classifier.network_.weights])


# What it learns


@pytest.mark.parametrize("weights", ["real", "binary"])
@pytest.mark.parametrize("rule", ["exact", "surrogate", "stidi-bp", "s4nn", "windows"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_rule_learns(rule, weights):
    classifier = quick("40", rule=rule, weights=weights).fit(X, NAMES)
    assert classifier.score(X, NAMES) > 0.7
    assert list(classifier.network_.binary) == [weights == "binary"] * 2


def test_moons_are_learned_with_nothing_said():
    points, sides = make_moons(200, noise=0.15, random_state=0)
    classifier = TTFSClassifier(random_state=0).fit(points[::2], sides[::2])
    assert classifier.score(points[1::2], sides[1::2]) > 0.93


def test_irises_are_learned_in_cross_validation():
    assert cross_val_score(quick(), X, NAMES, cv=3).mean() > 0.9


def test_maps_learn_images():
    layers = (ttfs.Conv2d(6, 3, threshold=1.0), ttfs.MinPool2d(2))
    encoder = TTFSEncoder(per="all", complement=False)
    for given in (layers, "6C3-P2"):
        maps = quick(given, shape=(8, 8), encoder=encoder, epochs=8).fit(*DIGITS)
        assert str(maps.network_).startswith("Network(8x8x1-6C3-P2-10")
        assert maps.score(*DIGITS) > 0.85
    both = quick("6C3-20", shape=(8, 8, 1), epochs=1).fit(*DIGITS)
    assert both.network_.shapes[0] == (8, 8, 2)


def test_settings_of_a_users_own_are_used():
    rule = ttfs.rules.Exact(ttfs.losses.ShiftInvariant(delta=0.2))
    own = {"rule": rule, "psp": ttfs.Ramp(2.0), "t_max": 7.0, "weights": ttfs.Real(init=(0, 1))}
    classifier = quick((9, 8), **own, optimizer=ttfs.SGD(0.01), epochs=2).fit(X, Y)
    assert str(classifier.network_) == "Network(8-9-8-3, Ramp(rise=2.0), t_max=7)"
    assert classifier.network_.layers[0].weights.init == (0, 1)
    assert (classifier.n_iter_, len(classifier.history_.records)) == (2, 2)
    assert classifier.history_.records[0]["lr"] == 0.01


def test_held_out_samples_choose_the_epoch():
    classifier = quick(validation_fraction=0.2).fit(X, Y)
    records = classifier.history_.records
    best = max(record["validation_accuracy"] for record in records)
    assert records[classifier.history_.best_epoch - 1]["validation_accuracy"] == best


def test_epochs_are_as_many_as_make_the_usual_number_of_steps():
    epochs = [epochs_for(samples, 20) for samples in (1, 201, 400, 3999, 4001, 10**6)]
    assert epochs == [200, 182, 100, 10, 10, 10]
    assert TTFSClassifier("4", batch_size=1, random_state=0).fit(X, Y).n_iter_ == 14


# What it says


def test_the_decision_is_that_of_the_network():
    classifier = fitted()
    times = classifier.encoder_.transform(X).astype(np.float32)
    decided = ttfs.predict(classifier.network_, times)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[decided])


def test_probabilities_and_scores_are_those_of_output_times():
    classifier = fitted()
    times = classifier.encoder_.transform(X).astype(np.float32)
    late = ttfs.forward(classifier.network_, times).times[-1].astype(float)
    shares = np.exp(-late / 0.1)
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(X), shares, atol=1e-6)
    np.testing.assert_allclose(
        classifier.decision_function(X)[np.isfinite(late)], -late[np.isfinite(late)], atol=1e-6
    )


def test_two_classes_are_told_by_the_lead_of_the_second():
    two = quick().fit(X[:100], NAMES[:100])
    lead = two.decision_function(X[:100])
    assert lead.shape == (100,)
    np.testing.assert_array_equal(two.predict(X[:100]), two.classes_[(lead > 0).astype(int)])


def test_one_class_is_always_said():
    one = quick(epochs=1).fit(X[:50], NAMES[:50])
    assert set(one.predict(X)) == {"setosa"}
    np.testing.assert_array_equal(one.predict_proba(X), np.ones((150, 1)))


@pytest.mark.parametrize(
    "labels", [Y - 1, Y * 2.0, NAMES, NAMES.astype(object), Y == 1, NAMES.tolist()]
)
def test_labels_of_any_kind_come_back(labels):
    said = quick().fit(X, labels).predict(X)
    assert (said == np.asarray(labels)).mean() > 0.8
    assert said.dtype == np.asarray(labels).dtype


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e6, 1e300])
def test_numbers_of_any_size_are_taken(scale):
    assert quick().fit((X - 3) * scale, Y).score((X - 3) * scale, Y) > 0.9


# Weights of samples


def test_a_sample_of_weight_2_is_one_that_is_there_twice():
    weights = np.random.default_rng(0).integers(0, 4, len(Y))
    order = np.random.default_rng(1).permutation(len(Y))
    for settings in ({}, {"validation_fraction": 0.2}, {"class_weight": "balanced"}):
        classifier = quick(epochs=3, **settings)
        weighted = clone(classifier).fit(X[order], Y[order], sample_weight=weights[order])
        repeated = clone(classifier).fit(np.repeat(X, weights, axis=0), np.repeat(Y, weights))
        assert same_bits(all_weights(weighted), all_weights(repeated))
        other = clone(classifier).fit(X[order], Y[order], sample_weight=7.0 * weights[order])
        assert same_bits(all_weights(weighted), all_weights(other))


def test_the_order_of_samples_does_not_matter():
    order = np.random.default_rng(1).permutation(len(Y))
    plain, mixed = quick(epochs=3).fit(X, Y), quick(epochs=3).fit(X[order], Y[order])
    assert same_bits(all_weights(plain), all_weights(mixed))


def test_classes_that_weigh_more_are_said_more_often():
    noise = np.random.default_rng(0).normal(size=(200, 3))
    labels = np.arange(200) % 2
    for heavy in (0, 1):
        classifier = quick(class_weight={heavy: 20, 1 - heavy: 1}).fit(noise, labels)
        assert (classifier.predict(noise) == heavy).mean() > 0.8
    few = labels * (np.arange(200) < 20)
    share = [
        (quick(class_weight=weight, epochs=10).fit(noise, few).predict(noise) == 1).mean()
        for weight in (None, "balanced")
    ]
    assert share[0] < 0.1 < share[1]


# Seeds, copies, further training


def test_a_seed_gives_the_same_bits_in_any_number_of_threads():
    found = for_all_threads(lambda: all_weights(quick(epochs=2).fit(X, Y)).tobytes())
    assert len(set(found)) == 1
    assert all_weights(quick(epochs=2, random_state=1).fit(X, Y)).tobytes() not in found


def test_a_generator_and_none_are_seeds_as_well():
    twice = [quick(epochs=1, random_state=np.random.RandomState(3)).fit(X, Y) for _ in range(2)]
    assert same_bits(*map(all_weights, twice))
    np.random.seed(5)  # noqa: NPY002
    first = all_weights(quick(epochs=1, random_state=None).fit(X, Y))
    assert not same_bits(first, all_weights(quick(epochs=1, random_state=None).fit(X, Y)))


def test_a_pickle_answers_the_same():
    classifier = fitted()
    again = pickle.loads(pickle.dumps(classifier))
    assert same_bits(classifier.decision_function(X), again.decision_function(X))


def test_a_clone_knows_nothing():
    copy = clone(fitted())
    assert copy.get_params() == fitted().get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)


def test_a_warm_start_goes_on_with_network_and_encoder():
    classifier = quick(warm_start=True, epochs=5).fit(X, Y)
    network, high = classifier.network_, classifier.encoder_.high_.copy()
    before = all_weights(classifier).copy()
    classifier.fit(X[::2], Y[::2])
    assert classifier.network_ is network
    assert not same_bits(before, all_weights(classifier))
    np.testing.assert_array_equal(classifier.encoder_.high_, high)
    with pytest.raises(InputError, match=r"knows the classes \[0 1 2\], got \[0 1\]"):
        classifier.fit(X[:100], Y[:100])
    assert classifier.score(X, Y) > 0.8
    assert quick(epochs=5).fit(X, Y).fit(X[::2], Y[::2]).network_ is not network


def test_verbose_prints_a_line_for_each_epoch(capsys):
    quick(verbose=True, epochs=3).fit(X, Y)
    assert capsys.readouterr().out.count("epoch ") == 3
    quick(epochs=3).fit(X, Y)
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_stops_a_search_and_leaves_what_was_learned(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    classifier = quick(verbose=True)
    monkeypatch.setattr("builtins.print", stop)
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(classifier, {"layers": ["4"]}, error_score=0).fit(X, Y)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, Y)
    assert classifier.n_iter_ == 1
    assert classifier.predict(X).shape == (150,)


# Company


def test_a_grid_over_a_pipeline_on_digits():
    pipeline = make_pipeline(StandardScaler(), quick(epochs=6, encoder=TTFSEncoder()))
    grid = {"ttfsclassifier__layers": ["4", "64"], "ttfsclassifier__encoder__per": ["feature"]}
    found = GridSearchCV(pipeline, grid, cv=2).fit(*load_digits(return_X_y=True))
    assert found.best_params_["ttfsclassifier__layers"] == "64"
    assert found.best_score_ > 0.85


@pytest.mark.long
def test_a_grid_on_all_digits_with_all_steps_takes_less_than_two_minutes():
    pipeline = make_pipeline(StandardScaler(), TTFSClassifier(random_state=0))
    grid = {
        "ttfsclassifier__layers": ["64", "128"],
        "ttfsclassifier__learning_rate": [0.003, 0.006],
    }
    began = time.perf_counter()
    found = GridSearchCV(pipeline, grid, cv=3).fit(*load_digits(return_X_y=True))
    assert time.perf_counter() - began < 120
    assert found.best_score_ > 0.93


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.long)])
def test_jobs_side_by_side_find_the_same_bits(backend):
    grid = {"layers": ["8", "12"]}
    with parallel_config(backend=backend):
        one, two = (GridSearchCV(quick(epochs=2), grid, cv=2, n_jobs=n).fit(X, Y) for n in (1, 2))
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])
    assert same_bits(all_weights(one.best_estimator_), all_weights(two.best_estimator_))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_probabilities_can_be_calibrated(method):
    calibrated = CalibratedClassifierCV(quick(), method=method, cv=2).fit(X, NAMES)
    assert calibrated.score(X, NAMES) > 0.85


def test_frames_bring_and_keep_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, :2], columns=["length", "width"])
    classifier = quick(epochs=2).fit(frame, pandas.Series(NAMES))
    assert classifier.feature_names_in_.tolist() == ["length", "width"]
    assert classifier.predict(frame).shape == (150,)
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(frame[["width", "length"]])
    times = TTFSEncoder().set_output(transform="pandas").fit_transform(frame)
    assert times.columns.tolist()[:2] == ["length", "length_complement"]


def test_scikit_learn_is_imported_when_it_is_needed():
    code = "import sys, ttfs.sklearn; print('sklearn' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("False\n", "")


# Times of a user's own


def test_spike_times_are_taken_as_they_are():
    times = TTFSEncoder().fit_transform(X).astype(np.float32)
    own = quick(encoder="passthrough").fit(times, NAMES)
    assert own.encoder_ is None
    assert own.score(times, NAMES) > 0.9
    milliseconds = quick(encoder="passthrough").fit(20 * times.astype(float), NAMES)
    last = times[np.isfinite(times)].max()
    assert milliseconds.network_.t_max == pytest.approx(4 * 20 * last)
    assert milliseconds.score(20 * times.astype(float), NAMES) > 0.9
    pipeline = make_pipeline(TTFSEncoder(), quick(encoder="passthrough")).fit(X, NAMES)
    assert pipeline.score(X, NAMES) > 0.9
    with pytest.raises(InputError, match="must be 0 or later, or inf"):
        own.predict(times - 1)


# Mistakes


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"rule": "exakt"}, InputError, r'rule=...\) must be one of "exact", .*got \'exakt\''),
        ({"rule": 3}, InputError, r"rule=...\) must be one of ttfs.rules"),
        ({"weights": "bits"}, InputError, 'must be "real", "binary"'),
        ({"layers": "12x"}, InputError, "'12x' is not a layer"),
        ({"layers": "4C3"}, ShapeError, r"shape=...\) must be \(rows, columns\)"),
        ({"layers": "4C1", "shape": (2, 3)}, ShapeError, r"values as a sample, 4, got \(2, 3\)"),
        ({"layers": "4C1", "shape": 3}, ShapeError, r"must be \(height, width, channels\), got 3"),
        (
            {"encoder": "latency"},
            InputError,
            r'such as TTFSEncoder\(\), "passthrough" or None, got',
        ),
        ({"encoder": ttfs.Latency()}, InputError, r"got Latency.*: say TTFSEncoder\(Latency"),
        ({"encoder": TTFSEncoder("on")}, InputError, r"encoder=...\) must be a ttfs.Latency"),
        ({"encoder": TTFSEncoder(per=1)}, InputError, 'must be "feature", "all" or None, got 1'),
        ({"encoder": TTFSEncoder(ttfs.OnOff((2, 2)))}, InputError, "complement=False"),
        ({"epochs": 0}, InputError, r"epochs=...\) must be a whole number, 1 or more"),
        ({"batch_size": 2.5}, InputError, r"batch_size=...\) must be a whole number"),
        ({"learning_rate": 0}, InputError, r"learning_rate=...\) must be above 0"),
        ({"validation_fraction": 1.0}, InputError, "must be below 1"),
        ({"tau": -1}, InputError, r"tau=...\) must be above 0"),
        ({"psp": ttfs.Step()}, InputError, "rule Exact needs a Ramp response"),
        ({"warm_start": "no"}, InputError, r"warm_start=...\) must be True or False"),
        ({"t_max": 1e300}, InputError, r"Classifier\(t_max=...\) must be from"),
        ({"random_state": -1}, InputError, r"random_state=...\) must be a whole number, 0 or"),
        ({"class_weight": "even"}, InputError, r'class_weight=...\) must be a dict.*, "balanced"'),
        ({"class_weight": {0: -1}}, InputError, r"class_weight=...\) must be finite and 0 or"),
    ],
)
def test_a_mistake_is_told_when_it_is_fitted(settings, error, said):
    with pytest.raises(error, match=said):
        quick(**({"epochs": 1} | settings)).fit(X, Y)


def test_a_fit_that_fails_changes_nothing():
    classifier = clone(fitted()).fit(X, NAMES)
    for wrong in ({"rule": "exakt"}, {"learning_rate": 1e300}):
        with pytest.raises(InputError):
            classifier.set_params(**wrong).fit(X[:, :2], Y)
        assert (classifier.predict(X) == fitted().predict(X)).all()


def test_masked_numbers_are_refused_and_masked_times_are_silence():
    masked = np.ma.array(X, mask=X > 7)
    with pytest.raises(InputError, match="X must not be masked"):
        fitted().predict(masked)
    own = quick(encoder="passthrough", epochs=2).fit(masked, Y)
    assert (own.predict(masked) == own.predict(np.where(X > 7, np.inf, X))).all()


@pytest.mark.parametrize("weights", [np.ones(3), -np.ones(150), np.zeros(150), [np.nan] * 150])
def test_weights_that_make_no_sense_are_refused(weights):
    with pytest.raises(InputError, match="sample_weight must"):
        quick().fit(X, Y, sample_weight=weights)


def test_a_network_that_stays_silent_is_warned_of():
    silent = quick(optimizer=ttfs.SGD(1e-9), t_max=1e-3, epochs=1)
    with pytest.warns(ConvergenceWarning, match="no output fires in most of the samples"):
        silent.fit(X, Y)
    np.testing.assert_allclose(silent.predict_proba(X).sum(axis=1), 1)
    assert (silent.decision_function(X).argmax(axis=1) == silent.predict(X)).all()
