"""Protocols as the configuration gives them: written out, or those of a scan."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.base import Durations, Labeling
from simulators.imaging.labeling.continuous import PCASL
from simulators.settings.limits import PathText, SettingsOf

OF_CHECKPOINT = "checkpoint"
"""In place of a value: that of the checkpoint. A value that equals a default is a value given."""


@dataclass(frozen=True)
class ProtocolChanges:
    """What is asked for of a protocol, while the rest is that of a checkpoint.

    Attributes:
        given: fields of `Acquisition` that were asked for, whatever their values.
    """

    given: Mapping[str, Any]

    def of(self, kept: Acquisition) -> Acquisition:
        """The protocol with what was asked for.

        Raises:
            InputError: for fields that do not go together.
        """
        try:
            return replace(kept, **self.given)
        except InputError as error:
            raise InputError(f"acquisition.{error}") from None


def change_acquisition(
    from_bids: PathText | None = None,
    labeling: Labeling | None = None,
    **protocol: Annotated[Any, SettingsOf(Acquisition, or_word=OF_CHECKPOINT)],
) -> ProtocolChanges | Acquisition:
    """What is asked for of a protocol: fields that are not `checkpoint`, or the whole protocol of a scan.

    Args:
        from_bids: as in `build_acquisition`.
        labeling: None for that of the checkpoint.
        protocol: fields of `Acquisition`, or the word `checkpoint` for those of the checkpoint.

    Raises:
        InputError: for fields beside a scan's protocol, or as `build_acquisition`.
    """
    given = {name: value for name, value in protocol.items() if value != OF_CHECKPOINT}
    if labeling is not None:
        given["labeling"] = labeling
    if from_bids is None:
        return ProtocolChanges(given)
    if given:
        raise InputError(f"acquisition.{next(iter(given))}: found beside acquisition.from_bids; give one of them")
    return build_acquisition(from_bids)


def build_acquisition(
    from_bids: PathText | None = None,
    labeling: Labeling | None = None,
    labeling_duration: Durations | None = None,
    **protocol: Annotated[Any, SettingsOf(Acquisition)],
) -> Acquisition:
    """A protocol as written in the configuration, or the one of a scan.

    Args:
        from_bids: a BIDS perf folder, dataset or scan whose protocol to take, in place of the rest.
        labeling: what is labeled, and how; None for PCASL.
        labeling_duration: s, in place of the labeling's own duration.
        protocol: fields of `Acquisition`.

    Raises:
        InputError: for a delay that is given twice, or if the scans of the folder differ in protocol.
    """
    if from_bids is not None:
        return _protocol_of(Path(from_bids))
    labeling = PCASL() if labeling is None else labeling
    acquisition = Acquisition(labeling, labeling_duration=labeling_duration, **protocol)
    delays = acquisition.post_labeling_delays
    for k, frame in enumerate(acquisition.frames):
        if frame in acquisition.frames[:k]:
            delay = delays[k * len(delays) // acquisition.n_frames]
            raise InputError(
                f"post_labeling_delays: found {delay:g} s twice; give it once: repetitions are averaged before"
            )
    return acquisition


def _protocol_of(path: Path) -> Acquisition:
    from qtmnet.scans.bids.finding import find_scans
    from qtmnet.scans.scan import read_scan

    protocols = {read_scan(scan).acquisition: scan for scan in find_scans(path)}
    if len(protocols) > 1:
        one, other = list(protocols.values())[:2]
        raise InputError(
            f"acquisition.from_bids: {one.name} and {other.name} differ in protocol; give the path of one scan"
        )
    return next(iter(protocols))
