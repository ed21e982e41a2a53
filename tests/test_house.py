"""Measures of the code: files and folders that a reader can hold in mind, and imports that go one way."""

import statistics
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]

PARTS = ("simulators", "qtmnet", "conf", "tests")

FILES_OF_A_FOLDER = 15
LINES_OF_A_FILE = 350
MEDIAN_LINES = 120

LONGER_FILES = {
    "tests/simulators/phantoms/test_brain.py": "one brain, made once, and all that must hold for it",
    "tests/simulators/phantoms/test_pial.py": "one brain's surface, made once, and all that must hold for its vessels",
    "tests/simulators/tissue/test_anatomy.py": "what tissue maps can be wrong in, each refused",
    "tests/simulators/vessels/test_great_vessels.py": "what a template or an SWC of great vessels can be wrong in",
    "tests/simulators/vessels/test_trunk.py": "forests grown from a trunk, made once, and all that must hold for them",
}
"""Files with more lines than that, with the reason."""


def files(*parts: str) -> list[Path]:
    """Python and YAML files of these folders."""
    return [path for part in parts for path in sorted((ROOT / part).rglob("*")) if path.suffix in (".py", ".yaml")]


def n_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def folders() -> Iterator[tuple[str, int]]:
    """Folders with the number of their files, `__init__` left out: it says what the folder is."""
    counts: dict[str, int] = {}
    for path in files(*PARTS):
        folder = path.parent.relative_to(ROOT).as_posix()
        counts[folder] = counts.get(folder, 0) + (path.stem != "__init__")
    yield from counts.items()


@pytest.mark.parametrize(("folder", "n"), list(folders()))
def test_a_folder_has_few_files(folder: str, n: int) -> None:
    assert n <= FILES_OF_A_FOLDER, folder


@pytest.mark.parametrize("path", files(*PARTS), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_is_short(path: Path) -> None:
    longer = path.relative_to(ROOT).as_posix() in LONGER_FILES
    assert (n_lines(path) > LINES_OF_A_FILE) == longer, f"{n_lines(path)} lines"


def test_half_of_the_files_are_shorter() -> None:
    assert statistics.median(n_lines(path) for path in files("simulators", "qtmnet")) <= MEDIAN_LINES


@pytest.mark.parametrize("package", ["simulators", "qtmnet"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert circles(imports_of(package)) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]


def imports_of(package: str) -> dict[str, set[str]]:
    """What each module imports of its package, type hints and imports within functions included."""
    graph = grimp.build_graph(package, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circles(imports: dict[str, set[str]]) -> list[str]:
    """Modules that are left when those that import none of the rest, or are imported by none, are taken away."""
    left = dict(imports)
    while True:
        imported = {module for found in left.values() for module in found}
        ends = [module for module in left if module not in imported or not left[module] & left.keys()]
        if not ends:
            return sorted(left)
        for module in ends:
            del left[module]
