"""Quality checks of maps and scans: what was found, what it means, and what to do about it.

Limits are rules of thumb: no check proves a map right, and a warning is a reason to look, not to discard.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import nibabel as nib
import numpy as np

from qtmnet.evaluation.intervals import IntervalScores
from qtmnet.quantities import ATT, CBF, INTERVAL_LEVEL, QUANTITIES
from simulators.imaging.acquisition import Acquisition

NEGATIVE_SHARE = 0.1
"""Noise alone makes some voxels of white matter negative; how many are too many is a judgement, not a measurement."""

HIGHEST_CBF = 200.0
"""mL/100g/min, about three times grey matter at rest: beyond what tissue is expected to have, in children as well."""

IMPOSSIBLE_SHARE = 0.005
"""A few voxels with a large artery in them are to be expected without vascular crushing: 0.4 % of a healthy scan."""

MASK_SHARE = (0.03, 0.7)
"""Of the field of view, 0.23 in a healthy 2D scan; a wide range, as it depends on how the field of view was laid."""

EDGE_SHARE = 0.002
"""Of the mask's voxels, on one face of the field of view: less is a stray corner."""

SAME_TIME = 1e-4
"""s; of times that were rounded to single precision."""

UNTIMED_SHARE = 0.2
"""Of voxels whose transit time lies outside of what the delays tell; a judgement, not a measurement."""

OUTSIDE_SHARE = 0.05
"""Of voxels outside of a network's trained range: arteries and edges of the mask make a few; a judgement, not a
measurement."""

COVERAGE = (0.8, 0.97)
"""Of intervals of 90 %, over a whole brain: neighbours err together, so that a brain is off by some percent; a
judgement, not a measurement."""

FACES = {"L": "left", "R": "right", "P": "posterior", "A": "anterior", "I": "inferior", "S": "superior"}
OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "I": "S", "S": "I"}


Level = Literal["ok", "assumed", "warning"]
"""As it should be; as it should be if what was assumed holds; not as it should be."""

RANKS: Mapping[str, int] = {"warning": 0, "assumed": 1, "ok": 2}
"""Of levels, the one to look at first before the others."""


@dataclass(frozen=True)
class Flag:
    """The outcome of one check.

    Attributes:
        name: what was checked.
        level: whether it is as it should be, see `Level`.
        found: the number found, and what it is held against.
        meaning: what it says about the maps.
        advice: what to do; empty if there is nothing to do.
    """

    name: str
    level: Level
    found: str
    meaning: str
    advice: str = ""

    @property
    def rank(self) -> int:
        """Place of its level in a list of checks, from 0 on."""
        return RANKS[self.level]


def flag_of(bad: bool, name: str, found: str, meanings: tuple[str, str], advice: str) -> Flag:
    """A warning with its advice if something is bad; meanings are for when it is not, and when it is."""
    return Flag(name, "warning" if bad else "ok", found, meanings[bad], advice if bad else "")


def negative_cbf(cbf: np.ndarray, of: str = "") -> Flag:
    """Share of voxels below 0, of CBF inside the mask (V,), mL/100g/min; `of` names the map."""
    share = float((cbf < 0).mean())
    return flag_of(
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
    return flag_of(
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
    return flag_of(
        bool(means.mean() < 0),
        "Order of control and label",
        f"{found}{means.size} delays are negative",
        (
            "Control is brighter than label, as it must be.",
            "Label is brighter than control: they are probably swapped.",
        ),
        "Check the order of volumes in the aslcontext table against the scanner's, and run again.",
    )


def coverage(mask: np.ndarray, affine: np.ndarray) -> Flag:
    """Whether the brain, a mask (X, Y, Z), is in the field of view; the affine tells which side is which."""
    share = float(mask.mean())
    touched = {side: n for side, n in _on_faces(mask, affine).items() if n > EDGE_SHARE * mask.sum()}
    sides = ", ".join(f"{side} ({n} voxels)" for side, n in touched.items())
    return flag_of(
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
    found = (
        f"{early:.1%} of voxels are at the first delay, {late:.1%} at the last (warning above {UNTIMED_SHARE:.0%} "
        "together)"
        if len(acquisition.effective_delays) > 1
        else "one delay tells no transit time; the map is what the method knows without"
    )
    return flag_of(
        early + late > UNTIMED_SHARE or impossible > IMPOSSIBLE_SHARE,
        f"Transit times at the ends of the delays{of and f', {of}'}",
        found
        + (f"; {impossible:.2%} are below 0 or no number (warning above {IMPOSSIBLE_SHARE:.1%})" if impossible else ""),
        (
            "The delays tell when blood arrived nearly everywhere.",
            "There the blood came before the first delay, or after the last: the map of transit times does not tell "
            "when, and perfusion leans on it.",
        ),
        "Read these transit times as limits; where many are early, shorter delays would tell more, where many are "
        "late, longer ones.",
    )


def outside_range(outside: np.ndarray | None, reasons: Sequence[str] = (), of: str = "") -> Flag:
    """What lies outside of the range that a network was trained for: single voxels, or all of a scan.

    Args:
        outside: whether each voxel inside the mask does, (V,) bool; None where that is not told.
        reasons: what of the scan does, a phrase each.
        of: names the network.
    """
    share = 0.0 if outside is None else float(np.asarray(outside, bool).mean())
    marked = f"{share:.1%} of voxels are unlike all that the training showed (warning above {OUTSIDE_SHARE:.0%})"
    return flag_of(
        share > OUTSIDE_SHARE or bool(reasons),
        f"Trained range{of and f', {of}'}",
        "; ".join([*([marked] if outside is not None else []), *reasons]),
        (
            "Nearly all of the scan is of a kind that the training showed.",
            "There the network extrapolates: neither its maps nor their intervals are to be relied on.",
        ),
        "Leave marked voxels out, or read them in the kinetic fit; if the protocol is outside, take a kinetic model.",
    )


def interval_coverage(scores: IntervalScores, region: str, titles: Mapping[str, str]) -> Iterator[Flag]:
    """Whether intervals hold as many truths as they say, of each quantity and method.

    Args:
        scores: of the intervals.
        region: that counts.
        titles: of the methods, by name.
    """
    low, high = COVERAGE
    for key, by_region in scores.items():
        quantity = QUANTITIES[key]
        for name, score in by_region[region].items():
            yield flag_of(
                not low <= score.coverage <= high,
                f"Interval of {quantity.name}, {titles[name]}",
                f"{score.coverage:.1%} of the truths lie inside (warning below {low:.0%} and above {high:.0%}); it is "
                f"{score.width:.{quantity.digits}f} {quantity.unit} wide in the mean",
                (
                    f"It holds about as many truths as an interval of {INTERVAL_LEVEL:.0%} is to.",
                    f"An interval of {INTERVAL_LEVEL:.0%} is to hold nine truths of ten: with fewer it is too narrow, "
                    "with more too wide.",
                ),
                "Do not rely on it for tissue and protocols like these: it is right where both are as in the training.",
            )


def cbf_flags(maps: Mapping[str, Mapping[str, np.ndarray]], inside: np.ndarray) -> Iterator[Flag]:
    """Checks of perfusion.

    Args:
        maps: by what they are called and by quantity; one that goes without saying is called nothing.
        inside: voxels that count, of the maps' shape.
    """
    for title, found in maps.items():
        if CBF.key in found:
            for check in (negative_cbf, impossible_cbf):
                yield check(found[CBF.key][inside], title)


def att_flags(
    maps: Mapping[str, Mapping[str, np.ndarray]], inside: np.ndarray, acquisition: Acquisition
) -> Iterator[Flag]:
    """Checks of transit times; those of a single method go without saying whose they are.

    Args:
        maps: (X, Y, Z), by what they are called and by quantity.
        inside: voxels that count, (X, Y, Z).
        acquisition: protocol that they were read with.
    """
    times = {title: found[ATT.key] for title, found in maps.items() if ATT.key in found}
    for title, att in times.items():
        yield transit_times(att, inside, acquisition, title if len(times) > 1 else "")


def _on_faces(mask: np.ndarray, affine: np.ndarray) -> dict[str, int]:
    """Voxels of the mask on each face of the image, by the side of the body that it faces."""
    counts = {}
    for axis, code in enumerate(nib.aff2axcodes(affine)):
        for end, letter in ((-1, code), (0, OPPOSITE[code])):
            counts[FACES[letter]] = int(mask.take(end, axis=axis).sum())
    return counts
