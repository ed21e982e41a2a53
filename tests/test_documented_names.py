"""Every file, folder and dotted name of the packages that the documentation speaks of is there."""

import pkgutil
import re
from pathlib import Path

import pytest

import qtmnet
import simulators

ROOT = Path(__file__).parents[1]

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

PATH = re.compile(r"(?<![\w/.-])(?:simulators|qtmnet|conf|tests|docs|benchmarks|hydra_plugins|sweeps)/[\w/.-]*\w/?")
NAME = re.compile(r"(?<![\w/.-])(?:simulators|qtmnet)(?:\.[A-Za-z_]\w*)+(?![\w/])")
FILE = re.compile(r"`(\w+\.(?:py|cu|h))`")

NOT_OURS = {
    "conf/GROUP/": "stands for any group",
    "qtmnet/conf": "where an installed package has conf",
}


def told() -> list[tuple[str, str]]:
    """Pages, and what they name."""
    found = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        own = {Path(title).name for title in re.findall(r'title="([^"]+)"', text)}
        names = {*PATH.findall(text), *NAME.findall(text), *(file for file in FILE.findall(text) if file not in own)}
        found |= {(page.relative_to(ROOT).as_posix(), name) for name in names if name not in NOT_OURS}
    return sorted(found)


FILES = {
    path.name for part in ("simulators", "qtmnet", "conf", "tests", "benchmarks") for path in (ROOT / part).rglob("*")
}
FILES |= {path.name for path in ROOT.glob("*.py")}


def is_there(name: str) -> bool:
    """Whether a path of the checkout, a file of any folder, or a name that can be imported exists."""
    if "/" in name:
        path = ROOT / name
        return path.is_dir() if name.endswith("/") else path.exists()
    if name in FILES:
        return True
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize(("page", "name"), told())
def test_what_a_page_names_is_there(page: str, name: str) -> None:
    assert is_there(name), f"{page} speaks of {name}"


@pytest.mark.parametrize(
    "name", ["simulators/none.py", "qtmnet.scans.bids.finding.find_none", "qtmnet.none", "docs/index.md/", "no.py"]
)
def test_what_is_not_there_is_found_out(name: str) -> None:
    assert not is_there(name)


@pytest.mark.parametrize("package", [simulators, qtmnet], ids=lambda package: package.__name__)
def test_the_reference_shows_all_public_names(package) -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md"))
    shown = set(re.findall(r"^::: (\S+)$", pages, re.MULTILINE))
    assert {f"{package.__name__}.{name}" for name in package.__all__} <= shown


@pytest.mark.parametrize("name", NOT_OURS)
def test_what_is_let_through_is_still_named(name: str) -> None:
    assert any(name in page.read_text(encoding="utf-8") for page in PAGES)
