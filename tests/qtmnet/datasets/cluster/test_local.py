"""Processes of this machine: each task is done, lost ones again, and nothing outlives the command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qtmnet.datasets.cluster import local
from qtmnet.datasets.cluster.local import LocalCluster
from simulators import InputError

HERE = Path(__file__).parent


@pytest.mark.parametrize("n_workers", [1, 2])
def test_each_task_is_done_once(odd: Callable, marks: Callable, n_workers: int) -> None:
    answers = list(LocalCluster(n_workers).run(odd("fine_a", "busy_b", "fine_c")))
    assert sorted(answers) == [False, True, True]
    assert marks() == ["busy_b-0", "fine_a-0", "fine_c-0"]


def test_a_lost_task_is_done_again(odd: Callable, marks: Callable, capfd: pytest.CaptureFixture[str]) -> None:
    assert list(LocalCluster(2).run(odd("once_a", "thread_b"))) == [True, True]
    assert {"once_a-0", "once_a-1"} < set(marks())
    assert "a worker process was killed; its shard begins anew" in capfd.readouterr().err


def test_a_task_that_always_kills_its_worker_is_given_up(
    odd: Callable, marks: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "LOST_IN_A_ROW", 2)
    with pytest.raises(InputError, match=r"killed again and again.*fewer cluster\.n_workers"):
        list(LocalCluster(2).run(odd("deadly_a", "deadly_b")))
    assert len([mark for mark in marks() if mark.startswith("deadly_a")]) <= 2


def test_an_error_of_the_users_ends_all_at_once(odd: Callable, marks: Callable) -> None:
    with pytest.raises(InputError, match=r"^shard-00000\.npy: cannot be written \(no space left on the disk\)$"):
        list(LocalCluster(2).run(odd("full", "long", *(f"slow_{k}" for k in range(20)))))
    assert "slow_19-0" not in marks()  # 19 s after the error, if nothing ended it


RUN = "from odd_tasks import Odd; from qtmnet.datasets.cluster.local import LocalCluster; import sys\n"
RUN += "if __name__ == '__main__':\n"
RUN += "    list(LocalCluster(2).run([Odd(sys.argv[1], 'long'), Odd(sys.argv[1], 'long')]))"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_command(odd: Callable, marks: Callable, tmp_path: Path, number: int) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN, encoding="utf-8")
    command = [sys.executable, str(script), str(tmp_path / "marks")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True) as process:
        while len(marks()) < 2:
            time.sleep(0.05)
        workers = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _is_of(int(pid), process.pid)]
        assert len(workers) >= 3
        os.kill(process.pid, number)
        _, said = process.communicate()
    assert "SpawnProcess" not in said  # one traceback at most, the command's own
    deadline = time.monotonic() + 30
    while any(_is_of(pid, process.pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "cleaned-0" in marks()


def _is_of(pid: int, session: int) -> bool:
    """Whether a process runs, as part of a session."""
    try:
        return (
            os.getsid(pid) == session
            and Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
        )
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.parametrize("n_workers", [0, -1, 1.5, "two", True])
def test_workers_are_counted_in_whole_numbers(n_workers: object) -> None:
    with pytest.raises(InputError, match=r"n_workers: found .*; give a whole number from 1 to 4096 or null"):
        LocalCluster(n_workers)
