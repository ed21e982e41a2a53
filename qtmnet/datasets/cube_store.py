"""A dataset of cubes, and the manifest that says what it is made from."""

import reprlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import sleep

import numpy as np

from qtmnet.datasets.cube_recipe import FORMAT, CubeRecipe
from qtmnet.datasets.record import ENCODING_ERROR, UNITS, StoredCube, cube_arrays, fields, stored_cube
from qtmnet.datasets.shard import ShardFormat
from qtmnet.datasets.shard_files import SHARD, Records
from qtmnet.datasets.sharded_dataset import ShardedDataset
from qtmnet.datasets.storage.storage import Storage, storage_at
from qtmnet.process.locks import BusyError
from simulators.errors import InputError
from simulators.files.json_files import json_text, parse_json
from simulators.files.writing import one_line
from simulators.phantoms.cube import simulate_cube

MANIFEST = "dataset.json"

LARGEST_SHARD = 256
"""Cubes; 0.8 GB of the paper's cubes."""

SHARDS_AT_LEAST = 16
"""So that a small dataset, too, has something for each worker."""


class NoDatasetError(InputError):
    """There is no dataset where one was to be read."""


class CubeStore(ShardedDataset):
    """Cubes of one recipe in a folder or an object store.

    Args:
        url: a folder, or a URL that fsspec knows; made if missing.
        recipe: what its cubes are made from.
        shard_size: cubes in a full shard; by default as the folder has it, or what suits n_cubes.
        n_cubes: cubes that it is made for; more may come later.
        only_read: refuse a folder that is no dataset yet, instead of making it one.

    Raises:
        InputError: if there are cubes of another recipe or shard size.
    """

    def __init__(
        self,
        url: str | Path,
        recipe: CubeRecipe,
        *,
        shard_size: int | None = None,
        n_cubes: int = 1,
        only_read: bool = False,
    ) -> None:
        self.url, self.recipe = str(url), recipe
        self.storage = storage_at(url)
        if shard_size is not None and not _is_count(shard_size):
            raise InputError(f"data.shard_size: found {shard_size!r}; give a whole number, at least 1, or null")
        suited = shard_size or min(LARGEST_SHARD, max(n_cubes // SHARDS_AT_LEAST, 1))
        manifest = claim(self.storage, _manifest(recipe, suited), fixed=("settings",), only_read=only_read)
        kept = manifest.get("shard_size")
        if not _is_count(kept):
            raise InputError(
                f"{self.storage.path(MANIFEST)}: shard_size: found {reprlib.repr(kept)}; choose another folder"
            )
        if shard_size not in (None, kept):
            raise InputError(
                f"{self.storage.path(MANIFEST)}: shard_size: found {kept}, asked for {shard_size}; leave it out or "
                f"{_way_out(self.storage)}"
            )
        self.records = Records(self.storage, ShardFormat(fields(recipe), recipe.fingerprint(), int(str(kept))))

    def __getitem__(self, index: int) -> StoredCube:
        """Cube `index`.

        Raises:
            InputError: if it is missing, damaged or of another dataset.
        """
        return stored_cube(self.records[index], self.recipe)

    def arrays(self, index: int) -> Mapping[str, np.ndarray]:
        """Simulate cube `index`; what is kept of it."""
        recipe = self.recipe
        seed = recipe.cube_seed(index)
        cube = simulate_cube(seed, parameters=recipe.phantom, time=recipe.time, simulator=recipe.simulator)
        return cube_arrays(cube, recipe)


def _manifest(recipe: CubeRecipe, shard_size: int) -> dict[str, object]:
    return {
        "format": FORMAT,
        "fingerprint": recipe.fingerprint(),
        "settings": recipe.settings(),
        "shard_size": shard_size,
        "units": UNITS,
        "relative_error_of_increments": ENCODING_ERROR,
        "made_with": {name: _version(name) for name in ("qtmnet", "numpy", "scipy", "numba")},
    }


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 2**31


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def claim(
    storage: Storage, manifest: dict[str, object], *, fixed: tuple[str, ...], only_read: bool = False
) -> dict[str, object]:
    """Write the manifest of a new dataset, or read the one that is there.

    Args:
        storage: of the dataset.
        manifest: as it would be written now.
        fixed: what must be as it would be written now.
        only_read: refuse to write one.

    Returns:
        The manifest that is there.

    Raises:
        InputError: if it is unreadable or differs in format or what is fixed, or if there is none to be read.
    """
    where = storage.path(MANIFEST)
    storage.sizes()  # refuses what lies in the place of a shard, before anything is written beside it
    found = _read(storage)
    if found is None and only_read:
        raise NoDatasetError(f"{where}: no such file, so there is no dataset; give the data.dir of one")
    while found is None:
        try:
            with storage.writing(MANIFEST) as stream:
                found = _read(storage)  # somebody may have been faster
                if found is not None:
                    raise BusyError
                stream.write(json_text(manifest, indent=1).encode())
            found = manifest
        except BusyError:
            sleep(0.05)
            found = _read(storage)
    if found.get("format") != FORMAT:
        if "format" not in found:  # nobody is advised to delete what is somebody's
            raise InputError(f"{where}: format: not found, so qtmnet did not write it; choose another folder")
        raise InputError(
            f"{where}: format: found {reprlib.repr(found['format'])}, written by another version of qtmnet (this one: "
            f"{FORMAT}); {_way_out(storage)}"
        )
    for name in fixed:
        if found.get(name) != manifest[name]:
            field, there, asked = first_difference(name, found.get(name), manifest[name])
            field = field.removeprefix("settings.")
            there = there if isinstance(there, int | float | None) else reprlib.repr(there).strip("'")
            raise InputError(f"{where}: {field}: found {there}, asked for {asked}; {_way_out(storage)}")
    return found


def _read(storage: Storage) -> dict[str, object] | None:
    try:
        content = storage.read(MANIFEST)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise InputError(f"data.dir: {storage} is a file; give a folder") from None
    except OSError as error:
        raise InputError(f"{storage.path(MANIFEST)}: unreadable ({one_line(error)}); {_way_out(storage)}") from None
    try:
        return parse_json(content, storage.path(MANIFEST))
    except InputError as error:
        what = str(error).rpartition(";")[0]
        raise InputError(f"{what}; {_way_out(storage)}") from None


def _way_out(storage: Storage) -> str:
    """What to do about a manifest that does not fit. One without a single shard binds nobody."""
    if any(SHARD.fullmatch(name) for name in storage.sizes()):
        return "choose another folder"
    return "choose another folder, or delete this file: there is nothing beside it yet"


def first_difference(name: str, found: object, asked: object) -> tuple[str, object, object]:
    """Name, found and asked value of the first setting that differs, in depth."""
    if isinstance(found, dict) and isinstance(asked, dict):
        for key in asked:
            if found.get(key) != asked[key]:
                return first_difference(f"{name}.{key}", found.get(key), asked[key])
    return name, found, asked
