"""What is made when the documentation is built: equations as MathML, and the reference of all settings."""

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

from qtmnet.configuration.reference import reference

REFERENCE = "<!-- reference of all settings -->"

EQUATION = re.compile(
    r'(<(?P<tag>span|div) class="arithmatex">)(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<block>.*?)\\\])</(?P=tag)>', re.DOTALL
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the reference where a page asks for it."""
    return markdown.replace(REFERENCE, reference()) if REFERENCE in markdown else markdown


def on_page_content(content: str, **_: Any) -> str:
    """Turn LaTeX, as arithmatex leaves it, into MathML, which browsers show without a script."""
    return EQUATION.sub(_equation, content)


def _equation(found: re.Match[str]) -> str:
    block = found["block"] is not None
    latex = unescape(found["block"] if block else found["inline"]).strip()
    mathml = convert(latex, display="block" if block else "inline")
    return f"{found[1]}{mathml}</{found['tag']}>"
