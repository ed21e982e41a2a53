"""Which scans a network reads: those of the protocol that it was trained for."""

from dataclasses import dataclass

import numpy as np

from simulators.imaging.acquisition import Acquisition

SAME_TIME = 0.005
"""s; delays that differ by less are the same protocol."""

SAME_SIZE = 0.02
"""Voxel sizes that differ by less, relatively, are the same protocol."""


@dataclass(frozen=True)
class Accepts:
    """The scans that a network reads.

    Attributes:
        acquisition: protocol that all of them have.
    """

    acquisition: Acquisition

    def plain(self) -> dict[str, object]:
        """Containers and numbers only."""
        return {"acquisition": self.acquisition.plain()}

    def differences(self, found: Acquisition) -> list[str]:
        """What keeps a scan from being read, a phrase for each field; empty for nothing."""
        trained = self.acquisition
        labeling = labeling_difference(trained, found, SAME_TIME)
        differences = [] if labeling is None else [labeling]
        for name in ("post_labeling_delays", "slice_timing"):
            ours, theirs = np.asarray(getattr(trained, name)), np.asarray(getattr(found, name))
            if ours.shape != theirs.shape or (ours.size and np.abs(ours - theirs).max() > SAME_TIME):
                differences.append(f"{name}: trained {_brief(ours)}, scan {_brief(theirs)} s")
        ratio = np.asarray(found.voxel_size_mm) / np.asarray(trained.voxel_size_mm)
        if np.abs(ratio - 1).max() > SAME_SIZE:
            sizes = f"trained {list(trained.voxel_size_mm)}, scan {list(found.voxel_size_mm)}"
            differences.append(f"voxel_size_mm: {sizes}")
        if trained.vascular_crushing != found.vascular_crushing:
            differences.append(f"vascular_crushing: trained {_velocity(trained)}, scan {_velocity(found)}")
        return differences


def _velocity(acquisition: Acquisition) -> str:
    crushing = acquisition.vascular_crushing
    return "null (none)" if crushing is None else f"{crushing:g} mm/s"


def _brief(values: np.ndarray) -> str:
    if values.size == 0:
        return "none"
    if values.size > 6:
        return f"{values.size} from {values.min():g} to {values.max():g}"
    return "/".join(f"{value:g}" for value in values)


def labeling_difference(trained: Acquisition, found: Acquisition, tolerance: float) -> str | None:
    """In what the labeling of two protocols differs, a phrase; None if frames of the same delays show the same.

    Args:
        trained: protocol of a network.
        found: protocol of a scan.
        tolerance: s.
    """
    delays = [np.asarray(protocol.post_labeling_delays) for protocol in (trained, found)]
    same_delays = delays[0].shape == delays[1].shape and bool((np.abs(delays[0] - delays[1]) <= tolerance).all())
    ours, theirs = _boluses(trained), _boluses(found)
    if ours.shape != theirs.shape:
        alike = type(trained.labeling) is type(found.labeling) and not same_delays
    else:
        both = (ours, theirs) if same_delays else (ours[:, 1:], theirs[:, 1:])
        alike = bool((np.abs(both[0] - both[1]) <= tolerance).all())
    if alike:
        return None
    return f"labeling: trained {_said(trained)}, scan {_said(found)}"


def _boluses(protocol: Acquisition) -> np.ndarray:
    """Delay, frame, duration, sign and kind of each bolus, (N, 6)."""
    return np.array(
        [
            (block.delay, k, block.duration, block.sign, block.waits, block.until_readout)
            for k, frame in enumerate(protocol.frames)
            for block in frame
        ],
        float,
    )


def _said(protocol: Acquisition) -> str:
    (_, kind), *rest = protocol.labeling.words(protocol.post_labeling_delays)
    return ", ".join([kind, *(value for _, value in rest[:1])])
