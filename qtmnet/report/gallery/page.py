"""Figures with their captions, and tables, as one HTML file: it needs no other file and no network."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

from qtmnet.report.page import render_template
from qtmnet.report.scan_numbers.lines import RegionTable
from qtmnet.report.settings import Settings
from simulators.files.writing import writing_together


@dataclass(frozen=True)
class Plate:
    """A figure.

    Attributes:
        title: such as `Figure 2: vessels and label`.
        caption: what is seen, with units.
        path: PNG file.
    """

    title: str
    caption: str
    path: Path

    @property
    def data(self) -> str:
        """The picture as a URI."""
        return f"data:image/png;base64,{base64.b64encode(self.path.read_bytes()).decode('ascii')}"


@dataclass(frozen=True)
class Gallery:
    """What a page says, in reading order.

    Attributes:
        title: of the page.
        summary: what this is, in a sentence or two.
        plates: figures.
        tables: numbers, as texts.
        notes: what was left out, and why.
        settings: what was asked for.
        provenance: what made the page, its command among it.
    """

    title: str
    summary: str
    plates: tuple[Plate, ...]
    tables: tuple[RegionTable, ...] = ()
    notes: tuple[str, ...] = ()
    settings: Settings = ()
    provenance: Settings = field(default_factory=tuple)


def write_gallery(path: Path, gallery: Gallery) -> Path:
    """Write the page; the file appears whole or not at all.

    Returns:
        The path.

    Raises:
        InputError: if it cannot be written.
    """
    settings = (*gallery.settings, *gallery.provenance)
    content = render_template("gallery.html", gallery=gallery, page=gallery, settings=settings)
    with writing_together() as together:
        together.write(path, content.encode("utf-8", "backslashreplace"))
    return path
