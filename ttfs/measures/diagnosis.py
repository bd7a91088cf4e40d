"""What is wrong with a network that does not learn, in plain words."""

from ttfs.checks import of_kind
from ttfs.measures.metrics import Evaluation

DEAD, AT_ONCE, TIED, LOST = 0.99, 0.95, 0.5, 0.03
SPARSE, MUTE, BLANK = 0.02, 0.25, 0.5  # limits for maps, large parts of which may get no input


def diagnose(evaluation: Evaluation) -> list[str]:
    """One sentence for input that comes too late, each layer that is dead or saturated, and ties.

    Layers of maps, parts of which may receive no input, also get one if they hardly fire or if many
    of their channels fire nowhere. `firing_table` shows the numbers.

    evaluation: what `ttfs.evaluate` returned. An empty list means that nothing stands out.

    >>> import numpy as np, ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=5), t_max=10)
    >>> ttfs.diagnose(ttfs.evaluate(network, [[1.0, 2.0]], [0]))
    ['layer 1 is dead: 100 % of its neurons stay silent; lower its threshold or raise its weights']
    """
    of_kind(evaluation, Evaluation, "diagnose(evaluation)", "what ttfs.evaluate returned")
    found = too_late(evaluation.lost)
    for layer in range(1, len(evaluation.silent)):
        found += ailments(evaluation, layer)
    tied = evaluation.ties / evaluation.samples
    if tied > TIED:
        found.append(
            f"outputs tie: several fire first together in {100 * tied:.0f} % of the samples;"
            " times are too coarse or the last layer's threshold is too low"
        )
    return found


def ailments(evaluation: Evaluation, layer: int) -> list[str]:
    """What is wrong with a layer."""
    silent, at_once = evaluation.silent[layer], evaluation.same_time[layer]
    height, width, _ = evaluation.shapes[layer] if evaluation.shapes else (1, 1, 0)
    is_map, found = height * width > 1, []
    if silent > DEAD:
        found.append(
            f"layer {layer} is dead: {100 * silent:.0f} % of its neurons stay silent;"
            " lower its threshold or raise its weights"
        )
    elif is_map and 1 - silent < SPARSE:
        found.append(
            f"layer {layer} hardly fires: {100 * (1 - silent):.1f} % of its neurons do;"
            " lower its threshold or raise its weights"
        )
    elif at_once > AT_ONCE and silent < (BLANK if is_map else 1 - AT_ONCE):
        found.append(
            f"layer {layer} is saturated: {100 * at_once:.0f} % of its spikes occur at"
            " the same time; raise its threshold or lower its weights"
        )
    if is_map and silent <= DEAD and evaluation.never[layer] > MUTE:
        found.append(
            f"layer {layer} has mute channels: {100 * evaluation.never[layer]:.0f} % of them fire"
            " nowhere in any sample; initialise weights with begin_by_firing, or revive them"
        )
    return found


def firing_table(evaluation: Evaluation) -> str:
    """How the layers of a network fire, one line for each.

    A line gives the number of neurons; the share of them that fire in a sample; the share of
    channels (of neurons in a layer that is not a map) that fire nowhere in any sample; the mean
    spike time; and the share of spikes at the most common time of a sample.

    evaluation: what `ttfs.evaluate` returned.

    >>> import numpy as np, ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> print(firing_table(ttfs.evaluate(network, [[1.0, 2.0], [3.0, np.inf]], [0, 1])))
    layer         neurons    fire   never  mean time    same time
    input               2  75.0 %   0.0 %          2       66.7 %
    output              2  75.0 %   0.0 %          2       66.7 %
    """
    of_kind(evaluation, Evaluation, "firing_table(evaluation)", "what ttfs.evaluate returned")
    lines = ["layer         neurons    fire   never  mean time    same time"]
    for k, (name, shape) in enumerate(zip(evaluation.names, evaluation.shapes, strict=True)):
        size = "x".join(map(str, shape if shape[:2] != (1, 1) else shape[2:]))
        fire, never = 100 * (1 - evaluation.silent[k]), 100 * evaluation.never[k]
        time, at_once = evaluation.latency[k], 100 * evaluation.same_time[k]
        lines.append(
            f"{name:9s} {size:>11s} {fire:5.1f} % {never:5.1f} % {time:10.4g} {at_once:10.1f} %"
        )
    return "\n".join(lines)


def too_late(lost: float) -> list[str]:
    """A sentence if more than a few per cent of the input spikes do not happen.

    lost: that share, such as `Evaluation.lost`.

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
