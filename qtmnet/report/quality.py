"""Quality checks of maps and scans: what was found, what it means, and what to do about it.

Limits are rules of thumb: no check proves a map right, and a warning is a reason to look, not to discard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import nibabel as nib
import numpy as np

from simulators.imaging.acquisition import Acquisition

NEGATIVE_SHARE = 0.1
"""Noise alone makes some voxels of white matter negative; how many are too many is a judgement, not a measurement."""

HIGHEST_CBF = 200.0
"""mL/100g/min, about three times grey matter at rest: beyond what tissue is expected to have, in children as well."""

IMPOSSIBLE_SHARE = 0.005
"""A few voxels with a large artery in them are to be expected without vascular crushing: 0.4 % of a healthy scan."""

CONTROL_TO_M0 = {True: (0.01, 0.7), False: (0.4, 1.3), None: (0.01, 1.3)}
"""Control over relaxed M0, by whether the background was suppressed. By 1 − e^(−t/T1) with T1 of 1.3 s,
unsuppressed control is at 0.4 of M0 after 0.7 s and never above M0, noise and a spread of T1 aside; how much
suppression leaves depends on its pulses (0.36 in a healthy 2D scan)."""

DIFFERENCE_TO_M0 = (0.0005, 0.05)
"""Control − label over M0, mean of the brain. By the general kinetic model it is 0.005 for CBF 60, ATT 0.8 s, 1.8 s of
labeling and a delay of 1.8 s, and 0.018 without ATT and delay; the limits leave room around both."""

MASK_SHARE = (0.03, 0.7)
"""Of the field of view, 0.23 in a healthy 2D scan; a wide range, as it depends on how the field of view was laid."""

EDGE_SHARE = 0.002
"""Of the mask's voxels, on one face of the field of view: less is a stray corner."""

LOW_M0 = 0.1
"""Of the median M0 of the mask: below it CBF, which is divided by M0, is mostly noise."""

LOW_M0_SHARE = 0.01

SAME_TIME = 1e-4
"""s; of times that were rounded to single precision."""

UNTIMED_SHARE = 0.2
"""Of voxels whose transit time lies outside of what the delays tell; a judgement, not a measurement."""

FACES = {"L": "left", "R": "right", "P": "posterior", "A": "anterior", "I": "inferior", "S": "superior"}
OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "I": "S", "S": "I"}


@dataclass(frozen=True)
class Flag:
    """The outcome of one check.

    Attributes:
        name: what was checked.
        level: whether it is as it should be.
        found: the number found, and what it is held against.
        meaning: what it says about the maps.
        advice: what to do; empty if there is nothing to do.
    """

    name: str
    level: Literal["ok", "warning"]
    found: str
    meaning: str
    advice: str = ""


def _flag(bad: bool, name: str, found: str, meanings: tuple[str, str], advice: str) -> Flag:
    """A warning with its advice if something is bad; meanings are for when it is not, and when it is."""
    return Flag(name, "warning" if bad else "ok", found, meanings[bad], advice if bad else "")


def negative_cbf(cbf: np.ndarray, of: str = "") -> Flag:
    """Share of voxels below 0, of CBF inside the mask (V,), mL/100g/min; `of` names the map."""
    share = float((cbf < 0).mean())
    return _flag(
        share > NEGATIVE_SHARE,
        f"Negative perfusion{of and f', {of}'}",
        f"{share:.1%} of voxels are below 0 (warning above {NEGATIVE_SHARE:.0%})",
        ("Blood does not flow backwards; noise leaves so few behind.", "More than noise usually leaves behind."),
        "Look for motion, swapped control and label, or delays too short for the blood to arrive; average over regions "
        "rather than reading single voxels.",
    )


def impossible_cbf(cbf: np.ndarray, of: str = "") -> Flag:
    """Values of CBF inside the mask (V,), mL/100g/min, that no tissue has: not finite, or above `HIGHEST_CBF`."""
    finite = np.isfinite(cbf)
    n_missing, share = int((~finite).sum()), float((cbf[finite] > HIGHEST_CBF).sum() / max(cbf.size, 1))
    return _flag(
        n_missing > 0 or share > IMPOSSIBLE_SHARE,
        f"Impossible values{of and f', {of}'}",
        f"{n_missing} voxels are not finite; {share:.2%} are above {HIGHEST_CBF:g} mL/100g/min (warning above "
        f"{IMPOSSIBLE_SHARE:.1%}, or for any that is not finite)",
        (
            "No tissue is perfused that much; the few such voxels hold large arteries.",
            "No tissue is perfused that much: label in arteries, noise where the blood arrives late, or a wrong scale.",
        ),
        "If they follow arteries, crush arterial signal or leave them out; if they are everywhere, check M0 and the "
        "labeling efficiency.",
    )


def label_order(mean_differences: Sequence[float], unit: str = "in units of the scan") -> Flag:
    """Sign of control − label, its mean in the brain for each delay (K,)."""
    means = np.asarray(mean_differences, float)
    found = f"control − label is {means.mean():.3g} {unit} in the brain's mean over delays; {(means < 0).sum()} of "
    return _flag(
        bool(means.mean() < 0),
        "Order of control and label",
        f"{found}{means.size} delays are negative",
        (
            "Control is brighter than label, as it must be.",
            "Label is brighter than control: they are probably swapped.",
        ),
        "Check the order of volumes in the aslcontext table against the scanner's, and run again.",
    )


def m0_scale(
    difference: np.ndarray, m0: np.ndarray, control: np.ndarray | None = None, suppressed: bool | None = None
) -> Flag:
    """Whether M0 is on the scale of the scan.

    Args:
        difference: control − label inside the mask, mean over delays, (V,).
        m0: signal of fully relaxed tissue inside the mask, above 0, (V,).
        control: mean control signal inside the mask, (V,); None if the scan came as differences.
        suppressed: whether the background of the control was suppressed; None if that is not known.
    """
    if control is not None:
        ratio, (low, high), what = float(np.median(control / m0)), CONTROL_TO_M0[suppressed], "control is"
        state = {True: ", with", False: ", without", None: ""}[suppressed]
        where = f"{what} {ratio:.3g} of M0 in the median voxel{state}{' background suppression' if state else ''}"
    else:
        ratio, (low, high) = float(abs(difference.mean()) / m0.mean()), DIFFERENCE_TO_M0
        where = f"control − label is {ratio:.2g} of M0 in the brain's mean"
    return _flag(
        not low <= ratio <= high,
        "Scale of M0",
        f"{where} (plausible: {low:g} to {high:g})",
        (
            "M0 and the scan are on one scale, as far as this ratio can tell.",
            "M0 is probably on another scale than the scan; all CBF is then wrong by one factor.",
        ),
        "Check the rescaling of both images (Philips and GE conversions differ), and that M0 is the right scan.",
    )


def low_m0(m0: np.ndarray, n_without: int = 0) -> Flag:
    """Voxels in which M0 is no divisor.

    Args:
        m0: inside the mask, above 0, (V,).
        n_without: voxels that were left out of the mask because M0 is not above 0 there.
    """
    share = float((m0 < LOW_M0 * np.median(m0)).mean())
    total = n_without + m0.size
    return _flag(
        share > LOW_M0_SHARE or n_without > LOW_M0_SHARE * total,
        "Voxels without M0",
        f"{n_without} of {total} voxels of the mask have no M0 and were left out; M0 is below {LOW_M0:.0%} of its "
        f"median in {share:.1%} (warning above {LOW_M0_SHARE:.0%} of either)",
        (
            "M0 is there wherever it is divided by.",
            "CBF is divided by M0: it is missing or mostly noise in these voxels.",
        ),
        "Check that mask and M0 lie on each other, and leave such voxels out of the mask.",
    )


def coverage(mask: np.ndarray, affine: np.ndarray) -> Flag:
    """Whether the brain, a mask (X, Y, Z), is in the field of view; the affine tells which side is which."""
    share = float(mask.mean())
    touched = {side: n for side, n in _on_faces(mask, affine).items() if n > EDGE_SHARE * mask.sum()}
    sides = ", ".join(f"{side} ({n} voxels)" for side, n in touched.items())
    return _flag(
        bool(touched) or not MASK_SHARE[0] <= share <= MASK_SHARE[1],
        "Coverage",
        f"the mask is {share:.1%} of the field of view (plausible: {MASK_SHARE[0]:.0%} to {MASK_SHARE[1]:.0%}); it "
        f"touches {f'these edges: {sides}' if touched else 'no edge'}",
        (
            "The whole brain was imaged.",
            "Part of the brain lies outside the images, or the mask is not of a brain.",
        ),
        "Do not report averages over regions that are cut off; if the mask is wrong, give another one.",
    )


def transit_times(att: np.ndarray, mask: np.ndarray, acquisition: Acquisition, of: str = "") -> Flag:
    """Share of voxels whose transit time the delays do not tell, or that have one which nothing takes.

    Args:
        att: estimated, (X, Y, Z), s; the multi-delay model sets what comes before a voxel's first delay to that.
        mask: the brain, (X, Y, Z).
        acquisition: protocol; each slice has its own time.
        of: names the map.
    """
    after_first_slice = np.broadcast_to(np.asarray(acquisition.slice_timing or 0.0), att.shape)[mask]
    delay = att[mask] - after_first_slice
    early = float((delay <= min(acquisition.effective_delays) + SAME_TIME).mean())
    late = float((delay >= max(acquisition.effective_delays) - SAME_TIME).mean())
    impossible = float((~(att[mask] >= 0)).mean())
    return _flag(
        early + late > UNTIMED_SHARE or impossible > IMPOSSIBLE_SHARE,
        f"Transit times at the ends of the delays{of and f', {of}'}",
        f"{early:.1%} of voxels are at the first delay, {late:.1%} at the last (warning above {UNTIMED_SHARE:.0%} "
        "together)"
        + (f"; {impossible:.2%} are below 0 or no number (warning above {IMPOSSIBLE_SHARE:.1%})" if impossible else ""),
        (
            "The delays tell when blood arrived nearly everywhere.",
            "There the blood came before the first delay, or after the last: the map of transit times does not tell "
            "when, and perfusion leans on it.",
        ),
        "Read these transit times as limits; where many are early, shorter delays would tell more, where many are "
        "late, longer ones.",
    )


def suppression_loss(suppressed: bool | None, accounted: bool, efficiency: float) -> Flag:
    """Whether the loss of label to background suppression is known.

    Args:
        suppressed: whether the background was suppressed; None if that is not known.
        accounted: whether the labeling efficiency was given, or the number of pulses.
        efficiency: used, in total.
    """
    return _flag(
        bool(suppressed) and not accounted,
        "Labeling efficiency",
        f"{efficiency:.3g} in total"
        + (", with background suppression by a number of pulses that the sidecar does not give" * (not accounted))
        * bool(suppressed),
        (
            "Nothing says that label was lost besides.",
            "Each pulse takes about 5 % of the label: perfusion is too low by as much for each.",
        ),
        "Give labeling_efficiency=, 0.85 times 0.95 for each pulse, or BackgroundSuppressionNumberPulses in the "
        "sidecar.",
    )


def _on_faces(mask: np.ndarray, affine: np.ndarray) -> dict[str, int]:
    """Voxels of the mask on each face of the image, by the side of the body that it faces."""
    counts = {}
    for axis, code in enumerate(nib.aff2axcodes(affine)):
        for end, letter in ((-1, code), (0, OPPOSITE[code])):
            counts[FACES[letter]] = int(mask.take(end, axis=axis).sum())
    return counts
