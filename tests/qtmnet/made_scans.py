"""Scans of known perfusion, made from the general kinetic model as an equation to integrate, and written as BIDS files.

Nothing here is the package's: SciPy integrates Buxton's balance of label (1998, 10.1002/mrm.1910400308) step by step,
and nibabel writes the files. Constants are those of asldro, an independent simulator of scans.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.integrate import solve_ivp

T1_BLOOD = 1.65
PARTITION_COEFFICIENT = 0.9
EFFICIENCY = 0.85
ORDERS = {"control first": ("control", "label"), "label first": ("label", "control")}


@dataclass(frozen=True)
class Tissue:
    """What a kind of tissue has: CBF in mL/100g/min, ATT and T1 in s, M0 in units of the scanner."""

    cbf: float
    att: float
    t1: float
    m0: float


ASLDRO = {
    1: Tissue(cbf=60, att=0.8, t1=1.3307, m0=65.8178),
    2: Tissue(cbf=20, att=1.2, t1=0.83, m0=59.0993),
    3: Tissue(cbf=0, att=0.8, t1=3.0, m0=63.4624),
}
"""Grey matter, white matter and fluid of asldro's own ground truth, by their numbers in its segmentation."""


def difference_signal(tissue: Tissue, duration: float, times: np.ndarray) -> np.ndarray:
    """ΔM at times (s) since continuous labeling began, in any order, as in `times`.

    d ΔM/dt = 2 α (M0/λ) f e^(−δ/T1b) while label arrives, from δ to δ + duration, less ΔM (1/T1 + f/λ) at all times.
    """
    flow = tissue.cbf / 6000  # mL/g/s
    loss = 1 / tissue.t1 + flow / PARTITION_COEFFICIENT
    gain = 2 * EFFICIENCY * tissue.m0 / PARTITION_COEFFICIENT * flow * np.exp(-tissue.att / T1_BLOOD)
    distinct, place = np.unique(times, return_inverse=True)
    signal, now, amount = np.zeros(len(distinct)), tissue.att, 0.0
    for end, arriving in ((tissue.att + duration, gain), (np.inf, 0.0)):
        read = (distinct > now) & (distinct <= end)
        last = end if np.isfinite(end) else max(distinct.max(), now)
        if last > now:
            solution = solve_ivp(
                lambda _, m, arriving=arriving: arriving - loss * m,
                (now, last),
                [amount],
                method="DOP853",
                t_eval=np.union1d(distinct[read], last),
                rtol=1e-10,
                atol=1e-14,
            )
            signal[read] = solution.y[0][: read.sum()]
            now, amount = last, solution.y[0][-1]
    return signal[place].reshape(np.shape(times))


def ball(shape: tuple[int, int, int]) -> np.ndarray:
    """Kinds of tissue in a ball: fluid within white within grey matter, 0 around it."""
    middle = (np.array(shape) - 1) / 2
    radius = np.sqrt(sum(((np.indices(shape)[axis] - middle[axis]) / (shape[axis] / 2)) ** 2 for axis in range(3)))
    return np.select([radius < 0.2, radius < 0.6, radius < 0.95], [3, 2, 1], 0)


def coarsened(fine: np.ndarray, factor: int) -> np.ndarray:
    """Means over blocks of factor³ of the first three axes."""
    x, y, z, *more = fine.shape
    blocks = fine.reshape(x // factor, factor, y // factor, factor, z // factor, factor, *more)
    return blocks.mean(axis=(1, 3, 5))


def write_scan(
    path: Path,
    delta_m: np.ndarray,
    m0: np.ndarray,
    delays: tuple[float, ...],
    *,
    pairs: int = 1,
    order: str = "control first",
    voxel_mm: tuple[float, float, float] = (3.0, 3.0, 4.0),
    noise: float = 0.0,
    mask: np.ndarray | None = None,
    **fields: object,
) -> Path:
    """Write an M0 volume and so many pairs of each delay, in turn, with table, sidecar and, if given, mask.

    ΔM is (K, X, Y, Z). Noise is Gaussian, its standard deviation in units of the scanner, in every volume but M0.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    volumes, types, plds = [m0], ["m0scan"], [0.0]
    for _ in range(pairs):
        for delay, difference in zip(delays, delta_m, strict=True):
            for kind in ORDERS[order]:
                clean = m0 - difference if kind == "label" else m0
                volumes.append(clean + noise * rng.standard_normal(m0.shape))
                types.append(kind)
                plds.append(delay)
    affine = np.diag([*voxel_mm, 1.0])
    nib.Nifti1Image(np.stack(volumes, axis=-1), affine).to_filename(path)
    stem = path.name.removesuffix("_asl.nii.gz")
    (path.parent / f"{stem}_aslcontext.tsv").write_text("\n".join(["volume_type", *types, ""]), encoding="utf-8")
    if mask is not None:
        nib.Nifti1Image(mask.astype(np.uint8), affine).to_filename(path.parent / f"{stem}_desc-brain_mask.nii.gz")
    sidecar: Mapping[str, object] = {
        "ArterialSpinLabelingType": "PCASL",
        "PostLabelingDelay": plds,
        "BackgroundSuppression": False,
        "M0Type": "Included",
        "MRAcquisitionType": "3D",
        "MagneticFieldStrength": 3,
        "RepetitionTimePreparation": 10.0,
        "VascularCrushing": False,
        **fields,
    }
    (path.parent / f"{stem}_asl.json").write_text(json.dumps(sidecar), encoding="utf-8")
    return path
