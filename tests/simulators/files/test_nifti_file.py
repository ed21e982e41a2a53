"""NIfTI is read as nibabel reads it, and what its header claims is judged before a voxel is."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from simulators.errors import InputError
from simulators.files import nifti_file
from simulators.files.nifti_file import look_at

SHAPE = (5, 4, 3, 6)
DTYPES = ("u1", "i1", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", "<i8", "<f4", ">f4", "<f8", ">f8")


def image(dtype: str = "<i2", kind: type = nib.Nifti1Image) -> nib.Nifti1Image:
    """Random numbers over the range of a type, in a space that no axis of the scanner is along."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(1)
    if dtype.kind == "f":
        values = rng.normal(0, 1e3, SHAPE).astype(dtype)
    else:
        ends = np.iinfo(dtype)
        values = rng.integers(ends.min, ends.max, SHAPE, dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype)
    affine = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([-2, 2, 3]), [10, 20, 30])
    header = kind.header_class(endianness=">" if dtype.byteorder == ">" else "<")
    header.set_data_dtype(dtype)
    found = kind(values, affine, header)
    found.set_qform(affine, 1)
    found.set_sform(affine, 2)
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scaling", [None, (0.25, 0.0), (1.0, -7.5), (1e-3, 3.0)])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_values_are_those_of_nibabel(tmp_path: Path, monkeypatch, dtype: str, scaling, kind) -> None:
    monkeypatch.setattr(nifti_file, "_PIECE", 400)  # several pieces, the last one short
    path = tmp_path / "x.nii.gz"
    whole = bytearray(image(dtype, kind).to_bytes())
    header = kind.header_class(bytes(whole[: kind.header_class.sizeof_hdr]))
    header["scl_slope"], header["scl_inter"] = scaling or (np.nan, np.nan)
    whole[: header.sizeof_hdr] = header.binaryblock
    path.write_bytes(gzip.compress(bytes(whole)))
    oracle = nib.load(path)
    file = look_at(path)
    values = file.voxels()
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, oracle.get_fdata(dtype=np.float32))
    np.testing.assert_array_equal(file.image().affine, oracle.affine)
    assert file.image().shape == oracle.shape
    assert isinstance(file.image(), kind)


def plain(content: bytes) -> bytes:
    return content


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("pack", [plain, gzip.compress])
def test_the_content_tells_whether_it_is_compressed(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / name).write_bytes(pack(image().to_bytes()))
    np.testing.assert_array_equal(look_at(tmp_path / name).voxels(), image().get_fdata())


def test_extensions_and_padding_are_passed_over(tmp_path: Path) -> None:
    given = image()
    given.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 5000))
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(given.to_bytes() + bytes(512)) + bytes(512))
    np.testing.assert_array_equal(look_at(tmp_path / "x.nii.gz").voxels(), given.get_fdata())


def with_fields(**fields: object) -> Callable[[], bytes]:
    """An image whose header says something else."""

    def make() -> bytes:
        whole = bytearray(image().to_bytes())
        header = nib.Nifti1Header(bytes(whole[:348]), check=False)
        for name, value in fields.items():
            field, _, place = name.partition("__")
            if place:
                header[field][int(place)] = value
            else:
                header[field] = value
        whole[:348] = header.binaryblock
        return bytes(whole)

    return make


NAN, INF = np.nan, np.inf
BAD_HEADERS = {
    "pixdim of 0": (with_fields(pixdim__1=0), "pixdim: found voxels of [0.0, 2.0, 3.0] mm"),
    "pixdim of NaN": (with_fields(pixdim__3=NAN), "pixdim: found voxels of [2.0, 2.0, nan] mm"),
    "pixdim of infinity": (with_fields(pixdim__2=INF), "pixdim: found"),
    "pixdim below 0": (with_fields(pixdim__1=-2), "pixdim: found voxels of [-2.0, 2.0, 3.0] mm"),
    "no handedness": (with_fields(pixdim__0=NAN), "pixdim: found nan for the handedness"),
    "two hands": (with_fields(pixdim__0=2), "pixdim: found 2 for the handedness"),
    "sform of NaN": (with_fields(srow_x__0=NAN), "affine: found sform"),
    "sform of infinity": (with_fields(srow_z__3=INF), "affine: found sform"),
    "singular sform": (with_fields(srow_x=0), "whose axes span no volume"),
    "sform nearly singular": (
        with_fields(srow_x=(1, 1, 0, 0), srow_y=(1, 1 + 1e-5, 0, 0), srow_z=(0, 0, 1, 0)),
        "span no volume",
    ),
    "sform far away": (with_fields(srow_y__3=1e30), "affine: found sform"),
    "qform of NaN": (with_fields(quatern_b=NAN), "qform: found a quaternion"),
    "qform that is no rotation": (with_fields(quatern_c=1.5), "which is no rotation"),
    "qform far away": (with_fields(qoffset_x=NAN), "affine: found qform"),
    "negative code": (with_fields(sform_code=-1), "sform_code: found -1"),
    "unknown code": (with_fields(qform_code=258), "qform_code: found 258"),
    "no dimension": (with_fields(dim__0=0), "dim: found [0, 5,"),
    "eight dimensions": (with_fields(dim__0=8), "dim: found [8, 5,"),
    "negative dimensions": (with_fields(dim__0=-4), "dim: found [-4, 5,"),
    "no voxel": (with_fields(dim__2=0), "dim: found"),
    "fewer than no voxels": (with_fields(dim__4=-6), "dim: found"),
    "five dimensions": (with_fields(dim=(5, 5, 4, 3, 6, 1, 1, 1)), "dim: found (5, 4, 3, 6, 1); give a 3D or 4D image"),
    "too many volumes": (with_fields(dim__4=32767), "cut short: dim (5, 4, 3, 32767) takes"),
    "complex": (with_fields(datatype=32), "datatype: found complex64"),
    "colours": (with_fields(datatype=128), "datatype: found RGB"),
    "long floats": (with_fields(datatype=1536), "datatype: found"),
    "bits": (with_fields(datatype=1), "datatype: found"),
    "unknown type": (with_fields(datatype=7), "datatype: found 7"),
    "infinite slope": (with_fields(scl_slope=INF, scl_inter=0), "scl_slope, scl_inter: found inf, 0"),
    "intercept of NaN": (with_fields(scl_slope=2, scl_inter=NAN), "scl_slope, scl_inter: found 2, nan"),
    "overflow": (with_fields(scl_slope=3e38, scl_inter=0), "values that are NaN or infinite"),
    "offset of NaN": (with_fields(vox_offset=NAN), "vox_offset: found nan"),
    "offset in the header": (with_fields(vox_offset=100), "vox_offset: found 100"),
    "offset beyond the end": (with_fields(vox_offset=1e6), "cut short"),
    "offset of gigabytes": (with_fields(vox_offset=1e10), "vox_offset: found 1e+10"),
    "half of a pair": (with_fields(magic=b"ni1"), "magic: found a header without its image"),
    "Analyze": (with_fields(magic=b""), "magic: found a header without its image"),
    "text": (lambda: b"hello" * 200, "not readable as NIfTI (no header of one)"),
    "nothing": (lambda: b"", "not readable as NIfTI"),
    "half a header": (lambda: image().to_bytes()[:200], "not readable as NIfTI (200 bytes, less than a header)"),
    "cut short": (lambda: image().to_bytes()[:-1], "cut short"),
    "NaN": (
        lambda: nib.Nifti1Image(np.full((2, 2, 2), NAN, np.float32), np.eye(4)).to_bytes(),
        "found 8 values that are NaN or infinite",
    ),
    "GIF in gzip": (lambda: gzip.compress(b"GIF89a" * 100), "not readable as NIfTI"),
    "no gzip": (lambda: b"\x1f\x8b" + bytes(1000), "not readable as NIfTI"),
}


@pytest.mark.filterwarnings(
    "ignore:invalid value encountered:RuntimeWarning"
)  # NaN into the fields of the test's header
@pytest.mark.parametrize("pack", [plain, gzip.compress], ids=["plain", "packed"])
@pytest.mark.parametrize("name", BAD_HEADERS)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    make, told = BAD_HEADERS[name]
    path = tmp_path / "x.nii.gz"
    content = make()
    path.write_bytes(content if content[:2] == b"\x1f\x8b" else pack(content))
    with pytest.raises(InputError) as error:
        look_at(path, setting="m0").voxels()
    line = str(error.value)
    assert line.startswith(f"{path}: m0: ")
    assert told in line
    assert "; " in line
    assert line.isprintable()


@pytest.mark.parametrize("fields", [{"pixdim__0": 0.0}, {"scl_slope": 0.0, "scl_inter": NAN}, {"vox_offset": 0.0}])
def test_what_the_standard_allows_is_read(tmp_path: Path, fields: dict[str, float]) -> None:
    (tmp_path / "x.nii").write_bytes(with_fields(**fields)())
    np.testing.assert_array_equal(look_at(tmp_path / "x.nii").voxels(), image().get_fdata())


@pytest.mark.parametrize("place", [-1, -5, -40], ids=["length", "checksum", "data"])
def test_damage_that_unpacks_is_found_by_the_checksum(tmp_path: Path, place: int) -> None:
    content = bytearray(gzip.compress(image().to_bytes(), compresslevel=0))
    content[place] ^= 1
    (tmp_path / "x.nii.gz").write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"x\.nii\.gz: not readable as NIfTI"):
        look_at(tmp_path / "x.nii.gz").voxels()


@pytest.mark.parametrize("pack", [plain, gzip.compress], ids=["plain", "packed"])
def test_more_behind_the_voxels_than_padding_is_another_image(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "x.nii").write_bytes(pack(image().to_bytes() + bytes(10_000)))
    with pytest.raises(InputError, match="more than 4096 bytes are left behind the last voxel"):
        look_at(tmp_path / "x.nii").voxels()


def claiming(shape: tuple[int, ...], n_bytes: int) -> bytes:
    """A header of a shape, and some bytes of 0 behind it."""
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape(shape)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    return header.binaryblock + bytes(4 + n_bytes)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((32767, 32767, 32767, 32767), f"cut short: dim (32767, 32767, 32767, 32767) takes {2 * 32767**4 + 352} bytes"),
        ((512, 512, 300, 10), "that are packed into"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_before_it_is_unpacked(tmp_path: Path, shape, told: str) -> None:
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip.compress(claiming(shape, 0)) + gzip.compress(bytes(10**6)) * 2000)
    tracemalloc.start()
    with pytest.raises(InputError) as error:
        look_at(path)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told in str(error.value)
    assert str(path.stat().st_size) in str(error.value)
    assert taken < 10e6


def test_what_the_memory_cannot_hold_is_refused_with_both_numbers(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "x.nii").write_bytes(image().to_bytes())
    monkeypatch.setattr(nifti_file, "free_memory", lambda: 1000)
    with pytest.raises(InputError, match=r"takes 0\.0 GB to read, but 0\.0 GB of memory are free"):
        look_at(tmp_path / "x.nii")


def test_reading_takes_little_more_than_what_is_read(tmp_path: Path, monkeypatch) -> None:
    """The array, and pieces that are unpacked, scaled and looked at."""
    monkeypatch.setattr(nifti_file, "_PIECE", 2**16)
    values = np.random.default_rng(1).integers(0, 1000, (64, 64, 20, 20), dtype=np.int16)
    found = nib.Nifti1Image(values, np.eye(4))
    found.header.set_slope_inter(0.5, 1.0)
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(found.to_bytes(), compresslevel=1))
    file = look_at(tmp_path / "x.nii.gz")
    tracemalloc.start()
    voxels = file.voxels()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 6.6 MB in one array; beside it a piece of 64 kB as int16 and float64, and buffers of gzip's.
    assert peak < 1.1 * voxels.nbytes
    assert voxels[3, 5, 7, 9] == 0.5 * values[3, 5, 7, 9] + 1
