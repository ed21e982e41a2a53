"""Dask workers: each task is done, errors are one line, and Dask keeps quiet."""

import sys
from collections.abc import Callable
from pathlib import Path

import distributed
import pytest

from qtmnet.datasets.cluster import dask
from qtmnet.datasets.cluster.dask import DaskCluster
from simulators import InputError


def test_each_task_is_done_and_a_lost_one_again(
    odd: Callable, marks: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = list(DaskCluster(n_workers=2).run(odd("fine_a", "busy_b", "once_c", "thread_d")))
    assert sorted(answers) == [False, True, True, True]
    assert {"busy_b-0", "fine_a-0", "once_c-0", "once_c-1", "thread_d-0"} <= set(marks())  # lost answers, too, again
    assert capfd.readouterr().err == ""


def test_a_running_cluster_is_found_by_address_or_file(odd: Callable, tmp_path: Path) -> None:
    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, protocol="tcp", host="127.0.0.1"
    ) as cluster:  # of threads, which start at once
        address = cluster.scheduler_address
        assert list(DaskCluster(address=address).run(odd("fine_a", "fine_b"))) == [True, True]
        file = tmp_path / "scheduler.json"
        file.write_text(f'{{"address": "{address}"}}', encoding="utf-8")
        assert list(DaskCluster(address=str(file)).run(odd("fine_c"))) == [True]
        with pytest.raises(InputError, match=r"^shard-00000\.npy: cannot be written \(no space left on the disk\)$"):
            list(DaskCluster(address=address).run(odd("full")))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "/no/such/scheduler.json"])
def test_a_scheduler_that_does_not_answer(odd: Callable, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(dask, "SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(InputError, match=rf"^cluster\.address: {address}: no Dask scheduler answers \(.*") as told:
        list(DaskCluster(address=address).run(odd("fine")))
    assert "\n" not in str(told.value)


def test_a_task_that_always_kills_its_worker_is_given_up(
    odd: Callable, marks: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="killed again and again"):
        list(DaskCluster(n_workers=1).run(odd("deadly")))
    assert marks() == ["deadly-0", "deadly-1", "deadly-2"]
    assert "KilledWorker" not in capfd.readouterr().err  # what killed processes still say themselves is not ours


def test_workers_are_counted_in_whole_numbers() -> None:
    with pytest.raises(InputError, match=r"^n_workers: found 0"):
        DaskCluster(n_workers=0)


def test_without_the_package_the_extra_is_named(odd: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"distributed is not installed; pip install 'qtmnet\[cluster\]'"):
        list(DaskCluster().run(odd("fine")))
