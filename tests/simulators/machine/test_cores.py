"""As many cores as this process may use: bound to some, within a quota, in a Slurm job, on any system."""

import os
from pathlib import Path

import pytest

from simulators.machine import control_groups
from simulators.machine.cores import n_cores


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that binds and limits nothing."""
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(control_groups, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(control_groups, "OWN_CGROUPS", tmp_path / "own")


def test_all_where_nothing_is_known(monkeypatch) -> None:
    assert n_cores() == 16
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert n_cores() == 1


def test_those_that_the_process_is_bound_to(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert n_cores() == 3
    monkeypatch.setattr(os, "process_cpu_count", lambda: 2, raising=False)
    assert n_cores() == 2


@pytest.mark.parametrize(("given", "expected"), [("4", 4), ("64", 16), ("", 16), ("many", 16)])
def test_those_of_the_slurm_task(monkeypatch, given: str, expected: int) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", given)
    assert n_cores() == expected


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"cpu.max": "300000 100000"}, 3),
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "1000 100000"}, 1),
        ("0::/", {"cpu.max": "max 100000"}, 16),
        ("0::/", {"cpu.max": "nonsense"}, 16),
        ("0::/job/step", {"job/step/cpu.max": "max 100000", "job/cpu.max": "400000 100000"}, 4),
        ("0::/of/the/host", {"cpu.max": "500000 100000"}, 5),
        ("4:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "200000", "cpu/a/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, 16),
        ("5:memory:/\n4:cpuset:/", {"cpu.max": "100000 100000"}, 16),
        ("nonsense", {}, 16),
    ],
)
def test_those_of_its_container(tmp_path: Path, own: str, files: dict[str, str], expected: int) -> None:
    (tmp_path / "own").write_text(own + "\n", encoding="utf-8")
    for name, content in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n", encoding="ascii")
    assert n_cores() == expected
