"""What the README promises works as written."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from ttfs.cli.arguments import parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_python_in_the_readme_runs_and_learns(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(compile("\n".join(blocks), "README.md", "exec"), names)
    plt.close("all")
    accuracy, explanation, *_ = capsys.readouterr().out.splitlines()
    assert float(accuracy) > 0.9
    assert explanation.startswith("output 0")
    assert names["sim"].times("output").min() == names["sim"].time
    assert names["history"].records[-1]["validation_accuracy"] > 0.93


def test_every_command_in_the_readme_exists():
    for command in set(re.findall(r"`ttfs ([a-z]+)", README)):
        with pytest.raises(SystemExit) as ended:
            parser().parse_args([command, "--help"])
        assert ended.value.code == 0


def test_every_file_that_the_readme_names_is_there():
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_opens_with_its_two_commands():
    first = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first[1].split("\n")[:2] == [
        "pip install . && ttfs train",
        'pip install ".[test]" && pytest',
    ]
