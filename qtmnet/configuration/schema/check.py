"""A composed configuration held against its schema, the whole of it at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Literal, get_args

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import InterpolationKeyError, InterpolationResolutionError, OmegaConfBaseException

from qtmnet.configuration.conf_folder import CONF
from qtmnet.configuration.schema.commands import COMMANDS, Part, Parts, own_settings
from qtmnet.configuration.schema.foreign import FOREIGN
from qtmnet.configuration.schema.given import given_settings, refuse_without_effect
from qtmnet.configuration.schema.targets import Settings, locate, settings_of
from qtmnet.configuration.spelling import dotted, nearest, offer, options_of
from simulators.errors import InputError
from simulators.settings.checking import checked, shown
from simulators.settings.limits import PathText
from simulators.settings.requests import choices_of

HYDRA_OWN = {
    "_target_": str,
    "_partial_": bool,
    "_recursive_": bool,
    "_convert_": Literal["none", "partial", "object", "all"],
}
"""What Hydra reads of a part itself."""

QUICK = ("simulators", "qtmnet.scans.acquisitions", "qtmnet.datasets.cluster")
"""Packages whose import takes no time to speak of: what is theirs is looked at first."""


def check_settings(cfg: DictConfig, command: str, overrides: Sequence[str] | None = None) -> None:
    """Look for settings that nothing takes, are not what they should be, or are of no effect beside others.

    Args:
        cfg: composed.
        command: train, simulate, evaluate or predict.
        overrides: that it was composed with; by default those of this run.

    Raises:
        InputError: for the first that is found, with its dotted name, what was found and what to give.
        OmegaConfBaseException: for a setting that must be given and is not, or an interpolation of nothing.
    """
    if overrides is None:
        overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
        if HydraConfig.initialized():
            checked("hydra.run.dir", HydraConfig.get().run.dir, PathText)
    check_own_settings(cfg, command)
    own = own_settings(command)
    parts = list(parts_of(cfg))
    for path, part in parts:
        for name, annotation in FOREIGN.get(str(part["_target_"]), {}).items():
            if name in part:
                _check_value(f"{path}.{name}", part, name, annotation)
    known = [*dotted(cfg)]
    for path, part in sorted(parts, key=lambda entry: not str(entry[1]["_target_"]).startswith(QUICK)):
        check_part(path, part, known)
    _refuse_unknown(cfg, own, known, overrides)
    for path, part in sorted(parts, key=lambda entry: _refers_to_parts(entry[1])):
        _check_whole(path, part)
    refuse_without_effect(cfg, command, given_settings(overrides))


def check_own_settings(cfg: DictConfig, command: str) -> None:
    """Look at the settings that are the command's own, as far as nothing has to be imported to judge them.

    Raises:
        InputError, OmegaConfBaseException: as `check_settings`.
    """
    _refuse_unresolved(cfg)
    for name, annotation in own_settings(command).items():
        _check_own(cfg, name, annotation)


def parts_of(cfg: DictConfig, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """All parts of a configuration that say what is built of them, with their dotted names."""
    for key in map(str, cfg):
        value, name = cfg._get_node(key), f"{path}.{key}" if path else key
        if isinstance(value, DictConfig) and not value._is_none() and not value._is_interpolation():
            if "_target_" in value and not value._is_missing():
                yield name, value
            yield from parts_of(value, name)


def _refuse_unresolved(holder: DictConfig | ListConfig, path: str = "") -> None:
    """Refuse interpolations of what is not there; with the name of the setting, which OmegaConf may leave out."""
    keys: Sequence[Any] = list(holder.keys()) if isinstance(holder, DictConfig) else range(len(holder))
    for key in keys:
        if not path and key == "hydra":  # there before the first run of a sweep, when not all of it is known
            continue
        value, name = holder._get_node(key), f"{path}.{key}" if path else str(key)
        if not isinstance(value, Node):
            continue
        if value._is_interpolation():
            try:
                value._dereference_node()
            except OmegaConfBaseException as error:
                if not HydraConfig.initialized() and "hydra" in str(error).lower():  # which only Hydra knows
                    continue
                reason = " ".join(str(error).splitlines()[:1])
                raise InputError(f"{name}: found {shown(value._value())} ({reason}); give a value") from None
        elif isinstance(value, DictConfig | ListConfig) and not value._is_none() and not value._is_missing():
            _refuse_unresolved(value, name)


def _check_own(cfg: DictConfig, name: str, annotation: Any) -> None:
    """A command's own setting: a value, a part, or several parts."""
    options = get_args(annotation) or (annotation,)
    if Part not in options and annotation is not Parts:
        _check_value(name, cfg, name, annotation)
        return
    value = cfg.get(name)
    if value is None and (type(None) in options or annotation is Parts):
        return
    entries = {name: value} if Part in options else value
    if not isinstance(entries, Mapping | DictConfig):
        raise InputError(f"{name}: found {shown(value)}; give {name}=…, an option of the group")
    for inner, entry in entries.items():
        where = name if Part in options else f"{name}.{inner}"
        if not isinstance(entry, DictConfig) or not isinstance(entry.get("_target_"), str):
            found = shown(entry) if not isinstance(entry, DictConfig) else "no _target_"
            raise InputError(f"{where}: found {found}; give {name}=…, an option of the group")
        wanted = name == "optimizer"  # which is made when there are weights
        if entry.get("_partial_", False) is not wanted:
            found = shown(entry.get("_partial_"))
            raise InputError(f"{where}._partial_: found {found}; give {shown(wanted)}")


def check_part(path: str, part: DictConfig, known: Sequence[str] = ()) -> None:
    """Look at names and values of what is set of one part.

    Args:
        path: its dotted name.
        part: a mapping with a `_target_`.
        known: dotted names to offer in place of a wrong one.

    Raises:
        InputError: for the first that is wrong.
    """
    target = part["_target_"]
    if not isinstance(target, str):
        raise InputError(f"{path}._target_: found {shown(target)}; give the dotted name of a class or function")
    try:
        thing = locate(target)
    except (ImportError, AttributeError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path}._target_: found {target!r}, not to be imported ({reason}); give another") from None
    if not callable(thing):
        raise InputError(f"{path}._target_: found {target!r}, which is no class or function; give another")
    takes = settings_of(thing, target)
    for key in map(str, part):
        if key in HYDRA_OWN:
            _check_value(f"{path}.{key}", part, key, HYDRA_OWN[key])
            continue
        if key not in takes.by_name and not takes.any_other:
            names = [
                *(name for name in known if name != f"{path}.{key}"),
                *(f"{path}.{name}" for name in takes.by_name),
            ]
            what = f"{target.rpartition('.')[2]} has no such setting" if isinstance(thing, type) else "no such setting"
            raise InputError(f"{path}.{key}: {what}; {offer(f'{path}.{key}', names)}")
        if not _is_default(takes, key, part):
            _check_value(f"{path}.{key}", part, key, takes.by_name.get(key, Any))


def _is_default(takes: Settings, key: str, part: DictConfig) -> bool:
    """Whether a value is the parameter's own, which its annotation need not know of."""
    if key not in takes.defaults or OmegaConf.is_config(part._get_node(key)) or OmegaConf.is_interpolation(part, key):
        return False
    value, default = part[key], takes.defaults[key]
    return type(value) is type(default) and value == default


def _check_value(where: str, holder: DictConfig, key: str, annotation: Any) -> None:
    """A value that is not built of parts."""
    if not _is_known(holder, key):
        return
    value = holder[key] if key in holder or OmegaConf.is_missing(holder, key) else None  # raises for ???
    if isinstance(value, DictConfig | ListConfig):
        if _has_parts(value):
            return
        value = OmegaConf.to_container(value, resolve=True)
    try:
        checked(where, value, annotation)
    except InputError as error:
        raise InputError(f"{error}{_hint(where, value, annotation)}") from None


def _hint(where: str, value: Any, annotation: Any) -> str:
    """How to give what was meant: an option of a group, one of the choices, a name that reads as a number."""
    if isinstance(value, str):
        group = where.rpartition(".")[2]
        if where != group and (option := nearest(value, options_of(group))):
            return f"; did you mean {group}={option}?"
        word = nearest(value, choices_of(annotation))
        return f"; did you mean {where}={word}?" if word else ""
    if isinstance(value, bool | int | float) and not _takes_numbers(annotation):
        text = shown(value)
        try:
            checked(where, text, annotation)
        except InputError:
            return ""
        return f"; if it is called so, quote it: '{where}=\"{text}\"'"
    return ""


def _takes_numbers(annotation: Any) -> bool:
    """Whether a number can be meant, if only another one."""
    options = get_args(annotation) or (annotation,)
    return any((get_args(option) or (option,))[0] in (int, float) for option in options)


def _refers_to_parts(part: DictConfig) -> bool:
    """Whether there are parts elsewhere in the configuration that it is built with: they are looked at before."""
    return any(
        OmegaConf.is_interpolation(part, key) and _has_parts(part[key])
        for key in map(str, part)
        if _is_known(part, key)
    )


def _is_known(holder: DictConfig, key: Any) -> bool:
    """Whether a value can be told: not what only Hydra knows, where it is not Hydra that runs."""
    try:
        holder.get(key)
    except InterpolationKeyError:
        raise
    except InterpolationResolutionError:
        return False
    return True


def _has_parts(value: Any) -> bool:
    if isinstance(value, DictConfig):
        return "_target_" in value or any(_has_parts(value[key]) for key in value)
    return isinstance(value, ListConfig) and any(map(_has_parts, value))


def _check_whole(path: str, part: DictConfig) -> None:
    """What no setting alone tells: settings of the physics, which are made in no time, are made."""
    thing = locate(part["_target_"])
    frozen = is_dataclass(thing) and thing.__dataclass_params__.frozen  # type: ignore[attr-defined]
    protocol = part["_target_"].endswith(".build_acquisition") and part.get("from_bids") is None
    if not frozen and not protocol:
        return
    try:
        instantiate(part, _convert_="all")
    except InterpolationResolutionError:  # as in `_check_value`
        return
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise InputError(f"{path}.{error.__cause__}") from None
        raise


def _refuse_unknown(cfg: DictConfig, own: Mapping[str, Any], known: Sequence[str], overrides: Sequence[str]) -> None:
    """Settings of the first level that neither the command nor another setting takes."""
    groups = {entry.name for entry in CONF.iterdir()}
    chosen = set(HydraConfig.get().runtime.choices) if HydraConfig.initialized() else set()
    of_experiments = groups.union(*map(own_settings, COMMANDS))  # which have settings of all commands
    added = {word.split("=")[0].lstrip("+").partition(".")[0] for word in overrides if word.startswith("+")}
    for name in map(str, cfg):
        if name in own or name in chosen or name == "hydra" or name in of_experiments - added:
            continue
        if f"${{{name}" not in OmegaConf.to_yaml(cfg):
            others = [*(other for other in known if other.partition(".")[0] != name), *sorted(groups)]
            raise InputError(f"{name}: no such setting; {offer(name, others)}")
