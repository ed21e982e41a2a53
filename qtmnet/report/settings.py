"""The settings that a report states: protocol, noise, command, version."""

import datetime
import importlib.metadata
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from simulators.acquisition import Acquisition

Settings = tuple[tuple[str, str], ...]
"""Names and values, in reading order."""

PACKAGE = Path(__file__).parents[1]


def protocol(acquisition: Acquisition) -> Settings:
    """A protocol in words."""
    crushing, timing = acquisition.vascular_crushing, acquisition.slice_timing
    crushed = "none" if crushing is None else f"arterial label above {crushing:g} mm/s"
    readout = f"2D, slices up to {max(timing):g} s after the first" if timing else "3D, all slices at once"
    return (
        ("Labeling duration", f"{_listed(acquisition.labeling_durations)} s"),
        ("Post-labeling delays", f"{_listed(acquisition.post_labeling_delays)} s"),
        ("Acquired voxel", f"{' × '.join(f'{edge:g}' for edge in acquisition.voxel_size_mm)} mm"),
        ("Readout", readout),
        ("Vascular crushing", "all arterial label" if crushing == 0 else crushed),
    )


def noise(snr: float | Sequence[float] | None) -> str:
    """Noise of simulated frames in words."""
    if snr is None:
        return "none"
    if isinstance(snr, Sequence):
        return f"signal-to-noise ratio drawn from {snr[0]:g} to {snr[1]:g}"
    return f"signal-to-noise ratio {snr:g}"


def provenance() -> Settings:
    """What made the report: command, version, git revision if there is one, and the time."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    revision = _revision()
    return (
        ("Command", command),
        ("Version", f"qtmnet {_version()}" + (f", git {revision}" if revision else "")),
        ("Written", datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")),
    )


def _version() -> str:
    try:
        return importlib.metadata.version("qtmnet")
    except importlib.metadata.PackageNotFoundError:  # run from a folder that was not installed
        return "(not installed)"


def _revision() -> str:
    """Of the folder that the package lies in, if that is a checkout: an installed one may lie in somebody else's."""
    if not (PACKAGE.parent / ".git").exists():
        return ""
    command = ["git", "-C", str(PACKAGE.parent), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
