"""Memory that a process may still take, also within the limits of containers and batch jobs."""

from pathlib import Path

import psutil
import pytest

from simulators.machine import control_groups, memory


@pytest.fixture(autouse=True)
def groups_of_a_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Control groups in the test's own folder."""
    monkeypatch.setattr(control_groups, "CGROUPS", tmp_path)
    monkeypatch.setattr(control_groups, "OWN_CGROUPS", tmp_path / "own")


def cgroup(folder: Path, names: tuple[str, str, str], limit: str, used: int, inactive: int) -> None:
    """Write the files of one cgroup."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n", encoding="utf-8")
    (folder / names[1]).write_text(f"{used}\n", encoding="utf-8")
    (folder / "memory.stat").write_text(f"active_file 7\n{names[2]} {inactive}\n", encoding="utf-8")


V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def test_room_in_a_cgroup_of_version_2_and_in_those_around_it(tmp_path: Path) -> None:
    cgroup(tmp_path / "jobs" / "17", V2, "1000", 600, 100)
    cgroup(tmp_path / "jobs", V2, "max", 5000, 0)
    cgroup(tmp_path, V2, "2000", 1800, 50)
    (tmp_path / "own").write_text("0::/jobs/17\n", encoding="utf-8")
    assert sorted(memory.cgroup_room()) == [250.0, 500.0]


def test_a_container_sees_its_own_limit_at_the_root(tmp_path: Path) -> None:
    cgroup(tmp_path / "memory", V1, "4000", 1000, 200)
    (tmp_path / "own").write_text("5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n", encoding="utf-8")
    assert list(memory.cgroup_room()) == [3200.0]


def test_no_cgroups_no_limit() -> None:
    assert list(memory.cgroup_room()) == []


def test_the_least_room_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "cgroup_room", lambda: iter([1e30, 12345.0]))
    assert memory.free_memory() == 12345.0
    monkeypatch.setattr(memory, "cgroup_room", lambda: iter(()))
    assert 0 < memory.free_memory() <= psutil.virtual_memory().total
