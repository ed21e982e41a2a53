"""A derivative folder as ASLPrep writes it, of a scan whose grey and white matter are known.

The anatomy lies 10 mm to the right, and the template 20 mm to the front of that.
"""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

SHAPE, VOXEL_MM = (16, 18, 12), (4.0, 4.0, 5.0)
AFFINE = nib.affines.from_matvec(np.diag(VOXEL_MM), [-30.0, -34.0, -27.5])
TO_RIGHT, TO_FRONT = 10.0, 20.0
TEMPLATE = "MNI152NLin2009cAsym"


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE, code: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(np.asarray(data, np.float32), affine)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    image.to_filename(path)
    return path


def brain() -> np.ndarray:
    """A box within the field of view, (X, Y, Z) bool."""
    inside = np.zeros(SHAPE, bool)
    inside[3:13, 3:15, 2:10] = True
    return inside


def grey() -> np.ndarray:
    """The left half of the box."""
    half = brain()
    half[8:] = False
    return half


def write_raw(root: Path, *, separate_m0: bool = False, extra: tuple[str, ...] = ()) -> Path:
    """A raw scan of one delay: M0 (unless it is one of its own), two pairs, and volumes of further types."""
    (root / "sub-01" / "perf").mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text('{"Name": "raw", "BIDSVersion": "1.10.0"}', encoding="utf-8")
    types = [*([] if separate_m0 else ["m0scan"]), "control", "label", *extra, "control", "label"]
    stem = root / "sub-01" / "perf" / "sub-01"
    save(Path(f"{stem}_asl.nii.gz"), np.stack([volume(kind) for kind in types], axis=-1))
    Path(f"{stem}_aslcontext.tsv").write_text("\n".join(["volume_type", *types, ""]), encoding="utf-8")
    fields = {
        "ArterialSpinLabelingType": "PCASL",
        "PostLabelingDelay": [0.0 if kind == "m0scan" else 1.8 for kind in types],
        "LabelingDuration": [0.0 if kind == "m0scan" else 1.8 for kind in types],
        "BackgroundSuppression": False,
        "M0Type": "Separate" if separate_m0 else "Included",
        "MRAcquisitionType": "3D",
        "MagneticFieldStrength": 3.0,
        "RepetitionTimePreparation": 10.0,
        "LabelingEfficiency": 0.85,
        "VascularCrushing": False,
    }
    Path(f"{stem}_asl.json").write_text(json.dumps(fields), encoding="utf-8")
    if separate_m0:
        save(Path(f"{stem}_m0scan.nii.gz"), volume("m0scan"))
        Path(f"{stem}_m0scan.json").write_text('{"RepetitionTimePreparation": 10.0}', encoding="utf-8")
    return Path(f"{stem}_asl.nii.gz")


def volume(kind: str) -> np.ndarray:
    """Relaxed tissue of 1000; 1 % of it is label in grey matter and 0.4 % in white. Others hold what would spoil it."""
    m0 = 1000.0 * brain() + 10.0
    label = 10.0 * grey() + 4.0 * (brain() & ~grey())
    return {"m0scan": m0, "control": m0, "label": m0 - label}.get(kind, 5e5 * np.ones(SHAPE))


def write_derivatives(root: Path, raw: Path, *, types: tuple[str, ...], link: str = "") -> Path:
    """What ASLPrep makes of a raw scan: the series on its grid, mask, transforms, tissue maps and displacements."""
    perf, anat = root / "sub-01" / "perf", root / "sub-01" / "anat"
    series = save(perf / "sub-01_desc-preproc_asl.nii.gz", np.stack([volume(kind) for kind in types], axis=-1))
    sidecar = {"RepetitionTimePreparation": 10.0, "SkullStripped": False, "RawSources": [f"sub-01/perf/{raw.name}"]}
    (perf / "sub-01_desc-preproc_asl.json").write_text(json.dumps(sidecar), encoding="utf-8")
    save(perf / "sub-01_space-T1w_desc-preproc_asl.nii.gz", np.zeros((4, 4, 4, 5)))
    save(perf / "sub-01_desc-brain_mask.nii.gz", brain())
    write_shift(perf / "sub-01_from-aslref_to-T1w_mode-image_xfm.txt", (-TO_RIGHT, 0.0, 0.0))
    write_shift(perf / "sub-01_from-orig_to-aslref_mode-image_xfm.txt", (99.0, 0.0, 0.0))  # of motion: to be left alone
    (perf / "sub-01_desc-confounds_timeseries.tsv").write_text(
        "framewise_displacement\ttrans_x\nn/a\t0\n0.2\t0\n0.4\t0\n0.0\t0\n0.2\t0\n", encoding="utf-8"
    )
    anat.mkdir(parents=True)
    write_warp(anat / f"sub-01_from-T1w_to-{TEMPLATE}_mode-image_xfm.h5", (0.0, -TO_FRONT, 0.0))
    write_warp(anat / f"sub-01_from-{TEMPLATE}_to-T1w_mode-image_xfm.h5", (0.0, TO_FRONT, 0.0))
    for label, share in (("GM", grey()), ("WM", brain() & ~grey()), ("CSF", np.zeros(SHAPE))):
        fine, affine = finer(share)
        affine[0, 3] += TO_RIGHT
        save(anat / f"sub-01_label-{label}_probseg.nii.gz", fine, affine)
        save(anat / f"sub-01_space-{TEMPLATE}_label-{label}_probseg.nii.gz", np.ones((3, 3, 3)))
    description = {"Name": "ASLPrep", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}
    (root / "dataset_description.json").write_text(
        json.dumps(description | ({"DatasetLinks": {"raw": link}} if link else {})), encoding="utf-8"
    )
    return series


def finer(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same on voxels of half the size."""
    affine = AFFINE @ np.diag([0.5, 0.5, 0.5, 1.0])
    affine[:3, 3] = nib.affines.apply_affine(AFFINE, [-0.25] * 3)
    return values.repeat(2, 0).repeat(2, 1).repeat(2, 2), affine


def write_shift(path: Path, shift: tuple[float, float, float]) -> None:
    """A transform that takes points so many mm to the right, front and top; in the file to the left and back."""
    x, y, z = shift
    numbers = [1, 0, 0, 0, 1, 0, 0, 0, 1, -x, -y, z]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: MatrixOffsetTransformBase_double_3_3\n"
        f"Parameters: {' '.join(map(str, numbers))}\nFixedParameters: 0 0 0\n",
        encoding="utf-8",
    )


def write_warp(path: Path, shift: tuple[float, float, float]) -> None:
    """The same as an affine and a field of displacements, as ANTs keeps what it has found."""
    x, y, z = shift
    field = np.zeros((8, 8, 8, 3))
    field[...] = -x / 2, -y / 2, z / 2
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing((40.0,) * 3)
    image.SetOrigin((-140.0,) * 3)
    half = sitk.AffineTransform(3)
    half.SetTranslation((-x / 2, -y / 2, z / 2))
    sitk.WriteTransform(sitk.CompositeTransform([half, sitk.DisplacementFieldTransform(image)]), str(path))
