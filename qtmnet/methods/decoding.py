"""The boluses of a protocol as the kinetic models take them: one a frame, decoded where frames show several."""

from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.base import Block


@dataclass(frozen=True, eq=False)
class Boluses:
    """Boluses of a protocol, B of them; see `simulators.imaging.labeling.base`.

    Attributes:
        delays: s from the end of each to the readout, (B, 1, 1, Z).
        durations: s, (B, 1, 1, Z).
        pulsed: whether each was labeled at once, (B,).
        unmixing: that makes frames of one bolus each of the protocol's frames, (B, K); None if they are that.
        mixing: the sums that the frames are where nothing unmixes them, (K, B); None if each is one bolus.
        frame_delays: s from the end of the last bolus of each frame, unmixed, to the readout of the first slice.
    """

    delays: np.ndarray
    durations: np.ndarray
    pulsed: np.ndarray
    unmixing: np.ndarray | None
    mixing: np.ndarray | None
    frame_delays: tuple[float, ...]

    def unmixed(self, frames: np.ndarray) -> np.ndarray:
        """Frames (K, ...) as those of one bolus each, if they can be told."""
        return frames if self.unmixing is None else np.tensordot(self.unmixing, frames, 1)


def boluses_of(acquisition: Acquisition, n_slices: int | None = None) -> Boluses:
    """The boluses of a protocol.

    Args:
        acquisition: protocol.
        n_slices: of the image, to check the slice times against.

    Raises:
        InputError: if there is not one slice time for each slice.
    """
    unmixing = mixing = None
    if all(len(frame) == 1 and frame[0].sign == 1 for frame in acquisition.frames):
        boluses = [frame[0] for frame in acquisition.frames]
    else:
        sums: dict[Block, np.ndarray] = {}
        for k, frame in enumerate(acquisition.frames):
            for block in frame:
                alone = Block(block.duration, block.delay, waits=block.waits)
                sums.setdefault(alone, np.zeros(acquisition.n_frames))[k] += block.sign
        boluses, mixing = list(sums), np.stack(list(sums.values()), axis=1)
        if np.linalg.matrix_rank(mixing) == len(boluses):
            unmixing, mixing = np.linalg.pinv(mixing), None
    times = acquisition.slice_times(n_slices)
    passed = [bolus.passed(times) for bolus in boluses]
    last = [max(bolus.delay, 0.0) for bolus in boluses]
    if mixing is not None:
        last = [min(delay for delay, share in zip(last, row, strict=True) if share) for row in mixing]
    return Boluses(
        delays=np.stack([delay for delay, _ in passed])[:, None, None],
        durations=np.stack([duration for _, duration in passed])[:, None, None],
        pulsed=np.array([bolus.waits for bolus in boluses]),
        unmixing=unmixing,
        mixing=mixing,
        frame_delays=tuple(last),
    )


def check_frames(concentration: np.ndarray, acquisition: Acquisition) -> None:
    """Refuse what are not the frames of a protocol.

    Raises:
        InputError: unless there is an image (X, Y, Z) for each.
    """
    if concentration.ndim != 4 or len(concentration) != acquisition.n_frames:
        wanted = f"(K, X, Y, Z), one for each of the {acquisition.n_frames} frames of the protocol"
        raise InputError(f"concentration: found shape {concentration.shape}; give frames {wanted}")
