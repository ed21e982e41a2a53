"""A folder of simulated cubes: written once, picked up where it stopped, read for any protocol.

A cube keeps the *increments* of its step response from each time to the next, in float16. Frames are sums of
increments, C = S(LD + PLD) − S(PLD), so their relative error is float16's, at most 5e-4, however large S is.
"""

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from simulators.acquire import block_size, nested_voxel_size, simulated_time
from simulators.acquisition import Acquisition
from simulators.cube import DEFAULT_TIME, CubeParameters, simulate_cube
from simulators.errors import InputError
from simulators.files import one_line, writing
from simulators.transport.step_response import Simulator

FORMAT = 1
INCREMENT_SCALE = 1024.0
"""Increments are kept times this, clear of float16's smallest numbers."""

SPLITS = ("train", "test")

ABANDONED = 3600.0
"""s without a change after which a half-written file is nobody's."""


@dataclass(frozen=True)
class CubeRecipe:
    """What the cubes of a folder are made from; cube i is a function of the recipe and i alone.

    Attributes:
        phantom: parameters of the cubes.
        simulator: of the label's transport.
        seed: of all cubes.
        split: `train`, or `test` for cubes that no training has seen.
        time: s since labeling began.
        slower_than: mm/s; arterial label in faster vessels is left out (vascular crushing).
    """

    phantom: CubeParameters
    simulator: Simulator
    seed: int
    split: str = "train"
    time: tuple[float, ...] = DEFAULT_TIME
    slower_than: float = np.inf

    def settings(self) -> dict[str, object]:
        """All that a cube depends on, as plain data."""
        simulator = {"name": type(self.simulator).__name__, **asdict(self.simulator)}  # type: ignore[call-overload]
        simulator.pop("n_threads", None)  # which no cube depends on
        plain = {
            "format": FORMAT,
            "phantom": asdict(self.phantom),
            "simulator": simulator,
            "seed": self.seed,
            "split": self.split,
            "time": self.time,
            "slower_than": self.slower_than if np.isfinite(self.slower_than) else None,
        }
        return json.loads(json.dumps(plain))

    def fingerprint(self) -> str:
        """Eight letters and digits that tell recipes apart."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class StoredCube:
    """What a folder keeps of a cube.

    Attributes:
        perfusion: truth, mL/100g/min, (X, Y, Z).
        att: s, (X, Y, Z).
        increments: of the step response that is seen, from each time to the next, (T, X, Y, Z), float32.
    """

    perfusion: np.ndarray
    att: np.ndarray
    increments: np.ndarray


def recipe_for(
    acquisition: Acquisition, *, phantom: CubeParameters, simulator: Simulator, seed: int, split: str = "train"
) -> CubeRecipe:
    """A recipe whose cubes can be read with a protocol.

    Where the acquired voxel is no whole multiple of the phantom's, the simulated voxel becomes the nearest fraction
    of the acquired one, and the shape is rounded to whole acquired voxels. S is simulated until the last readout.
    """
    crushing = acquisition.vascular_crushing
    return CubeRecipe(
        phantom=fitted(phantom, acquisition),
        simulator=simulator,
        seed=seed,
        split=split,
        time=simulated_time(acquisition),
        slower_than=np.inf if crushing is None else crushing,
    )


def fitted(phantom: CubeParameters, acquisition: Acquisition) -> CubeParameters:
    """The phantom with voxels that nest in the acquired ones."""
    size = nested_voxel_size(phantom.voxel_size_mm, acquisition)
    block = np.maximum(np.round(np.asarray(acquisition.voxel_size_mm) / size).astype(int), 1)
    shape = np.maximum(np.round(np.asarray(phantom.shape) / block).astype(int), 1) * block
    return replace(phantom, voxel_size_mm=size, shape=(int(shape[0]), int(shape[1]), int(shape[2])))


class CubeFolder:
    """Cubes of one recipe in a folder.

    Args:
        path: the folder; made if missing.
        recipe: what its cubes are made from.

    Raises:
        InputError: if the folder holds cubes of another recipe.
    """

    def __init__(self, path: str | Path, recipe: CubeRecipe) -> None:
        self.path = Path(path)
        self.recipe = recipe
        self._claim()

    def _claim(self) -> None:
        manifest = self.path / "dataset.json"
        settings = self.recipe.settings()
        if not manifest.exists():
            with writing(manifest) as temporary:
                temporary.write_text(json.dumps(settings, indent=1) + "\n")
            return
        try:
            found = json.loads(manifest.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{manifest}: unreadable ({one_line(error)}); choose another data.dir") from None
        for field in settings:
            if found.get(field) != settings[field]:
                name, here, there = _first_difference(field, found.get(field), settings[field])
                raise InputError(
                    f"{manifest}: {name}: found {here}, asked for {there}; choose another data.dir or delete this one"
                )

    def _tidy(self) -> None:
        """Remove what a killed process left half-written, once nobody can be writing it any more."""
        for temporary in self.path.glob(".*.tmp"):
            if time.time() - temporary.stat().st_mtime > ABANDONED:
                temporary.unlink(missing_ok=True)

    def file(self, index: int) -> Path:
        """Where cube `index` is kept."""
        return self.path / f"cube_{index:06d}.npz"

    def missing(self, n_cubes: int) -> list[int]:
        """The cubes of the first n that are still to be simulated."""
        return [index for index in range(n_cubes) if not self.file(index).exists()]

    def simulate(self, index: int) -> None:
        """Simulate cube `index` and write it, whole or not at all."""
        recipe = self.recipe
        seed = (recipe.seed, SPLITS.index(recipe.split), index)
        cube = simulate_cube(seed, parameters=recipe.phantom, time=recipe.time, simulator=recipe.simulator)
        seen = cube.response.bed
        if np.isinf(recipe.slower_than):
            seen = seen + cube.response.arterial
        elif recipe.slower_than > 0:
            seen = seen + recipe.simulator.arterial_step_response(
                cube.vessels, cube.time, cube.label, slower_than=recipe.slower_than
            )
        increments = np.diff(seen, axis=0, prepend=np.float32(0)) * INCREMENT_SCALE
        with writing(self.file(index)) as temporary, open(temporary, "wb") as stream:
            np.savez(
                stream,
                perfusion=cube.perfusion.astype(np.float32),
                att=cube.att.astype(np.float32),
                increments=increments.astype(np.float16),
            )

    def read(self, index: int) -> StoredCube:
        """Read cube `index`.

        Raises:
            InputError: if the file is missing or damaged.
        """
        path = self.file(index)
        try:
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as kept:
                stored = {name: kept[name] for name in ("perfusion", "att", "increments")}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise InputError(f"{path}: unreadable ({one_line(error)}); delete it and run again") from None
        expected = (len(self.recipe.time), *self.recipe.phantom.shape)
        if stored["increments"].shape != expected:
            raise InputError(
                f"{path}: found shape {stored['increments'].shape}, not {expected}; delete it and run again"
            )
        increments = stored["increments"].astype(np.float32) / np.float32(INCREMENT_SCALE)
        return StoredCube(perfusion=stored["perfusion"], att=stored["att"], increments=increments)

    def simulate_missing(self, n_cubes: int, n_workers: int) -> Iterator[int]:
        """Simulate what is missing of the first n cubes in worker processes; yields each cube as it is done.

        Raises:
            InputError: if the disk is full or a worker was killed; what was finished stays.
        """
        self._tidy()
        missing = self.missing(n_cubes)
        if n_workers <= 1 or len(missing) <= 1:
            for index in missing:
                self.simulate(index)
                yield index
            return
        with _single_threaded(), ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
            jobs = {pool.submit(self.simulate, index): index for index in missing}
            try:
                for job in as_completed(jobs):
                    job.result()
                    yield jobs[job]
            except BrokenProcessPool:
                raise InputError(
                    f"{self.path}: a simulating process was killed (out of memory?); run again to go on, with fewer "
                    "data.n_workers if it recurs"
                ) from None
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def block_of(recipe: CubeRecipe, acquisition: Acquisition) -> tuple[int, int, int]:
    """Simulated voxels in one acquired voxel along each axis."""
    return block_size(recipe.phantom.voxel_size_mm, acquisition)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Started processes use one thread each."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _first_difference(name: str, found: object, asked: object) -> tuple[str, object, object]:
    if isinstance(found, dict) and isinstance(asked, dict):
        for key in asked:
            if found.get(key) != asked[key]:
                return _first_difference(f"{name}.{key}", found.get(key), asked[key])
    return name, found, asked
