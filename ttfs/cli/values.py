"""Values on the command line: text that is read as a number, a name or a path, or refused."""

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


count = number(int, 1, 10**18, "a whole number from 1 on, of at most 18 digits")
natural = number(int, 0, 10**18, "a whole number from 0 on, of at most 18 digits")
hidden = number(int, 1, 10**6, "a whole number from 1 to a million")
from_zero = number(float, 0, float("inf"), "a time from 0 on")
potential = number(float, 0, 1e6, "a potential from 0 to a million thresholds")
above_zero = number(float, 5e-324, 1e308, "a number above 0")


def quoted(text: str) -> str:
    """What was typed, in quotes; of a long text, only the beginning."""
    return repr(text) if len(text) <= 60 else f"{text[:40]!r}... ({len(text):,} characters)"


def name(text: str) -> str:
    """A text that could be the name of a file."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no name")
    return text


def numbers(text: str) -> Any:
    """One number, or several separated by commas."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no number, nor 0.5,0.4,0.3") from None
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
        raise argparse.ArgumentTypeError(f"{wanted}: Not a file, and in the way of one")
    return wanted


def picture(text: str) -> Path:
    """A path at which a picture can be written, with a suitable ending."""
    if not text.lower().endswith((".png", ".pdf", ".svg")):
        raise argparse.ArgumentTypeError(f"{quoted(text)} must end in .png, .pdf or .svg")
    return new_file(text)
