"""Times of a scan that cannot be, or hardly: they are used as they are, and warned of."""

from collections.abc import Iterator

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.bids.sidecar import LONGEST_REPETITION_TIME_S

ROOM_S = 0.05
"""By which rounded times may seem longer than the repetition that they are a part of."""

SHORTEST_DELAY_S = 0.05
"""Below which a delay between continuous labeling and readout is hardly one: published ones begin at 0.1 s, and
converters write 0 where they know none."""


def time_doubts(series: Series, delays: np.ndarray, durations: np.ndarray, *, pulsed: bool) -> Iterator[str]:
    """Lines to warn with.

    Args:
        series: the scan.
        delays: of its frames, s, (K,); of pulsed labeling from the pulse.
        durations: of labeling, s, (K,).
        pulsed: whether labeling takes no time.
    """
    origin = series.sidecar.origins.get("PostLabelingDelay", series.sidecar.path)
    if not pulsed and delays.max() < SHORTEST_DELAY_S:
        yield (
            f"{origin}: PostLabelingDelay: found {delays.max():g} for all volumes with label, which is then still in "
            "the arteries; converters write 0 where they know none: give the delay from the end of labeling"
        )
    repetition = series.sidecar.seconds_per_volume(
        "RepetitionTimePreparation", len(series.types), LONGEST_REPETITION_TIME_S
    )
    # Of differences that a scanner made, the one time that is told may be that of M0.
    labeled = np.isin(series.types, ("control", "label"))
    if repetition is None or not labeled.any():
        return
    longest, shortest = float((delays if pulsed else delays + durations).max()), float(repetition[labeled].max())
    if shortest > 0 and longest > shortest + ROOM_S:
        of = "a delay" if pulsed else "labeling and delay together"
        yield (
            f"{origin}: PostLabelingDelay: found {longest:g} s for {of}, longer than the RepetitionTimePreparation, "
            f"{shortest:g} s, that has to hold them: one of these times is wrong"
        )
