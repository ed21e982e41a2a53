"""Synthetic BIDS scans: a known concentration, turned into the files that a scanner's conversion would leave."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

SHAPE = (6, 7, 5)
VOXEL_MM = (3.0, 3.5, 4.0)
EFFICIENCY = 0.8
REPETITION_TIME = 4.0
DELAYS = (0.5, 1.0, 2.0)
DURATION = 1.8
T1_TISSUE = 1.3
PAIRS = tuple((kind, delay) for delay in DELAYS for kind in ("control", "label"))


class ExampleScan:
    """A scan on disk whose concentration is known; its files can be spoiled one by one.

    The volumes are given as (type, delay). Repetitions of a pair differ around the true mean, and control
    is M0 as far as it recovers within the repetition time.
    """

    def __init__(self, folder: Path, prefix: str = "sub-01", *, uniform_m0: bool = False, ending: str = ".nii.gz"):
        self.folder, self.prefix, self.ending = folder, prefix, ending
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(1)
        self.brain = np.zeros(SHAPE, dtype=bool)
        self.brain[1:5, 1:6, 1:4] = True
        self.amplitude = rng.uniform(0.002, 0.01, SHAPE)
        self.relaxed_m0 = np.where(self.brain, 1000.0 if uniform_m0 else rng.uniform(800, 1200, SHAPE), 20.0)
        self.affine = np.diag([-VOXEL_MM[0], VOXEL_MM[1], VOXEL_MM[2], 1.0])
        self.affine[:3, 3] = 11.0, -12.0, 13.0
        self.path = folder / f"{prefix}_asl{ending}"
        self.sidecar = folder / f"{prefix}_asl.json"
        self.context = folder / f"{prefix}_aslcontext.tsv"
        self.fields: dict[str, object] = {}

    def truth(self, delays: Sequence[float] = DELAYS) -> np.ndarray:
        """Concentration (K, X, Y, Z), 0 outside the brain."""
        return np.stack([np.where(self.brain, self.amplitude * np.exp(-delay), 0) for delay in delays])

    def m0_scan(self, repetition_time: float = REPETITION_TIME) -> np.ndarray:
        """What a scanner sees of M0."""
        return self.relaxed_m0 * (1 - np.exp(-repetition_time / T1_TISSUE))

    def write(self, volumes: Sequence[tuple[str, float]], **fields: object) -> "ExampleScan":
        """Write image, table and sidecar; a field of `...` is left out."""
        seen: dict[tuple[str, float], int] = {}
        data = [self._volume(kind, delay, seen, volumes) for kind, delay in volumes]
        self.write_image(self.path, np.stack(data, axis=-1))
        self.write_context([kind for kind, _ in volumes])
        self.set(
            **{
                "ArterialSpinLabelingType": "PCASL",
                "PostLabelingDelay": [delay for _, delay in volumes],
                "LabelingDuration": DURATION,
                "LabelingEfficiency": EFFICIENCY,
                "BackgroundSuppression": False,
                "M0Type": "Included",
                "MRAcquisitionType": "3D",
                "MagneticFieldStrength": 3,
                "RepetitionTimePreparation": REPETITION_TIME,
                "VascularCrushing": False,
            }
            | fields
        )
        return self

    def _volume(self, kind: str, delay: float, seen: dict, volumes: Sequence[tuple[str, float]]) -> np.ndarray:
        control = self.m0_scan()
        difference = self.truth([delay])[0] * 2 * EFFICIENCY * self.relaxed_m0 / (1.05 * 0.9)
        index = seen[kind, delay] = seen.get((kind, delay), -1) + 1
        spread = 1 + 0.2 * (index - (list(volumes).count((kind, delay)) - 1) / 2)
        signals = {"m0scan": control, "control": control, "label": control - spread * difference}
        return signals.get(kind, spread * difference)

    def set(self, **fields: object) -> None:
        """Change fields of the sidecar; `...` takes one out."""
        self.fields = {name: value for name, value in (self.fields | fields).items() if value is not ...}
        self.sidecar.write_text(json.dumps(self.fields), encoding="utf-8")

    def write_context(self, types: Sequence[str], heading: str = "volume_type", newline: str = "\n") -> None:
        self.context.write_text(newline.join([heading, *types]) + newline, newline="", encoding="utf-8")

    def write_image(self, path: Path, data: np.ndarray, dtype: type = np.float32) -> Path:
        image = nib.Nifti1Image(data.astype(dtype), self.affine)
        image.set_sform(self.affine, 1)
        image.set_qform(self.affine, 2)
        image.to_filename(path)
        return path

    def write_m0_scan(self, data: np.ndarray | None = None, *, name: str | None = None, **fields: object) -> Path:
        """Write a separate M0 scan with its sidecar."""
        path = self.folder / f"{name or self.prefix}_m0scan{self.ending}"
        repetition_time = fields.setdefault("RepetitionTimePreparation", REPETITION_TIME)
        if data is None:
            times = [time for time in np.atleast_1d(np.asarray(repetition_time, dtype=object)) if time is not ...]
            data = np.stack([self.m0_scan(time) for time in times or [REPETITION_TIME]], axis=-1)
            data = data[..., 0] if data.shape[-1] == 1 else data
        self.write_image(path, data)
        given = {key: value for key, value in fields.items() if value is not ...}
        path.with_name(path.name.replace(self.ending, ".json")).write_text(json.dumps(given), encoding="utf-8")
        return path

    def spoil(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Rewrite the image's data."""
        self.write_image(self.path, change(nib.load(self.path).get_fdata()))


@pytest.fixture
def new_scan(tmp_path: Path) -> Callable[..., ExampleScan]:
    """Make an `ExampleScan` in the perf folder of a small dataset, not yet written."""

    def make(prefix: str = "sub-01", **options: object) -> ExampleScan:
        (tmp_path / "dataset_description.json").write_text(
            '{"Name": "example", "BIDSVersion": "1.10.0"}', encoding="utf-8"
        )
        return ExampleScan(tmp_path / "sub-01" / "perf", prefix, **options)

    return make


@pytest.fixture
def example(new_scan: Callable[..., ExampleScan]) -> ExampleScan:
    """An M0 volume, then two repetitions of three delays, control first."""
    return new_scan().write([("m0scan", 0.0), *PAIRS, *PAIRS])
