"""Killed at random points and started again, a simulation ends with the bytes of one that was left alone."""

import multiprocessing
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.filling import fill
from simulators import CubeParameters, NumbaSimulator

ROOT = Path(__file__).parents[4]
SCRIPT = Path(__file__).parent / "fill_cubes.py"
RECIPE = CubeRecipe(phantom=CubeParameters(shape=(8, 8, 8)), simulator=NumbaSimulator(), seed=3)
SHARD_SIZE = 4
N_CUBES = 240
SECONDS_AT_MOST = 120


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cubes, by one process that nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    fill(CubeStore(folder, RECIPE, shard_size=SHARD_SIZE), N_CUBES, LocalCluster(1), "Simulating")
    return folder


def visible(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def same(folder: Path, undisturbed: Path, n_cubes: int) -> bool:
    expected = visible(undisturbed)
    shards = sorted(name for name in expected if name.startswith("shard"))[: n_cubes // SHARD_SIZE]
    return visible(folder) == {name: expected[name] for name in (*shards, "dataset.json")}


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS_AT_MOST
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill(pid: int, *, with_workers: bool) -> None:
    """SIGKILL a process, and all that it started or not one of them."""
    process = psutil.Process(pid)
    victims = [process, *(process.children(recursive=True) if with_workers else [])]
    for victim in victims:
        try:
            victim.kill()
        except psutil.NoSuchProcess:
            assert victim is not process


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_twenty_kills(undisturbed: Path, tmp_path: Path) -> None:
    """Of the command alone and of its workers too, while it writes: processes start from one that has all loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["qtmnet.datasets.filling", "qtmnet.datasets.cluster.local", "qtmnet.datasets.cube_store"]
    )
    rng = random.Random(4)
    store = CubeStore(tmp_path, RECIPE, shard_size=SHARD_SIZE)
    for number in range(20):
        before = names(tmp_path)
        cluster = LocalCluster(2 if number % 5 == 4 else 1)
        process = context.Process(target=fill, args=(store, N_CUBES, cluster, "Simulating"))
        process.start()
        until(lambda before=before: names(tmp_path) - before)
        time.sleep(rng.uniform(0, 0.25))
        assert process.is_alive()
        kill(process.pid, with_workers=number % 10 == 4)
        process.join()
        assert store.missing(N_CUBES)  # it was killed at work
    fill(store, N_CUBES, LocalCluster(1), "Simulating")
    assert same(tmp_path, undisturbed, N_CUBES)
    assert not store.storage.unfinished()


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start fill_cubes.py with some options; ended with the test."""
    started = []

    def start(*options: str) -> subprocess.Popen:
        command = [sys.executable, str(SCRIPT), str(tmp_path / "cubes"), *options]
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8"))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def writer(process: subprocess.Popen, folder: Path) -> psutil.Process | None:
    """The process below another that has an unfinished shard open."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if any(file.path.startswith(f"{folder}/.shard") for file in child.open_files()):
                return child
        except (psutil.NoSuchProcess, FileNotFoundError):
            continue
    return None


@pytest.mark.parametrize(
    ("cluster", "number"),
    [("dask", "SIGKILL"), ("slurm", "SIGKILL"), ("slurm", "SIGUSR2")],
    ids=["dask worker killed", "job killed", "job preempted"],
)
def test_a_worker_ended_in_the_midst_of_a_shard(
    undisturbed: Path, tmp_path: Path, at_work: Callable, cluster: str, number: str
) -> None:
    folder = tmp_path / "cubes"
    options = ["executor=local", f"folder={tmp_path / 'jobs'}"] if cluster == "slurm" else []
    process = at_work("80", cluster, "n_workers=2", *options)
    found: list[psutil.Process] = []
    until(lambda: found.append(writer(process, folder)) or found[-1])
    found[-1].send_signal(getattr(signal, number))
    _, said = process.communicate(timeout=SECONDS_AT_MOST)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert same(folder, undisturbed, 80)


def test_two_started_at_once_do_not_damage_each_other(undisturbed: Path, tmp_path: Path, at_work: Callable) -> None:
    both = [at_work("80", "local", "n_workers=1") for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=SECONDS_AT_MOST)
        assert process.returncode == 0, said
    assert same(tmp_path / "cubes", undisturbed, 80)
    assert names(tmp_path / "cubes") == set(visible(tmp_path / "cubes"))


def test_the_command_itself(command, tmp_path: Path) -> None:
    """simulate.py killed alone, then with its workers; then run to its end in this process."""
    settings = ("phantom.shape=[8,8,8]", "data.n_cubes=96", "data.shard_size=4", "seed=3")
    folder = tmp_path / "cubes"
    rng = random.Random(7)
    for with_workers in (False, True):
        before = names(folder)
        words = [sys.executable, str(ROOT / "simulate.py"), *settings, f"data.dir={folder}", "cluster.n_workers=2"]
        with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            until(lambda before=before: any("shard" in name for name in names(folder) - before))
            time.sleep(rng.uniform(0, 0.3))
            kill(process.pid, with_workers=with_workers)
        assert "dataset.json" in names(folder)
    assert command("simulate", *settings, f"data.dir={folder}", "cluster.n_workers=1").status == 0
    assert command("simulate", *settings, f"data.dir={tmp_path / 'other'}", "cluster.n_workers=1").status == 0
    assert visible(folder) == visible(tmp_path / "other")
    assert command("simulate", *settings, f"data.dir={folder}", "verify=true").status == 0
