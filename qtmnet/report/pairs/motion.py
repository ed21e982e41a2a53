"""How the head moved, volume by volume, and whether by so much that more than its place is wrong."""

import matplotlib as mpl
import numpy as np

from qtmnet.report.charts import STYLE, Chart, as_svg, new_figure
from qtmnet.report.lines import INK
from qtmnet.report.quality import Flag, flag_of
from qtmnet.scans.motion.estimate import Estimate

MUCH_MM = 0.5
"""Framewise displacement from which on a volume has moved while it was acquired, too (Power et al. 2012 leave such
volumes out)."""

MANY = 0.2
"""Share of volumes that move by so much, from which on a scan is doubtful. A judgement."""

_BACK, _FRAMEWISE = "#d55e00", "#4c9fd6"


def motion_chart(motion: Estimate) -> Chart:
    """Distance of the head in each volume from where most volumes have it, and framewise displacement."""
    volumes, back = np.arange(len(motion.distance)), motion.has_moved
    with mpl.rc_context(STYLE):
        figure = new_figure(7.4, 2.6)
        axis = figure.subplots()
        known = np.isfinite(motion.distance)
        axis.plot(volumes[known], motion.distance[known], color=INK, linewidth=1.4, label="from its place")
        axis.plot(volumes[back], motion.distance[back], "o", color=_BACK, markersize=4, label="put back")
        steps = np.isfinite(motion.framewise)
        axis.plot(
            volumes[steps], motion.framewise[steps], color=_FRAMEWISE, linewidth=1.2, linestyle="--", label="framewise"
        )
        axis.set(xlabel="volume, counted from 0", ylabel="displacement (mm)")
        axis.set_ylim(bottom=0)
        axis.legend()
        svg = as_svg(figure)
    told = f"{int(back.sum())} of {int(known.sum())} volumes were put back"
    return Chart(
        "Motion",
        "Root mean square distance of the head from where most volumes have it, and framewise displacement, which "
        f"also counts noise; {told}.",
        f"Displacement of the head in each volume; {told}.",
        svg,
    )


def motion_flag(motion: Estimate) -> Flag:
    """Whether many volumes moved by so much that they were blurred as well."""
    steps = motion.framewise[np.isfinite(motion.framewise)]
    share = float((steps > MUCH_MM).mean()) if steps.size else 0.0
    if not steps.size:
        return Flag("Motion", "assumed", "too little structure to tell it by", "Nothing was corrected.")
    return flag_of(
        share > MANY,
        "Motion",
        f"framewise displacement {steps.mean():.2f} mm in the mean, {steps.max():.2f} mm at most, above {MUCH_MM:g} mm "
        f"in {share:.0%} of volumes (warning above {MANY:.0%}); {int(motion.has_moved.sum())} volumes were put back",
        (
            "The head lay mostly still, or was put back to where it lay.",
            "Volumes were put back, but what moved while it was acquired stays blurred, and was labeled elsewhere.",
        ),
        "Look at the strip of pairs for what is left, and repeat the scan if it can be.",
    )
