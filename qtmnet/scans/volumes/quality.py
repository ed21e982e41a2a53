"""What is kept of a scan's pairs once they are averaged: a row for each, and a slice to look at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qtmnet.scans.bids.derivatives import Place
from qtmnet.scans.volumes.inspection import Inspection
from qtmnet.scans.volumes.weighting import differences
from simulators.files.json_files import json_text
from simulators.files.writing import Drafts

COLUMNS = {
    "pair": ("Number of the pair in the order of its volumes, from 0", ""),
    "control": ("Volume of the control, or of the difference that the scan holds, from 0", ""),
    "label": ("Volume of the label, from 0; n/a where the scan holds differences", ""),
    "post_labeling_delay": ("Of the volumes", "s"),
    "labeling_duration": ("Of the volumes", "s"),
    "weight": ("In the mean of the delay: 1 for a pair like the others, 0 for one that was left out", ""),
    "mean_difference": ("Mean of control less label in the mask", "arbitrary"),
    "roughness": ("Root mean square distance from the median of the delay, over the median of such distances", ""),
    "roughest_slice": ("The same in the slice where it is largest", ""),
    "framewise_displacement": ("The largest of its volumes, from the one before; n/a without motion_correction", "mm"),
    "moved_back": ("Volumes of the pair that were put back; n/a without motion_correction", ""),
    "reason": ("Why the weight is below 1", ""),
}
"""Meaning and unit of each column of the table."""


@dataclass(frozen=True, eq=False)
class PairQuality:
    """What is told of P pairs.

    Attributes:
        rows: volumes of each pair, (P, 1 or 2) int.
        delays: s, (P,).
        durations: of labeling, s, (P,).
        weight: in the mean of the delay, from 0 to 1, (P,).
        mean: of the difference in the mask, (P,).
        roughness: see `COLUMNS`, (P,); NaN where a delay has too few pairs to tell.
        rough_slice: likewise.
        reasons: why the weight is below 1; empty where it is not.
        slices: a slice of each difference through the middle of the brain, (P, X, Y) float32.
        framewise: largest framewise displacement of its volumes, mm, (P,); NaN where motion was not looked at.
        moved_back: volumes that were put back, (P,); NaN likewise.
    """

    rows: np.ndarray
    delays: np.ndarray
    durations: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    roughness: np.ndarray
    rough_slice: np.ndarray
    reasons: tuple[str, ...]
    slices: np.ndarray
    framewise: np.ndarray
    moved_back: np.ndarray

    @classmethod
    def of(
        cls,
        inspection: Inspection,
        mask: np.ndarray,
        framewise: np.ndarray | None = None,
        moved_back: np.ndarray | None = None,
    ) -> "PairQuality":
        """Of pairs that were looked at in a mask (X, Y, Z) bool.

        Args:
            inspection: of the pairs.
            mask: voxels that count.
            framewise: displacement of each volume from the one before, mm, (N,); None where motion was not looked at.
            moved_back: volumes that were put back, (N,) bool; None likewise.
        """
        pairing, weights, volumes = inspection.pairing, inspection.weights, inspection.looked.series.volumes
        middle = int(mask.sum(axis=(0, 1)).argmax())
        plane = volumes[:, :, middle].reshape(-1, volumes.shape[-1])
        slices = differences(plane, pairing.rows).T.reshape(-1, *volumes.shape[:2])
        unknown = np.full(len(pairing.rows), np.nan)
        return cls(
            pairing.rows,
            pairing.delays[pairing.frame],
            pairing.durations[pairing.frame],
            weights.weight,
            weights.statistics.mean,
            weights.roughness,
            weights.rough_slice,
            inspection.reasons,
            slices.astype(np.float32),
            unknown if framewise is None else np.fmax.reduce(framewise[pairing.rows], axis=1),
            unknown if moved_back is None else moved_back[pairing.rows].sum(axis=1).astype(float),
        )

    def table(self) -> str:
        """The pairs as a table of tab-separated values, n/a for what is not known."""
        lines = ["\t".join(COLUMNS)]
        for pair, rows in enumerate(self.rows.tolist()):
            control, label = rows if len(rows) == 2 else (*rows, None)
            numbers = (
                self.delays[pair],
                self.durations[pair],
                self.weight[pair],
                self.mean[pair],
                self.roughness[pair],
                self.rough_slice[pair],
                self.framewise[pair],
                self.moved_back[pair],
            )
            lines.append("\t".join([*map(_cell, (pair, control, label, *numbers)), self.reasons[pair] or "n/a"]))
        return "\n".join(lines) + "\n"


def table_path(place: Place) -> Path:
    """Where the table of a scan's pairs goes."""
    return place.folder / f"{place.prefix}_desc-pairs_qc.tsv"


def write_pairs(place: Place, quality: PairQuality, drafts: Drafts) -> Path:
    """Write the table of pairs and what its columns mean.

    Raises:
        InputError: if it cannot be written.
    """
    path = table_path(place)
    meanings = {
        name: {"Description": f"{text}."} | ({"Units": unit} if unit else {}) for name, (text, unit) in COLUMNS.items()
    }
    drafts.write(path, quality.table().encode())
    drafts.write(path.with_suffix(".json"), json_text(meanings, indent=2).encode())
    return path


def _cell(value: float | int | None) -> str:
    if value is None or not np.isfinite(value):
        return "n/a"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
