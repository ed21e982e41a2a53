"""Pictures with the figures that they were saved from, so that a test knows where in a picture a value is drawn."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread


@dataclass(frozen=True)
class Picture:
    """A picture as it was written, and the figure that it shows."""

    figure: Figure
    rgb: np.ndarray
    """0 to 1, (rows, columns, 3)."""

    def at(self, axes: Axes, x: float, y: float) -> np.ndarray:
        """Colour, (3,), where a point of the axes is drawn."""
        across, up = axes.transData.transform((x, y)) * self.rgb.shape[1] / self.figure.bbox.width
        return self.rgb[self.rgb.shape[0] - 1 - int(up), int(across)]

    def box(self, axes: Axes) -> tuple[int, int, int, int]:
        """First and last row, first and last column of the axes."""
        box = axes.get_window_extent().extents * self.rgb.shape[1] / self.figure.bbox.width
        left, bottom, right, top = (round(float(edge)) for edge in box)
        return self.rgb.shape[0] - top, self.rgb.shape[0] - bottom, left, right

    def inside(self, axes: Axes) -> np.ndarray:
        """The pixels of the axes, (rows, columns, 3)."""
        top, bottom, left, right = self.box(axes)
        return self.rgb[top:bottom, left:right]


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Reads a picture that this test has saved last."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keeping(figure: Figure, *given: object, **options: object) -> None:
        figures.append(figure)
        save(figure, *given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", keeping)
    return lambda path: Picture(figures[-1], imread(Path(path))[..., :3])
