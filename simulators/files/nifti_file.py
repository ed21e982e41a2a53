"""NIfTI images of users: judged by the header, then read in one pass.

Neither memory nor time is spent on what a header claims and a file does not hold, or on what this machine cannot hold.
Voxels are unpacked, scaled and turned into single precision piece by piece, so that reading takes little more than the
array that comes of it; the checksum of a compressed file is verified on the way.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import nibabel as nib
import numpy as np
from nibabel.volumeutils import apply_read_scaling

from simulators.errors import InputError
from simulators.files.nifti_header import HEADER_BYTES, Header, HeaderError, NoHeaderError, judged
from simulators.files.reading import NIFTI_FILE, open_file
from simulators.files.writing import one_line
from simulators.machine.memory import free_memory

BEST_COMPRESSION = 1032
"""Bytes that one of DEFLATE can stand for (RFC 1951: 258 bytes by a code of two bits)."""

MEASURED_COMPRESSION = 100
"""No large image that was measured is packed more tightly: its noise forbids it, were nine tenths of it masked."""

LARGE = 2**28
"""Bytes unpacked; reading less takes no time worth a refusal."""

COPIES = 2.5
"""Bytes taken at most while a scan is read and averaged, over those of its voxels in single precision."""

PADDING = 4096
"""Bytes behind the last voxel that are let pass: some programs fill up a block."""

_PIECE = 2**22
"""Bytes at a time."""


@dataclass(frozen=True)
class NiftiFile:
    """A NIfTI file whose header has been judged.

    Attributes:
        path: the file.
        header: what it says.
        setting: that names the file, for complaints.
        advice: what to do about a damaged one.
    """

    path: Path
    header: Header
    setting: str = ""
    advice: str = "copy or convert the file again"

    def image(self) -> nib.Nifti1Image:
        """The file as an image of nibabel's for its header and affine; its voxels are all 0."""
        empty = np.broadcast_to(np.float32(0), self.header.shape)
        kind = nib.Nifti2Image if isinstance(self.header.fields, nib.Nifti2Header) else nib.Nifti1Image
        return kind(empty, self.header.affine, self.header.fields)

    def voxels(self, *, finite: bool = True) -> np.ndarray:
        """Scaled values, (X, Y, Z, N) float32; N is 1 for a 3D image.

        Args:
            finite: whether NaN and infinity are refused.

        Raises:
            InputError: if the file is damaged or cut short, or holds NaN or infinity where these are refused, or
                nothing else.
        """
        shape = (*self.header.shape, 1, 1)[:4]
        values = np.empty(int(np.prod(shape)), np.float32)
        with self._reading() as stream:
            _skip(stream, self.header.offset)
            n_missing = self._fill(values, stream)
            _end(stream)
        if n_missing and (finite or n_missing == values.size):
            found = f"found {n_missing} values that are NaN or infinite"
            raise self.error(found, "replace them (by 0 outside the head)")
        return values.reshape(shape, order="F")

    def _fill(self, values: np.ndarray, stream: BinaryIO) -> int:
        """Read all values; how many of them are no numbers."""
        size, n_missing = self.header.dtype.itemsize, 0
        for first in range(0, values.size, _PIECE // size):
            piece = values[first : first + _PIECE // size]
            stored = np.frombuffer(_exactly(stream, piece.size * size), self.header.dtype)
            with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at
                piece[:] = _scaled(stored, self.header)
            if stored.dtype.kind in "iu" and self.header.slope is None:
                continue
            n_missing += piece.size - int(np.count_nonzero(np.isfinite(piece)))
        return n_missing

    @contextmanager
    def _reading(self) -> Iterator[BinaryIO]:
        """The unpacked file; what is wrong with it is told in one line."""
        with _unpacked(self.path, self.setting) as stream, _telling(self):
            yield stream

    def error(self, found: str, advice: str = "") -> InputError:
        """The complaint about this file."""
        return InputError(": ".join(filter(None, (str(self.path), self.setting, found))) + f"; {advice or self.advice}")


def look_at(
    path: str | Path,
    n_dimensions: tuple[int, ...] = (3, 4),
    *,
    setting: str = "",
    missing: str = "check the name",
    advice: str = "copy or convert the file again",
) -> NiftiFile:
    """Judge a NIfTI by its header and its size.

    Args:
        path: `.nii` or `.nii.gz`; which of them is told by the content.
        n_dimensions: how many dimensions are allowed.
        setting: that names the file, for complaints.
        missing: what to do if there is no such file.
        advice: what to do about a damaged one.

    Raises:
        InputError: if it is no regular file or no NIfTI, or its header claims what cannot be, or more than the file or
            this machine's memory can hold.
    """
    path = Path(path)
    where = ": ".join(filter(None, (str(path), setting)))
    with open_file(path, NIFTI_FILE, setting=setting, advice=missing) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        n_bytes = raw.seek(0, 2)
    with _unpacked(path, setting) as stream:
        try:
            header = judged(stream.read(HEADER_BYTES), tuple(n_dimensions))
        except HeaderError as error:
            raise InputError(f"{where}: {error}") from None
        except (NoHeaderError, *_UNREADABLE) as error:
            raise InputError(f"{where}: not readable as NIfTI ({one_line(error)}); {advice}") from None
    file = NiftiFile(path, header, setting, advice)
    _check_size(file, n_bytes, packed)
    return file


_UNREADABLE = (OSError, EOFError, zlib.error)
"""What gzip raises for damaged files."""


@contextmanager
def _telling(file: NiftiFile) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise file.error(f"not readable as NIfTI ({one_line(error)})") from None
    except MemoryError:
        raise file.error("more than the memory of this machine holds", "give a smaller image") from None


@contextmanager
def _unpacked(path: Path, setting: str) -> Iterator[BinaryIO]:
    with open_file(path, NIFTI_FILE, setting=setting) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream  # type: ignore[misc]


def _check_size(file: NiftiFile, n_bytes: int, packed: bool) -> None:
    header = file.header
    n_values = int(np.prod(header.shape, dtype=object))
    claimed = header.offset + n_values * header.dtype.itemsize
    held = n_bytes * BEST_COMPRESSION if packed else n_bytes
    if claimed > held:
        most = f"{n_bytes} bytes that unpack to {held} at most" if packed else f"{n_bytes} bytes"
        raise file.error(f"not readable as NIfTI (cut short: dim {header.shape} takes {claimed} bytes, found {most})")
    if packed and claimed > max(n_bytes * MEASURED_COMPRESSION, LARGE):
        found = f"dim: found {header.shape}, {claimed} bytes that are packed into {n_bytes}"
        raise file.error(f"{found}: next to nothing can be in it", "convert the image again")
    needed, free = int(COPIES * 4 * n_values), free_memory()
    if needed > free:
        found = f"dim: found {header.shape}, which takes {needed / 1e9:.1f} GB to read"
        advice = "give a smaller image, or use a machine with more memory"
        raise file.error(f"{found}, but {free / 1e9:.1f} GB of memory are free", advice)


def _scaled(stored: np.ndarray, header: Header) -> np.ndarray:
    """As nibabel scales, in double precision."""
    return stored if header.slope is None else apply_read_scaling(stored, header.slope, header.inter)


def _skip(stream: BinaryIO, n_bytes: int) -> None:
    while n_bytes > 0:
        n_bytes -= len(_exactly(stream, min(n_bytes, _PIECE)))


def _exactly(stream: BinaryIO, n_bytes: int) -> bytes:
    found = stream.read(n_bytes)
    if len(found) < n_bytes:
        raise EOFError(f"cut short: {n_bytes - len(found)} bytes or more are missing")
    return found


def _end(stream: BinaryIO) -> None:
    """Read to the end, where the checksum of a compressed file is."""
    behind = 0
    while more := len(stream.read(min(_PIECE, PADDING + 1))):
        behind += more
        if behind > PADDING:
            raise EOFError(f"dim: more than {PADDING} bytes are left behind the last voxel it speaks of")
