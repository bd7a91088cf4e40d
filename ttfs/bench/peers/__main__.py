"""python -m ttfs.bench.peers: this package and other simulators side by side."""

import argparse
import sys
from pathlib import Path

from ttfs.bench.peers.runs import CASES, compare
from ttfs.bench.peers.table import around, into_page, markdown
from ttfs.bench.peers.worker import SIMULATORS
from ttfs.checks import whole
from ttfs.errors import TTFSError
from ttfs.files.json_text import as_json
from ttfs.files.writing import check_replaceable, write_atomically


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print Markdown; what is measured at the moment goes to the error stream."""
    parser = argparse.ArgumentParser(
        prog="python -m ttfs.bench.peers",
        description="Show the same stimuli to the same network in this package and in those of"
        f" {', '.join(SIMULATORS)} that are installed: microseconds for a stimulus, and whether"
        " the first spikes are the same. pip install 'ttfs[peers]' brings them all.",
    )
    parser.add_argument("simulators", nargs="*", metavar="SIMULATOR", help="only these")
    text = f"only these: {', '.join(CASES)}"
    parser.add_argument("--cases", default="", metavar="NAME,...", help=text)
    parser.add_argument("--stimuli", type=int, default=200, metavar="N", help="how many; 200")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often; 5")
    text = "another Python that has this simulator, and ttfs; may be repeated"
    parser.add_argument(
        "--python", action="append", default=[], metavar="SIMULATOR=PATH", help=text
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report")
    text = "write the tables into this page, between its marks"
    parser.add_argument("--page", type=Path, metavar="FILE.md", help=text)
    options = parser.parse_args(arguments)
    pythons = dict(one.split("=", 1) for one in options.python if "=" in one)
    if len(pythons) < len(options.python):
        parser.error("--python must be SIMULATOR=PATH, each simulator once")
    try:
        if options.report:
            check_replaceable(options.report)
        if options.page:
            around(options.page)
        report = compare(
            options.simulators,
            cases=[name for name in options.cases.split(",") if name],
            stimuli=whole(options.stimuli, "--stimuli"),
            rounds=whole(options.rounds, "--rounds"),
            pythons=pythons,
            log=lambda line: print(line, file=sys.stderr, flush=True),
        )
        text = markdown(report)
        print(text)
        if options.report:
            write_atomically(options.report, as_json(report, "the report", indent=2) + b"\n")
        if options.page:
            into_page(options.page, text)
    except (TTFSError, OSError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
