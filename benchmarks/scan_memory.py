"""Most memory that `predict` takes of a large scan, over the bytes of its volumes in single precision.

python benchmarks/scan_memory.py

A scan of 128 × 128 × 60 voxels and 61 volumes, five pairs of six delays and M0, is written as 16-bit whole numbers with
a slope, as scanners do, and mapped by each method in a process of its own. Linux and macOS.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (128, 128, 60)
VOXEL_MM = (1.7, 1.7, 2.5)
DELAYS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
HEAD = 0.8
"""Of the field of view, the axes of the ellipsoid that is the head: a quarter of all voxels."""


def write_scan(folder: Path, shape: tuple[int, int, int], pairs: int) -> int:
    """Write a scan and return the bytes of its volumes in single precision."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij", sparse=True)
    head = sum((axis / HEAD) ** 2 for axis in axes) < 1
    types = [
        ("m0scan", 0.0),
        *((kind, delay) for delay in DELAYS for _ in range(pairs) for kind in ("control", "label")),
    ]
    stored = np.empty((*shape, len(types)), np.int16)
    for k, (kind, delay) in enumerate(types):
        level = 1000.0 - (10 * np.exp(-delay / 1.65) if kind == "label" else 0)
        stored[..., k] = np.where(head, level, 20) * 10 + 30 * rng.standard_normal(shape)
    image = nib.Nifti1Image(stored, np.diag([*VOXEL_MM, 1.0]))
    image.header.set_slope_inter(0.1, 0)
    image.to_filename(folder / "sub-01_asl.nii.gz")
    fields = {
        "ArterialSpinLabelingType": "PCASL",
        "PostLabelingDelay": [delay for _, delay in types],
        "LabelingDuration": 1.8,
        "LabelingEfficiency": 0.85,
        "BackgroundSuppression": False,
        "M0Type": "Included",
        "MRAcquisitionType": "3D",
        "MagneticFieldStrength": 3,
        "RepetitionTimePreparation": 6.0,
    }
    (folder / "sub-01_asl.json").write_text(json.dumps(fields), encoding="utf-8")
    table = "\n".join(["volume_type", *(kind for kind, _ in types), ""])
    (folder / "sub-01_aslcontext.tsv").write_text(table, encoding="utf-8")
    return 4 * stored.size


def most_memory(words: list[str]) -> int:
    """Bytes that a process took at most."""
    process = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} failed")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Write a scan, map it by each method, and print the most memory and its ratio to the volumes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=["multi_delay", "any_scan"])
    parser.add_argument("--shape", type=int, nargs=3, default=SHAPE)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        volumes = write_scan(folder / "ds/sub-01/perf", tuple(given.shape), given.pairs)
        idle = most_memory(["qtmnet", "predict", "--help"])
        print(f"volumes {volumes / 1e9:.2f} GB in single precision; a command that does nothing {idle / 1e9:.2f} GB")
        for method in given.methods:
            words = ["qtmnet", "predict", str(folder / "ds"), str(folder / method), f"method={method}"]
            most = most_memory(words)
            print(f"{method}: {most / 1e9:.2f} GB at most, {most / volumes:.1f} of the volumes", flush=True)


if __name__ == "__main__":
    main()
