"""How a network was trained, out of the free metadata of its description, for whoever needs more than the record."""

from qtmnet.limits import SignalToNoise
from qtmnet.methods.network.description import Description
from simulators.errors import InputError
from simulators.phantoms.cube import CubeParameters
from simulators.settings.checking import checked
from simulators.settings.limits import Drawn

_Snr = Drawn[SignalToNoise] | None


def phantom_of(description: Description) -> CubeParameters:
    """What the cubes were drawn from that a network was trained on.

    Raises:
        InputError: if that is not said, or cannot be made by this version.
    """
    if "phantom" not in description.trained:
        raise InputError("trained.phantom: not found, so that no cubes like those of the training can be made")
    return CubeParameters.from_plain(description.trained["phantom"], "trained.phantom")


def snr_of(description: Description) -> float | tuple[float, float] | None:
    """Signal-to-noise ratio of the training frames; None for no noise.

    Raises:
        InputError: for what is none.
    """
    return checked("trained.snr", description.trained.get("snr"), _Snr)


def is_noiseless(description: Description) -> bool:
    """Whether a network was trained without noise, as far as is known."""
    return "snr" in description.trained and description.trained["snr"] is None
