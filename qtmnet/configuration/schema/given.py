"""Settings that were given, and are of no effect beside others: what was asked for would not be done."""

import re
from collections.abc import Iterator, Mapping, Sequence

from omegaconf import DictConfig, OmegaConf

from qtmnet.configuration.compared import compared_names, method_option
from qtmnet.configuration.schema.phantoms import is_brain
from qtmnet.configuration.schema.targets import locate
from qtmnet.scans.acquisitions import OF_CHECKPOINT
from simulators.errors import InputError
from simulators.settings.checking import shown

FOR_METHODS = ("ckpt", "weights", "t1_blood", "t1_tissue")
"""Settings of `predict` that methods refer to."""


def given_settings(overrides: Sequence[str]) -> tuple[str, ...]:
    """Dotted names of the settings and groups that a run was asked for on the command line."""
    return tuple(word.split("=")[0].lstrip("+~").partition("@")[0] for word in overrides)


def refuse_without_effect(cfg: DictConfig, command: str, given: Sequence[str]) -> None:
    """Refuse what was asked for and would not be done.

    Args:
        cfg: composed, each setting as it should be.
        command: whose configuration it is.
        given: names of the settings that were asked for.

    Raises:
        InputError: that names the setting, and what makes it idle.
    """
    for name, reason in idle(cfg, command):
        found = [setting for setting in given if setting == name or setting.startswith(f"{name}.")]
        if found:
            value = OmegaConf.select(cfg, found[0])
            if value == OF_CHECKPOINT:  # which asks for nothing
                continue
            what = "given" if OmegaConf.is_config(value) else f"found {shown(value)}"
            raise InputError(f"{found[0]}: {what}, but {reason}; leave it out")


def idle(cfg: DictConfig, command: str) -> Iterator[tuple[str, str]]:
    """Settings and groups that nothing comes of in a configuration, and why."""
    if "acquisition" in cfg and cfg.acquisition.get("from_bids") is not None:
        for name in cfg.acquisition:
            if name not in ("_target_", "from_bids"):
                yield f"acquisition.{name}", "acquisition.from_bids says all of the protocol"
        yield "labeling", "acquisition.from_bids says all of the protocol"
    elif "labeling" in cfg and "acquisition" in cfg and "labeling" not in cfg.acquisition:
        yield "labeling", "this acquisition has a labeling of its own"
    of_command = {"simulate": _in_simulation, "evaluate": _in_evaluation, "predict": _in_maps}
    if command in of_command:
        yield from of_command[command](cfg)


def _in_simulation(cfg: DictConfig) -> Iterator[tuple[str, str]]:
    if not is_brain(cfg):
        for name in ("dir", "until"):
            yield name, f"it is a brain's; cubes have data.{'dir' if name == 'dir' else 'n_cubes'}"
        if not cfg.verify:
            yield "data.n_test", "test cubes are made in training"
        return
    for name in ("data", "cluster", "verify"):
        yield name, "it is for cubes, and the phantom is a brain"
    yield "seed", "it is of cubes; a brain has phantom.seed"
    if cfg.until is not None:
        for name in ("acquisition", "labeling"):
            yield name, "a brain that stops before the label's transport is not read with any protocol"


def _in_evaluation(cfg: DictConfig) -> Iterator[tuple[str, str]]:
    if cfg.get("ckpt") is not None:
        yield "weights", "ckpt gives the network"
    if cfg.get("protocols") is not None:
        for name in ("acquisition", "labeling"):
            yield name, "protocols has protocols of its own"
        yield "snr", "protocols has noise of its own, protocols.snr"
        for name in ("robustness", "figures"):
            yield name, "protocols asks for a table of its own"
        for name in ("n_cubes", "cluster"):
            yield name, "it is for cubes, and protocols are read from a brain"
        if cfg.brain_seeds is not None:
            yield "phantom.seed", "brain_seeds has the seeds of all brains"
        return
    yield "brain_seeds", "it is for protocols, as protocols=table"
    if cfg.get("robustness") is not None:
        for name in ("n_cubes", "cluster"):
            yield name, "it is for cubes, and robustness is tried on a brain"
        yield "figures", "robustness asks for a table of its own"
        return
    if cfg.get("phantom") is None:
        yield "snr", "cubes get the noise of the training; phantom=brain has noise of its own"
        for name in ("acquisition", "labeling"):
            yield name, "cubes are read with the checkpoint's protocol; phantom=brain with another"
        return
    if not is_brain(cfg):  # refused with what to give instead
        return
    for name in ("n_cubes", "cluster"):
        yield name, "it is for cubes, and the phantom is a brain"
    if cfg.snr is None:
        yield "seed", "it is of a brain's noise, and there is none without snr; the brain itself has phantom.seed"


def _in_maps(cfg: DictConfig) -> Iterator[tuple[str, str]]:
    """Settings that are there for methods, where the method that is taken has none of them."""
    methods = cfg.get("method") or {}
    taken = OmegaConf.to_yaml(methods) if OmegaConf.is_config(methods) else ""
    for name in compared_names(cfg.get("compare"), _is_learned(methods)):
        taken += OmegaConf.to_yaml(method_option(name) or OmegaConf.create())
    used = [name for name in FOR_METHODS if re.search(rf"\$\{{(oc\.select:)?{name}\b", taken)]
    if "ckpt" in used and cfg.ckpt is None:  # refused with what to give instead
        return
    for name in FOR_METHODS:
        if name not in used:
            yield name, f"method={','.join(map(str, methods))} has no use for it"


def _is_learned(methods: Mapping[str, DictConfig]) -> bool:
    """Whether one of the methods is a network, which is compared with others unless it is told otherwise."""
    return any(getattr(locate(part["_target_"]), "learned", False) is True for part in methods.values())
