"""Motion of a head that is a formula: how well it is found, and in what time, by us and by SimpleITK's registration.

python benchmarks/motion.py --repeats 8 --noise 0 20 60
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parents[1]))

from qtmnet.scans.motion.canvas import Canvas
from qtmnet.scans.motion.fitting import fit
from qtmnet.scans.motion.rigid import Head
from qtmnet.scans.motion.template import Template
from tests.qtmnet.scans.motion.heads import AFFINE, CONTROL, VOXEL_MM, shown

SIZES = ((0.5, 0.5), (2.0, 2.0), (6.0, 5.0))
"""mm and degrees."""

NOISES = (0.0, 20.0, 60.0)
"""Standard deviation, where grey matter has 1000."""

Find = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From a smoothed template and a smoothed volume to the matrix that takes points of the volume to the template."""


def main(repeats: int, noises: list[float]) -> None:
    """Print errors at the head's middle and of its turn, and CPU seconds a volume."""
    mask = ndimage.binary_dilation(shown(CONTROL) > 300)
    voxels, canvas = np.argwhere(mask), Canvas(mask.shape, AFFINE)  # voxels are coarse enough as they are
    head = Head(nib.affines.apply_affine(AFFINE, voxels))
    finders: dict[str, Find] = {
        "least squares": lambda template, volume: head.matrix(
            fit(Template([template], AFFINE, voxels, head), volume, np.zeros(6)).motion
        ),
        "SimpleITK": lambda template, volume: by_simpleitk(template, volume, mask, head.centre),
    }
    rng = np.random.default_rng(0)
    print("noise  mm / degrees   method         mm (largest)   degrees (largest)  s")
    for noise in noises:
        template = canvas.smoothed(shown(CONTROL) + noise / 3 * rng.standard_normal(mask.shape))
        for mm, degrees in SIZES:
            found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in finders}
            for _ in range(repeats):
                ways = rng.standard_normal((2, 3))
                ways /= np.linalg.norm(ways, axis=1, keepdims=True)
                motion = np.concatenate([mm * ways[0], degrees * ways[1]])
                volume = canvas.smoothed(shown(CONTROL, motion) + noise * rng.standard_normal(mask.shape))
                for name, find in finders.items():
                    start = time.process_time()
                    matrix = find(template, volume)
                    found[name].append((*errors(matrix, motion, head.centre), time.process_time() - start))
            for name, numbers in found.items():
                mean, largest = np.mean(numbers, axis=0), np.max(numbers, axis=0)
                print(
                    f"{noise:5g}  {mm:g} / {degrees:g}".ljust(22) + f"{name:14s} {mean[0]:.3f} ({largest[0]:.3f})  "
                    f"{mean[1]:.3f} ({largest[1]:.3f})  {mean[2]:.2f}",
                    flush=True,
                )


def errors(matrix: np.ndarray, motion: np.ndarray, centre: np.ndarray) -> tuple[float, float]:
    """How far what was found is from undoing a motion: mm at the head's middle, and degrees."""
    true = np.eye(4)
    true[:3, :3] = Rotation.from_rotvec(motion[3:], degrees=True).as_matrix()
    true[:3, 3] = motion[:3]
    left, middle = matrix @ true, np.append(centre, 1)
    turn = Rotation.from_matrix(left[:3, :3]).magnitude()
    return float(np.linalg.norm((left @ middle - middle)[:3])), float(np.degrees(turn))


def by_simpleitk(template: np.ndarray, volume: np.ndarray, mask: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Correlation, splines, regular steps of gradient descent with scales by physical shift, one thread."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(sitk.Cast(image(mask.astype(np.float32)), sitk.sitkUInt8))
    method.SetInterpolator(sitk.sitkBSpline)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 200, 0.6, 1e-8)
    method.SetOptimizerScalesFromPhysicalShift()
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(image(volume), image(template))
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    matrix[:3, 3] = centre + np.array(transform.GetTranslation()) - matrix[:3, :3] @ centre
    return matrix


def image(data: np.ndarray) -> sitk.Image:
    """Of the grid of `shown`; only differences of places matter, so that axes keep their signs."""
    made = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    made.SetSpacing(VOXEL_MM.tolist())
    made.SetOrigin(AFFINE[:3, 3].tolist())
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--noise", type=float, nargs="+", default=NOISES)
    given = parser.parse_args()
    main(given.repeats, given.noise)
