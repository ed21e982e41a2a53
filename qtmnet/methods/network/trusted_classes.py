"""Which classes a checkpoint may build: those that are listed here, and those that whoever reads it names.

A checkpoint is plain data that says what its network and its inputs are built of. A stranger's file could name
anything there, so a name alone imports nothing: it has to stand in a list of this file, in the configuration of a
training, or in the setting `trust` of a command that reads checkpoints.
"""

import pkgutil
from collections.abc import Collection, Mapping
from typing import Any

from torch import nn

from qtmnet.methods.network.coefficient_inputs import CircumstancesInput, CoefficientsInput, LinearEstimatesInput
from qtmnet.methods.network.inputs import FramesInput, SliceTimeInput
from qtmnet.methods.network.unet_cbam import UNetCBAM
from simulators.errors import InputError
from simulators.settings.checking import annotations, checked, shown

NETWORKS: dict[str, type[nn.Module]] = {"qtmnet.methods.network.unet_cbam.UNetCBAM": UNetCBAM}
"""Networks that a checkpoint may build."""

INPUTS: dict[str, type] = {
    "qtmnet.methods.network.inputs.FramesInput": FramesInput,
    "qtmnet.methods.network.inputs.SliceTimeInput": SliceTimeInput,
    "qtmnet.methods.network.coefficient_inputs.CoefficientsInput": CoefficientsInput,
    "qtmnet.methods.network.coefficient_inputs.LinearEstimatesInput": LinearEstimatesInput,
    "qtmnet.methods.network.coefficient_inputs.CircumstancesInput": CircumstancesInput,
}
"""Inputs that a checkpoint may build."""


def class_of(settings: Mapping[str, Any], name: str, listed: Mapping[str, type], trusted: Collection[str]) -> type:
    """The class that settings are for, if it may be built.

    Args:
        settings: with the dotted name of the class as `_target_`.
        name: of the settings, for the complaint.
        listed: classes that any file may build.
        trusted: dotted names of others that may be built, too; nothing else is imported.

    Raises:
        InputError: for a class that is neither listed nor trusted, or cannot be imported.
    """
    target = settings.get("_target_")
    if isinstance(target, str) and target in listed:
        return listed[target]
    if not isinstance(target, str) or target not in trusted:
        names = ", ".join(dotted.rpartition(".")[2] for dotted in listed)
        raise InputError(
            f"{name}._target_: found {shown(target)}; give qtmnet's own ({names}), or trust=… if it is your own"
        )
    try:
        found = pkgutil.resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{name}._target_: found {target!r}, not to be imported ({reason}); give another") from None
    if not isinstance(found, type):
        raise InputError(f"{name}._target_: found {target!r}, which is no class; give another")
    return found


def check_arguments(settings: Mapping[str, Any], name: str, kind: type, set_here: Mapping[str, str]) -> None:
    """Hold settings against the annotations of the class that they are for.

    Args:
        settings: arguments by name, and `_target_`.
        name: of the settings, for the complaint.
        kind: the class.
        set_here: arguments that are not to be given, with what says them.

    Raises:
        InputError: for the first that is wrong.
    """
    takes = annotations(kind)
    for argument, value in arguments_of(settings).items():
        if argument in set_here:
            raise InputError(f"{name}.{argument}: {set_here[argument]}; leave it out")
        if argument not in takes:
            raise InputError(f"{name}.{argument}: {kind.__name__} has no such setting; leave it out")
        checked(f"{name}.{argument}", value, takes[argument])


def arguments_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without what says what they are for."""
    return {argument: value for argument, value in settings.items() if not argument.startswith("_")}
