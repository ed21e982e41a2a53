"""Going on with a training: whether the settings are those that it began with."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from inspect import Parameter, signature
from typing import Any

from omegaconf import DictConfig, OmegaConf

from qtmnet.methods.network.description import Description
from qtmnet.methods.network.training_record import phantom_of
from qtmnet.methods.network.trusted_classes import NETWORKS, class_of
from qtmnet.quantities import ATT
from simulators.errors import InputError
from simulators.settings.checking import shown

KEPT = (
    "optimizer",
    "final_learning_rate",
    "warmup_steps",
    "loss",
    "trainer.max_epochs",
    "trainer.accumulate_grad_batches",
    "data",
    "callbacks.weight_averaging",
)
"""Settings that a checkpoint's state says, so that others would be of no effect, or make another training of it."""

FREE = ("data.dir", "data.pool", "data.shard_size", "data.loader_workers", "data.cluster", "data.simulator.n_threads")
"""Of these, settings on which nothing depends that is trained."""

NOT_ASKED = ("trained", "plug_flow_att")
"""Fields of a description that no setting gives."""

RENAMED = {"QTMDataModule": "StoredCubes", "QTMStreamModule": "StreamedCubes"}
"""Classes by their name in version 0.2.0, whose checkpoints can be gone on from."""


def check_same(cfg: DictConfig, asked: Description, kept: Description, kept_settings: object) -> None:
    """Refuse to go on with other settings than a checkpoint was made with.

    Args:
        cfg: of the training that is asked for.
        asked: description of its estimator.
        kept: description in the checkpoint.
        kept_settings: the configuration in the checkpoint, plain data.

    Raises:
        InputError: on the first setting that differs, or for a training on what is not told any more.
    """
    if kept.plug_flow_att and ATT.key in kept.outputs:
        raise InputError("resume: trained to tell the plug-flow time as att, which is the transit time now; train anew")
    ours, theirs = _fields(kept), _fields(asked)
    differing = [(name, ours[name], theirs[name]) for name in theirs if name in ours and ours[name] != theirs[name]]
    settings = kept_settings if isinstance(kept_settings, Mapping) else {}
    differing += _differences(settings, OmegaConf.to_container(cfg, resolve=True))
    if differing:
        name, was, now = differing[0]
        raise InputError(
            f"resume: trained with other settings ({name}: {_brief(was)}, now {_brief(now)}); repeat those of its run"
        )


def _fields(description: Description) -> dict[str, Any]:
    """Fields of a description, and of the record of its training."""
    fields, trained = description.plain(), dict(description.trained)
    with suppress(InputError):  # of a phantom from elsewhere
        trained["phantom"] = asdict(phantom_of(description))  # as this version has it
    fields["network"] = {**_defaults(description), **description.network}  # the file may not have what came later
    return {**trained, **{name: value for name, value in fields.items() if name not in NOT_ASKED}}


def _defaults(description: Description) -> dict[str, Any]:
    """What arguments of the network are where none is given, by name."""
    kind = class_of(description.network, "network", NETWORKS, description.trusted)
    parameters = signature(kind).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not Parameter.empty}


def _differences(kept: Mapping[Any, Any], asked: Any) -> Iterator[tuple[str, Any, Any]]:
    """Names and values of settings, of those in `KEPT`, that differ where a checkpoint has them."""
    was, now = dict(_flat(kept)), dict(_flat(asked))
    for name, value in was.items():
        if _is_of(name, KEPT) and not _is_of(name, FREE) and name in now and not _is_same(name, value, now[name]):
            yield name, value, now[name]


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, list(tree) if isinstance(tree, tuple) else tree


def _is_same(name: str, was: object, now: object) -> bool:
    """Whether two values are the same; classes, wherever they stand: they have moved from one version to another."""
    return _class_name(was) == _class_name(now) if name.endswith("._target_") else was == now


def _class_name(target: object) -> str:
    name = str(target).rpartition(".")[2]
    return RENAMED.get(name, name)


def _is_of(name: str, groups: tuple[str, ...]) -> bool:
    return any(name == group or name.startswith(f"{group}.") for group in groups)


def _brief(value: Any) -> str:
    return shown(value) if not isinstance(value, Mapping) else str(value)
