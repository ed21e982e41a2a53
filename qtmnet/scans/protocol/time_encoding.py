"""Time-encoded (Hadamard) scans: volumes in which each sub-bolus is label or control, decoded to a frame for each.

BIDS 1.10 has no field for the encoding. It is taken from `TimeEncodedMatrix`, a field of ExploreASL: a row for each
sub-bolus in the order of playing, a column for each volume, 1 for control and −1 for label; its first row may be all
ones. Volumes of the types control and label follow each other as the columns do, again and again. Volumes that the
scanner has decoded are of the type deltam, each with a delay and duration of its own, and need no matrix.
"""

from dataclasses import replace

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.protocol.timing import SAME_TIME_S, SHORTEST_LABELING_S
from simulators.errors import InputError

MATRIX = "TimeEncodedMatrix"

MOST_VOLUMES = 64
"""Of one encoding; published are 4 to 24."""

SHORTEST_SUB_BOLUS_S = 0.05
"""Published are 0.1 and more: below, a total is a sub-bolus's own duration."""

LONGEST_GAP_S = 0.05
"""Between sub-boluses, which are played one after the other."""

PER_VOLUME = ("EchoTime", "FlipAngle", "RepetitionTimePreparation", "VascularCrushingVENC")
"""Fields beside the times that may have a value for each volume."""


def decoded(series: Series) -> tuple[Series, tuple[str, ...]]:
    """A scan with its encoded volumes decoded to differences, and lines on that; any other scan as it is.

    With signals s = m + Σ E_j ΔM_j / 2 of the volumes, the differences ΔM_j of the sub-boluses are what fits best, each
    cycle by itself; by a Hadamard matrix that is 2/N Σ E_j s.

    Raises:
        InputError: where matrix, times and volumes do not fit each other, or the encoding is not told.
    """
    sidecar = series.sidecar
    named = [name for name, value in sidecar.fields.items() if value and _is_encoding(name)]
    if not named:
        return series, ()
    rows = np.flatnonzero(np.isin(series.types, ("control", "label")))
    if not rows.size:
        return series, _as_decoded(series, named[0])
    if MATRIX not in sidecar.fields:
        raise sidecar.error(
            MATRIX,
            f"{named[0]} says that the scan is time-encoded, but not which sub-bolus is label in which volume: give "
            "this matrix (a row for each sub-bolus, 1 for control, -1 for label), or decoded volumes as deltam",
        )
    signs = _signs(sidecar)
    n_volumes = signs.shape[1]
    if len(rows) % n_volumes:
        raise InputError(
            f"{series.context_path}: volume_type: found {len(rows)} control and label volumes, but one encoding takes "
            f"{n_volumes} ({MATRIX}); give whole encodings"
        )
    cycles = rows.reshape(-1, n_volumes)
    delays, durations = _boluses(sidecar, cycles, len(series.types))
    others = np.flatnonzero(~np.isin(series.types, ("control", "label", "deltam")))
    volumes = _decoded_volumes(series.volumes, signs, cycles, others)
    sources = np.concatenate([others, np.repeat(cycles[:, 0], len(signs))])
    times = {
        "PostLabelingDelay": np.concatenate([np.zeros(len(others)), np.tile(delays, len(cycles))]),
        "LabelingDuration": np.concatenate([np.zeros(len(others)), np.tile(durations, len(cycles))]),
    }
    fields = sidecar.fields | {name: values.tolist() for name, values in times.items()}
    for name in PER_VOLUME:
        value = fields.get(name)
        if isinstance(value, list) and len(value) == len(series.types):
            fields[name] = [value[source] for source in sources]
    types = np.concatenate([series.types[others], np.full(len(cycles) * len(signs), "deltam")])
    note = (
        f"time encoding: {len(cycles)} times {n_volumes} volumes decoded by {MATRIX} to {len(signs)} sub-boluses of "
        f"{', '.join(f'{duration:.4g}' for duration in durations)} s"
    )
    made = replace(series, volumes=volumes, types=types, sidecar=replace(sidecar, fields=fields))
    return made, (note,)


def _is_encoding(name: str) -> bool:
    return "hadamard" in name.lower() or "timeencod" in name.lower()


def _as_decoded(series: Series, field: str) -> tuple[str, ...]:
    """A line on a scan whose volumes were decoded before."""
    rows = series.types == "deltam"
    delays = series.sidecar.seconds_per_volume("PostLabelingDelay", len(rows))
    if rows.sum() > 1 and delays is not None and np.ptp(delays[rows]) <= SAME_TIME_S:
        raise series.sidecar.error(
            "PostLabelingDelay",
            f"{field} says that the scan is time-encoded, of which each decoded volume has a delay and a duration of "
            "its own: give lists of them",
        )
    return (f"time encoding: decoded before, as the volumes are deltam ({field})",)


def _signs(sidecar: Sidecar) -> np.ndarray:
    """Of each sub-bolus in each volume, 1 for control and −1 for label, (sub-boluses, volumes)."""
    advice = (
        "give a row for each sub-bolus in the order of playing, a column for each volume, 1 for control and -1 for "
        "label; a first row of ones may stand before them"
    )
    given = sidecar.fields[MATRIX]
    if not isinstance(given, list) or not all(isinstance(row, list) for row in given):
        raise sidecar.error(MATRIX, advice)
    widths = {len(row) for row in given}
    entries = [entry for row in given for entry in row]
    if len(widths) != 1 or not entries or max(widths) > MOST_VOLUMES or len(given) > MOST_VOLUMES:
        raise sidecar.error(MATRIX, advice)
    if not all(isinstance(entry, int | float) and abs(entry) == 1 for entry in entries):
        raise sidecar.error(MATRIX, advice)
    signs = np.array(given, float)
    if (signs[0] == signs[0, 0]).all():
        signs = signs[1:]
    design = np.vstack([np.ones(signs.shape[1]), signs])
    if len(design) != signs.shape[1] or np.linalg.matrix_rank(design) < len(design):
        raise sidecar.error(MATRIX, f"its volumes, one more than sub-boluses, do not tell these apart: {advice}")
    return signs


def _boluses(sidecar: Sidecar, cycles: np.ndarray, n_volumes: int) -> tuple[np.ndarray, np.ndarray]:
    """Delay and duration of each sub-bolus in s, in the order of playing.

    One delay for all volumes is that from the end of all labeling to the readout, as BIDS has it, and one duration then
    that of all labeling. Where the volumes of a cycle differ in delay, they are those of the sub-boluses, a volume
    each behind the first, as ExploreASL has it.
    """
    n = cycles.shape[1] - 1
    delays = sidecar.seconds_per_volume("PostLabelingDelay", n_volumes)
    durations = sidecar.seconds_per_volume("LabelingDuration", n_volumes)
    for name, values in (("PostLabelingDelay", delays), ("LabelingDuration", durations)):
        if values is None:
            raise sidecar.error(name, "give s, one number or one for each volume")
        if np.ptp(values[cycles], axis=0).max() > SAME_TIME_S:
            raise sidecar.error(name, "times of the encodings of one scan differ: give scans of one each")
    assert delays is not None
    assert durations is not None
    delay, duration = delays[cycles[0]], durations[cycles[0]]
    each_has_its_own = np.ptp(delay[1:]) > SAME_TIME_S
    told_apart = each_has_its_own or np.ptp(duration[1:]) > SAME_TIME_S
    own = duration[1:] if told_apart else np.full(n, duration[-1] / n)
    if own.min() < max(SHORTEST_LABELING_S, SHORTEST_SUB_BOLUS_S):
        raise sidecar.error(
            "LabelingDuration",
            f"makes sub-boluses of {own.min():.3g} s: give the duration of all of them together, or that of each in "
            "its volume, the first aside",
        )
    later = np.cumsum(own[::-1])[::-1] - own
    if not each_has_its_own:
        return delay[-1] + later, own
    if np.abs(delay[1:] - (delay[-1] + later)).max() > LONGEST_GAP_S * n:
        raise sidecar.error(
            "PostLabelingDelay",
            "does not fit LabelingDuration: sub-boluses are played one after the other, so that each delay is that of "
            "the next one and its duration longer",
        )
    return delay[1:], own


def _decoded_volumes(volumes: np.ndarray, signs: np.ndarray, cycles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Volumes (X, Y, Z, N) of no cycle, and behind them the differences of the sub-boluses, cycle by cycle."""
    design = np.vstack([np.ones(signs.shape[1]), signs / 2]).T
    weights = np.linalg.pinv(design)[1:].astype(volumes.dtype)
    made = np.empty((*volumes.shape[:3], len(others) + len(cycles) * len(signs)), volumes.dtype)
    made[..., : len(others)] = volumes[..., others]
    for k, cycle in enumerate(cycles):
        first = len(others) + k * len(signs)
        made[..., first : first + len(signs)] = volumes[..., cycle] @ weights.T
    return made
