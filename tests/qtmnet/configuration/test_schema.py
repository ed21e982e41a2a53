"""Every setting of every option, held against its schema: what it may be passes, anything else is told in one line."""

import math
import types
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Len
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from pydantic import BeforeValidator

from qtmnet.configuration.schema.check import check_settings, parts_of
from qtmnet.configuration.schema.commands import Part, Parts, own_settings
from qtmnet.configuration.schema.foreign import FOREIGN
from qtmnet.configuration.schema.targets import locate, settings_of
from simulators.errors import InputError
from simulators.settings.limits import Which, Within

CONF = Path(__file__).parents[3] / "conf"

COMMANDS = {"train": (), "simulate": (), "evaluate": (), "predict": ("input=in", "output_dir=out")}

BRAIN = ("phantom", "anatomy", "angiography")
"""Groups whose options are looked at in `simulate`."""

OF_EVALUATION = ("protocols", "robustness", "figures")
"""Groups whose options are looked at in `evaluate`; the rest in `train`."""


def options() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each command as it is, and with each option of each group."""
    yield from COMMANDS.items()
    yield "evaluate", ("phantom=brain",)
    for file in sorted(CONF.glob("*/*.yaml")):
        group = file.parent.name
        if group in BRAIN:
            yield "simulate", (*(("phantom=brain",) if group != "phantom" else ()), f"{group}={file.stem}")
        elif group in OF_EVALUATION:
            yield "evaluate", ("phantom=brain", f"{group}={file.stem}")
        else:
            yield "train", (f"{group}={file.stem}",)


@cache
def composed(command: str, overrides: tuple[str, ...]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(command, overrides=list(overrides))
    OmegaConf.set_struct(cfg, False)
    if "run_dir" in cfg:
        cfg.run_dir = "runs/now"  # which only Hydra knows
    return cfg


CASES = [pytest.param(*case, id=" ".join((case[0], *case[1]))) for case in options()]


@pytest.mark.parametrize(("command", "overrides"), CASES)
def test_what_is_in_conf_passes(command: str, overrides: tuple[str, ...]) -> None:
    check_settings(composed(command, overrides), command, overrides)


def settings(cfg: DictConfig, command: str) -> Iterator[tuple[str, str, Any]]:
    """Who takes it, dotted name and annotation of all that can be set, also of what `conf` leaves to defaults."""
    for name, annotation in own_settings(command).items():
        if annotation is not Parts and Part not in (get_args(annotation) or (annotation,)):
            yield command, name, annotation
    for path, part in parts_of(cfg):
        target = part["_target_"]
        ours = target.startswith(("qtmnet", "simulators"))
        for name, annotation in settings_of(locate(target), target).by_name.items():
            if (ours or name in part or name in FOREIGN.get(target, {})) and not isinstance(part.get(name), DictConfig):
                yield target, f"{path}.{name}", annotation


def told(command: str, cfg: DictConfig, name: str, value: Any) -> str:
    """The line that refuses a value; empty if nothing does."""
    changed = cfg.copy()
    OmegaConf.update(changed, name, value, merge=False, force_add=True)
    try:
        check_settings(changed, command, [])
    except InputError as error:
        return str(error)
    return ""


def branches(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Each type that an annotation takes, and what it says of it."""
    if get_origin(annotation) in (Union, types.UnionType):
        for option in get_args(annotation):
            yield from branches(option)
    elif get_origin(annotation) is Annotated:
        for inner, said in branches(get_args(annotation)[0]):
            yield inner, (*said, *annotation.__metadata__)
    else:
        yield annotation, ()


def wrong_values(annotation: Any) -> Iterator[Any]:
    """Values that an annotation surely does not take, by what it takes."""
    taken = list(branches(annotation))
    kinds = [kind for kind, _ in taken]
    lists = [kind for kind in kinds if get_origin(kind) in (tuple, list)]
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if any(kind in (Any, object, dict, list) or getattr(kind, "__module__", "").startswith("torch") for kind in kinds):
        return
    if not any(get_origin(kind) is get_origin(Mapping[str, int]) or kind is dict for kind in kinds):
        yield {"no": {"such": "thing"}}
    yield [["a"], ["b"]]
    if not lists:
        yield [1]
        yield []
    if str not in kinds:
        yield from ("no such word", "", "1.5")
    elif all(any(isinstance(part, Which) for part in said) for kind, said in taken if kind is str):
        yield from ("", "a\0b", "   ")
    numbers = [(kind, said) for kind, said in taken if kind in (int, float)]
    lone = any(type(part) is BeforeValidator for _, said in taken for part in said)  # a list of one
    if not any(kind in (int, float) for kind in kinds) and not lone:
        yield 0.37
    if numbers and bool not in kinds and True not in words:
        yield True
    infinite = any("AllowInfNan" in type(part).__name__ for _, said in taken for part in said)
    if numbers or not words:
        yield from (math.nan, -math.inf, *(() if infinite else (math.inf,)))
    if numbers and float not in kinds:
        yield 2.5
    limits = [part for _, said in numbers for part in said if isinstance(part, Within)]
    if limits:
        yield min(part.low for part in limits) - 1.0 * (1 if float in kinds else 0) - (0 if float in kinds else 1)
        yield 10 ** (len(str(int(max(part.high for part in limits)))) + 1)
        yield 1e300
        yield from (part.low for part in limits if part.above and len(limits) == 1)
    for kind in lists:
        yield [["x"] * 3]
        yield [math.nan] * 3
        yield [True] * 3
        if ... not in get_args(kind):
            yield [0.5] * (len(get_args(kind)) + 1)
    for _, said in taken:
        for part in said:
            if isinstance(part, Len) and part.max_length is not None:
                yield [0.5] * (part.max_length + 1)


LOOKED_AT: set[tuple[str, str]] = set()
"""Who takes a setting, and its name: options of a group have most of theirs in common."""


@pytest.mark.parametrize(("command", "overrides"), CASES)
def test_what_a_setting_cannot_be_is_told_in_one_line(command: str, overrides: tuple[str, ...]) -> None:
    cfg, taken = composed(command, overrides), []
    for taker, name, annotation in settings(cfg, command):
        if (taker, name) in LOOKED_AT:
            continue
        LOOKED_AT.add((taker, name))
        for value in wrong_values(annotation):
            line = told(command, cfg, name, value)
            if not line.startswith((f"{name}: found ", f"{name}.")) or "\n" in line or "; give " not in line:
                taken.append((name, value, line))
    assert not taken


def test_wrong_values_are_many() -> None:
    """The test above would pass as well if it had nothing to try."""
    of_train = [
        value for _, _, annotation in settings(composed("train", ()), "train") for value in wrong_values(annotation)
    ]
    assert len(of_train) > 700


@pytest.mark.parametrize(
    ("command", "word", "line"),
    [
        ("train", "phantom.exchange=two_compartement", "did you mean exchange=two_compartment?"),
        ("train", "phantom.exchange=none", "did you mean exchange=none?"),
        ("simulate", "phantom.layout=folded_sheets", "did you mean layout=folded_sheets?"),
        (
            "simulate",
            "layout.lesion.probability=0.5",
            "PerfusionLayout has no such setting; did you mean layout.lesions?",
        ),
        ("simulate", "layout.sheets.fluid_share=1", "layout.sheets.fluid_share: found 1; give a number from 0 to 0.9"),
        ("train", "phantom.extravascular_volume=0.8", "did you mean exchange.extravascular_volume?"),
        ("train", "name=3", "name: found 3; give a name of 1 to 100 letters that folders can have"),
        ("train", "name=..", "name: found '..'; give a name"),
        ("train", "name=nul.txt", "name: found 'nul.txt'; give a name"),
        (
            "train",
            "data.n_cubes=1000000000000",
            "give a whole number from 1 to 10 000 000 (10 million",
        ),
        (
            "train",
            "phantom.shape=[500,500,500]",
            "phantom.shape: found [500, 500, 500], 125000000 voxels",
        ),
        ("train", "acquisition.post_labeling_delays=[1,1.5,1]", "found 1 s twice; give it once"),
        ("train", "acquisition.labeling_duration=[1,2]", "acquisition.labeling_duration: found 2 values for 4 delays"),
        (
            "train",
            "phantom.inlet_delay=[2,1]",
            "phantom.inlet_delay: found [2, 1]; give a number above 0",
        ),
        ("train", "data.loader_workers=999", "data.loader_workers: found 999; give a whole number from 0 to"),
        ("train", "model._target_=nowhere.Network", "model._target_: found 'nowhere.Network'"),
        ("train", "model._target_=3", "model: found no _target_; give model=…"),
        ("train", "data.phantom=3", "data.phantom: found 3; give a CubeParameters"),
        ("train", "loss=null", "loss: found null; give loss=…"),
        ("train", "optimizer.lr=.nan", "optimizer.lr: found nan; give a number above 0, at most 10"),
        ("simulate", "until=pail", "until: found 'pail'; give one of great_vessels, "),
        (
            "evaluate",
            "acquisition.labeling_duration=chekpoint",
            "did you mean acquisition.labeling_duration=checkpoint?",
        ),
        ("predict", "m0=-5", "m0: found -5; give a path, a number above 0, at most 1 000 000 000 000 or null"),
        ("predict", "labeling_efficiency=0.1", "labeling_efficiency: found 0.1; give a number from 0.2 to 1 or null"),
        ("predict", "mask=1", "mask: found 1; give a path or null; if it is called so, quote it: 'mask=\"1\"'"),
        ("predict", "m0=0", "m0: found 0; give a path, a number above 0, at most 1 000 000 000 000 or null"),
    ],
)
def test_what_is_told(command: str, word: str, line: str) -> None:
    cfg = composed(command, COMMANDS[command]).copy()
    OmegaConf.set_struct(cfg, False)
    name, _, text = word.partition("=")
    found = told(command, cfg, name, OmegaConf.create(f"value: {text}").value)
    assert line in found


@pytest.mark.parametrize(
    ("command", "overrides", "setting"),
    [
        ("simulate", ("until=pial",), "until"),
        ("simulate", ("dir=here",), "dir"),
        ("simulate", ("data.n_test=2",), "data.n_test"),
        ("simulate", ("phantom=brain", "seed=3"), "seed"),
        ("simulate", ("phantom=brain", "data.n_cubes=3"), "data.n_cubes"),
        ("simulate", ("phantom=brain", "cluster=slurm"), "cluster"),
        ("simulate", ("phantom=brain", "until=pial", "acquisition.voxel_size_mm=[2,2,2]"), "acquisition.voxel_size_mm"),
        ("evaluate", ("snr=3",), "snr"),
        ("evaluate", ("acquisition.labeling_duration=1.45",), "acquisition.labeling_duration"),
        ("evaluate", ("acquisition=paper",), "acquisition"),
        ("evaluate", ("phantom=brain", "n_cubes=3"), "n_cubes"),
        ("evaluate", ("phantom=brain", "seed=3"), "seed"),
        ("predict", ("method=qtmnet", "ckpt=x.ckpt", "compare=null", "t1_blood=1.65"), "t1_blood"),
        ("predict", ("method=qtmnet", "ckpt=x.ckpt", "compare=single_delay", "t1_tissue=1.3"), "t1_tissue"),
        ("predict", ("method=single_delay", "t1_tissue=1.3"), "t1_tissue"),
        ("predict", ("method=multi_delay", "ckpt=x.ckpt"), "ckpt"),
        (
            "train",
            ("acquisition.from_bids=scan", "acquisition.labeling_duration=1.45"),
            "acquisition.labeling_duration",
        ),
    ],
)
def test_what_would_be_of_no_effect_is_refused(command: str, overrides: tuple[str, ...], setting: str) -> None:
    """Also where the value given is the default."""
    overrides = (*COMMANDS[command], *overrides)
    with pytest.raises(InputError, match=rf"^{setting}: .*, but .*; leave it out$"):
        check_settings(composed(command, overrides), command, overrides)


def test_an_option_of_ones_own_needs_no_more_than_annotations() -> None:
    cfg = composed("train", ()).copy()
    cfg.model = {"_target_": f"{__name__}.Own", "width": 3}
    for name, value, line in (
        ("model.width", "3", "model.width: found '3'; give a whole number"),
        ("model.width", 2.0, "model.width: found 2.0; give a whole number"),
        ("model.kind", "some", "model.kind: found 'some'; give one of one, other"),
        ("model.widht", 3, "model.widht: Own has no such setting; did you mean model.width?"),
        ("model.free", [1, {"a": "b"}], ""),
    ):
        found = told("train", cfg, name, value)
        assert found.startswith(line)
        assert bool(found) == bool(line)


class Own:
    """A network that somebody adds."""

    def __init__(self, in_channels: int, width: int = 3, kind: Literal["one", "other"] = "one", free=None) -> None:  # type: ignore[no-untyped-def]
        self.width = width
