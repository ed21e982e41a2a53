"""Anatomy of a head: which voxels are grey matter, white matter and fluid, and where vessels run outside of tissue."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import affine_transform, distance_transform_edt

from simulators.errors import InputError
from simulators.settings.checking import check_fields
from simulators.settings.limits import PathText

if TYPE_CHECKING:
    from simulators.files.nifti_file import NiftiFile

OUTSIDE, GREY, WHITE, CSF = 0, 1, 2, 3
"""Values of a tissue map."""

SHELL_MM = 4.0
"""How far outside of the brain pial vessels may run: brain masks hug the brain."""

FARTHEST_BRAIN_MM = 500.0
"""From one side of a brain to the other, however it lies: more than any animal's."""

FARTHEST_MM = 150.0
"""Great vessels reach no farther beyond the brain, down the neck."""

MAPS = ("grey", "white", "csf")


@dataclass(frozen=True)
class Anatomy:
    """Tissue classes on a grid along the axes of the scanner.

    Attributes:
        tissue: `OUTSIDE`, `GREY`, `WHITE` or `CSF`, uint8, (X, Y, Z).
        shell: fluid and surroundings of the brain, where pial vessels run, bool, (X, Y, Z).
        affine: voxel index (of the voxel's middle) to mm, right, anterior and superior positive, (4, 4).
    """

    tissue: np.ndarray
    shell: np.ndarray
    affine: np.ndarray

    @property
    def voxel_size_mm(self) -> tuple[float, float, float]:
        """Edge lengths of a voxel."""
        x, y, z = np.diag(self.affine)[:3].tolist()
        return x, y, z

    @property
    def corner_mm(self) -> np.ndarray:
        """The low corner of the first voxel, mm, (3,): what positions in the domain are counted from."""
        return self.affine[:3, 3] - 0.5 * np.diag(self.affine)[:3]

    @property
    def in_tissue(self) -> np.ndarray:
        """Grey and white matter, (X, Y, Z)."""
        return (self.tissue == GREY) | (self.tissue == WHITE)


@dataclass(frozen=True)
class TissueMaps:
    """Which maps an anatomy is read from: shares of grey matter, white matter and fluid, 0 to 1, one NIfTI each.

    Attributes:
        grey, white, csf: files in the same space, or None for all three: MNI152 (ICBM 2009a symmetric, 1 mm), as
            nilearn carries it, with fluid what is left of its brain mask.

    Raises:
        InputError: if only some of the files are given.
    """

    grey: PathText | None = None
    white: PathText | None = None
    csf: PathText | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        given = [name for name in MAPS if getattr(self, name) is not None]
        if given and len(given) < len(MAPS):
            missing = next(name for name in MAPS if name not in given)
            raise InputError(f"{missing}: found none; give grey, white and csf, or none of them for MNI152")

    @property
    def files(self) -> tuple[str, ...]:
        """The files to read, none for MNI152."""
        return () if self.grey is None else (str(self.grey), str(self.white), str(self.csf))

    def look(self) -> None:
        """Judge the files by their headers, before anything is made.

        Raises:
            InputError: for a file that is missing or no 3D image.
        """
        for name, path in zip(MAPS, self.files, strict=False):
            _judged(name, path)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares of grey matter, white matter and fluid, (3, X, Y, Z), and their affine (voxel index to mm), (4, 4).

        Raises:
            InputError: for a file that is missing or no 3D map of shares, or maps of different grids.
        """
        return _read_files(self.files) if self.files else _read_mni152()


def place_on_grid(
    shares: np.ndarray, affine: np.ndarray, voxel_size_mm: tuple[float, float, float], to_hold: np.ndarray
) -> Anatomy:
    """Classify tissue on a grid along the scanner's axes that holds the brain, its shell and some points.

    Args:
        shares: of grey matter, white matter and fluid, (3, X, Y, Z).
        affine: of their voxels, index to mm, (4, 4).
        voxel_size_mm: of the grid. Where it is a multiple of the maps' own, voxels are averaged; else interpolated.
        to_hold: mm, (n, 3): points that the grid has to hold.

    Raises:
        InputError: if the maps hold no grey or white matter, or the points are not of this head.
    """
    if not (shares[:2].sum(axis=0) > 0.5).any():
        raise InputError("anatomy: found no voxel of more than half grey and white matter; give shares from 0 to 1")
    size = np.asarray(voxel_size_mm, float)
    grid, shape = _grid(shares, affine, size, to_hold)
    grey, white, csf = (_resampled(share, affine, grid, shape) for share in shares)
    in_tissue = grey + white > 0.5
    in_brain = in_tissue | (grey + white + csf > 0.5)
    tissue = np.where(in_tissue, np.where(grey > white, GREY, WHITE), np.where(in_brain, CSF, OUTSIDE))
    shell = ~in_tissue & (distance_transform_edt(~in_brain, sampling=size) <= SHELL_MM)
    return Anatomy(tissue.astype(np.uint8), shell, grid)


def _grid(
    shares: np.ndarray, affine: np.ndarray, size: np.ndarray, to_hold: np.ndarray
) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Affine and shape of the smallest grid that holds everything; its faces lie on the maps' outermost faces."""
    occupied = np.argwhere(shares.sum(axis=0) > 0.5)
    ends = np.stack([occupied.min(axis=0) - 0.5, occupied.max(axis=0) + 0.5])
    corners = _through(affine, _corners_of_box(ends))
    origin = _through(affine, _corners_of_box(np.array([[-0.5] * 3, np.array(shares.shape[1:]) - 0.5]))).min(axis=0)
    extent = np.ptp(corners, axis=0).max()
    if extent > FARTHEST_BRAIN_MM:
        raise InputError(f"anatomy: found a brain of {extent:.0f} mm; give maps whose affines are in mm")
    _check_near(to_hold, corners)
    low = np.minimum(corners.min(axis=0) - SHELL_MM, to_hold.min(axis=0) - 1.0)
    high = np.maximum(corners.max(axis=0) + SHELL_MM, to_hold.max(axis=0) + 1.0)
    first = np.floor((low - origin) / size)
    nx, ny, nz = np.ceil((high - origin) / size - first).astype(int).tolist()
    grid = np.diag([*size, 1.0])
    grid[:3, 3] = origin + (first + 0.5) * size
    return grid, (nx, ny, nz)


def _check_near(points: np.ndarray, corners: np.ndarray) -> None:
    """Refuse vessels of another head, or in another unit, before a grid that holds them fills the memory."""
    away = np.maximum(corners.min(axis=0) - points, points - corners.max(axis=0)).max(axis=1)
    if away.max() > FARTHEST_MM or np.median(away) > SHELL_MM:
        raise InputError(
            f"angiography: found vessels up to {away.max():.0f} mm outside of the brain; give them in mm of the "
            "anatomy, or angiography.transform to take them there"
        )


def _corners_of_box(ends: np.ndarray) -> np.ndarray:
    """(8, 3) of (2, 3)."""
    return np.stack([choice.ravel() for choice in np.meshgrid(*ends.T, indexing="ij")], axis=1)


def _through(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ affine[:3, :3].T + affine[:3, 3]


def _resampled(share: np.ndarray, affine: np.ndarray, grid: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """A map on the grid: each voxel the mean of points as dense as the map's own voxels."""
    # Voxels of the map, along any of its axes, that one edge of the grid's voxels goes by.
    passed = np.abs(np.linalg.inv(affine)[:3, :3] @ grid[:3, :3]).max(axis=0)
    fine = np.maximum(np.ceil(passed - 1e-6), 1).astype(int)
    # Sub-voxel j of n lies (j + 0.5)/n − 0.5 of an edge from the middle of its voxel.
    sub = np.diag([*(1 / fine), 1.0])
    sub[:3, 3] = 0.5 / fine - 0.5
    to_map = np.linalg.inv(affine) @ grid @ sub
    matrix = to_map[:3, :3]
    if not np.any(matrix - np.diag(np.diag(matrix))):
        matrix = np.diag(matrix)  # for which SciPy has a quicker way
    # "grid-constant": "constant" would empty the outermost voxels where rounding puts their middles just outside.
    points = affine_transform(
        np.asarray(share, np.float32), matrix, to_map[:3, 3], tuple(fine * shape), order=1, mode="grid-constant"
    )
    blocks = points.reshape(shape[0], fine[0], shape[1], fine[1], shape[2], fine[2])
    return blocks.mean(axis=(1, 3, 5))


def _read_mni152() -> tuple[np.ndarray, np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what nilearn's own dependencies say on import is no user's matter
        from nilearn import datasets

        grey = datasets.load_mni152_gm_template(resolution=1)
        white = datasets.load_mni152_wm_template(resolution=1)
        brain = datasets.load_mni152_brain_mask(resolution=1)
    shares = np.stack([np.asarray(image.dataobj, np.float32) for image in (grey, white, brain)])
    shares[2] = np.clip(shares[2] - shares[0] - shares[1], 0, 1)
    return shares, np.asarray(grey.affine)


def _judged(name: str, path: str) -> "NiftiFile":
    from simulators.files.nifti_file import look_at  # nibabel: not for those who read no image

    advice = "give a NIfTI map of shares"
    return look_at(path, (3,), setting=f"anatomy.{name}", missing=advice, advice=advice)


def _read_files(files: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    shares: list[np.ndarray] = []
    affine = np.eye(4)
    for name, path in zip(MAPS, files, strict=True):
        file = _judged(name, path)
        share = file.voxels()[..., 0]
        if share.min() < -1e-3 or share.max() > 1 + 1e-3:
            found = f"found values {share.min():g} to {share.max():g}"
            raise file.error(found, "give a 3D map of shares from 0 to 1")
        if shares and (share.shape != shares[0].shape or not np.allclose(file.header.affine, affine, atol=1e-3)):
            raise file.error(f"found another grid than {files[0]}'s", "resample it to that")
        affine = np.asarray(file.header.affine)
        shares.append(share)
    return np.stack(shares), affine
