"""One report of `ttfs bench` compared with an earlier one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ttfs.bench.cold import COLD
from ttfs.checks import as_text, positive, quantity, shown, whole
from ttfs.errors import InputError, RunError
from ttfs.files.json_text import from_json
from ttfs.files.reading import read_file

MOST = 2**24  # bytes of a report
KEYS = {"name", "inputs", "threads", "microseconds"}


def read(path: Path) -> dict[str, Any]:
    """A report that `ttfs bench --report` wrote.

    Raises
    ------
    RunError: a file that is not one.
    """
    try:
        report = from_json(read_file(path, MOST))
        if not isinstance(report, dict) or not isinstance(report.get("cases"), list):
            raise InputError("has no list of cases")
        for case in report["cases"]:
            check_case(case)
        check_cold(report.get("cold", {}))
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from None
    except InputError as error:
        raise RunError(f"{path} is not a report that ttfs bench wrote: {error}") from None
    return report


def check_case(case: Any) -> None:
    """Check that a case has all that is compared.

    Raises
    ------
    InputError: something is missing or of the wrong type.
    """
    if not isinstance(case, dict) or not set(case) >= KEYS:
        raise InputError(f"a case must have {', '.join(sorted(KEYS))}")
    as_text(case["name"], "the name of a case")
    as_text(case["inputs"], "the inputs of a case")
    whole(case["threads"], "the threads of a case")
    positive(case["microseconds"], "the microseconds of a case")
    if case.get("limit_microseconds"):
        positive(case["limit_microseconds"], "the limit_microseconds of a case")


def check_cold(waits: Any) -> None:
    """Check that first commands have seconds.

    Raises
    ------
    InputError: they are of the wrong type.
    """
    if not isinstance(waits, dict):
        raise InputError("cold must map names of commands to seconds")
    for name, seconds in waits.items():
        as_text(name, "the name of a cold command")
        positive(seconds, "the seconds of a cold command")


def compared(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A line for each case: its time, and the ratio to that of the earlier report.

    Next to it is the ratio of the row-add limits, which shows how much faster or slower the machine
    itself was. Then come first commands, and what is missing on either side.

    >>> case = {"name": "a", "inputs": "mnist", "threads": 1, "microseconds": 10.0}
    >>> faster = case | {"microseconds": 8.0}
    >>> print(*compared({"cases": [case]}, {"cases": [faster, case | {"name": "b"}]}), sep="\\n")
    a                                  mnist         1 thread       8.00 us, 0.80 x
    missing in the earlier report: b mnist 1
    """
    if old.get("machine") != new.get("machine"):
        yield f"the earlier report is from another machine: {shown(old.get('machine'))}"
    before, now = ({key_of(case): case for case in report["cases"]} for report in (old, new))
    for key, case in now.items():
        if key in before:
            yield line(before[key], case)
    first, later = (report.get(COLD, {}) for report in (old, new))
    for name, seconds in later.items():
        if name in first:
            yield f"{COLD} {name:29s} {seconds:.1f} s, {seconds / first[name]:.2f} x"
    had = {*before, *((COLD, name) for name in first)}
    have = {*now, *((COLD, name) for name in later)}
    for where, absent in (("earlier", have - had), ("new", had - have)):
        names = sorted(" ".join(map(str, key)) for key in absent)
        if names:
            yield f"missing in the {where} report: {', '.join(names)}"


def key_of(case: dict[str, Any]) -> tuple[str, str, int]:
    """The key by which cases are matched."""
    return case["name"], case["inputs"], case["threads"]


def in_words(threads: int) -> str:
    """How many threads, as wide for one as for several."""
    return f"{quantity(threads, 'thread'):9s}"


def line(old: dict[str, Any], new: dict[str, Any]) -> str:
    """One case, before and now."""
    name, inputs, threads = key_of(new)
    micro = new["microseconds"]
    text = f"{name:34s} {inputs:13s} {in_words(threads)} {micro:9.2f} us"
    text += f", {micro / old['microseconds']:.2f} x"
    before, now = (case.get("limit_microseconds") for case in (old, new))
    return f"{text} (the limit {now / before:.2f} x)" if before and now else text
