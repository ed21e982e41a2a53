"""What the network for any scan is, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from qtmnet.limits import FunctionCount
from qtmnet.methods.network.any_scan.calibration import Calibration
from qtmnet.methods.network.any_scan.trained_range import TrainedRange
from qtmnet.methods.network.description import Description
from qtmnet.quantities import OUTSIDE, in_order
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import check_fields, from_plain
from simulators.settings.limits import Within


@dataclass(frozen=True)
class AcceptsAny:
    """The scans that the network reads: all that end before its step responses do.

    Attributes:
        n_functions: R, of the front end's basis.
        n_times: T, that the functions are known at.
        last_readout: s since labeling began, of a scan at most.
    """

    n_functions: FunctionCount
    n_times: Annotated[int, Within(2, 10_000)]
    last_readout: Annotated[float, Within(0, 100, "s", above=True)]

    def __post_init__(self) -> None:
        check_fields(self)

    def plain(self) -> dict[str, object]:
        """Containers and numbers only."""
        return {"n_functions": self.n_functions, "n_times": self.n_times, "last_readout": self.last_readout}

    def differences(self, found: Acquisition) -> list[str]:
        """What keeps a scan from being read, a phrase for each field; empty for nothing."""
        if found.last_readout <= self.last_readout + 1e-9:
            return []
        return [f"post_labeling_delays: trained until {self.last_readout:g} s, last readout {found.last_readout:.3f} s"]


@dataclass(frozen=True)
class AnyScanDescription(Description):
    """A network for any scan with all that it takes to read one, but for its numbers.

    Attributes:
        accepts: scans that it reads.
        calibration: of the intervals, by key of the quantity, as plain data; see `Calibration`.
        range: of the samples that it was trained on, as plain data; see `TrainedRange`.
    """

    accepts: AcceptsAny  # type: ignore[assignment]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    range: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in self.calibrations:
            if key not in self.outputs:
                raise InputError(f"calibration.{key}: found, but outputs have none such; leave it out")
        self.trained_range  # noqa: B018, which refuses what is none

    @property
    def acquisition(self) -> Acquisition:
        """Any protocol will do where one is asked for: nothing of the network depends on it."""
        return Acquisition()

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """What puts intervals right, by key of the quantity."""
        found = self.calibration.items()
        return {key: from_plain(Calibration, content, f"calibration.{key}") for key, content in found}

    @cached_property
    def trained_range(self) -> TrainedRange | None:
        """What it was trained for, if that is known."""
        return from_plain(TrainedRange, self.range, "range") if self.range else None

    @property
    def maps(self) -> tuple[str, ...]:
        """Keys of all maps that the network makes: its outputs, what follows from them, and what lies outside."""
        spreads = tuple(f"{key}_sd" for key in self.outputs if f"{key}_low" in self.outputs)
        return in_order((*self.outputs, *spreads, *((OUTSIDE.key,) if self.range else ())))
