"""Great arteries from a time-of-flight angiogram (TOF-MRA): a rooted tree with radii.

Even out the background, find bright tubes, thin them to lines, follow the lines from where blood comes in, cut
cycles, smooth, and measure radii by the blood in the voxels. Small arteries are dim in TOF, because blood in them is
saturated; below about 0.3 mm they are not seen, and are thinner than drawn wherever they are.
"""

import os
from pathlib import Path

import numpy as np
from scipy import ndimage

from simulators.angiography.centerline import smoothed, thinned_out
from simulators.angiography.graph import lowest_ends, nearest_ends, skeleton_of, tree_from, without_spurs
from simulators.angiography.mask import SMALLEST_VOLUME_MM3, evened, segment
from simulators.angiography.radius import radii_from_blood
from simulators.errors import InputError
from simulators.vessels.great_vessels import GreatVessels, names_by_place, read_transform, without_multifurcations

MOST_VOXELS = 2**29
"""Of an image as fine in all directions as in its finest: 512 × 1024 × 1024, more than any angiogram has."""

NO_VESSEL = "image: found no vessel; give an angiogram whose vessels are brighter than tissue"


def trace_tof(
    path: str | os.PathLike[str],
    *,
    inlets: np.ndarray | None = None,
    transform: str | os.PathLike[str] | np.ndarray | None = None,
    smallest_volume_mm3: float = SMALLEST_VOLUME_MM3,
) -> GreatVessels:
    """Trace the arteries of a TOF-MRA.

    Args:
        path: NIfTI, 3D (or 4D of one volume).
        inlets: where arteries enter, mm RAS in the space of the image, (n, 3); by default found, see `trace_vessels`.
        transform: from the mm of the image to those of the result, (4, 4), or a text file of its four rows.
        smallest_volume_mm3: of a connected piece of vessel.

    Returns:
        The trees, in mm RAS.

    Raises:
        InputError: if the file is missing, unreadable or no angiogram, or what `trace_vessels` refuses.
    """
    image, affine = _read_volume(Path(path))
    try:
        return trace_vessels(image, affine, inlets=inlets, transform=transform, smallest_volume_mm3=smallest_volume_mm3)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def trace_vessels(
    image: np.ndarray,
    affine: np.ndarray,
    *,
    inlets: np.ndarray | None = None,
    transform: str | os.PathLike[str] | np.ndarray | None = None,
    smallest_volume_mm3: float = SMALLEST_VOLUME_MM3,
) -> GreatVessels:
    """Trace bright vessels in a volume.

    Inlets that are not given are found: of the vessels that cross the lowest 5 mm in which there are any, the lowest
    points of the three widest, which in a head are the two internal carotid arteries and the basilar artery. Give
    them where the field of view is another, or neck arteries are in it.

    Args:
        image: (X, Y, Z), vessels bright.
        affine: voxel indices to mm RAS, (4, 4).
        inlets: mm RAS, (n, 3); each is put on the nearest end of a vessel within 5 mm, else the nearest vessel.
        transform: from mm of the image to those of the result, (4, 4), or a text file of its four rows; see
            `GreatVessels.moved`.
        smallest_volume_mm3: of a connected piece of vessel.

    Returns:
        Binary trees in mm RAS, one for each inlet, nodes about 1 mm apart. Each tree is a branch; three of them are,
        from left to right, "ICA_L", "BA" and "ICA_R". Cycles, such as the circle of Willis, are cut where ways from
        the inlets meet.

    Raises:
        InputError: for an image that is not 3D or not finite, an affine without scale, no vessel, or an inlet that
            is not near one.

    Warns:
        if more than 5 % of the length of vessels is connected to no inlet.
    """
    image, affine = _checked(image, affine)
    motion = None if transform is None else read_transform(transform)
    points = None if inlets is None else _points(inlets)
    image, affine = isotropic(image, affine)
    edge_mm = float(np.linalg.norm(affine[:3, :3], axis=0).min())
    even = evened(image, edge_mm)
    mask = segment(even, edge_mm, smallest_volume_mm3=smallest_volume_mm3)
    if not mask.any():
        raise InputError(NO_VESSEL)
    skeleton = skeleton_of(mask, affine)
    roots = lowest_ends(skeleton, mask, affine) if points is None else nearest_ends(skeleton, points)
    tree = without_spurs(tree_from(skeleton, roots))
    if not len(tree.parent):
        raise InputError(NO_VESSEL)
    tree = thinned_out(smoothed(tree))
    vessels = GreatVessels(
        position=tree.position,
        parent=tree.parent.astype(np.int32),
        radius=radii_from_blood(tree, even, mask, affine),
        branch=(np.cumsum(tree.parent < 0) - 1).astype(np.int32),
        branch_names=names_by_place(tree.position[tree.parent < 0, 0]),
    )
    return without_multifurcations(vessels if motion is None else vessels.moved(motion))


def isotropic(image: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Resample to voxels as wide as the finest edge, by cubic splines, unless edges are within 5 % of each other.

    Args:
        image: (X, Y, Z).
        affine: voxel indices to mm, (4, 4).

    Returns:
        The image and its affine; the first voxel stays where it is.
    """
    edge = np.linalg.norm(affine[:3, :3], axis=0)
    if edge.max() <= 1.05 * edge.min():
        return image, affine
    step = edge.min() / edge
    nx, ny, nz = (np.floor((np.array(image.shape) - 1) / step + 1e-6).astype(int) + 1).tolist()
    if nx * ny * nz > MOST_VOXELS:
        raise InputError(
            f"image: found voxels of {edge.round(3).tolist()} mm, which make {nx} × {ny} × {nz} of the finest edge; "
            f"resample it to {MOST_VOXELS} voxels at most"
        )
    finer = affine @ np.diag([*step, 1.0])
    return ndimage.affine_transform(image, step, output_shape=(nx, ny, nz), order=3, mode="nearest"), finer


def _read_volume(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Image (X, Y, Z) and affine of a NIfTI."""
    from simulators.files.nifti_file import look_at  # nibabel: not for those who read no image

    advice = "give the NIfTI of a TOF angiogram"
    file = look_at(path, missing=advice, advice="copy or convert it again")
    data = file.voxels()
    if data.shape[-1] > 1:
        raise file.error(f"dim: found {file.header.shape}", "give one 3D volume")
    return data[..., 0], np.array(file.header.affine)


def _checked(image: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if image.ndim != 3 or min(image.shape) < 8 or image.dtype.kind not in "buif":
        raise InputError(f"image: found shape {image.shape} of {image.dtype}; give one 3D volume of numbers")
    n_missing = image.size - np.count_nonzero(np.isfinite(image))
    if n_missing:
        raise InputError(f"image: found {n_missing} values that are NaN or infinite; replace them by 0")
    affine = np.asarray(affine, float)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise InputError("affine: found none with a scale along each axis; mend sform and qform of the image's header")
    return np.asarray(image, np.float32), affine


def _points(inlets: np.ndarray) -> np.ndarray:
    points = np.asarray(inlets, float)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.isfinite(points).all():
        raise InputError(f"inlets: found shape {points.shape}; give x, y, z in mm for each, (n, 3)")
    return points
