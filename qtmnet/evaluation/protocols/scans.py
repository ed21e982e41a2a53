"""The scans of a table over protocols, of one brain, and what every method makes of each."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qtmnet.evaluation.brain_estimates import with_noise
from qtmnet.evaluation.brain_regions import BRAIN_SHARE, brain_voxels
from qtmnet.evaluation.protocols.scores import Numbers, Truth, score_maps
from qtmnet.evaluation.protocols.settings import ARTERIAL_LABEL, Protocol, ProtocolTable
from qtmnet.methods.base import Frames, Maps, Method, Methods
from qtmnet.quantities import CBF
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.plain import WrittenOut
from simulators.phantoms.averaged_brain import AveragedBrain
from simulators.seeding import Stage, generator, stage_seed

Row = dict[str, Any]
"""What a scan is, the method, its measures by name, or in `reason` why there are none."""


@dataclass(frozen=True, eq=False)
class ProtocolScan:
    """A scan of a table.

    Attributes:
        arterial_label: a key of `ARTERIAL_LABEL`.
        snr: of the frames, None for no noise.
        frames: as a network reads them, their mask the brain.
        truth: and the voxels that are scored.
    """

    arterial_label: str
    snr: float | None
    frames: Frames
    truth: Truth


def scans_of(brain: AveragedBrain, protocol: Protocol, table: ProtocolTable, seed: int) -> Iterator[ProtocolScan]:
    """All scans of a brain with one protocol.

    Args:
        brain: on the protocol's voxels.
        protocol: of the table.
        table: that says what noise, what of the arterial label and how many voxels.
        seed: of noise and voxels.

    Raises:
        InputError: if no voxel counts as brain, or none is left to be scored.
    """
    inside = brain_voxels(brain.seen)
    if not inside.any():
        raise InputError(
            f"voxel_size_mm: found {list(protocol.voxel_size_mm)}, of which no voxel is brain by {BRAIN_SHARE:.0%} or "
            "more; give smaller ones"
        )
    counts = inside & (generator(stage_seed(seed, Stage.GRID)).random(inside.shape) < table.share)
    if not counts.any():
        raise InputError(f"protocols.share: found {table.share:g}, which leaves no voxel to score; give a larger one")
    truth = Truth.of(brain.seen, counts)
    read = protocol.acquisition(np.any(inside, axis=(0, 1)))
    for name in table.arterial_label:
        acquisition = replace(read, vascular_crushing=ARTERIAL_LABEL[name])
        scan = brain.scan(acquisition)
        for snr in table.snr:
            seen = with_noise(scan, snr, seed)
            told = np.asarray(protocol.told_noise * seen.noise, np.float32)
            frames = Frames(seen.concentration, acquisition, inside, tissue=brain.label, affine=scan.affine, noise=told)
            given = frames if protocol.kept is None else some_frames(frames, protocol.kept)
            yield ProtocolScan(name, snr, given, truth)


def score_scan(scan: ProtocolScan, methods: Methods, *, permuted: bool = False) -> Iterator[Row]:
    """A row for every method; where one cannot read the scan, with the reason.

    Args:
        scan: to be read.
        methods: those from checkpoints see all of the brain, the others the voxels that are scored.
        permuted: also tell by how much maps differ (mL/100g/min, the largest) if the frames come in reverse order.
    """
    for name, method in methods.all.items():
        row: Row = {"arterial_label": scan.arterial_label, "snr": scan.snr, "method": name}
        frames = scan.frames if method.learned else replace(scan.frames, mask=scan.truth.counts)
        begin = time.perf_counter()
        try:
            maps = _maps(method, frames, scan.truth)
            scores: Numbers = score_maps(maps, scan.truth)
            row |= scores | {"seconds": time.perf_counter() - begin}
            if permuted and CBF.key in maps:
                other = method.maps(some_frames(frames, range(len(frames.concentration))[::-1]))
                row["permuted_difference"] = float(np.abs(other[CBF.key] - maps[CBF.key])[scan.truth.counts].max())
        except InputError as error:
            row["reason"] = str(error)
        yield row | {"n_voxels": int(scan.truth.counts.sum())}


def _maps(method: Method, frames: Frames, truth: Truth) -> Maps:
    """Maps of a method.

    Raises:
        InputError: if it cannot read the frames, or a map of it is not finite.
    """
    method.check(frames.acquisition)
    maps = method.maps(frames)
    for key, values in maps.items():
        if n_bad := int((~np.isfinite(values[truth.counts])).sum()):
            raise InputError(f"its map of {key} is not finite in {n_bad} of {int(truth.counts.sum())} voxels")
    return maps


def some_frames(frames: Frames, places: Sequence[int]) -> Frames:
    """Some of the frames in an order of one's own, and the protocol that they are of.

    Args:
        frames: of any labeling.
        places: of the frames wanted, the first being 0.
    """
    read, rows = frames.acquisition, list(places)
    one_each = read.n_frames == len(read.post_labeling_delays)
    delays = tuple(read.post_labeling_delays[row] for row in rows) if one_each else read.post_labeling_delays
    shown = tuple(read.frames[row] for row in rows)
    labeling = WrittenOut(type(read.labeling).__name__, delays, shown)
    acquisition: Acquisition = replace(read, labeling=labeling, post_labeling_delays=delays)
    noise = frames.noise
    if noise is not None and noise.ndim == 4 and len(noise) > 1:
        noise = noise[rows]
    return replace(frames, concentration=frames.concentration[rows], acquisition=acquisition, noise=noise)


def divide_errors(rows: Iterable[Row], table: ProtocolTable) -> list[Row]:
    """The rows of one brain, with `ratio`: their error over that of the protocol that theirs is to be beside."""
    rows = list(rows)
    scan = ("protocol", "arterial_label", "snr", "method")
    errors = {tuple(row[name] for name in scan): row.get("nrmse") for row in rows}
    found = []
    for row in rows:
        other = errors.get((table.protocols[row["protocol"]].beside, *(row[name] for name in scan[1:])))
        ratio = {"ratio": row["nrmse"] / other} if other and "nrmse" in row else {}
        found.append(row | ratio)
    return found
