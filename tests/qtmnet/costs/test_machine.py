"""What this machine has left, also within the limits of containers and batch jobs."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from qtmnet.costs import machine


def cgroup(folder: Path, names: tuple[str, str, str], limit: str, used: int, inactive: int) -> None:
    """Write the files of one cgroup."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"active_file 7\n{names[2]} {inactive}\n")


V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def test_room_in_a_cgroup_of_version_2_and_in_those_around_it(tmp_path: Path) -> None:
    cgroup(tmp_path / "jobs" / "17", V2, "1000", 600, 100)
    cgroup(tmp_path / "jobs", V2, "max", 5000, 0)
    cgroup(tmp_path, V2, "2000", 1800, 50)
    own = tmp_path / "own"
    own.write_text("0::/jobs/17\n")
    assert sorted(machine.cgroup_room(tmp_path, own)) == [250.0, 500.0]


def test_a_container_sees_its_own_limit_at_the_root(tmp_path: Path) -> None:
    cgroup(tmp_path / "memory", V1, "4000", 1000, 200)
    own = tmp_path / "own"
    own.write_text("5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n")
    assert list(machine.cgroup_room(tmp_path, own)) == [3200.0]


def test_no_cgroups_no_limit(tmp_path: Path) -> None:
    assert list(machine.cgroup_room(tmp_path, tmp_path / "missing")) == []


def test_the_least_room_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cgroup_room", lambda: iter([1e30, 12345.0]))
    assert machine.free_memory() == 12345.0
    monkeypatch.setattr(machine, "cgroup_room", lambda: iter(()))
    assert 0 < machine.free_memory() <= psutil.virtual_memory().total


def test_room_on_disk_where_a_folder_will_be(tmp_path: Path) -> None:
    assert machine.free_disk(str(tmp_path / "not" / "yet")) == pytest.approx(machine.free_disk(str(tmp_path)), rel=0.1)
    assert machine.free_disk(f"file://{tmp_path}") is not None
    assert machine.device_of(str(tmp_path / "not" / "yet")) == tmp_path.stat().st_dev


def test_nobody_knows_the_room_of_an_object_store_or_of_what_is_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.free_disk("s3://bucket/cubes") is None
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(total=0, free=0))  # as of /proc
    assert machine.free_disk(".") is None
