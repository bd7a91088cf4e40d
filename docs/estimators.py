"""The classifier with its defaults beside two of scikit-learn: python docs/estimators.py

Prints the table of docs/sklearn.md: mean accuracy in five folds, in percent, and seconds of the
processor for a fit, of the quickest and of the slowest data set; then how long a grid over a
pipeline takes on the digits. The other two get standardised numbers.
"""

import time
import warnings
from typing import Any

from sklearn import datasets
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ttfs.sklearn import TTFSClassifier

SETS = {
    "iris": datasets.load_iris(return_X_y=True),
    "wine": datasets.load_wine(return_X_y=True),
    "breast cancer": datasets.load_breast_cancer(return_X_y=True),
    "moons, noise 0.2": datasets.make_moons(500, noise=0.2, random_state=0),
    "digits": datasets.load_digits(return_X_y=True),
}
MODELS = {
    "`TTFSClassifier`": TTFSClassifier(random_state=0),
    'the same, `rule="windows"`': TTFSClassifier(rule="windows", random_state=0),
    'the same, `weights="binary"`': TTFSClassifier(weights="binary", random_state=0),
    "`MLPClassifier`": make_pipeline(StandardScaler(), MLPClassifier(max_iter=500, random_state=0)),
    "`LogisticRegression`": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
}
GRID = {"layers": ["64", "128"], "learning_rate": [0.003, 0.006]}


def judged(model: Any, name: str) -> tuple[float, float]:
    """Accuracy in five folds, and the seconds of the processor for a fit."""
    (X, y), scores, seconds = SETS[name], [], 0.0
    for seen, left in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        began = time.process_time()
        fitted = clone(model).fit(X[seen], y[seen])
        seconds += time.process_time() - began
        scores.append(fitted.score(X[left], y[left]))
    return sum(scores) / 5, seconds / 5


def grid() -> str:
    """A grid of four pipelines in three folds."""
    pipeline = make_pipeline(StandardScaler(), TTFSClassifier(random_state=0))
    grid = {f"ttfsclassifier__{name}": values for name, values in GRID.items()}
    began = time.perf_counter(), time.process_time()
    found = GridSearchCV(pipeline, grid, cv=3).fit(*SETS["digits"])
    wall, own = time.perf_counter() - began[0], time.process_time() - began[1]
    return f"{100 * found.best_score_:.1f} %, {wall:.0f} s, of the processor {own:.0f} s"


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    TTFSClassifier(epochs=1).fit(*SETS["digits"])  # compiles
    TTFSClassifier(epochs=1, rule="windows").fit(*SETS["digits"])
    print(" | ".join(["| ", *SETS, "seconds"]) + " |")
    print("|---" * (len(SETS) + 2) + "|")
    for name, model in MODELS.items():
        scores, seconds = zip(*(judged(model, data) for data in SETS), strict=True)
        cells = [f"{100 * score:.1f}" for score in scores]
        took = f"{min(seconds):.1f}-{max(seconds):.1f}" if max(seconds) > 0.1 else "below 0.1"
        print(" | ".join([f"| {name}", *cells, took]) + " |", flush=True)
    print(grid())
