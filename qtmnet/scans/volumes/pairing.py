"""Which volumes of a scan belong together: a control and a label of one delay, or a difference by itself."""

from dataclasses import dataclass

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.protocol.timing import timing
from qtmnet.scans.words import counted
from simulators.errors import InputError


@dataclass(frozen=True, eq=False)
class Pairing:
    """The pairs of a scan, in the order of their volumes.

    Attributes:
        kinds: of a pair's volumes, `("control", "label")` or `("deltam",)`.
        rows: of each pair, the volumes of those kinds, (P, len(kinds)) int.
        frame: of each pair, the distinct delay and duration, (P,) int.
        delays: of frames, rising, s, (K,).
        durations: of labeling, of frames, s, (K,).
        notes: on the volumes.
    """

    kinds: tuple[str, ...]
    rows: np.ndarray
    frame: np.ndarray
    delays: np.ndarray
    durations: np.ndarray
    notes: tuple[str, ...]


def pair_volumes(series: Series) -> Pairing:
    """Pair the n-th control of a delay and duration with the n-th label, which scanners acquire one after the other.

    Raises:
        InputError: if there is nothing to pair, at some delay or at all.
    """
    types = series.types
    kinds = ("control", "label") if np.isin(types, ("control", "label")).any() else ("deltam",)
    used = np.isin(types, kinds)
    if not used.any():
        raise InputError(
            f"{series.context_path}: volume_type: found {', '.join(np.unique(types))}, nothing to fit; "
            "give control and label volumes, or deltam"
        )
    times = timing(series, used)
    distinct = np.unique(times[used], axis=0)  # by rising delay, then duration
    rows, frames, unpaired = [], [], []
    for k, time in enumerate(distinct):
        here = used & (times == time).all(axis=-1)
        volumes = [_volumes_of(series, kind, here, time) for kind in kinds]
        n = min(map(len, volumes))
        rows.append(np.stack([each[:n] for each in volumes], axis=-1))
        frames.append(np.full(n, k))
        unpaired += [int(row) for each in volumes for row in each[n:]]
    order = np.argsort(np.concatenate(rows).min(axis=-1))
    return Pairing(
        kinds,
        np.concatenate(rows)[order],
        np.concatenate(frames)[order],
        distinct[:, 0],
        distinct[:, 1],
        tuple(_notes(types, kinds, len(distinct), unpaired)),
    )


def _volumes_of(series: Series, kind: str, here: np.ndarray, time: np.ndarray) -> np.ndarray:
    volumes = np.flatnonzero(here & (series.types == kind))
    if not volumes.size:
        delay, duration = time
        raise InputError(
            f"{series.context_path}: volume_type: found no {kind} at PostLabelingDelay {delay:g} s, LabelingDuration "
            f"{duration:g} s; give control and label at each delay, or mark the volumes n/a"
        )
    return volumes


def _notes(types: np.ndarray, kinds: tuple[str, ...], n_frames: int, unpaired: list[int]) -> list[str]:
    counts = ", ".join(f"{(types == kind).sum()} {kind}" for kind in kinds)
    notes = [f"volumes: {counts}, averaged to {counted(n_frames, 'delay')}"]
    ignored = np.unique(types[~np.isin(types, (*kinds, "m0scan"))])
    if ignored.size:
        notes.append(f"volumes: left out {', '.join(f'{(types == kind).sum()} {kind}' for kind in ignored)}")
    if unpaired:
        listed = ", ".join(f"{row} ({types[row]})" for row in sorted(unpaired))
        notes.append(f"volumes: left out without a partner, counted from 0: {listed}")
    return notes
