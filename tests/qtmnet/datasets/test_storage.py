"""Files are whole or not there at all, whoever writes them and however that ends."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from qtmnet.datasets.storage import storage as storages
from qtmnet.datasets.storage.folder import Folder
from qtmnet.datasets.storage.storage import Storage, storage_at
from qtmnet.process import locks
from qtmnet.process.locks import BusyError
from simulators import InputError


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return storage_at(tmp_path / "files" if request.param == "folder" else f"memory://{uuid4().hex}")


def write(storage: Storage, name: str, data: bytes) -> None:
    with storage.writing(name) as stream:
        stream.write(data)


def test_what_is_written_is_listed_and_read(storage: Storage) -> None:
    assert storage.sizes() == {}
    with pytest.raises(FileNotFoundError):
        storage.read("a")
    write(storage, "a", b"abc")
    write(storage, "a", b"longer")
    assert storage.sizes() == {"a": 6}
    assert storage.read("a") == b"longer"
    assert storage.unfinished() == {}


def test_rows_are_read_one_by_one(storage: Storage) -> None:
    write(storage, "table", b"head" + np.arange(5, dtype="<i4").tobytes())
    rows = storage.rows("table", np.dtype("<i4"), 4, 5)
    assert [int(rows[k]) for k in (4, 0, 2)] == [4, 0, 2]
    with pytest.raises(IndexError):
        rows[5]


def test_a_failure_leaves_nothing_and_spares_what_was_there(storage: Storage) -> None:
    write(storage, "a", b"old")

    class OwnError(Exception):
        pass

    with pytest.raises(OwnError), storage.writing("a") as stream:  # noqa: PT012
        stream.write(b"half of the new")
        raise OwnError
    assert storage.read("a") == b"old"
    assert storage.sizes() == {"a": 3}
    assert storage.unfinished() == {}


def test_a_file_has_one_writer_at_a_time(tmp_path: Path) -> None:
    one, other = Folder(tmp_path), Folder(tmp_path)
    with one.writing("a") as stream:
        stream.write(b"1")
        assert other.busy("a")
        assert not other.busy("b")
        with pytest.raises(BusyError), other.writing("a"):
            pass
        write(other, "b", b"2")
    assert not other.busy("a")
    assert {name: one.read(name) for name in one.sizes()} == {"a": b"1", "b": b"2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


WRITE_HALF_AND_DIE = """
import os, pathlib, signal, sys
from qtmnet.datasets.storage.folder import Folder
with Folder(pathlib.Path(sys.argv[1])).writing("a") as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_no_hindrance_and_is_removed(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", WRITE_HALF_AND_DIE, str(tmp_path)]).returncode == -signal.SIGKILL
    files = Folder(tmp_path)
    assert files.sizes() == {}
    assert list(files.unfinished().values()) == [4]
    assert not files.busy("a")
    write(files, "a", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_without_locks_two_writers_do_not_share_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some parallel file systems have none: work is done twice there, never spoilt."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    files = Folder(tmp_path)
    with files.writing("a") as one:
        one.write(b"the same")
        with files.writing("a") as other:
            other.write(b"the same")
        assert files.read("a") == b"the same"
    assert files.read("a") == b"the same"
    assert not files.busy("a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_writer_whose_file_was_removed_elsewhere_gives_way(tmp_path: Path) -> None:
    """A lock that is seen on one machine only: another one's writer took ours for left over."""
    files = Folder(tmp_path)
    with pytest.raises(BusyError), files.writing("a") as stream:  # noqa: PT012
        stream.write(b"1")
        (unfinished,) = tmp_path.glob(".a.*.tmp")
        unfinished.unlink()
    assert files.sizes() == {}


@pytest.mark.parametrize(
    ("number", "needle"), [(errno.ENOSPC, "no space left on the disk"), (errno.EROFS, "Read-only file system")]
)
def test_what_cannot_be_written_is_named(tmp_path: Path, number: int, needle: str) -> None:
    with (
        pytest.raises(InputError, match=rf"a: cannot be written \(.*{needle}.*run again"),
        Folder(tmp_path).writing("a"),
    ):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """For real, where the kernel has a device that is always full."""
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("no /dev/full here")
    full = pytest.raises(InputError, match="no space left on the disk")
    with full, Folder(tmp_path).writing("a") as stream:
        os.dup2(os.open("/dev/full", os.O_WRONLY), stream.fileno())
        stream.write(b"x" * 1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense://bucket", "Protocol not known"),
        ("s3x://bucket/a", "Protocol not known"),
        ("ftp://", "missing 1 required positional argument: 'host'"),
        ("ftp://127.0.0.1:1/a", "; give a folder"),
        ("github://", "'org' and 'repo'"),
        ("zip://", "; give a folder"),
        ("zip://a::nothing.zip", "; give a folder"),
        ("http://127.0.0.1:1/a", "; give a folder"),
        ("reference://", "; give a folder"),
        ("cached://a", "; give a folder"),
        ("a://b", "found 'a://b'"),
        ("://", "found '://'"),
        ("file://", "found 'file://'"),
        ("", "found ''"),
        ("  ", "found '  '"),
        (["a", "b"], r"found ['a', 'b']"),
        (1, "found 1"),
        (None, "found None"),
        ("n" * 300, "too long"),
        ("a\0b", "a name that no file can have"),
        ("file", "file is a file; give a folder"),
        ("file:///dev/null", "/dev/null is a device; give a folder"),
    ],
)
def test_what_is_no_store_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: object, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(InputError) as error:
        storage_at(url)  # type: ignore[arg-type]
    assert "data.dir" in str(error.value)
    assert told in str(error.value)
    assert str(error.value).isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_store_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(storages, "SECONDS_TO_ANSWER", 0.1)
    monkeypatch.setattr(storages.fsspec.core, "url_to_fs", lambda url: answer.wait(60))
    with pytest.raises(InputError, match=r"^data\.dir: memory://far: no answer within 0\.1 s; check the address"):
        storage_at("memory://far")
    answer.set()


@pytest.mark.parametrize("url", ["{}", "file://{}", "file:{}", "file://localhost{}", "local://{}", "{}/"])
def test_the_names_of_a_folder(tmp_path: Path, url: str) -> None:
    storage = storage_at(url.format(tmp_path / "a"))
    assert isinstance(storage, Folder)
    assert storage.path("b") == str(tmp_path / "a" / "b")


def test_trailing_slashes_of_a_url_do_not_count() -> None:
    assert storage_at("memory://a//").path("b") == "memory://a/b"


def test_errors_of_an_object_store_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = storage_at("memory://lost")
    write(storage, "a", b"abc")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no credentials,\nnone at all")

    for method in ("ls", "cat_file", "put_file"):
        monkeypatch.setattr(type(storage.files), method, fail)
    for call in (storage.sizes, lambda: storage.read("a"), lambda: write(storage, "b", b"")):
        with pytest.raises(InputError, match=r"memory://lost.*: RuntimeError: no credentials, none at all; run again"):
            call()


def test_tasks_name_places_that_are_the_same_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = storage_at("cubes")
    assert here.path("a") == "cubes/a"
    assert pickle.loads(pickle.dumps(here)).path("a") == str(tmp_path / "cubes" / "a")
