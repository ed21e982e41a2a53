"""The kinds of inputs, by name."""

from random import Random

from tests.fuzz.inputs import Input, Kind
from tests.fuzz.kinds import checkpoints, examples, files, overrides, paths, scans, settings, stores

KINDS: dict[str, Kind] = {
    "known": examples.known,
    "setting": settings.setting,
    "two settings": settings.two_settings,
    "default typed": settings.default_typed,
    "position": overrides.position,
    "option": overrides.option,
    "flags": overrides.flags,
    "setting of Hydra": overrides.hydra_setting,
    "target": overrides.target,
    "many words": overrides.many_words,
    "sweep": overrides.sweep,
    "field of a checkpoint": checkpoints.fields,
    "weights": checkpoints.weights,
    "state of a training": checkpoints.state,
    "bytes of a checkpoint": checkpoints.container,
    "sidecar": scans.sidecar,
    "table": scans.table,
    "header": scans.header,
    "voxels": scans.voxels,
    "file that is read": files.read,
    "file beside": files.in_place,
    "place to write": files.written,
    "name that is taken": files.taken_names,
    "path by place": paths.place,
    "path by name": paths.named,
    "name beside": paths.empty_folder,
    "store": stores.url,
    "dataset.json": stores.settings_of_dataset,
    "shard": stores.records,
}

MANY = ("known", "setting", "setting", "setting", "two settings", "position", "field of a checkpoint")
"""Kinds with more to try than others."""


def drawn(kind: str, rng: Random) -> Input:
    """An input of a kind."""
    return KINDS[kind](rng)
