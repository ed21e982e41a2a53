"""Each recipe of docs/extending.md, carried out as it stands there: its files alone in a folder, its commands run.

A recipe is a section with files, which are blocks with a title. What a user writes to add one thing is counted, and
nothing of the packages may change.
"""

import re
import shutil
from pathlib import Path

import pytest

from tests.documented import ROOT, Page, page, reason_not_to_run, run_line

AT_MOST = 3
"""Files that one new thing may take, with its option of the configuration."""

EXTENDING = ROOT / "docs" / "extending.md"

OUTSIDE = "my_project"
"""Folder of the recipes' files."""


def recipes() -> list[Page]:
    """Sections with files, by their headings."""
    heading, *rest = re.split(r"^## (.+)$", EXTENDING.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = [page(name, text) for name, text in zip(rest[::2], rest[1::2], strict=True)]
    assert not page("before", heading).files
    return [section for section in sections if section.files]


RECIPES = recipes()


def each_recipe() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)


@pytest.fixture(scope="module")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets that the recipes share, so that cubes of one kind are simulated once."""
    return tmp_path_factory.mktemp("datasets")


def state_of_packages() -> dict[Path, tuple[int, int]]:
    """Size and time of all that is installed with the project."""
    files = (path for part in ("simulators", "qtmnet", "conf") for path in (ROOT / part).rglob("*"))
    found = {path: path.stat() for path in files if "__pycache__" not in path.parts and path.is_file()}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


@each_recipe()
def test_recipe_takes_few_files_all_outside(recipe: Page) -> None:
    assert len(recipe.files) <= AT_MOST
    for name in recipe.files:
        assert Path(name).parts[0] == OUTSIDE
        assert Path(name).suffix == ".py" or Path(name).parts[:2] == (OUTSIDE, "conf")


@each_recipe()
def test_recipe_uses_all_its_files(recipe: Page) -> None:
    commands = "\n".join(recipe.commands)
    for name, text in recipe.files.items():
        path = Path(name)
        others = "\n".join(other for file, other in recipe.files.items() if file != name)
        if path.suffix == ".yaml":
            group = path.parent.relative_to(f"{OUTSIDE}/conf").as_posix()
            chosen = rf"{group}=\[?([\w,]+,)?{path.stem}\b"
            assert re.search(chosen, commands), f"no command of the recipe takes {group}={path.stem}"
            assert "_target_: " in text
        else:
            used = rf"{re.escape(name)}|(_target_: |from |import ){path.stem}\b"
            assert re.search(used, f"{commands}\n{others}"), f"nothing of the recipe uses {name}"


@each_recipe()
def test_recipe_works(
    recipe: Page,
    command,
    cubes: Path,
    example_scan: Path,
    tiny_checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = state_of_packages()
    shutil.copytree(example_scan.parents[1], tmp_path, dirs_exist_ok=True)
    (tmp_path / "datasets").symlink_to(cubes)
    for name, text in recipe.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for line in recipe.commands:
        if reason_not_to_run(line) is None:
            run_line(recipe, line, command, tiny_checkpoints, monkeypatch)
    assert state_of_packages() == before
