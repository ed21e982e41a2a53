"""A shard is a plain NumPy file, and every flaw of it is found."""

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest

from qtmnet.datasets.shard import ShardFormat, write_shard

LAYOUT = ShardFormat((("values", "<f4", (2, 3)), ("name", "<i8", ())), "0123456789abcdef", shard_size=10)


def record(index: int) -> np.ndarray:
    return LAYOUT.record(index, {"values": np.full((2, 3), index), "name": index})


def shard(count: int) -> bytes:
    stream = io.BytesIO()
    write_shard(stream, LAYOUT, count, (record(index) for index in range(count)))
    return stream.getvalue()


def test_any_numpy_reads_it_without_pickles() -> None:
    rows = np.load(io.BytesIO(shard(4)), allow_pickle=False)
    assert rows.shape == (4,)
    np.testing.assert_array_equal(rows["values"][:, 1, 2], np.arange(4))
    assert rows["made_from"][0] == b"0123456789abcdef"


@pytest.mark.parametrize("count", [1, 3, 10])
def test_the_size_of_a_file_tells_how_many_records_it_has(count: int) -> None:
    size = len(shard(count))
    assert LAYOUT.size(count) == size
    assert LAYOUT.count(size) == count
    assert LAYOUT.count(size - 1) is None
    assert LAYOUT.count(size + 1) is None


@pytest.mark.parametrize("size", [0, 10, LAYOUT.size(0), LAYOUT.size(11)])
def test_no_file_is_of_this_size(size: int) -> None:
    assert LAYOUT.count(size) is None


def test_every_bit_of_a_record_counts() -> None:
    whole = record(7)
    assert LAYOUT.flaw(whole[()], 7) is None
    for byte in range(LAYOUT.dtype.itemsize):
        data = bytearray(whole.tobytes())
        data[byte] ^= 1 << byte % 8
        assert LAYOUT.flaw(np.frombuffer(bytes(data), LAYOUT.dtype)[0], 7) is not None, byte


def test_a_record_knows_what_and_whose_it_is() -> None:
    assert "cube 7, in the place of another" in str(LAYOUT.flaw(record(7)[()], 8))
    other = ShardFormat(LAYOUT.fields, "fedcba9876543210", 10)
    assert "made from other settings (0123456789abcdef, not fed" in str(other.flaw(record(7)[()], 7))


def test_records_are_aligned() -> None:
    assert LAYOUT.dtype.itemsize % 8 == 0
    assert len(LAYOUT.header(10)) % 64 == 0


@pytest.mark.parametrize("sign", [-1, 1])
def test_what_float16_has_no_room_for_is_kept_as_its_largest_and_never_infinite(sign: int) -> None:
    half = replace(LAYOUT, fields=(("arterial", "<f2", (3,)), ("perfusion", "<f4", (1,))))
    with warnings.catch_warnings(action="error"):
        record = half.record(0, {"arterial": sign * np.array([1.0, 6e4, 7e5]), "perfusion": np.array([7e5])})
    np.testing.assert_allclose(record["arterial"], sign * np.array([1.0, 6e4, 65504]), rtol=1e-3)
    assert record["perfusion"] == np.float32(7e5)
