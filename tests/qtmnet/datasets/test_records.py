"""Records over shards: counted, made where missing, read when sound; every kind of damage is found and named."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from qtmnet.datasets.shard import ShardFormat
from qtmnet.datasets.shard_files import Records
from qtmnet.datasets.storage.storage import storage_at
from simulators import InputError

LAYOUT = ShardFormat((("values", "<f4", (50,)),), "0123456789abcdef", shard_size=4)


def arrays(index: int) -> Mapping[str, np.ndarray]:
    return {"values": np.full(50, index, np.float32)}


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """Ten records in shards of 4, 4 and 2."""
    made = Records(storage_at(tmp_path), LAYOUT)
    for shard, count in made.missing(10):
        made.write(shard, count, arrays)
    return made


def test_each_record_is_found(records: Records) -> None:
    for index in (9, 0, 5):
        np.testing.assert_array_equal(records[index]["values"], index)
    assert records.counts() == {0: 4, 1: 4, 2: 2}
    assert records.missing(10) == []
    assert list(records.flaws(10)) == []


def test_what_is_missing_is_what_is_not_there(records: Records, tmp_path: Path) -> None:
    (tmp_path / "shard-00001.npy").unlink()
    assert records.missing(10) == [(1, 4)]
    assert records.missing(4) == []
    assert records.missing(12) == [(1, 4), (2, 4)]
    fresh = Records(storage_at(tmp_path), LAYOUT)
    with pytest.raises(InputError, match=r"shard-00001\.npy: cube 5: missing; run qtmnet simulate"):
        fresh[5]
    (flaw,) = fresh.flaws(10)
    assert "shard-00001.npy: missing or short of cubes; run qtmnet simulate" in flaw


def test_growth_keeps_what_is_there_and_fills_the_short_shard(records: Records, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    np.testing.assert_array_equal(records[9]["values"], 9)  # the short shard is open, as in a training that goes on
    made = []

    def noted(index: int) -> Mapping[str, np.ndarray]:
        made.append(index)
        return arrays(index)

    grown = Records(storage_at(tmp_path), LAYOUT)
    for shard, count in grown.missing(15):
        grown.write(shard, count, noted)
    assert made == [10, 11, 12, 13, 14]
    for name in ("shard-00000.npy", "shard-00001.npy"):
        assert (tmp_path / name).read_bytes() == before[name]
    header, row = len(LAYOUT.header(4)), LAYOUT.dtype.itemsize
    for index in range(15):
        np.testing.assert_array_equal(records[index]["values"], index)
    assert (tmp_path / "shard-00002.npy").read_bytes()[header : header + 2 * row] == before["shard-00002.npy"][header:]


def test_a_shorter_dataset_leaves_the_longer_shard(records: Records) -> None:
    assert records.write(2, 1, arrays)
    assert records.counts()[2] == 2


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


HEADER, ROW = len(LAYOUT.header(4)), LAYOUT.dtype.itemsize


@pytest.mark.parametrize(
    ("damage", "needle"),
    [
        (flip(20), "cut short, damaged or made from other settings"),
        (flip(HEADER + 2 * ROW), "cube 6: damaged"),
        (flip(HEADER + 2 * ROW + 70), "cube 6: damaged"),
        (flip(HEADER + 3 * ROW - 8), "cube 6: damaged"),
        (flip(HEADER + 3 * ROW - 1), "cube 6: damaged"),
        (lambda data: data[: HEADER + 2 * ROW] + bytes(ROW) + data[HEADER + 3 * ROW :], "cube 6: damaged"),
        (lambda data: data[: HEADER + 2 * ROW] + 2 * data[HEADER + 3 * ROW :], "cube 6: cube 7, in the place of"),
        (lambda data: data[:-1], "cut short"),
        (lambda data: data[:-ROW], "cut short"),
        (lambda data: data[:100], "cut short"),
        (lambda data: b"", "cut short"),
    ],
)
def test_a_damaged_shard_is_named_and_never_read(
    records: Records, tmp_path: Path, damage: Callable[[bytes], bytes], needle: str
) -> None:
    path = tmp_path / "shard-00001.npy"
    path.write_bytes(damage(path.read_bytes()))
    fresh = Records(storage_at(tmp_path), LAYOUT)
    with pytest.raises(InputError) as told:
        fresh[6]
    assert str(told.value).startswith(f"{path}: ")
    assert needle in str(told.value)
    assert "delete" in str(told.value)


@pytest.mark.parametrize("size", [0, 100, HEADER + ROW, HEADER + 2 * ROW - 1, HEADER + 5 * ROW])
def test_a_shard_cut_short_is_found_by_its_size_alone(records: Records, tmp_path: Path, size: int) -> None:
    """Before anything is made or trained on; by its header, if the cut is between two records."""
    path = tmp_path / "shard-00001.npy"
    path.write_bytes(path.read_bytes()[:size].ljust(size, b"\0"))
    if size == HEADER + ROW:
        assert records.missing(10) == [(1, 4)]
        with pytest.raises(InputError, match=r"shard-00001\.npy: cut short"):
            records.write(1, 4, arrays)
        return
    for call in (records.counts, lambda: records.missing(10), lambda: records.write(2, 4, arrays)):
        with pytest.raises(InputError, match=rf"shard-00001\.npy: cut short or of another format \({size} bytes\)"):
            call()


def test_a_shard_under_another_number_is_found(records: Records, tmp_path: Path) -> None:
    (tmp_path / "shard-00000.npy").rename(tmp_path / "shard-00001.npy")
    fresh = Records(storage_at(tmp_path), LAYOUT)
    with pytest.raises(InputError, match=r"shard-00001\.npy: cube 4: cube 0, in the place of another"):
        fresh[4]


def test_a_shard_of_other_settings_is_found(records: Records, tmp_path: Path) -> None:
    other = Records(storage_at(tmp_path), ShardFormat(LAYOUT.fields, "f" * 16, 4))
    with pytest.raises(InputError, match=r"shard-00000\.npy: cube 0: made from other settings \(0123"):
        other[0]


def test_flaws_are_told_shard_by_shard(records: Records, tmp_path: Path) -> None:
    (tmp_path / "shard-00000.npy").unlink()
    path = tmp_path / "shard-00002.npy"
    path.write_bytes(flip(HEADER + 9)(path.read_bytes()))
    damaged, missing = Records(storage_at(tmp_path), LAYOUT).flaws(10)
    assert "shard-00002.npy: cube 8: damaged" in damaged
    assert "shard-00000.npy: missing or short of cubes; run" in missing


def test_a_shard_cut_short_hides_no_other(records: Records, tmp_path: Path) -> None:
    for name, harm in (("shard-00000.npy", lambda whole: whole[:-1]), ("shard-00002.npy", flip(HEADER + 9))):
        (tmp_path / name).write_bytes(harm((tmp_path / name).read_bytes()))
    cut, damaged, missing = Records(storage_at(tmp_path), LAYOUT).flaws(17)
    assert "shard-00000.npy: cut short" in cut
    assert "shard-00002.npy: cube 8: damaged" in damaged
    assert "shard-00002.npy: missing or short of cubes, and 2 files more" in missing
    assert np.array_equal(Records(storage_at(tmp_path), LAYOUT)[5]["values"], arrays(5)["values"])


def test_progress_counts_what_grows_and_not_what_a_killed_process_left(tmp_path: Path) -> None:
    records = Records(storage_at(tmp_path), LAYOUT)
    records.write(0, 4, arrays)
    left = tmp_path / ".shard-00001.npy.0a1b2c3d.tmp"
    left.write_bytes(bytes(HEADER + 3 * ROW))
    count = records.counter(10)
    assert count() == 4
    seen = []

    def watched(index: int) -> Mapping[str, np.ndarray]:
        seen.append(count())
        return arrays(index)

    records.write(1, 4, watched)
    assert seen == [4, 5, 6, 7]
    assert count() == 8
    assert records.counter(6)() == 6


def test_another_writer_of_the_same_shard_gives_way(records: Records, tmp_path: Path) -> None:
    other = Records(storage_at(tmp_path), LAYOUT)

    def meanwhile(index: int) -> Mapping[str, np.ndarray]:
        assert other.busy(3)
        assert not other.write(3, 4, arrays)
        return arrays(index)

    assert records.write(3, 1, meanwhile)
    assert not other.busy(3)
    assert other.write(3, 4, arrays)
