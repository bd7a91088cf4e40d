"""What is wrong with a network that does not learn, in plain words."""

from ttfs.checks import of_kind
from ttfs.measures.metrics import Evaluation

DEAD, AT_ONCE, TIED, LOST = 0.99, 0.95, 0.5, 0.03


def diagnose(evaluation: Evaluation) -> list[str]:
    """One sentence for input that comes too late, each layer that is dead or saturated, and ties.

    evaluation: what `ttfs.evaluate` returned. An empty list means that nothing stands out.

    >>> import numpy as np, ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=5), t_max=10)
    >>> ttfs.diagnose(ttfs.evaluate(network, [[1.0, 2.0]], [0]))
    ['layer 1 is dead: 100 % of its neurons stay silent; lower its threshold or raise its weights']
    """
    of_kind(evaluation, Evaluation, "diagnose(evaluation)", "what ttfs.evaluate returned")
    found = too_late(evaluation.lost)
    for layer in range(1, len(evaluation.silent)):
        silent, at_once = evaluation.silent[layer], evaluation.same_time[layer]
        if silent > DEAD:
            found.append(
                f"layer {layer} is dead: {100 * silent:.0f} % of its neurons stay silent;"
                " lower its threshold or raise its weights"
            )
        elif at_once > AT_ONCE and silent < 1 - AT_ONCE:
            found.append(
                f"layer {layer} is saturated: {100 * at_once:.0f} % of its spikes come at one"
                " time; raise its threshold or lower its weights"
            )
    tied = evaluation.ties / evaluation.samples
    if tied > TIED:
        found.append(
            f"outputs tie: several fire first together in {100 * tied:.0f} % of the samples;"
            " times are too coarse or the last layer's threshold is too low"
        )
    return found


def too_late(lost: float) -> list[str]:
    """A sentence if more than a few per cent of the input spikes do not happen.

    lost: that share, such as that of `Evaluation`.

    >>> too_late(0.02), too_late(0.913)
    ([], ['input is lost: 91 % of its spikes come at the horizon or later and do not happen;
        the t_max of a network must be no less than that of its encoder'])
    """
    if lost <= LOST:
        return []
    share = f"{100 * lost:.0f}"
    return [
        f"input is lost: {share} % of its spikes come at the horizon or later and do not happen;"
        " the t_max of a network must be no less than that of its encoder"
    ]
