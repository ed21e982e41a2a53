"""Make the atlas of arterial territories: `python -m qtmnet.scans.regions.build_territories [FOLDER]`.

Brains of the phantom, grown from the template of great arteries into the grey and white matter of MNI152 (ICBM 2009a
symmetric), tell which artery feeds each voxel. The atlas holds what most of the brains of `SEEDS` say; voxels around
the tissue belong to the nearest of it, as far as a voxel of a scan reaches. FOLDER keeps the stages of the brains.
"""

import gzip
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import distance_transform_edt

from simulators.phantoms.brain import BrainStages
from simulators.phantoms.brain_parameters import BrainParameters

FOLDER = Path(__file__).parent

SEEDS = (0,)
VOXEL_MM = 2.0
REACH_MM = 6.0
"""Beyond the tissue: half the diagonal of a scan's larger voxels."""


def build(folder: str | None = None) -> None:
    """Write `territories.nii.gz` and `territories.tsv` beside this file.

    Args:
        folder: keeps the stages of the brains; None: nothing is kept.
    """
    votes: np.ndarray | None = None
    for seed in SEEDS:
        parameters = BrainParameters(seed=seed, voxel_size_mm=(VOXEL_MM,) * 3)
        stages = BrainStages(parameters, folder=folder)
        arteries, anatomy = stages.trees[0], stages.anatomy
        names, fed = arteries.territory_names, arteries.terminal >= 0
        if votes is None:
            votes = np.zeros((len(names), *fed.shape), np.uint8)
        for index in range(len(names)):
            votes[index] += fed & (arteries.territory[arteries.terminal] == index)
    assert votes is not None
    labels = np.where(votes.any(axis=0), votes.argmax(axis=0) + 1, 0).astype(np.uint8)
    away, nearest = distance_transform_edt(labels == 0, sampling=VOXEL_MM, return_indices=True)
    labels = np.where(away <= REACH_MM, labels[tuple(nearest)], 0).astype(np.uint8)
    image = nib.Nifti1Image(labels, anatomy.affine)
    image.set_sform(anatomy.affine, 4)
    image.set_qform(anatomy.affine, 4)
    (FOLDER / "territories.nii.gz").write_bytes(gzip.compress(image.to_bytes(), mtime=0))
    lines = ["index\tname", *(f"{index + 1}\t{name}" for index, name in enumerate(names))]
    (FOLDER / "territories.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    build(*sys.argv[1:])
