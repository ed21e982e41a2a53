"""The page as a document: it stands alone, is whole, says nothing it was not told, and can be read aloud."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from qtmnet.report.viewer import Viewer
from simulators import InputError


class Document(HTMLParser):
    """The elements of a page, in order."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.elements.append((tag, dict(attributes)))

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture
def text(written) -> str:
    return written().read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    document = Document(text)
    for _, attributes in document.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert not re.search(r"https?://", text)
    assert not re.search(r"@import|url\((?!#|data:)", text)
    assert not {"script", "link"} & {tag for tag, attributes in document.elements if "src" in attributes}
    (policy,) = (a["content"] for a in document.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_it_can_be_read_aloud(text: str) -> None:
    document = Document(text)
    assert document.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all("scope" in attributes for attributes in document.all("th"))
    assert len(document.all("caption")) == len(document.all("table")) == 3
    assert all(attributes["aria-label"] for attributes in document.all("canvas"))
    assert all(attributes["alttext"] for attributes in document.all("math"))
    labelled = {attributes.get("for") for attributes in document.all("label")}
    assert {a["id"] for a in document.all("input") if a["type"] == "range"} <= labelled


def test_ids_are_of_one_element_each_and_links_lead_somewhere(text: str) -> None:
    document = Document(text)
    ids = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in document.all("a", "use")} <= set(ids)
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(ids)


def test_scores_are_in_the_tables(text: str) -> None:
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))
    assert "single delay 0.200 −1.00 0.900 –" in plain  # a slope that is not defined
    assert "multi delay 0.100 +2.00 0.950 1.000" in plain
    assert "white 4,000 single delay" in plain
    assert text.count("<strong>0.100</strong>") == 3
    assert "<strong>0.200</strong>" not in text


def test_what_the_user_wrote_stays_text(written, subject, groups) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    viewer = Viewer(groups, (subject(name=hostile), subject(name="two")))
    text = written(title=hostile, notes=(hostile,), provenance=(("Command", hostile),), viewer=viewer).read_text(
        encoding="utf-8"
    )
    assert hostile not in text
    assert not Document(text).all("img")
    assert len(Document(text).all("script")) == 2
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert json.loads(data)["subjects"][0]["name"] == hostile


def test_it_is_written_whole_or_not_at_all(written, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(InputError, match=r"report.html: cannot be written \(.*\); mend that") as caught:
        written()
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
