"""What was measured, as Markdown."""

from pathlib import Path
from typing import Any

from ttfs.bench.peers.runs import CASES
from ttfs.errors import InputError
from ttfs.files.writing import write_atomically

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
DIGITS = "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"


def markdown(report: dict[str, Any]) -> str:
    """A table for each case of a report of `compare`, and what it was measured on."""
    machine, versions = report["machine"], report["versions"]
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts = [
        f"Measured on {machine['processor']}, {machine['system']}, with {machine['threads']}"
        f" {'threads' if machine['threads'] > 1 else 'thread'}: {report['stimuli']} stimuli"
        f" ({report['inputs']}). {told}."
    ]
    if machine["load"] and machine["load"] > machine["cores"] / 2:
        parts += [
            f"The machine was busy with other work (load {machine['load']:.1f}), which lengthens"
            " long runs more than short ones: these figures are not to be trusted."
        ]
    for name, case in report["cases"].items():
        parts += [f"### {heading(name)}", table(case["measured"], report["stimuli"])]
        missing = [f"{name} ({why})" for name, why in case["missing"].items()]
        parts += [f"Not measured: {', '.join(missing)}."] if missing else []
    return "\n\n".join(parts)


def heading(name: str) -> str:
    """The title of a case.

    >>> heading("ramps-16")
    'Ramps, the input in 16 time steps'
    """
    case = CASES[name]
    return f"{'Ramps' if case.ramp else 'Steps'}, the input in {case.steps} time steps"


def table(found: list[dict[str, Any]], stimuli: int) -> str:
    """A row for each simulator, a column for each number of threads."""
    threads = sorted({result["threads"] for result in found})
    times = {(result["name"], result["threads"]): result for result in found}
    micros = [f"{words(number)} (µs)" for number in threads]
    rest = "times `forward`", "built in (s)", "memory (MB)", "first spikes"
    rows = [
        ["simulator", "how", *micros, *rest],
        [":--", ":--", *["--:"] * (len(threads) + 3), ":--"],
    ]
    for name in dict.fromkeys(result["name"] for result in found):
        first = times[name, 1]
        cells = [first["simulator"], first["way"]]
        cells += [micro(times.get((name, number))) for number in threads]
        equal = first["equal"] == first["spikes"]
        ratio = first["microseconds"] / times["ttfs", 1]["microseconds"]
        peak = first["peak_megabytes"]
        cells += [f"{ratio:,.3g}" if equal and name != "ttfs" else ""]
        cells += [f"{first['construction_seconds']:.2g}", f"{peak:,.0f}" if peak else ""]
        rows.append([*cells, agreed(first, stimuli)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def words(threads: int) -> str:
    """A number of threads in words.

    >>> words(1), words(2), words(16)
    ('one thread', 'two threads', '16 threads')
    """
    number = DIGITS[threads - 1] if threads <= len(DIGITS) else str(threads)
    return f"{number} {'thread' if threads == 1 else 'threads'}"


def micro(result: dict[str, Any] | None) -> str:
    """Microseconds with three digits."""
    if result is None:
        return ""
    number = float(f"{result['microseconds']:.3g}")
    return f"{number:,g}"


def agreed(result: dict[str, Any], stimuli: int) -> str:
    """Whether first spikes and decisions are those of `forward`."""
    if result["equal"] == result["spikes"]:
        return "equal"
    return (
        f"{result['equal'] / result['spikes']:.0%} equal; off by {result['off_median']:.2g} steps,"
        f" at most {result['off_most']:.2g}; {result['only_one_fired']:,} of"
        f" {result['spikes']:,} only in one of both;"
        f" {result['other_decisions']} of {stimuli} decisions differ"
    )


def into_page(path: Path, text: str) -> None:
    """Write a text between the two marks of a page.

    Raises
    ------
    InputError: a page without them.
    """
    before, after = around(path)
    write_atomically(path, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}".encode())


def around(path: Path) -> tuple[str, str]:
    """What stands before and after the marks of a page; an InputError if it has none."""
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"{path.name} has no lines {BEGIN} and {END}, between which tables go")
    return before, after
