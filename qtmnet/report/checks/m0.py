"""M0 as a divisor: whether it is on the scale of the scan, and there at all."""

import numpy as np

from qtmnet.report.quality import Flag, flag_of

CONTROL_TO_M0 = {True: (0.01, 0.7), False: (0.4, 1.3), None: (0.01, 1.3)}
"""Control over relaxed M0, by whether the background was suppressed. By 1 − e^(−t/T1) with T1 of 1.3 s,
unsuppressed control is at 0.4 of M0 after 0.7 s and never above M0, noise and a spread of T1 aside; how much
suppression leaves depends on its pulses (0.36 in a healthy 2D scan)."""

DIFFERENCE_TO_M0 = (0.0005, 0.05)
"""Control − label over M0, mean of the brain. By the general kinetic model it is 0.005 for CBF 60, ATT 0.8 s, 1.8 s of
labeling and a delay of 1.8 s, and 0.018 without ATT and delay; the limits leave room around both."""

LOW_M0 = 0.1
"""Of the median M0 of the mask: below it CBF, which is divided by M0, is mostly noise."""

LOW_M0_SHARE = 0.01


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
    return flag_of(
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
    return flag_of(
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
