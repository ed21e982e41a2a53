"""When each slice is read: all at once (3D), or one after the other (2D)."""

from dataclasses import dataclass

from qtmnet.scans.bids.series import Series
from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.protocol.premise import Premise, Standing

KINDS = ("2D", "3D")

TIMES_OF_SLICES = "Times of the slices"
"""Name of the premise, on which transit times rest as well."""


@dataclass(frozen=True)
class Readout:
    """Times of a scan's slices.

    Attributes:
        slice_timing: s after the first slice read, along the third axis, (Z,); empty for all at once.
        notes: lines on what was found.
        premise: of the report's checks.
    """

    slice_timing: tuple[float, ...]
    notes: tuple[str, ...]
    premise: Premise


def read_readout(series: Series) -> Readout:
    """The readout of a scan by `MRAcquisitionType`, or else `PulseSequenceType`, and `SliceTiming`.

    Raises:
        InputError: for fields that are malformed, or times that do not fit the image.
    """
    sidecar, n_slices = series.sidecar, series.volumes.shape[2]
    kind, source = _kind(sidecar)
    times = sidecar.seconds("SliceTiming")
    if kind == "3D":
        left_out = ("slice timing: SliceTiming left out, as a 3D readout takes all slices at once",)
        note = f"readout: 3D by {source}"
        return Readout((), (note, *(left_out if times is not None else ())), _premise("3D, all slices at once"))
    if times is None:
        return _without_times(sidecar, kind, source, n_slices)
    direction = sidecar.text("SliceEncodingDirection") or "k"
    if direction not in ("k", "k-"):
        advice = "only slices along the third axis (k, k-) are read: reorient the image and its sidecar"
        raise sidecar.error("SliceEncodingDirection", advice)
    if len(times) != n_slices:
        raise sidecar.error("SliceTiming", f"{len(times)} times for {n_slices} slices: give one for each")
    # PostLabelingDelay goes to the first slice that is read, wherever SliceTiming has its zero.
    after_first = (times - times.min()).round(6)
    ordered = after_first[::-1] if direction == "k-" else after_first
    found = f"up to {after_first.max():g} s after the first slice"
    notes = [f"readout: 2D by {source}" if kind else "readout: 2D assumed, as there is SliceTiming"]
    if n_slices > 1 and not after_first.any():
        found = f"one time for all {n_slices} slices of a 2D readout, which reads them one after the other"
        note = f"slice timing: {found}"
        doubt = f"{sidecar.origins['SliceTiming']}: SliceTiming: found {found}: give the time of each"
        premise = _premise(f"SliceTiming has {found}", "unknown", note, doubt)
        return Readout(tuple(ordered.tolist()), (*notes, note), premise)
    return Readout(tuple(ordered.tolist()), (*notes, f"slice timing: {found}"), _premise(f"2D, {found}"))


def _kind(sidecar: Sidecar) -> tuple[str | None, str]:
    """`2D` or `3D`, None where nothing says it; and the field that does."""
    kind = sidecar.text("MRAcquisitionType")
    if kind is not None:
        if kind.upper() not in KINDS:
            raise sidecar.error("MRAcquisitionType", f"give {' or '.join(KINDS)}")
        return kind.upper(), "MRAcquisitionType"
    sequence = (sidecar.text("PulseSequenceType") or "").upper()
    named = [kind for kind in KINDS if kind in sequence]
    if not named and "GRASE" in sequence:  # gradient and spin echoes in one train are a 3D readout's
        named = ["3D"]
    return (named[0], "PulseSequenceType") if len(named) == 1 else (None, "")


def _without_times(sidecar: Sidecar, kind: str | None, source: str, n_slices: int) -> Readout:
    if n_slices == 1:
        return Readout((), (), _premise("one slice"))
    if kind == "2D":
        found = f"2D by {source}, and SliceTiming not found: all slices taken to be read at the delay of the first"
        doubt = (
            f"{sidecar.path}: SliceTiming: not found for a 2D readout; all slices are taken to be read at the "
            "delay of the first: give one time for each slice"
        )
    else:
        found = "3D assumed, as neither MRAcquisitionType nor SliceTiming is found"
        doubt = (
            f"{sidecar.path}: MRAcquisitionType: not found, nor SliceTiming; all slices are taken to be read at once, "
            "as in 3D: for a 2D readout give one time for each slice, or perfusion and transit times are wrong"
        )
    note = f"readout: {found}"
    return Readout((), (note,), _premise(found, "unknown", note, doubt))


def _premise(found: str, standing: Standing = "known", note: str = "", *doubts: str) -> Premise:
    return Premise(
        TIMES_OF_SLICES,
        found,
        standing,
        "A slice read half a second later than it is taken for gets a quarter too little perfusion, and too late a "
        "transit time.",
        "Put MRAcquisitionType and, for a 2D readout, SliceTiming into the sidecar.",
        note,
        doubts,
    )
