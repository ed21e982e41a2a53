"""Files are written whole or not at all, alone or together, and names are looked at before the long work."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.errors import InputError
from simulators.files.writing import check_can_write, writing, writing_together


def test_files_appear_together(tmp_path: Path) -> None:
    one, two = tmp_path / "new" / "one", tmp_path / "two"
    two.write_bytes(b"old")
    with writing_together() as drafts:
        drafts.write(one, b"1")
        drafts.write(two, b"2")
        assert not one.exists()
        assert two.read_bytes() == b"old"
    assert (one.read_bytes(), two.read_bytes()) == (b"1", b"2")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "one", "two"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, InputError, OSError(errno.ENOSPC, "full"), ZeroDivisionError])
def test_or_none_of_them_does(tmp_path: Path, failure: BaseException | type[BaseException]) -> None:
    (tmp_path / "two").write_bytes(b"old")
    with pytest.raises((KeyboardInterrupt, InputError, ZeroDivisionError)), writing_together() as drafts:  # noqa: PT012
        drafts.write(tmp_path / "new" / "folder" / "one", b"1")
        drafts.write(tmp_path / "two", b"2")
        raise failure
    assert [path.name for path in tmp_path.rglob("*")] == ["two"]
    assert (tmp_path / "two").read_bytes() == b"old"


def write_both(folder: Path) -> None:
    with writing_together() as drafts:
        for name in "ab":
            drafts.write(folder / name, b"x")


def test_a_folder_of_the_name_of_the_last_file_keeps_the_first_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match=r"/b: cannot be written \(there is a folder"):
        write_both(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_what_was_written_before_a_failure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def fail_at_b(draft: Path, path: Path) -> None:
        if path.name == "b":
            raise OSError(errno.EIO, "Input/output error")
        replace(draft, path)

    monkeypatch.setattr(os, "replace", fail_at_b)
    with pytest.raises(InputError, match=r"/b: cannot be written .*; .*/a had been written"):
        write_both(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


KILLED = """
import os, signal, sys
from pathlib import Path
from simulators.files.writing import writing
with writing(Path(sys.argv[1])) as draft:
    draft.write_bytes(b"half")
    os._exit(9)
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    path = tmp_path / "map.nii.gz"
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with writing(path) as first, writing(path) as second:
        assert first != second
        first.write_bytes(b"1")
        second.write_bytes(b"2")
    assert path.read_bytes() == b"1"
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_that_a_folder_takes(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    check_can_write([path])
    with writing(path) as draft:
        draft.write_bytes(b"x")
    assert path.read_bytes() == b"x"


def test_a_link_is_replaced_and_what_it_leads_to_is_spared(tmp_path: Path) -> None:
    """As of DataLad, whose links lead to what must not change."""
    (tmp_path / "kept").write_bytes(b"old")
    (tmp_path / "link").symlink_to("kept")
    check_can_write([tmp_path / "link"])
    with writing(tmp_path / "link") as draft:
        draft.write_bytes(b"new")
    assert (tmp_path / "kept").read_bytes() == b"old"
    assert (tmp_path / "link").read_bytes() == b"new"


BAD_TARGETS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a folder": (lambda folder: (folder / "x").mkdir(), "x", "taken by a folder"),
    "a pipe": (lambda folder: os.mkfifo(folder / "x"), "x", "taken by a folder, a pipe"),
    "a device": (lambda folder: (folder / "x").symlink_to("/dev/null"), "x", "or a device"),
    "in a file": (lambda folder: (folder / "file").touch(), "file/x", "/file is a file"),
    "deep in a file": (lambda folder: (folder / "file").touch(), "file/a/b/x", "/file is a file"),
    "behind a broken link": (lambda folder: (folder / "link").symlink_to("nowhere"), "link/x", "is not there"),
    "in a circle": (lambda folder: (folder / "link").symlink_to("link"), "link/x", "symbolic links"),
    "too long": (lambda folder: None, "n" * 300, "name too long"),
    "too long in a new folder": (lambda folder: None, "new/" + "n" * 300, "name too long"),
    "a folder too long": (lambda folder: None, "n" * 300 + "/x", "name too long"),
    "zero": (lambda folder: None, "a\0b", "no file can have this name"),
    "no folder of ours": (lambda folder: None, "/proc/qtmnet/x", "cannot be written"),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_what_cannot_be_written_is_said_before_anything_is(tmp_path: Path, name: str) -> None:
    spoil, target, told = BAD_TARGETS[name]
    if not hasattr(os, "mkfifo") or (target.startswith("/proc") and not Path("/proc").exists()):
        pytest.skip("not on this system")
    spoil(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as error:
        check_can_write([tmp_path / "good", tmp_path / target])
    assert told in str(error.value)
    assert str(error.value).isprintable()
    assert sorted(tmp_path.rglob("*")) == before
