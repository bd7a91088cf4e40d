"""What arguments may be: numbers, names, and files that can be written."""

import argparse
from pathlib import Path
from typing import Any


def number(kind: type, least: float, most: float, what: str) -> Any:
    """A parser for numbers of one kind from `least` to `most`."""

    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{quoted(text)} is not {what}")
        return value

    return parse


count = number(int, 1, 10**18, "a whole number of 1 or more, with at most 18 digits")
natural = number(int, 0, 10**18, "a whole number of 0 or more, with at most 18 digits")
hidden = number(int, 1, 10**6, "a whole number from 1 to a million")
from_zero = number(float, 0, float("inf"), "a time of 0 or later")
potential = number(float, 0, 1e6, "a potential from 0 to a million thresholds")
above_zero = number(float, 5e-324, 1e308, "a number above 0")


def several(text: str) -> list[int]:
    """Whole numbers, each once: 0-2, or 0,3, or both.

    >>> several("0-2,7")
    [0, 1, 2, 7]
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        first, _, last = part.partition("-")
        least, most = natural(first), natural(last or first)
        if not least <= most < least + 1000:
            raise argparse.ArgumentTypeError(f"{quoted(part)} is not a range of up to 1,000 seeds")
        found |= dict.fromkeys(range(least, most + 1))
    return list(found)


def quoted(text: str) -> str:
    """What was typed, in quotes; of a long text, only the beginning."""
    return repr(text) if len(text) <= 60 else f"{text[:40]!r}... ({len(text):,} characters)"


def name(text: str) -> str:
    """A text that could be the name of a file."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a name")
    return text


def numbers(text: str) -> Any:
    """One number, or several separated by commas."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{quoted(text)} is neither a number nor a list such as 0.5,0.4,0.3"
        ) from None
    return found if len(found) > 1 else found[0]


def path(text: str) -> Path:
    """A path, which need not exist."""
    return Path(name(text))


def new_file(text: str) -> Path:
    """A path at which a file can be written, checked before the work begins."""
    wanted = path(text)
    if not wanted.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{wanted.parent}: No such folder")
    if wanted.exists() and not wanted.is_file():
        raise argparse.ArgumentTypeError(f"{wanted}: Not a file, so no file can be written there")
    return wanted


def picture(text: str) -> Path:
    """A path at which a picture can be written, with a suitable ending."""
    if not text.lower().endswith((".png", ".pdf", ".svg")):
        raise argparse.ArgumentTypeError(f"{quoted(text)} must end in .png, .pdf or .svg")
    return new_file(text)
