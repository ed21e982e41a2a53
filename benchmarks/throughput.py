"""How fast cubes are simulated, read, and trained on, and what share of the training waits for them.

    python benchmarks/throughput.py [--workers 2] [--cubes 48] [--epochs 4] [--zarr] [phantom.shape=[16,16,16] …]

Cubes are those of `experiment=quickstart`, with other settings if they are given, in a temporary folder. `--zarr`
compares the shards with Zarr v3, if that is installed. Ratios hold for one run: the machine cancels.
"""

import argparse
import contextlib
import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ["NUMBA_NUM_THREADS"] = "1"  # read when Numba is imported; a worker uses one thread
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from qtmnet.commands.sources import build_source
from qtmnet.commands.train import train
from qtmnet.configuration.conf_folder import CONF
from simulators.machine.cores import n_cores

STREAM = ("data=cco_stream", "data.samples_per_epoch=32", "data.n_trees=4")

SOURCES: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "stored": (("data=cco_cubes",), (0, 1)),
    "stored, noise": (("data=cco_cubes", "data.snr=[2,20]"), (0, 1)),
    "streamed": (STREAM, (1, 2)),
}
"""Where training takes its cubes from, and numbers of loader processes to train with."""


settings: list[str] = []
"""Given with the command, of all trainings."""


def configured(*overrides: str) -> DictConfig:
    """The configuration of a training."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["experiment=quickstart", "evaluate=false", *settings, *overrides])


def simulate(folder: Path, n_cubes: int, n_workers: int) -> float:
    """Cubes per second of so many workers, with their start; `folder` is made."""
    source = build_source(configured(f"data.n_cubes={n_cubes}", f"data.dir={folder}", f"cluster.n_workers={n_workers}"))
    start = perf_counter()
    source.simulate()
    return n_cubes / (perf_counter() - start)


def show_simulation(folder: Path, n_cubes: int, counts: Sequence[int]) -> None:
    """Print rates by number of workers."""
    print(f"\nsimulating {n_cubes} cubes, {n_cores()} cores\n\nworkers   cubes/s   efficiency")
    alone = None
    for n_workers in counts:
        rate = simulate(folder / f"by-{n_workers}", n_cubes, n_workers)
        alone = alone or rate
        print(f"{n_workers:7d}  {rate:8.3f}  {rate / alone / n_workers:11.0%}", flush=True)


def forget(folder: Path) -> None:
    """Drop what the system keeps of a folder's files in memory, as far as it lets go."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def milliseconds(read: Callable[[int], object], order: Sequence[int]) -> float:
    """Median time to read one of the cubes."""
    times = []
    for index in order:
        start = perf_counter()
        read(index)
        times.append(perf_counter() - start)
    return 1e3 * median(times)


def readers(folder: Path, n_cubes: int, *, with_zarr: bool) -> Iterator[tuple[str, Path, Callable[[int], object]]]:
    """What is compared: a name, the folder that it lies in, and a function that reads a cube."""
    cubes = build_source(configured(f"data.n_cubes={n_cubes}", f"data.dir={folder}")).cubes["train"]
    store, acquired = cubes.store(), cubes.acquired()
    yield "store, a whole cube", folder, store.__getitem__
    yield "store, as it is kept", folder, lambda index: [np.array(store.records[index][k]) for k in ("arterial", "bed")]
    yield "acquired, increments", folder, lambda index: np.array(acquired[index].increments)
    if with_zarr:
        path = folder.parent / "zarr"
        arrays = to_zarr([store.records[index] for index in range(n_cubes)], path, store.records.layout.shard_size)
        yield "Zarr, as it is kept", path, lambda index: [array[index] for array in arrays]


def to_zarr(records: Sequence[np.void], path: Path, shard_size: int) -> list:
    """Write the increments as Zarr v3: a chunk for each cube, shards as large as ours, zstd; returns the arrays."""
    import zarr

    arrays = []
    for name in ("arterial", "bed"):
        whole = np.stack([record[name] for record in records])
        chunk = (1, *whole.shape[1:])
        array = zarr.create_array(
            str(path / name),
            shape=whole.shape,
            dtype=whole.dtype,
            chunks=chunk,
            shards=(min(shard_size, len(records)), *chunk[1:]),
            compressors=zarr.codecs.ZstdCodec(level=3),
        )
        array[:] = whole
        arrays.append(zarr.open_array(str(path / name), mode="r"))
    return arrays


def show_reading(folder: Path, n_cubes: int, *, with_zarr: bool) -> None:
    """Print times to read a random cube."""
    print("\nreading a random cube, ms: after the system forgot the files and with checksums; again, and without\n")
    print("what                    first    again   MB of files")
    order = np.random.default_rng(0).permutation(n_cubes).tolist()
    for name, where, read in readers(folder, n_cubes, with_zarr=with_zarr):
        forget(where)
        first, again = milliseconds(read, order), milliseconds(read, order)
        files = [path for path in where.rglob("*") if path.is_file() and "views" not in path.parts]
        if name.startswith("acquired"):
            files = [path for path in (where / "views").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        print(f"{name:20s}  {first:7.2f}  {again:7.2f}  {size:12.1f}", flush=True)


def show_training(folder: Path, n_cubes: int, n_epochs: int) -> None:
    """Print the share of the training time that waits for data."""
    print("\ntraining, batches of 4: share that waits for data in the first epoch and later (median)\n")
    print("cubes             loaders    first    later   samples/s")
    for name, (source, loaders) in SOURCES.items():
        for n_loaders in loaders:
            run = folder.parent / "runs" / f"{name}-{n_loaders}"
            where = (f"data.dir={folder}", f"data.n_cubes={n_cubes}", f"data.loader_workers={n_loaders}")
            where += (f"data.pool={folder.parent / 'trees'}",) if source == STREAM else ()
            with contextlib.redirect_stdout(None):
                train(configured(*source, *where, f"trainer.max_epochs={n_epochs}", f"run_dir='{run}'"))
            with (run / "metrics.csv").open(encoding="utf-8") as stream:
                rows = [row for row in csv.DictReader(stream) if row["train/data_wait"]]
            waits = [float(row["train/data_wait"]) for row in rows]
            rate = median(float(row["train/samples_per_s"]) for row in rows[1:])
            later = median(waits[1:])
            print(f"{name:16s}  {n_loaders:7d}  {waits[0]:7.1%}  {later:7.1%}  {rate:10.1f}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=n_cores(), help="at most (default: one for each core)")
    parser.add_argument("--cubes", type=int, default=48, help="to simulate by each number of workers (default 48)")
    parser.add_argument("--epochs", type=int, default=4, help="to train for (default 4)")
    parser.add_argument("--zarr", action="store_true", help="compare the shards with Zarr v3")
    parser.add_argument("settings", nargs="*", help="of the training, such as phantom.shape=[16,16,16]")
    options = parser.parse_args()
    settings[:] = options.settings
    if options.workers < 1 or options.cubes < 8 or options.epochs < 2:
        parser.error("give at least 1 worker, 8 cubes and 2 epochs")

    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder) / "first", 1, 1)  # compiles or loads
        counts = [2**k for k in range(options.workers.bit_length())]
        show_simulation(Path(folder), options.cubes, counts)
        cubes = Path(folder) / "by-1"
        show_reading(cubes, options.cubes, with_zarr=options.zarr)
        show_training(cubes, options.cubes, options.epochs)


if __name__ == "__main__":
    main()
