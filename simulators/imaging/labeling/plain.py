"""Labelings as plain data, for files that are to last.

A labeling of this package is kept by its name and settings. Any other is written out, bolus by bolus: whoever reads
the file needs no class of it, and runs no code of a stranger.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from annotated_types import Len

from simulators.errors import InputError
from simulators.imaging.labeling.base import Block, Delays, Frame, Labeling, Words
from simulators.imaging.labeling.continuous import CASL, PCASL
from simulators.imaging.labeling.hadamard import HadamardPCASL
from simulators.imaging.labeling.pulsed import PASL, QUIPSS, PASLUnknownBolus
from simulators.settings.checking import check_fields, from_plain, shown
from simulators.settings.limits import Word

LABELINGS: Mapping[str, type[Labeling]] = {
    kind.__name__: kind for kind in (PCASL, CASL, PASL, QUIPSS, PASLUnknownBolus, HadamardPCASL)
}
"""What a file may name."""


@dataclass(frozen=True)
class WrittenOut(Labeling):
    """The frames of a labeling that this package does not know, as they were for the delays of a protocol.

    Attributes:
        of: name of its class.
        delays: s, for which the frames are.
        shown: the boluses of each frame.
        said: what it said of itself, names and values.
    """

    of: Word
    delays: Delays
    shown: Annotated[tuple[Frame, ...], Len(1, 4096)]
    said: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        """Those that were written; for other delays there are none."""
        if delays != self.delays:
            raise InputError(
                f"post_labeling_delays: found {shown(delays)}, but of the labeling {self.of} only the frames for "
                f"{shown(self.delays)} are known; give these, or the labeling too"
            )
        return self.shown

    def words(self, delays: tuple[float, ...]) -> Words:
        """See `Labeling.words`."""
        return self.said or (("Labeling", self.of),)


def labeling_to_plain(labeling: Labeling, delays: tuple[float, ...]) -> dict[str, Any]:
    """Containers and numbers only."""
    name = type(labeling).__name__
    if LABELINGS.get(name) is type(labeling):
        return {"kind": name, **asdict(labeling)}  # type: ignore[call-overload]
    if not isinstance(labeling, WrittenOut):
        labeling = WrittenOut(name, delays, labeling.frames(delays), labeling.words(delays))
    frames = [[asdict(block) for block in frame] for frame in labeling.shown]
    return {"kind": labeling.of, "delays": labeling.delays, "frames": frames, "said": labeling.said}


def labeling_from_plain(plain: object, name: str = "labeling") -> Labeling:
    """The labeling that `plain` was made from.

    Args:
        plain: found in a file.
        name: of the content, as refusals are to begin.

    Raises:
        InputError: for what is no labeling, with the dotted name of the field.
    """
    if not isinstance(plain, Mapping) or not isinstance(plain.get("kind"), str):
        raise InputError(f"{name}: found {shown(plain)}; give its kind and settings, field by field")
    settings = {key: value for key, value in plain.items() if key != "kind"}
    if "frames" not in settings:
        if plain["kind"] not in LABELINGS:
            raise InputError(f"{name}.kind: found {shown(plain['kind'])}; give one of {', '.join(LABELINGS)}")
        return from_plain(LABELINGS[plain["kind"]], settings, name)
    frames = settings.pop("frames")
    if not isinstance(frames, list | tuple) or not all(isinstance(frame, list | tuple) for frame in frames):
        raise InputError(f"{name}.frames: found {shown(frames)}; give a list of boluses for each frame")
    written = tuple(
        tuple(from_plain(Block, block, f"{name}.frames.{k}.{i}") for i, block in enumerate(frame))
        for k, frame in enumerate(frames)
    )
    return from_plain(WrittenOut, {"of": plain["kind"], "shown": written, **settings}, name)
