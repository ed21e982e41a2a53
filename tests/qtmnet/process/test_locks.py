"""One process at a time is in, nothing is left behind, and what a killed process left is no hindrance."""

import errno
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qtmnet.process import locks
from qtmnet.process.locks import BusyError, is_locked, locked


def test_one_is_in_at_a_time_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    with locked(path) as alone:
        assert alone
        assert is_locked(path)
        with pytest.raises(BusyError), locked(path):
            pass
        assert is_locked(path), "a look and a try take nothing away"
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_opens_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


DIE_INSIDE = """
import os, pathlib, signal, sys
from qtmnet.process.locks import locked
with locked(pathlib.Path(sys.argv[1])):
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    subprocess.run([sys.executable, "-c", DIE_INSIDE, str(path)], check=False)
    assert path.exists()
    assert not is_locked(path)
    with locked(path):
        assert is_locked(path)
    assert not path.exists()


def _count_up(path: Path, rounds: int) -> None:
    """Add to the number in a file, which only who is alone may do without losing some."""
    number = path.with_name("number")
    for _ in range(rounds):
        while True:
            try:
                with locked(path):
                    before = int(number.read_text(encoding="ascii"))
                    number.write_text(str(before + 1), encoding="ascii")
                break
            except BusyError:
                continue


def test_processes_that_race_for_it_never_meet(tmp_path: Path) -> None:
    """Each removes the lock's file as it goes out, while others are opening it."""
    (tmp_path / "number").write_text("0", encoding="ascii")
    start = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn").Process
    racing = [start(target=_count_up, args=(tmp_path / "lock", 100)) for _ in range(3)]
    for process in racing:
        process.start()
    for process in racing:
        process.join()
    assert [process.exitcode for process in racing] == [0, 0, 0]
    assert (tmp_path / "number").read_text(encoding="ascii") == "300"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


def test_the_file_of_another_that_took_its_place_is_not_taken_for_ours(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "lock"
    take = locks.lock_descriptor

    def replaced_meanwhile(descriptor: int, **how: bool) -> bool:
        path.unlink()
        path.touch()
        return take(descriptor, **how)

    monkeypatch.setattr(locks, "lock_descriptor", replaced_meanwhile)
    with pytest.raises(BusyError), locked(path):
        pass
    assert path.exists(), "it is the other's"


def test_where_open_files_cannot_be_removed_it_is_removed_when_closed(tmp_path: Path, monkeypatch) -> None:
    """As on Windows."""
    path, tries, unlink = tmp_path / "lock", [], Path.unlink

    def refuses_once(self: Path, missing_ok: bool = False) -> None:
        tries.append(self)
        if len(tries) == 1:
            raise PermissionError(errno.EACCES, "used by another process")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuses_once)
    with locked(path):
        pass
    assert tries == [path, path]
    assert list(tmp_path.iterdir()) == []


def test_without_locks_nobody_is_kept_out(tmp_path: Path, monkeypatch) -> None:
    def none(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "lock_descriptor", none)
    with locked(tmp_path / "lock") as alone, locked(tmp_path / "lock") as also:
        assert not alone
        assert not also
        assert not is_locked(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_locked_for_another_reason_is_an_error(tmp_path: Path, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(locks, "lock_descriptor", broken)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)), locked(tmp_path / "lock"):
        pass
