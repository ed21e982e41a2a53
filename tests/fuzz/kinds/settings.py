"""Settings of all commands and options, from the schema, with odd values in odd places."""

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any, get_args

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from qtmnet.configuration.conf_folder import CONF
from qtmnet.configuration.schema.check import parts_of
from qtmnet.configuration.schema.commands import Part, Parts, own_settings
from qtmnet.configuration.schema.foreign import FOREIGN
from qtmnet.configuration.schema.targets import locate, settings_of
from tests.fuzz.inputs import Input, small
from tests.fuzz.values import odd_word, surely_wrong, typed

GROUPS = {
    "train": (
        *("", "data=cco_stream", "optimizer=sgd", "simulator=reference", "cluster=slurm", "logger=tensorboard"),
        *("experiment=quickstart", "experiment=paper", "trainer=ddp", "simulator=cupy"),
    ),
    "simulate": ("", "phantom=brain_small", "phantom=brain_stenosis", "cluster=dask", "simulator=reference"),
    "evaluate": ("", "phantom=brain_small"),
    "predict": ("",),
}
BRAIN = ("phantom=brain_small", "dir=brain")
"""In place of what makes cubes small."""


def setting(rng: Random) -> Input:
    """One setting with one odd value."""
    command, base, (name, annotation) = drawn(rng)
    wrong = surely_wrong(annotation)
    if wrong and rng.random() < 0.3:
        value, must = rng.choice(wrong), "refuse"
    else:
        value, must = odd_word(rng, annotation), ""
    word, before = f"{name}={value}", without_setting(base, name)
    words = rng.choice([(*before, word), (word, *before)])
    return Input(command, words, names=named(name, value), must=must, work=rng.random() < 0.25)  # type: ignore[arg-type]


def two_settings(rng: Random) -> Input:
    """Two settings of one command with odd values, or one of them twice."""
    command, base, (name, annotation) = drawn(rng)
    other, other_annotation = rng.choice(_settings(command, _choice(base)))
    if rng.random() < 0.3:
        other, other_annotation = name, annotation
    value, other_value = odd_word(rng, annotation), odd_word(rng, other_annotation)
    words = (f"{name}={value}", f"{other}={other_value}")
    base = without_setting(without_setting(base, name), other)
    names = (named(name, value), named(other, other_value))
    return Input(command, (*base, *words), names=names[0] + names[1] if all(names) else ())


def default_typed(rng: Random) -> Input:
    """A setting with the value that it has anyway, which must change nothing."""
    command, base, (name, _) = drawn(rng)
    value = OmegaConf.select(composed(command, _choice(base)), name)
    if value is None or OmegaConf.is_config(value) or isinstance(value, str):
        value = None
    word = f"{name}={typed(value)}"
    return Input(command, (*without_setting(base, name), word), names=named(name))


def named(name: str, value: str = "") -> tuple[str, ...]:
    """What a refusal of a setting may call it: name, group, or the value that it found there."""
    name = name.lstrip("+~")
    if value.startswith(("~", "${now", "${oc.env")) or not value.isprintable():  # shown otherwise
        return ()
    return tuple(
        word for word in (name, name.split(".")[-1], name.split(".")[0], value[:30].strip(), "command line") if word
    )


def drawn(rng: Random) -> tuple[str, tuple[str, ...], tuple[str, Any]]:
    """A command, words that make it small, and one of its settings with its annotation."""
    command = rng.choice(("train", "train", "simulate", "evaluate", "predict"))
    choice = rng.choice(GROUPS[command])
    base = small(command)
    if choice.startswith("phantom=brain"):
        base = (choice, *BRAIN[1:], *(word for word in base if word.startswith("ckpt=")))
    elif choice:
        base = (choice, *base)
    return command, base, rng.choice(_settings(command, choice))


def without_setting(words: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Words but for what gives a setting already."""
    return tuple(word for word in words if word.partition("=")[0] != name)


def _choice(base: tuple[str, ...]) -> str:
    return next((word for word in base[:1] if word.partition("=")[0] in _groups()), "")


@cache
def _groups() -> frozenset[str]:
    return frozenset(entry.name for entry in CONF.iterdir() if entry.is_dir())


@cache
def _settings(command: str, choice: str) -> tuple[tuple[str, Any], ...]:
    return tuple(dict(_all_settings(composed(command, choice), command)).items())


def _all_settings(cfg: DictConfig, command: str) -> Iterator[tuple[str, Any]]:
    """Dotted name and annotation of all that can be set, parts as a whole too."""
    for name, annotation in own_settings(command).items():
        yield name, None if annotation is Parts or Part in (get_args(annotation) or (annotation,)) else annotation
    for path, part in parts_of(cfg):
        target = part["_target_"]
        known = FOREIGN.get(target, {})
        ours = target.startswith(("qtmnet", "simulators"))
        for name, annotation in settings_of(locate(target), target).by_name.items():
            if ours or name in part or name in known:
                yield f"{'' if name in part else '+'}{path}.{name}", annotation
        yield f"{path}._target_", str


@cache
def composed(command: str, choice: str) -> DictConfig:
    """The configuration of a command with an option chosen."""
    needed = [word for word in small(command) if command == "predict"]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(command, overrides=[*needed, *([choice] if choice else [])])
    OmegaConf.set_struct(cfg, False)
    cfg.run_dir = "runs/now"
    return cfg
