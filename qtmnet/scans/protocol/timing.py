"""Delay and duration of each volume, with those that are meant to be the same made the same."""

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.protocol.labeling import bolus_duration

SHORTEST_LABELING_S = 0.01
"""Shorter is another unit: blood moves some mm in it."""

SAME_TIME_S = 0.005
"""Times this near are of one delay: scanners note them with a jitter of half a millisecond and more, 5 ms change
perfusion by 0.3 %, and the delays of protocols lie 50 ms apart and more."""

_DIGITS = 4
"""Of a time in s: that of frames is given to 0.1 ms."""


def timing(series: Series, rows: np.ndarray) -> np.ndarray:
    """Delay and duration of the bolus of each volume in s, (N, 2); of use in `rows` (N,) bool only.

    The delay is from the end of labeling to the readout of the first slice, and for pulsed labeling the inversion
    time, from the pulse on. Times that differ by no more than `SAME_TIME_S` are one: the mean of theirs.

    Raises:
        InputError: for times that are missing, malformed or not in seconds.
    """
    sidecar, n_volumes = series.sidecar, rows.size
    delays = sidecar.seconds_per_volume("PostLabelingDelay", n_volumes)
    if delays is None:
        raise sidecar.error("PostLabelingDelay", "give the delay in s, one number or one for each volume")
    pulsed = bolus_duration(sidecar)
    if pulsed is not None:
        durations = np.full(n_volumes, pulsed)
    else:
        given = sidecar.seconds_per_volume("LabelingDuration", n_volumes)
        if given is None or (given[rows] < SHORTEST_LABELING_S).any():
            least = f"at least {SHORTEST_LABELING_S:g} for all but M0 volumes"
            raise sidecar.error("LabelingDuration", f"give seconds, {least}, one number or one for each volume")
        durations = given
    times = np.stack([delays, durations], axis=-1)
    times[rows] = np.stack([joined(values) for values in times[rows].T], axis=-1)
    return times.round(_DIGITS)


def joined(values: np.ndarray) -> np.ndarray:
    """Values (N,) of which those within `SAME_TIME_S` of the least of their group are the mean of that group."""
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values))
    group: list[int] = []
    for place in order:
        if group and values[place] - values[group[0]] > SAME_TIME_S:
            found[group] = values[group].mean()
            group = []
        group.append(int(place))
    if group:
        found[group] = values[group].mean()
    return found
