"""Which protocols a table has, and what each scan of it is made with; `conf/protocols` has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Len
from pydantic import BeforeValidator

from qtmnet.limits import SignalToNoise
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.base import Delays, Labeling
from simulators.imaging.labeling.continuous import PCASL
from simulators.settings.checking import check_fields, shown
from simulators.settings.limits import VoxelSize, Which, Within, Word, one_as_list

SliceOrder = Literal["ascending", "descending", "interleaved"]

SliceDuration = Annotated[float, Within(0, 1, "s", why="not ms", above=True)]

ToldNoise = Annotated[float, Within(0.01, 100)]

KeptFrames = Annotated[
    tuple[Annotated[int, Within(0, 4095)], ...],
    Len(1, 4096),
    BeforeValidator(one_as_list),
    Which("places of frames, each once", lambda places: len(set(places)) == len(places)),
]


def word_as_list(value: Any) -> Any:
    """A lone word as a list of one."""
    return (value,) if isinstance(value, str) else value


def one_or_none_as_list(value: Any) -> Any:
    """A lone number, or null, as a list of one."""
    return (None,) if value is None else one_as_list(value)


ARTERIAL_LABEL = {"all label": None, "crushed": 0.0}
"""The two settings of vascular crushing (mm/s) under which methods are compared."""


@dataclass(frozen=True)
class Protocol:
    """A protocol of a table; the fields that an `Acquisition` has are as there.

    Attributes:
        labeling: what is labeled, and how.
        post_labeling_delays: s, of the first slice.
        voxel_size_mm: edge lengths of the acquired voxel, (3,).
        slice_duration: s between the readouts of two slices, of as many slices as hold brain; None for a 3D readout.
        slice_order: of a 2D readout. Interleaved: every other slice from the first on, then the rest.
        kept: places of the frames that methods are given, the first being 0; None for all. Noise is that of all.
        told_noise: what methods are told of the noise's standard deviation, over what it is.
        beside: name of a protocol of the same table whose error this one's is divided by; None for none.

    Raises:
        InputError: as `Acquisition`, for a slice order without slices, or for frames to keep that there are not.
    """

    labeling: Labeling = field(default_factory=PCASL)
    post_labeling_delays: Delays = (1.025, 1.525, 2.025, 2.525)
    voxel_size_mm: VoxelSize = (2.0, 2.0, 4.0)
    slice_duration: SliceDuration | None = None
    slice_order: SliceOrder | None = None
    kept: KeptFrames | None = None
    told_noise: ToldNoise = 1.0
    beside: Word | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.slice_order is None) != (self.slice_duration is None):
            raise InputError(
                f"slice_order: found {shown(self.slice_order)} beside slice_duration {shown(self.slice_duration)}; "
                "give both, or neither"
            )
        n_frames = self.acquisition(np.ones(1, bool)).n_frames
        if self.kept is not None and max(self.kept) >= n_frames:
            raise InputError(
                f"kept: found {shown(self.kept)} of {n_frames} frames; give places from 0 to {n_frames - 1}"
            )

    def acquisition(self, brain_slices: np.ndarray) -> Acquisition:
        """The protocol for a brain.

        Args:
            brain_slices: which slices hold brain, (Z,) bool; the others are read with the nearest of these.
        """
        return Acquisition(
            labeling=self.labeling,
            post_labeling_delays=self.post_labeling_delays,
            voxel_size_mm=self.voxel_size_mm,
            slice_timing=self._slice_timing(brain_slices),
        )

    def _slice_timing(self, brain_slices: np.ndarray) -> tuple[float, ...]:
        """s after the first slice that is read, (Z,)."""
        if self.slice_duration is None:
            return ()
        held = np.flatnonzero(brain_slices)
        if held.size == 0:
            raise InputError("voxel_size_mm: found voxels of which no slice holds brain; give smaller ones")
        n = held[-1] - held[0] + 1
        turn = np.empty(n)
        turn[slices_as_read(n, self.slice_order or "ascending")] = np.arange(n)
        place = np.clip(np.arange(len(brain_slices)) - held[0], 0, n - 1)
        return tuple((self.slice_duration * turn[place]).tolist())


def slices_as_read(n: int, order: SliceOrder) -> np.ndarray:
    """Slices 0 to n − 1 in the order in which they are read, (n,)."""
    slices = np.arange(n)
    if order == "interleaved":
        return np.concatenate([slices[::2], slices[1::2]])
    return slices[::-1] if order == "descending" else slices


NoiseLevels = Annotated[
    tuple[SignalToNoise | None, ...],
    BeforeValidator(one_or_none_as_list),
    Which("ratios, null among them for no noise", lambda levels: 0 < len(set(levels)) == len(levels) <= 16),
]

TableTimeStep = Annotated[float, Within(0.01, 0.25, "s", why="frames are interpolated between the times")]

EARLY = 1.0
"""s since labeling began, until when the step response is kept more often."""

ArterialLabel = Annotated[
    tuple[Literal["all label", "crushed"], ...],
    BeforeValidator(word_as_list),
    Which("all label, crushed, or both", lambda words: 0 < len(set(words)) == len(words)),
]


@dataclass(frozen=True)
class ProtocolTable:
    """Protocols × noise × arterial label, on which methods are compared.

    Attributes:
        protocols: by the name that the table has for each.
        snr: signal-to-noise ratios of the frames, None for no noise; see
            `qtmnet.evaluation.brain_estimates.with_noise`.
        arterial_label: whether all label is seen, or that in arteries is crushed, or each in turn.
        share: of the brain's voxels that are scored, drawn at random, the same for all methods. Fits are made of these
            alone; a network sees all and is scored on these.
        time_step: s, between the times at which the step response is kept from `EARLY` on.
        early_time_step: s, between those before: label comes to the great arteries all at once.
        until: s since labeling began, until when it is kept; later if a protocol reads later.
        only: names of the protocols to read; None for all.
        permuted: also make all maps of the frames in reverse order, and tell how far they differ.

    Raises:
        InputError: for values that are out of range, or the name of a protocol that there is not.
    """

    protocols: Annotated[Mapping[str, Protocol], Which("protocols by name", lambda named: 0 < len(named) <= 256)]
    snr: NoiseLevels = (None, 10.0, 3.0)
    arterial_label: ArterialLabel = ("all label", "crushed")
    share: Annotated[float, Within(0, 1, above=True)] = 1.0
    time_step: TableTimeStep = 0.125
    early_time_step: TableTimeStep = 0.05
    until: Annotated[float, Within(1, 20, "s")] = 7.25
    only: Annotated[tuple[str, ...], Len(1, 256), BeforeValidator(word_as_list)] | None = None
    permuted: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        for name in self.only or ():
            if name not in self.protocols:
                raise InputError(f"only: found {shown(name)}; give some of {', '.join(self.protocols)}")
        for name, protocol in self.protocols.items():
            if protocol.beside is not None and protocol.beside not in self.protocols:
                known = ", ".join(self.protocols)
                raise InputError(f"protocols.{name}.beside: found {shown(protocol.beside)}; give one of {known}")

    @property
    def read(self) -> dict[str, Protocol]:
        """The protocols that are read, by name."""
        return {name: protocol for name, protocol in self.protocols.items() if self.only is None or name in self.only}

    def times(self, extent_mm: float) -> tuple[float, ...]:
        """Times (s since labeling began) at which the step response must be known.

        Args:
            extent_mm: of the brain along the slices.
        """
        last = [self.until, EARLY]
        for protocol in self.protocols.values():
            n = int(np.ceil(extent_mm / protocol.voxel_size_mm[2])) + 1
            last.append(protocol.acquisition(np.ones(n, bool)).last_readout)
        n_early = int(np.ceil(EARLY / self.early_time_step - 1e-6))
        n_late = int(np.ceil((max(last) - EARLY) / self.time_step - 1e-6))
        early = (EARLY * k / n_early for k in range(1, n_early + 1))
        return (*early, *(EARLY + self.time_step * k for k in range(1, n_late + 1)))
