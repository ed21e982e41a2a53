"""Scans of a head whose motion and perfusion are known, written as BIDS files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.qtmnet.scans.motion.heads import AFFINE, CONTROL, DIFFERENCE, STILL, shown

M0_FACTOR = 1.25
"""M0 over control."""


@dataclass(frozen=True)
class Volume:
    """A volume of a scan.

    Attributes:
        kind: type, as BIDS has it.
        motion: of the head from its place, see `shown`.
        delay: s.
        contrast: signal of tissues in a control.
    """

    kind: str
    motion: np.ndarray = field(default_factory=lambda: STILL)
    delay: float = 1.8
    contrast: Mapping[str, float] = field(default_factory=lambda: CONTROL)

    def image(self) -> np.ndarray:
        """Without noise, (X, Y, Z)."""
        control = self.contrast
        factor = {"m0scan": M0_FACTOR}.get(self.kind, 1.0)
        label = {name: value - DIFFERENCE[name] for name, value in control.items()}
        signals = {"label": label, "deltam": DIFFERENCE}.get(self.kind, control)
        return factor * shown(signals, self.motion)


def pairs(motions: Sequence[np.ndarray], delays: Sequence[float] = (1.8,)) -> list[Volume]:
    """Controls and labels in turn, with a motion each, the delays in turn; first an M0."""
    volumes = [Volume("m0scan", delay=0.0)]
    for k, motion in enumerate(motions):
        volumes.append(Volume(("control", "label")[k % 2], motion, delays[k // 2 % len(delays)]))
    return volumes


def write(
    folder: Path, volumes: Sequence[Volume], noise: float = 2.0, *, name: str = "sub-1", **fields: object
) -> Path:
    """Write volumes as a scan, with Gaussian noise of that standard deviation, where a control has 1000."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    images = [volume.image() for volume in volumes]
    data = np.stack([image + noise * rng.standard_normal(image.shape) for image in images], axis=-1)
    return write_data(folder, data, volumes, name=name, **fields)


def write_data(
    folder: Path, data: np.ndarray, volumes: Sequence[Volume], *, name: str = "sub-1", **fields: object
) -> Path:
    """Write data (X, Y, Z, N) as a scan of such volumes."""
    path = folder / f"{name}_asl.nii.gz"
    image = nib.Nifti1Image(data.astype(np.float32), AFFINE)
    image.set_sform(AFFINE, 1)
    image.to_filename(path)
    context = "\n".join(["volume_type", *(volume.kind for volume in volumes), ""])
    (folder / f"{name}_aslcontext.tsv").write_text(context, encoding="utf-8")
    sidecar = {
        "ArterialSpinLabelingType": "PCASL",
        "PostLabelingDelay": [volume.delay for volume in volumes],
        "LabelingDuration": 1.8,
        "LabelingEfficiency": 0.85,
        "BackgroundSuppression": False,
        "M0Type": "Included",
        "MRAcquisitionType": "3D",
        "MagneticFieldStrength": 3,
        "RepetitionTimePreparation": 10.0,
        "VascularCrushing": False,
        **fields,
    }
    (folder / f"{name}_asl.json").write_text(json.dumps(sidecar), encoding="utf-8")
    return path
