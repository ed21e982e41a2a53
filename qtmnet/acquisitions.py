"""Protocols as the configuration gives them: written out, or those of a scan."""

from pathlib import Path
from typing import Annotated, Any

from simulators.acquisition import Acquisition
from simulators.errors import InputError
from simulators.limits import PathText, SettingsOf


def build_acquisition(
    from_bids: PathText | None = None, **protocol: Annotated[Any, SettingsOf(Acquisition)]
) -> Acquisition:
    """A protocol as written in the configuration, or the one of a scan.

    Args:
        from_bids: a BIDS perf folder, dataset or scan whose protocol to take, in place of the rest.
        protocol: fields of `Acquisition`.

    Raises:
        InputError: for a delay that is given twice, or if the scans of the folder differ in protocol.
    """
    if from_bids is not None:
        return _protocol_of(Path(from_bids))
    acquisition = Acquisition(**protocol)
    durations = acquisition.labeling_durations * (acquisition.n_delays // len(acquisition.labeling_durations))
    frames = list(zip(acquisition.post_labeling_delays, durations, strict=True))
    for delay, duration in frames:
        if frames.count((delay, duration)) > 1:
            raise InputError(
                f"post_labeling_delays: found {delay:g} s twice; give it once: repetitions are averaged before"
            )
    return acquisition


def _protocol_of(path: Path) -> Acquisition:
    from qtmnet.bids import find_scans
    from qtmnet.scan import read_scan

    protocols = {read_scan(scan).acquisition: scan for scan in find_scans(path)}
    if len(protocols) > 1:
        one, other = list(protocols.values())[:2]
        raise InputError(
            f"acquisition.from_bids: {one.name} and {other.name} differ in protocol; give the path of one scan"
        )
    return next(iter(protocols))
