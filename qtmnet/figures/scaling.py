"""The picture of an error by size, with the law that fits it and what that foretells."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

N_POINTS = 200


def scaling_picture(
    sizes: Sequence[float],
    errors: Sequence[float],
    law: Callable[[float], tuple[float, float, float]],
    law_text: str,
    size_name: str,
    predicted: float,
) -> bytes:
    """PNG of errors, a dot for each run, their law with its 90 % interval, and its value at another size.

    Args:
        sizes: (N,).
        errors: NRMSE, (N,).
        law: that was fitted to them: the error at a size, and the ends of its interval.
        law_text: its equation.
        size_name: label of the axis.
        predicted: size to show the law's value at.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    line = np.geomspace(min(*sizes, predicted), max(*sizes, predicted), N_POINTS)
    fitted, low, high = np.array([law(size) for size in line]).T
    axis.fill_between(line, low, high, color="#4c9fd6", alpha=0.25, linewidth=0, label="90 % interval")
    axis.plot(line, fitted, color="#d55e00", label=law_text)
    axis.plot(sizes, errors, "o", color="black", markersize=4, alpha=0.6, label="a run")
    value, least, most = law(predicted)
    spread = [[max(value - least, 0.0)], [max(most - value, 0.0)]]
    axis.errorbar([predicted], [value], spread, fmt="D", color="#d55e00", capsize=4, label=f"{value:.3f} foretold")
    axis.set(xscale="log", xlabel=size_name, ylabel="NRMSE")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
