"""The JSON sidecars of a scan, with every defect named.

Every complaint is one line: file, field, what was found, what to do.
"""

import reprlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qtmnet.scans.bids.finding import applicable, nifti_stem
from simulators.errors import InputError
from simulators.files.json_files import read_json

LONGEST_DELAY_S = 20.0  # anything longer is milliseconds
LONGEST_REPETITION_TIME_S = 100.0
_HUGE = 1e300  # NaN, infinity and integers that no float holds are not below it


@dataclass(frozen=True)
class Sidecar:
    """The fields that apply to one image, merged from all sidecars that BIDS lets it inherit.

    Attributes:
        path: the image's own sidecar, blamed for what is missing.
        fields: field name to value as JSON gave it; null counts as missing.
        origins: field name to the file that its value came from.
    """

    path: Path
    fields: dict[str, object] = field(default_factory=dict)
    origins: dict[str, Path] = field(default_factory=dict)

    def error(self, name: str, advice: str) -> InputError:
        """The complaint about a field: its file, what was found there, and what to do."""
        if name not in self.fields:
            return InputError(f"{self.path}: {name}: not found; {advice}")
        return InputError(f"{self.origins[name]}: {name}: found {reprlib.repr(self.fields[name])}; {advice}")

    def text(self, name: str) -> str | None:
        """A string, or None where the field is missing."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise self.error(name, "give a string")
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean, or None where the field is missing."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, "give true or false")
        return value

    def number(self, name: str) -> float | None:
        """A single number, or None where the field is missing."""
        values = self.numbers(name)
        if values is not None and isinstance(self.fields[name], list):
            raise self.error(name, "give one number, not a list")
        return None if values is None else float(values[0])

    def numbers(self, name: str) -> np.ndarray | None:
        """A number or a list of numbers as a 1-D array, or None where the field is missing."""
        if name not in self.fields:
            return None
        value = self.fields[name]
        values = value if isinstance(value, list) else [value]
        if not values or not all(_is_number(item) for item in values):
            raise self.error(name, "give a number, or a list of numbers")
        return np.asarray(values, dtype=float)

    def seconds(self, name: str, at_most: float = LONGEST_DELAY_S) -> np.ndarray | None:
        """Durations in s as a 1-D array, or None where the field is missing."""
        values = self.numbers(name)
        if values is not None and values.min() < 0:
            raise self.error(name, "give seconds, 0 or more")
        if values is not None and values.max() > at_most:
            raise self.error(name, f"give seconds, at most {at_most:g}: this looks like milliseconds")
        return values

    def seconds_per_volume(self, name: str, n_volumes: int, at_most: float = LONGEST_DELAY_S) -> np.ndarray | None:
        """Durations in s, (n_volumes,): BIDS gives one number for all volumes or one for each."""
        values = self.seconds(name, at_most)
        if values is None:
            return None
        return self.per_volume(name, values, n_volumes)

    def per_volume(self, name: str, values: np.ndarray, n_volumes: int) -> np.ndarray:
        """Spread a field's values over the volumes, (n_volumes,)."""
        if isinstance(self.fields[name], list) and len(values) != n_volumes:
            raise self.error(name, f"{len(values)} values for {n_volumes} volumes: give one number, or one for each")
        return np.broadcast_to(values, n_volumes)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE


def read_sidecar(image_path: Path, *, required: bool = True) -> Sidecar:
    """Merge the JSON sidecars that apply to an image; the most specific wins (BIDS inheritance).

    Args:
        image_path: the NIfTI file.
        required: whether it is an error that there is none.

    Raises:
        InputError: if there is no sidecar though one is required, or one cannot be parsed.
    """
    stem = nifti_stem(image_path)
    *entities, suffix = stem.split("_")
    own = image_path.with_name(f"{stem}.json")
    files = applicable(image_path, set(entities), f"{suffix}.json")
    if required and not files:
        raise InputError(f"{own}: no such file; put the scan's JSON sidecar beside the image")
    fields: dict[str, object] = {}
    origins: dict[str, Path] = {}
    for file in files:
        given = {name: value for name, value in read_json(file, only_finite=False).items() if value is not None}
        fields |= given
        origins |= dict.fromkeys(given, file)
    return Sidecar(files[-1] if files else own, fields, origins)
