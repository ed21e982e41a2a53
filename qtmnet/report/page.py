"""A report as one HTML file: it needs no other file and no network, and opens from disk."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from qtmnet.methods.base import About
from qtmnet.report.agreement import Agreement
from qtmnet.report.charts import Chart
from qtmnet.report.quality import Flag
from qtmnet.report.scan_numbers.lines import Number, RegionTable
from qtmnet.report.settings import Settings
from qtmnet.report.tables import ScoreTable
from qtmnet.report.viewer import Viewer
from simulators.files.json_files import json_text
from simulators.files.writing import Drafts, writing_together

PLANES = {
    True: ("Axial", "Coronal", "Sagittal"),
    False: ("Plane x–y", "Plane x–z", "Plane y–z"),
}
"""Names of the planes whose normal is the third, second and first axis, by whether the maps are anatomical."""


@dataclass(frozen=True)
class Report:
    """What a page says, in reading order; what is empty is left out.

    Attributes:
        title: of the page.
        summary: what this is, in a sentence or two.
        tables: scores of the whole, by quantity.
        parts: scores of its parts.
        flags: outcomes of quality checks.
        unchecked: what could not be checked, and why.
        viewer: maps to look at.
        agreement: how far the maps agree with those of other methods.
        numbers: what is reported of the whole.
        regions: what is reported of its regions.
        charts: distributions.
        methods: how the maps were computed.
        notes: what was chosen or assumed on the way.
        settings: what was asked for.
        provenance: what made the report.
    """

    title: str
    summary: str
    viewer: Viewer
    flags: tuple[Flag, ...]
    charts: tuple[Chart, ...]
    methods: tuple[About, ...]
    settings: Settings
    provenance: Settings
    tables: tuple[ScoreTable, ...] = ()
    parts: tuple[ScoreTable, ...] = ()
    unchecked: str = ""
    notes: tuple[str, ...] = ()
    agreement: Agreement | None = None
    numbers: tuple[Number, ...] = ()
    regions: tuple[RegionTable, ...] = ()


def write_page(path: Path, report: Report, drafts: Drafts | None = None) -> Path:
    """Write a report; the file appears whole or not at all.

    Args:
        path: of the page.
        report: what it says.
        drafts: files that it is to appear together with, and when.

    Returns:
        The path.

    Raises:
        InputError: if it cannot be written, for instance because the disk is full.
    """
    content = render(report).encode("utf-8", "backslashreplace")  # a name of a file may hold what is no UTF-8
    with contextlib.nullcontext(drafts) if drafts else writing_together() as together:
        together.write(path, content)
    return path


def render(report: Report) -> str:
    """The page's HTML."""
    packed = report.viewer.packed()
    return render_template(
        "perfusion.html",
        report=report,
        page=report,
        settings=report.settings + report.provenance,
        planes=PLANES[report.viewer.anatomical],
        subjects=packed["subjects"],
        quantities=report.viewer.quantities,
        data=_as_script(packed),
        script=Markup(_read("viewer.js")),
        n_warnings=sum(flag.level == "warning" for flag in report.flags),
        n_assumed=sum(flag.level == "assumed" for flag in report.flags),
        megabytes=_size_of_maps(packed) / 1e6,
    )


def render_template(name: str, **content: object) -> str:
    """A page of this folder's, in the style of all, with what it is to say; texts are escaped."""
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name).render(style=Markup(_read("style.css")), **content)


def _read(name: str) -> str:
    return (files("qtmnet.report") / name).read_text(encoding="utf-8")


def _as_script(packed: Mapping[str, object]) -> Markup:
    """JSON for a script element, which must not hold what could end it."""
    return Markup(json_text(packed).replace("<", "\\u003c"))


def _size_of_maps(packed: Mapping[str, object]) -> int:
    return len(json_text(packed["subjects"]))
