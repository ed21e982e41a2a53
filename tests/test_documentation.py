"""What is made when the documentation is built: equations, and the reference of settings."""

import importlib.util
import re
from html import escape
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]

EQUATIONS = re.compile(r"\$\$(.+?)\$\$|\$(?!\s)([^$`]+?)(?<!\s)\$", re.DOTALL)


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    specification = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def equations() -> list[str]:
    text = (ROOT / "docs" / "physics.md").read_text(encoding="utf-8")
    return [block or inline for block, inline in EQUATIONS.findall(text)]


def test_an_equation_becomes_mathml(hooks: ModuleType) -> None:
    page = r'<p><span class="arithmatex">\(a &lt; b^2\)</span> and <code>\(x\)</code></p>'
    made = hooks.on_page_content(page, page=None)
    assert r"<code>\(x\)</code>" in made
    assert "<msup><mi>b</mi><mn>2</mn></msup>" in made
    assert 'display="block"' in hooks.on_page_content(r'<div class="arithmatex">\[x\]</div>')


def test_the_physics_has_equations() -> None:
    assert len(equations()) > 50


@pytest.mark.parametrize("latex", sorted(set(equations())))
def test_every_equation_is_understood(hooks: ModuleType, latex: str) -> None:
    made = hooks.on_page_content(f'<div class="arithmatex">\\[{escape(latex)}\\]</div>')
    math = ElementTree.fromstring(made)
    assert "\\" not in "".join(math.itertext())  # what is not understood is left as it is


def test_the_reference_stands_where_the_page_asks_for_it(hooks: ModuleType) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    made = hooks.on_page_markdown(text, page=None)
    assert hooks.REFERENCE in text
    assert hooks.REFERENCE not in made
    assert "#### phantom=cube" in made
