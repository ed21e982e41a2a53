"""Versions of what is kept beside weights, in checkpoints and in weights files, and how older ones become this one's.

1. Version 0.2: a `recipe` of one protocol, whose inputs are its frames and the slice time, and whose output is
   perfusion; what it was trained on stands among its fields.
2. Version 0.3: inputs and outputs by name, what the network accepts, and how it was trained as free metadata. What it
   calls `att` is the plug-flow time, and it was trained on laminar flow.
3. `att` is the time by which half of the label has arrived.
4. What a network for any scan adds to its linear estimate of perfusion takes that to end at 90 mL/100g/min, not at 300.

A change of what a field holds goes into the function of the version that has the old one: it gets plain data, and
returns plain data. Acquisitions and phantoms read their older forms themselves, see their `from_plain`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from qtmnet import __version__
from simulators.errors import InputError
from simulators.settings.checking import shown

FORMAT = 4

Plain = dict[str, Any]

OF_RECORD = ("phantom", "simulator", "seed", "snr")
"""Fields of version 1 that say how a network was trained."""


def current(content: Mapping[str, Any]) -> Plain:
    """Fields of a `Description` from what a file of any version holds.

    Args:
        content: of the file, as plain data, without what `Description` does not have.

    Raises:
        InputError: for a version that is not known yet, or what is no content of its version.
    """
    found = content.get("format", 1 if "recipe" in content else None)
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InputError(f"format: found {shown(found)}; give a file as a training wrote it")
    if found > FORMAT:
        raise InputError(
            f"format: found {found}, which is newer than qtmnet {__version__} (it reads up to {FORMAT}); update qtmnet"
        )
    plain = {name: value for name, value in content.items() if name != "format"}
    for version in range(found, FORMAT):
        plain = STEPS[version](plain)
    return plain


def _from_1(content: Plain) -> Plain:
    recipe = content["recipe"]
    if not isinstance(recipe, Mapping):
        raise InputError(f"recipe: found {shown(recipe)}; give a file as a training wrote it")
    for name in ("network", "acquisition", "normalization"):
        if name not in recipe:
            raise InputError(f"{name}: not found; give a file as a training wrote it")
    taken = (*OF_RECORD, "network", "acquisition", "normalization", "linear_start")
    for name in recipe:
        if name not in taken:
            raise InputError(f"{shown(name, quoted=False)}: a recipe has no such field; leave it out")
    return {
        "network": _network_of_1(recipe["network"]),
        "inputs": {
            "frames": {"_target_": "qtmnet.methods.network.inputs.FramesInput"},
            "slice_time": {"_target_": "qtmnet.methods.network.inputs.SliceTimeInput"},
        },
        "outputs": ["cbf"],
        "normalization": recipe["normalization"],
        "accepts": {"acquisition": recipe["acquisition"]},
        "linear_start": recipe.get("linear_start", False),
        "trained": {name: recipe[name] for name in OF_RECORD if name in recipe},
    }


MOVED = {
    "qtmnet.models.unet_cbam.UNetCBAM": "qtmnet.methods.network.unet_cbam.UNetCBAM",
}
"""Where classes are now that version 1 had elsewhere."""


def _network_of_1(network: Any) -> Any:
    if not isinstance(network, Mapping):
        return network
    target = network.get("_target_")
    moved = MOVED.get(target, target) if isinstance(target, str) else target
    return {name: value for name, value in network.items() if (name, value) != ("out_channels", 1)} | (
        {"_target_": moved} if "_target_" in network else {}
    )


def _from_2(content: Plain) -> Plain:
    return {**content, "plug_flow_att": True}


def _from_3(content: Plain) -> Plain:
    accepts = content.get("accepts")
    if isinstance(accepts, Mapping) and "n_functions" in accepts:
        raise InputError("format: found 3, in which a network for any scan added to other estimates; train it anew")
    return content


STEPS: dict[int, Callable[[Plain], Plain]] = {1: _from_1, 2: _from_2, 3: _from_3}
"""From each version to the next."""
