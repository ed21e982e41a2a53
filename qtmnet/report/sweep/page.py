"""A page of what came of the settings of a sweep."""

import base64
from dataclasses import dataclass
from pathlib import Path

from qtmnet.report.page import render_template
from qtmnet.report.settings import origin
from simulators.files.writing import writing


@dataclass(frozen=True)
class SweepPage:
    """What the page says.

    Attributes:
        title: of the page.
        settings: names of what was swept.
        measures: names of what was measured.
        rows: values of the settings, number of seeds, and means with spreads, as text; a row for each setting.
        picture: PNG of the law of the error, if there is one.
        law: in words.
        command: that made it.
    """

    title: str
    settings: tuple[str, ...]
    measures: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], int, tuple[str, ...]], ...]
    picture: bytes | None
    law: str
    command: str

    @property
    def summary(self) -> str:
        """What the table holds."""
        return (
            "Relative error (NRMSE) by setting: mean ± standard deviation over seeds. val: on validation cubes, test: "
            "on cubes that no training saw, of the network and of the kinetic models."
        )


def write_sweep(path: Path, page: SweepPage) -> None:
    """Write the page.

    Raises:
        InputError: if it cannot be written.
    """
    picture = base64.b64encode(page.picture).decode("ascii") if page.picture else ""
    settings = {**dict(origin()), "Command": page.command}
    content = render_template("sweep.html", page=page, picture=picture, settings=settings.items())
    with writing(path) as draft:
        draft.write_bytes(content.encode("utf-8", "backslashreplace"))
