"""The workflow on GitHub runs the README's commands, with the versions of Python that the package names."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["readme"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_it_runs_the_commands_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    try_it = readme.partition("## Try it")[2].partition("\n## ")[0]
    shown = [line for line in try_it.splitlines() if line.startswith("pip install ")]
    assert [step["run"] for step in JOB["steps"] if "run" in step] == shown


@pytest.mark.parametrize("which", [min, max])
def test_it_takes_the_oldest_and_the_newest_python(which) -> None:
    versions = [tuple(map(int, version.split("."))) for version in JOB["strategy"]["matrix"]["python"]]
    least, beyond = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    expected = {min: (3, int(least)), max: (3, int(beyond) - 1)}
    assert which(versions) == expected[which]


def test_it_runs_on_three_systems_in_one_shell() -> None:
    systems = {name.split("-")[0] for name in JOB["strategy"]["matrix"]["os"]}
    assert systems == {"ubuntu", "macos", "windows"}
    assert WORKFLOW["defaults"]["run"]["shell"] == "bash"
