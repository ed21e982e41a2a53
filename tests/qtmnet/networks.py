"""Descriptions of small networks, for tests."""

from dataclasses import asdict
from typing import Any

from qtmnet.methods.network.accepts import Accepts
from qtmnet.methods.network.description import Description
from simulators import Acquisition, CubeParameters

UNET = "qtmnet.methods.network.unet_cbam.UNetCBAM"

INPUTS = {
    "frames": {"_target_": "qtmnet.methods.network.inputs.FramesInput"},
    "slice_time": {"_target_": "qtmnet.methods.network.inputs.SliceTimeInput"},
}


def described(
    acquisition: Acquisition | None = None, phantom: CubeParameters | None = None, **fields: Any
) -> Description:
    """A network of 2 channels that reads a protocol, by default the paper's."""
    snr = fields.pop("snr", None)
    network = {"_target_": UNET, "base_channels": 2, **fields.pop("network", {})}
    trained = {
        "phantom": asdict(phantom or CubeParameters()),
        "simulator": {"name": "NumbaSimulator"},
        "seed": 0,
        "snr": snr,
    }
    given = {
        "network": network,
        "inputs": INPUTS,
        "outputs": ("cbf",),
        "normalization": "calibrated",
        "trained": trained,
    }
    return Description(**{**given, "accepts": Accepts(acquisition or Acquisition()), **fields})
