"""The plan of a sweep, as a TOML file describes it, once checked."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import shown
from ttfs.errors import InputError
from ttfs.files.reading import read_file
from ttfs.sweeps.domains import Choice, Domain, Drawn, Range, Stack, Value

TEXTS = "preset", "dataset", "layers", "from", "weights"
WHOLE = "hidden", "epochs", "batch-size", "seed"
NUMBERS = "lr", "gamma"
FLAGS = ("full",)
SETTINGS = (*TEXTS, *WHOLE, *NUMBERS, *FLAGS)
"""The options of `ttfs train` that a sweep can set."""

KINDS = {"grid": set(), "random": {"n", "seed", "over"}, "search": set()}
KINDS["search"] = KINDS["random"] | {"objectives", "parallel"}
OBJECTIVES = {
    "accuracy": "maximize",
    "operations": "minimize",
    "spikes": "minimize",
    "time": "minimize",
    "footprint": "minimize",
    "bits": "minimize",
}
"""What a search can pursue, and in which direction."""

MOST = 2**20  # bytes of a plan
TRIALS = 100_000  # in a sweep
DEPTHS = 20  # of layers

Settings = dict[str, Value]


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    base: settings that all trials share. kind: `grid`, `random` or `search`. over: what the other
    settings are chosen from. n: number of trials. seed: of what is random in choosing. objectives:
    those of a search, each in OBJECTIVES. parallel: how many trials of a search are under way at a
    time. source: the parsed file.
    """

    base: Settings
    kind: str
    over: dict[str, Domain]
    n: int
    seed: int = 0
    objectives: tuple[str, ...] = ("accuracy", "operations")
    parallel: int = 4
    source: dict[str, Any] = field(default_factory=dict, compare=False)

    def settings(self, number: int) -> Settings:
        """All settings of a trial, the first of which has number 1; not for a search.

        >>> over = {"lr": Choice((0.1, 0.2)), "seed": Choice((0, 1, 2))}
        >>> Plan({"epochs": 3}, "grid", over, 6).settings(5)
        {'epochs': 3, 'lr': 0.2, 'seed': 1}
        """
        if self.kind == "grid":
            sizes = [len(domain.examples()) for domain in self.over.values()]
            places = np.unravel_index(number - 1, sizes)
            pairs = zip(self.over.items(), places, strict=True)
            return self.base | {name: domain.examples()[int(k)] for (name, domain), k in pairs}
        return self.chosen(Drawn(np.random.default_rng([self.seed, number])))

    def chosen(self, chooser: Any) -> Settings:
        """All settings of a trial, with those that vary as someone chooses them."""
        return self.base | {
            name: domain.choose(name, chooser) for name, domain in self.over.items()
        }

    def examples(self) -> Iterator[tuple[str, Settings]]:
        """What shows whether the plan can be carried out, and where in the file it stands.

        All trials, if they are known before the first one ends; if not, each extreme of each
        setting, with the others at their first.
        """
        if self.kind != "search":
            yield from ((self.kind, self.settings(k)) for k in range(1, self.n + 1))
            return
        first = self.base | {name: domain.examples()[0] for name, domain in self.over.items()}
        for name, domain in self.over.items():
            yield from ((f"search.over.{name}", first | {name: e}) for e in domain.examples())

    def difference(self, other: "Plan") -> str:
        """The first key in which two plans differ, other than the number of trials; "" if none."""
        return _difference(self.source, other.source)


def _difference(one: Any, other: Any, path: str = "") -> str:
    """Where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            inner = f"{path}.{key}" if path else key
            if inner in ("random.n", "search.n"):
                continue
            if key not in one or key not in other:
                return inner
            if found := _difference(one[key], other[key], inner):
                return found
        return ""
    return "" if type(one) is type(other) and one == other else path


def read_plan(path: Path, check: Callable[[Mapping[str, Value]], object]) -> Plan:
    """The plan in a TOML file.

    check: raises InputError for a setting that `ttfs train` would refuse.

    Raises
    ------
    InputError: anything that is not part of a plan, with the file and the key; OSError: no file.
    """
    try:
        source = tomllib.loads(read_file(path, MOST).decode())
        return _plan(source, check)
    except (InputError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: {shown(error, 500)}") from None


def _plan(source: dict[str, Any], check: Callable[[Mapping[str, Value]], object]) -> Plan:
    """The plan that parsed TOML describes."""
    kinds = [kind for kind in KINDS if kind in source]
    _known(source, {"base", *KINDS}, "")
    if len(kinds) != 1:
        found = f"{' and '.join(kinds)} are there" if kinds else "none is there"
        raise InputError(f"one of the tables grid, random and search says what varies; {found}")
    (kind,) = kinds
    base, told = _table(source, "base"), _table(source, kind)
    if kind == "grid":
        whose, varied, rest = "grid", told, {}
    else:
        _known(told, KINDS[kind], kind)
        whose, varied = f"{kind}.over", _table(told, "over", kind)
        rest = {key: told[key] for key in told if key != "over"}
    _known(base, SETTINGS, "base")
    _known(varied, SETTINGS, whose)
    for name, value in base.items():
        _try(check, name, value, "base")
        if name in varied:
            raise InputError(f"{name} stands in base and in {whose}")
    if not varied:
        raise InputError(f"{whose} must name the settings that vary")
    ranged = () if kind == "grid" else (*WHOLE, *NUMBERS, "layers")
    over = {name: _domain(name, told, f"{whose}.{name}", ranged) for name, told in varied.items()}
    for name, domain in over.items():
        for value in domain.examples():
            _try(check, name, value, whose)
    return Plan(base, kind, over, **_numbers(rest, kind, over), source=source)


def _numbers(rest: dict[str, Any], kind: str, over: dict[str, Domain]) -> dict[str, Any]:
    """What a plan says beside the settings: how many trials, and how they are chosen."""
    if kind == "grid":
        n = prod(len(domain.examples()) for domain in over.values())
        if n > TRIALS:
            raise InputError(f"grid has {n:,} combinations, more than {TRIALS:,}")
        return {"n": n}
    if "n" not in rest:
        raise InputError(f"{kind}.n must say how many trials there are")
    found: dict[str, Any] = {"n": _whole(rest["n"], f"{kind}.n", 1, TRIALS)}
    if "seed" in rest:
        found["seed"] = _whole(rest["seed"], f"{kind}.seed", 0, 2**32 - 1)
    if "parallel" in rest:
        found["parallel"] = _whole(rest["parallel"], "search.parallel", 1, TRIALS)
    if "objectives" in rest:
        found["objectives"] = _objectives(rest["objectives"])
    return found


def _objectives(names: Any) -> tuple[str, ...]:
    """What a search pursues."""
    known = ", ".join(OBJECTIVES)
    whose = "search.objectives"
    if not isinstance(names, list) or not names:
        raise InputError(f"{whose} must be a list of some of {known}; got {shown(names, 100)}")
    for name in names:
        if not isinstance(name, str) or name not in OBJECTIVES or names.count(name) > 1:
            raise InputError(f"{whose} must be some of {known}, each once; got {shown(names, 100)}")
    return tuple(names)


def _domain(name: str, value: Any, whose: str, ranged: Iterable[str]) -> Domain:
    """What a setting is chosen from: a list of values or, for some settings, a range."""
    if isinstance(value, list):
        if not value:
            raise InputError(f"{whose} is an empty list")
        for place, one in enumerate(value):
            if any(type(one) is type(other) and one == other for other in value[:place]):
                raise InputError(f"{whose} has {shown(one, 60)} twice")
        return Choice(tuple(value))
    if not isinstance(value, dict) or name not in ranged:
        between = ", or {from = ..., to = ...}" if name in ranged else ""
        raise InputError(f"{whose} must be a list of values{between}; got {shown(value, 60)}")
    _known(value, {"from", "to", "log", *(["depth"] if name == "layers" else [])}, whose)
    found = _range(value, whose, whole=name not in NUMBERS)
    if name != "layers":
        return found
    depths = value.get("depth", [1])
    depths = depths if isinstance(depths, list) else [depths]
    if not depths:
        raise InputError(f"{whose}.depth is an empty list")
    return Stack(tuple(_whole(depth, f"{whose}.depth", 1, DEPTHS) for depth in depths), found)


def _range(value: dict[str, Any], whose: str, *, whole: bool) -> Range:
    """A range of numbers."""
    ends: list[Any] = [value.get(key) for key in ("from", "to")]
    wanted = "whole numbers" if whole else "numbers"
    kinds = (int,) if whole else (int, float)
    if any(type(end) not in kinds or not abs(end) <= 1e18 for end in ends):  # also for NaN
        raise InputError(f"{whose} must have {wanted} as from and to; got {shown(value, 80)}")
    low, high = ends if whole else map(float, ends)
    log = value.get("log", False)
    if not isinstance(log, bool):
        raise InputError(f"{whose}.log must be true or false; got {shown(log, 60)}")
    if not low < high:
        raise InputError(f"{whose}.from must be below to; got {low:g} and {high:g}")
    if log and low <= 0:
        raise InputError(f"{whose}.from must be above 0 where log is true; got {low:g}")
    return Range(low, high, log, whole)


def _known(table: Mapping[str, Any], names: Iterable[str], whose: str) -> None:
    """Refuse any key but these."""
    for key in table:
        if key not in names:
            some, place = ", ".join(sorted(names)), f"{whose}.{key}" if whose else key
            raise InputError(f"there is no {shown(place, 80)}: it could be {some}")


def _table(source: dict[str, Any], key: str, whose: str = "") -> dict[str, Any]:
    """A table, which may be absent."""
    found = source.get(key, {})
    if not isinstance(found, dict):
        name = f"{whose}.{key}" if whose else key
        raise InputError(f"{name} must be a table, [{name}]; got {shown(found, 60)}")
    return found


def _whole(value: Any, whose: str, least: int, most: int) -> int:
    """A whole number in a range."""
    if type(value) is not int or not least <= value <= most:
        wanted = f"a whole number from {least} to {most:,}"
        raise InputError(f"{whose} must be {wanted}; got {shown(value, 60)}")
    return value


def _try(check: Callable[[Mapping[str, Value]], object], name: str, value: Any, whose: str) -> None:
    """Have a single setting checked."""
    try:
        check({name: value})
    except InputError as error:
        raise InputError(f"{whose}.{name}: {error}") from None
