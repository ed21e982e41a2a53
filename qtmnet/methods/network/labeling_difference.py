"""Whether two protocols label alike: what their frames show of boluses, whatever the labelings are called."""

import numpy as np

from simulators.imaging.acquisition import Acquisition


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
    """Delay, frame, duration, sign and kind of each bolus, (N, 5)."""
    return np.array(
        [
            (block.delay, k, block.duration, block.sign, block.waits)
            for k, frame in enumerate(protocol.frames)
            for block in frame
        ],
        float,
    )


def _said(protocol: Acquisition) -> str:
    (_, kind), *rest = protocol.labeling.words(protocol.post_labeling_delays)
    return ", ".join([kind, *(value for _, value in rest[:1])])
