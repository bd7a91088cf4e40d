"""Whether the files of a release hold what they should: `python .ci/contents.py dist/*`."""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
INSTALLED = {
    ".py",
    ".npz",
    ".js",
    ".mjs",
    ".css",
    ".html",
    ".typed",
}  # what the package consists of
SOURCES = {".ci", "datasets", "docs", "notebooks", "tests", "ttfs"}
MADE = {"runs", "_build", "generated", "__pycache__", "dist", "build", ".git"}


def main() -> int:
    """Print what is wrong with each file, and what it holds; the exit code."""
    code = 0
    for path in map(Path, sys.argv[1:]):
        wheel = path.suffix == ".whl"
        names = names_in(path)
        wrong = list(wrong_in_wheel(names) if wheel else wrong_in_sources(names))
        print(f"{path.name}: {len(names)} files, {path.stat().st_size / 1e6:.1f} MB")
        print(*(f"  {sentence}" for sentence in wrong), sep="\n", end="\n" * bool(wrong))
        code |= bool(wrong)
    return code


def names_in(path: Path) -> set[str]:
    """The names of all files; in sources, without the folder that holds everything."""
    if path.suffix == ".whl":
        return set(zipfile.ZipFile(path).namelist())
    with tarfile.open(path) as archive:
        return {one.name.partition("/")[2] for one in archive if one.isfile()}


def wrong_in_wheel(names):
    """What a wheel lacks, and what does not belong there."""
    told = {name for name in names if ".dist-info/" in name}
    own = {str(file.relative_to(ROOT).as_posix()) for file in (ROOT / "ttfs").rglob("*.*")}
    own = {name for name in own if Path(name).suffix in INSTALLED}
    yield from (f"{name} is missing" for name in sorted(own - names))
    yield from (f"{name} does not belong there" for name in sorted(names - told - own))
    for end in ("METADATA", "entry_points.txt", "licenses/LICENSE"):
        if not any(name.endswith(f".dist-info/{end}") for name in told):
            yield f"{end} is missing"


def wrong_in_sources(names):
    """What sources lack, and what was made there and is not part of them."""
    needed = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml"}
    yield from (f"{name} is missing" for name in sorted(needed - names))
    places = {Path(name).parts[0] for name in names if "/" in name}
    yield from (f"{name}/ is missing" for name in sorted(SOURCES - places))
    yield from (f"{name}/ does not belong there" for name in sorted(places - SOURCES))
    for name in sorted(names):
        if MADE & set(Path(name).parts):
            yield f"{name} does not belong there"


if __name__ == "__main__":
    sys.exit(main())
