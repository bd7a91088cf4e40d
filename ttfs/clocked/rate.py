"""How neurons represent a value by how often they fire in a given number of steps."""

from dataclasses import dataclass, fields
from typing import Any

from ttfs.checks import flag, positive, short, whole
from ttfs.errors import InputError

CHOICES = {
    "reset": ("soft", "hard"),
    "bias": ("each", "spread"),
    "input": ("direct", "bernoulli", "impulse"),
    "output": ("potential", "spikes"),
    "pool": ("sums", "currents"),
}
MOST_STEPS = 2**16
MOST = 1e6


@dataclass(frozen=True)
class Rate:
    """Steps of a clock, in each of which every neuron may fire.

    In each step, a potential keeps a fraction of its value, the input of that step is added, and a
    neuron whose potential is at the threshold or above fires; within a step, layers are updated one
    after the other. The value that a neuron represents is the share of steps in which it fires: the
    activation of a ReLU in units of the threshold, as precisely as these steps can represent it.

    Parameters
    ----------
    steps: the number of steps, T, including those before `begin`.
    reset: after a spike, "soft": the threshold is subtracted from the potential; "hard": the
        potential is set to 0.
    keep: fraction of a potential that remains after a step; 1: no leak.
    initial: initial potential of the neurons, in thresholds. 1/2 makes the expected error 0
        (Bu et al. 2022, arXiv 2303.04347, section 4).
    shift: total added to the potential of each neuron that fires, over all steps together, in
        thresholds. 1/2: Deng and Gu 2021, arXiv 2103.00476, section 4.
    bias: "each": a layer's bias is added in each step; "spread": 1/T of it is.
    input: "direct": the values are presented in each step; "bernoulli": in each step there is a
        spike with that probability; "impulse": the values of all T steps are presented in the first
        (Wu et al. 2020, arXiv 2007.01204).
    output: "potential": outputs do not fire, and their value is the mean of their input; "spikes":
        they fire like the others, and their value is how often they do.
    pool: the input of a pool's neurons in each step. "sums": the increase of the largest input
        accumulated so far in the window; "currents": the largest input of that step, whose mean
        exceeds the largest mean where currents vary from step to step.
    begin: the step from which outputs count (delayed evaluation of Bu et al. 2024, arXiv
        2409.03368, section 3).
    seed: of the Bernoulli spikes.
    negative: whether neurons take back spikes that they fired too early: a neuron whose potential
        is below 0 fires a negative spike, unless it has taken back all of its spikes (after Wang et
        al. 2022, doi 10.24963/ijcai.2022/347). Both kinds count as spikes. This needs a soft reset.

    >>> Rate(8, reset="hard").reset
    'hard'
    """

    steps: int
    reset: str = "soft"
    keep: float = 1.0
    initial: float = 0.5
    shift: float = 0.0
    bias: str = "each"
    input: str = "direct"
    output: str = "potential"
    pool: str = "sums"
    begin: int = 0
    seed: int = 0
    negative: bool = False

    def __post_init__(self) -> None:
        if whole(self.steps, "Rate(steps=...)") > MOST_STEPS:
            raise InputError(f"Rate(steps=...) must be {MOST_STEPS} or less")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                wanted = " or ".join(map(repr, known))
                raise InputError(f"Rate({name}=...) must be {wanted}, got {getattr(self, name)!r}")
        if flag(self.negative, "Rate(negative=...)") and self.reset == "hard":
            raise InputError(
                "Rate(negative=True) takes spikes back, which needs reset='soft', not 'hard'"
            )
        if positive(self.keep, "Rate(keep=...)", zero=True) > 1:
            raise InputError(f"Rate(keep=...) must be 0 to 1, got {self.keep!r}")
        for name in ("initial", "shift"):
            if positive(getattr(self, name), f"Rate({name}=...)", zero=True) > MOST:
                raise InputError(f"Rate({name}=...) must be {MOST:g} or less, in thresholds")
        if whole(self.begin, "Rate(begin=...)", least=0) >= self.steps:
            raise InputError(f"Rate(begin=...) must be below steps={self.steps}, got {self.begin}")
        whole(self.seed, "Rate(seed=...)", least=0)

    def told(self) -> str:
        """Describe it in words: the reset, and all settings that differ from their defaults.

        >>> Rate(8, keep=0.5).told()
        'reset soft, keep 0.5'
        """
        usual = Rate(self.steps)
        settings = [each.name for each in fields(self) if each.name != "steps"]
        other = [name for name in settings if getattr(self, name) != getattr(usual, name)]
        names = dict.fromkeys(["reset", *other])
        return ", ".join(f"{name} {getattr(self, name)}" for name in names)


def rate_of(told: Any, steps: int | None = None, **changed: Any) -> Rate:
    """The rate stored in a report, possibly with another number of steps or other fields.

    told: a dictionary of its fields, or None. changed: fields; those that are None are not changed.

    >>> rate_of({"steps": 4, "initial": 0.0}, steps=8).initial
    0.0
    """
    fields = {"steps": steps} if told is None else told
    if not isinstance(fields, dict) or not set(fields) <= set(Rate.__dataclass_fields__):
        raise InputError(f"a report's rate must have fields of Rate, got {short(told)}")
    changed["steps"] = steps
    found = fields | {name: value for name, value in changed.items() if value is not None}
    if "steps" not in found:
        raise InputError(f"a report's rate must say how many steps there are, got {short(told)}")
    return Rate(**found)
