"""Pictures that are written whole or not at all."""

from pathlib import Path

from matplotlib.figure import Figure

from simulators.files.writing import writing


def save_figure(figure: Figure, path: Path, *, dpi: float | None = None) -> None:
    """Save a figure in the format that the name's ending says.

    Raises:
        InputError: if it cannot be written.
    """
    with writing(path) as draft:
        figure.savefig(draft, format=path.suffix[1:], dpi="figure" if dpi is None else dpi)
