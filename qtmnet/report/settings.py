"""The settings that a report states: protocol, noise, command, version."""

import datetime

from qtmnet.process import invocation
from qtmnet.process.provenance import provenance
from simulators.imaging.acquisition import Acquisition

Settings = tuple[tuple[str, str], ...]
"""Names and values, in reading order."""


def protocol(acquisition: Acquisition) -> Settings:
    """A protocol in words."""
    crushing, timing = acquisition.vascular_crushing, acquisition.slice_timing
    crushed = "none" if crushing is None else f"arterial label above {crushing:g} mm/s"
    readout = f"2D, slices up to {max(timing):g} s after the first" if timing else "all slices at once, as in 3D"
    return (
        *acquisition.labeling.words(acquisition.post_labeling_delays),
        ("Acquired voxel", f"{' × '.join(f'{edge:g}' for edge in acquisition.voxel_size_mm)} mm"),
        ("Readout", readout),
        ("Vascular crushing", "all arterial label" if crushing == 0 else crushed),
    )


def origin() -> Settings:
    """What made the report: command, version, git revision if there is one, and the time."""
    code = provenance()
    version = f"qtmnet {code.versions['qtmnet']}"
    if code.git_revision:
        version += f", git {code.git_revision[:10]}{' with changes' if code.git_changed else ''}"
    return (
        ("Command", invocation.line()),
        ("Version", version),
        ("Written", datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")),
    )
