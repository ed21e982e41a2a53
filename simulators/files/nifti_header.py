"""What the header of a NIfTI says, judged before any voxel is read.

Both versions, either byte order. See https://nifti.nimh.nih.gov/nifti-1 for the fields.
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np

HEADER_BYTES = 544
"""Enough for either version: 348 or 540, and the mark of extensions."""

LONGEST_EXTENSIONS = 2**26
"""Bytes between header and voxels; some converters keep all of DICOM's there."""

LARGEST_MM = 1e6
"""Farther from the scanner's center than any voxel is."""

LEAST_VOLUME = 1e-3
"""Volume of a voxel over the product of its edges: axes so close to one plane span no grid."""

LAST_FORM_CODE = 5
"""What a form leads to: nowhere, scanner, another image, Talairach, MNI152, another template."""

_KINDS = {348: (nib.Nifti1Header, b"n+1\0", 352), 540: (nib.Nifti2Header, b"n+2\0", 544)}
_CONVERT = "convert the image again"


class HeaderError(ValueError):
    """What is wrong with a header: field, what was found, and what to do."""


class NoHeaderError(ValueError):
    """Bytes that are no header of a NIfTI; says why."""


@dataclass(frozen=True)
class Header:
    """A header that can be reckoned with.

    Attributes:
        fields: of nibabel's.
        dtype: of a voxel as it is stored.
        offset: bytes before the first voxel.
        slope, inter: of the stored values, None for none.
    """

    fields: nib.Nifti1Header
    dtype: np.dtype
    offset: int
    slope: float | None
    inter: float | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each dimension."""
        return tuple(int(n) for n in self.fields["dim"][1 : 1 + int(self.fields["dim"][0])])

    @property
    def affine(self) -> np.ndarray:
        """Voxel indices to mm, (4, 4)."""
        return self.fields.get_best_affine()


def judged(start: bytes, n_dimensions: tuple[int, ...]) -> Header:
    """The header of a NIfTI that begins with these bytes.

    Args:
        start: `HEADER_BYTES` of the file, or all there are.
        n_dimensions: that are allowed.

    Raises:
        NoHeaderError: if it is none.
        HeaderError: if it claims what cannot be.
    """
    fields, first = _parsed(start)
    _check_shape(fields, n_dimensions)
    dtype = _dtype(fields)
    _check_place(fields)
    slope, inter = _scaling(fields)
    return Header(fields, dtype, _offset(fields, first), slope, inter)


def _parsed(start: bytes) -> tuple[nib.Nifti1Header, int]:
    for order, mark in (("little", "<"), ("big", ">")):
        kind = _KINDS.get(int.from_bytes(start[:4], order))  # type: ignore[arg-type]
        if kind is None:
            continue
        header, magic, first = kind
        if len(start) < header.sizeof_hdr:
            raise NoHeaderError(f"{len(start)} bytes, less than a header")
        fields = header(start[: header.sizeof_hdr], endianness=mark, check=False)
        if bytes(fields["magic"].tobytes()[:4].ljust(4, b"\0")) != magic:
            raise HeaderError("magic: found a header without its image (Analyze, or .hdr and .img); convert it to .nii")
        return fields, first
    raise NoHeaderError("no header of one")


def _check_shape(fields: nib.Nifti1Header, n_dimensions: tuple[int, ...]) -> None:
    dim = [int(n) for n in fields["dim"]]
    n = dim[0]
    if not 1 <= n <= 7 or min(dim[1 : n + 1]) < 1:
        raise HeaderError(f"dim: found {dim}; {_CONVERT}")
    if n not in n_dimensions:
        wanted = " or ".join(f"{n}D" for n in n_dimensions)
        raise HeaderError(f"dim: found {tuple(dim[1 : n + 1])}; give a {wanted} image")


def _dtype(fields: nib.Nifti1Header) -> np.dtype:
    code = int(fields["datatype"])
    try:
        dtype = fields.get_data_dtype()
    except (KeyError, nib.spatialimages.HeaderDataError):
        raise HeaderError(f"datatype: found {code}, which NIfTI does not know; {_CONVERT}") from None
    if dtype.kind not in "iuf" or dtype.itemsize > 8:  # longer floats differ between machines
        name = fields._data_type_codes.label[code]
        raise HeaderError(f"datatype: found {name}; give an image of numbers, such as int16 or float32")
    return dtype


def _scaling(fields: nib.Nifti1Header) -> tuple[float | None, float | None]:
    slope, inter = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0 or np.isnan(slope):  # none, by the standard and by what nibabel writes
        return None, None
    if not np.isfinite([slope, inter]).all():
        raise HeaderError(f"scl_slope, scl_inter: found {slope:g}, {inter:g}; give finite numbers, 0 for no scaling")
    return slope, inter


def _offset(fields: nib.Nifti1Header, first: int) -> int:
    offset = float(fields["vox_offset"])
    if offset == 0:  # as some programs write what begins right behind the header
        return first
    if not (first <= offset <= LONGEST_EXTENSIONS and offset.is_integer()):
        raise HeaderError(f"vox_offset: found {offset:g}; {_CONVERT}")
    return int(offset)


def _check_place(fields: nib.Nifti1Header) -> None:
    """Make sure that voxels have a size and a place, by whichever way the header says it."""
    sizes = np.asarray(fields["pixdim"][1:4], float)
    qfac, qform, sform = float(fields["pixdim"][0]), int(fields["qform_code"]), int(fields["sform_code"])
    if not (np.isfinite(sizes).all() and (sizes > 0).all() and (sizes < LARGEST_MM).all()):
        raise HeaderError(f"pixdim: found voxels of {sizes.tolist()} mm; give sizes above 0")
    for name, code in (("qform_code", qform), ("sform_code", sform)):
        if not 0 <= code <= LAST_FORM_CODE:
            raise HeaderError(f"{name}: found {code}; {_CONVERT}")
    if qfac != -1:
        if qform and qfac not in (0, 1):
            raise HeaderError(f"pixdim: found {qfac:g} for the handedness of the qform; give 1 or -1")
        fields["pixdim"][0] = 1
    if qform:
        _check_quaternion(fields)
        _check_affine("qform", fields.get_qform())
    if sform:
        _check_affine("sform", fields.get_sform())


def _check_quaternion(fields: nib.Nifti1Header) -> None:
    quaternion = np.array([fields[f"quatern_{axis}"] for axis in "bcd"], float)
    try:
        fields.get_qform_quaternion()  # longer than 1, but for rounding, is refused there
        sound = np.isfinite(quaternion).all()
    except ValueError:
        sound = False
    if not sound:
        raise HeaderError(f"qform: found a quaternion of {quaternion.tolist()}, which is no rotation; mend the qform")


def _check_affine(name: str, affine: np.ndarray) -> None:
    affine = np.asarray(affine, float)
    if not np.isfinite(affine).all() or np.abs(affine).max() > LARGEST_MM:
        raise HeaderError(f"affine: found {name} {affine[:3].tolist()}; mend the header's {name}")
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if not (edges > 0).all() or abs(np.linalg.det(affine[:3, :3] / edges)) < LEAST_VOLUME:
        raise HeaderError(f"affine: found {name} {affine[:3].tolist()}, whose axes span no volume; mend the {name}")
