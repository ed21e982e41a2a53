"""A slice of every pair's difference in one strip, with what was left out."""

from typing import Literal

import matplotlib as mpl
import numpy as np

from qtmnet.report.charts import STYLE, Chart, as_svg, new_figure
from qtmnet.report.lines import INK
from qtmnet.report.quality import Flag
from qtmnet.scans.volumes.quality import PairQuality

COLUMNS = 16
LEFT_OUT, LESS = "#d55e00", "#e6a000"
INCHES = 0.46
"""Edge of a slice."""

LIMIT_PERCENTILE = 98
"""Of the absolute values in the slices of pairs that count: the ends of the grey scale."""

MANY_LEFT_OUT = 0.2
"""Share of pairs from which on something is wrong with the scan rather than with single volumes. A judgement."""


def strip(quality: PairQuality) -> Chart:
    """The pairs in the order of their volumes; those left out are framed, and those of less weight."""
    n = len(quality.weight)
    n_rows = -(-n // COLUMNS)
    counted = quality.slices[quality.weight > 0]
    limit = float(np.percentile(np.abs(counted), LIMIT_PERCENTILE)) or 1.0
    with mpl.rc_context(STYLE):
        figure = new_figure(INCHES * COLUMNS, (INCHES + 0.16) * n_rows)
        axes = figure.subplots(n_rows, COLUMNS, squeeze=False).ravel()
        for axis in axes:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        for pair, axis in enumerate(axes[:n]):
            axis.imshow(quality.slices[pair].T, cmap="gray", vmin=-limit, vmax=limit, origin="lower", rasterized=True)
            axis.set_title(str(pair), fontsize=6, pad=1.5, color=INK)
            if quality.weight[pair] < 1:
                axis.spines[:].set(visible=True, color=LESS if quality.weight[pair] else LEFT_OUT, linewidth=2.0)
        svg = as_svg(figure)
    told = [f"pair {pair}: {reason}" for pair, reason in enumerate(quality.reasons) if reason]
    kept = "All pairs count alike."
    odd = f"Framed in red: left out; in yellow: of less weight. {'; '.join(told)}."
    return Chart(
        "All pairs",
        f"Control less label in the middle of the brain, counted from 0. {odd if told else kept}",
        f"A slice of each of {n} pairs. {odd if told else kept}",
        svg,
    )


def pairs_flag(quality: PairQuality) -> Flag:
    """How many pairs were left out, and whether a delay has none any more."""
    n, out = len(quality.weight), int((quality.weight == 0).sum())
    less = int(((quality.weight > 0) & (quality.weight < 1)).sum())
    times = np.stack([quality.delays, quality.durations], axis=-1)
    without = [time for time in np.unique(times, axis=0) if not quality.weight[(times == time).all(axis=-1)].any()]
    bad = out > MANY_LEFT_OUT * n or bool(without)
    level: Literal["ok", "warning"] = "warning" if bad else "ok"
    unknown = bool(np.isnan(quality.roughness).all())
    lost = f"; no pair is left at {', '.join(f'{delay:g}' for delay, _ in without)} s" if without else ""
    few = "; with fewer than three pairs a delay, only coarse faults can be told" if unknown else ""
    return Flag(
        "Pairs of volumes",
        level,
        f"{out} of {n} pairs were left out, {less} more have less weight (warning above {MANY_LEFT_OUT:.0%} left out)"
        f"{lost}{few}",
        "Much of the scan is spoiled: what is left may be, too." if bad else "What is averaged varies as noise does.",
        "Look at the strip of pairs, and at the table of pairs beside the maps." if bad else "",
    )
