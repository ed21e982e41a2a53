"""Labeling efficiency: as given, as the sidecar has it, or the usual one of the labeling."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from qtmnet.limits import LEAST_EFFICIENCY
from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.protocol.premise import Premise, Standing
from simulators.errors import InputError

USUAL: Mapping[str, float] = MappingProxyType({"PCASL": 0.85, "CASL": 0.68, "PASL": 0.98})
"""Without background suppression: Alsop 2015 (10.1002/mrm.25197); CASL by amplitude-modulated control, as multi-slice
scans need, Wang 2005 (10.1148/radiol.2351031663). ASLPrep has the same."""

PULSE_EFFICIENCY = 0.95
"""For each background suppression pulse, as ASLPrep; measured by Garcia 2005, Magn Reson Med 54:366."""

MOST_PULSES = 20
"""Of background suppression; two to five are usual."""

_PULSES, _PULSE_TIMES = "BackgroundSuppressionNumberPulses", "BackgroundSuppressionPulseTime"


@dataclass(frozen=True)
class LabelingEfficiency:
    """How much of the blood's magnetization a scan's labeling inverts.

    Attributes:
        total: a fraction, loss to background suppression included.
        note: a line on where it came from.
        premise: of the report's checks.
        doubts: lines to warn with.
    """

    total: float
    note: str
    premise: Premise
    doubts: tuple[str, ...] = ()


def read_efficiency(sidecar: Sidecar, given: float | None) -> LabelingEfficiency:
    """The efficiency of a scan.

    Args:
        sidecar: of the scan; its `ArterialSpinLabelingType` is one of `USUAL`.
        given: in total, to use whatever the sidecar says.

    Raises:
        InputError: for what is no efficiency, or no number of pulses.
    """
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not LEAST_EFFICIENCY <= given <= 1:
            raise InputError(f"labeling_efficiency: found {given!r}; give a fraction from {LEAST_EFFICIENCY} to 1")
        return _known(float(given), f"{given:g} in total, as given")
    efficiency = sidecar.number("LabelingEfficiency")
    if efficiency is not None:
        if not LEAST_EFFICIENCY <= efficiency <= 1:
            raise sidecar.error("LabelingEfficiency", f"give a fraction from {LEAST_EFFICIENCY} to 1")
        return _known(efficiency, f"{efficiency:g} from LabelingEfficiency, taken as the total")
    kind = sidecar.text("ArterialSpinLabelingType") or "PCASL"
    usual = USUAL[kind]
    pulses, field, doubts = _pulses(sidecar)
    suppressed = sidecar.flag("BackgroundSuppression")
    if pulses is None or suppressed is False:
        found = f"{usual} assumed, the usual one of {kind}"
        if suppressed:
            found += f", with no loss to background suppression: {_PULSES} not found"
        return _efficiency(usual, found, "unknown" if suppressed else "usual", doubts)
    total = usual * PULSE_EFFICIENCY**pulses
    found = (
        f"{total:.4g} assumed, {usual} (the usual one of {kind}) times {PULSE_EFFICIENCY} for each of {pulses} "
        f"background suppression pulses ({field})"
    )
    return _efficiency(total, found, "usual", doubts)


def _pulses(sidecar: Sidecar) -> tuple[int | None, str, tuple[str, ...]]:
    """Number of background suppression pulses, the field that says it, and doubts."""
    number, times = sidecar.number(_PULSES), sidecar.numbers(_PULSE_TIMES)
    if number is not None and not (0 <= number <= MOST_PULSES and number.is_integer()):
        raise sidecar.error(_PULSES, f"give a whole number from 0 to {MOST_PULSES}")
    if times is not None and len(times) > MOST_PULSES:
        raise sidecar.error(_PULSE_TIMES, f"give the times of the pulses, at most {MOST_PULSES}")
    if number is None:
        return (None, "", ()) if times is None else (len(times), _PULSE_TIMES, ())
    doubts: tuple[str, ...] = ()
    if times is not None and len(times) != number:
        doubts = (
            f"{sidecar.origins[_PULSES]}: {_PULSES}: found {number:g}, but {len(times)} times in {_PULSE_TIMES}; the "
            f"loss of label is reckoned for {number:g}: mend one of them, or give labeling_efficiency",
        )
    return int(number), _PULSES, doubts


def _known(total: float, found: str) -> LabelingEfficiency:
    return _efficiency(total, found, "known")


def _efficiency(total: float, found: str, standing: Standing, doubts: tuple[str, ...] = ()) -> LabelingEfficiency:
    note = f"labeling efficiency: {found}"
    lost = " Each background suppression pulse takes about 5 % of the label." if standing == "unknown" else ""
    premise = Premise(
        "Labeling efficiency",
        found,
        standing,
        f"Perfusion is divided by it, and measured ones differ by a tenth between people and sites.{lost}",
        "Give labeling_efficiency= or LabelingEfficiency, in total, if it is known for this protocol; or the number of "
        "pulses, BackgroundSuppressionNumberPulses.",
        note,
    )
    return LabelingEfficiency(total, note, premise, doubts)
