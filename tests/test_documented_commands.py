"""Every command that the documentation shows, run as it stands there, on problems of a second.

How is in `documented.py`. Files of a page are written before its commands run, in order and in one folder; those of the
recipes for things of one's own are run by `test_recipes.py`.
"""

import re
import shutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.documented import (
    CANNOT_RUN,
    PAGES,
    STANDS_FOR,
    Page,
    is_known,
    page,
    reason_not_to_run,
    run_line,
    shrunk,
)

RECIPES = "extending"
"""The page whose commands `test_recipes.py` runs."""


def cases() -> list[tuple[Page, str]]:
    """Commands to run, each once; those of a page with files of its own stay together."""
    seen: set[str] = set()
    chosen = []
    for source in (each for each in PAGES if each.name != RECIPES):
        for line in source.commands:
            key = source.name + line if source.files or not is_known(line) else meaning(line)
            if reason_not_to_run(line) is None and key not in seen:
                chosen.append((source, line))
                seen.add(key)
    return chosen


def meaning(line: str) -> str:
    """What is the same for commands that differ in what is overridden, or in the name of a checkpoint."""
    return re.sub(r"ckpt=\S+", "ckpt", shrunk(line))


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory, example_scan: Path) -> Callable[[Page], Path]:
    """The folder that a page's commands run in: with the scan, and stages of brains that all pages share."""
    folders: dict[str, Path] = {}
    stages = tmp_path_factory.mktemp("stages")

    def make(source: Page) -> Path:
        if source.name not in folders:
            folder = folders[source.name] = tmp_path_factory.mktemp(source.name)
            shutil.copytree(example_scan.parents[1], folder, dirs_exist_ok=True)
            (folder / "datasets").mkdir()
            (folder / "datasets" / "brain").symlink_to(stages)
            for name, text in source.files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
        return folders[source.name]

    return make


def told(value: Page | str) -> str:
    return value.name if isinstance(value, Page) else value


@pytest.mark.parametrize(("source", "line"), cases(), ids=told)
def test_command_of_the_documentation_runs(
    source: Page, line: str, command, folder_of, tiny_checkpoints, already_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder_of(source))
    for each in (*needed_by(line, source), line):
        if reason_not_to_run(each) is None and (source.name, each) not in already_run:
            run_line(source, each, command, tiny_checkpoints, monkeypatch)
            already_run.add((source.name, each))


def needed_by(line: str, source: Page) -> list[str]:
    """Commands above one of a page, that write what it needs; another process of the tests may have run them."""
    above = [*source.commands[: source.commands.index(line)]]
    if source.files:
        return above
    folder = [word for word in line.split() if word.startswith("data.dir=")]
    return [each for each in above if folder[0] in each.split()] if "verify=true" in line.split() else []


@pytest.fixture(scope="module")
def already_run() -> set[tuple[str, str]]:
    """Names of pages and commands of theirs that have been run."""
    return set()


def test_commands_are_found() -> None:
    text = "```\npython a.py x=1 \\\n  y=2   # why\npip install b && ls -l\n```\n\n| `python c.py\nz=…` | `python` |\n"
    text += '```text\npython no.py\n```\n\n```python title="a.py"\nprint()\n```\n'
    found = page("example", text)
    assert found.commands == ("python a.py x=1 y=2", "pip install b", "ls -l", "python c.py z=…")
    assert found.files == {"a.py": "print()\n"}
    assert not is_known("ls -l")
    assert is_known("WHERE=here python a.py")


@pytest.mark.parametrize("pattern", CANNOT_RUN)
def test_what_cannot_be_run_is_still_in_the_documentation(pattern: str) -> None:
    assert any(fnmatchcase(line, pattern) for source in PAGES for line in source.commands)


@pytest.mark.parametrize("word", STANDS_FOR)
def test_what_stands_for_something_is_still_in_the_documentation(word: str) -> None:
    assert any(word in line.split() for source in PAGES for line in source.commands)
