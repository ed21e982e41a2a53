"""Signal of each volume of a scan, slice by slice, and what is wrong with a volume that this alone tells."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

EMPTY_BELOW = 0.2
"""Of the contrast that volumes of the same kind and delay have in the median. Controls and labels differ by some
percent, repeats by less; what an empty volume holds is noise, below a tenth of a head's signal."""

IMAGE_FROM = 0.5
"""Correlation with the volume of most contrast from which on a faint volume is an image of the same head."""

RIM_BELOW = 0.5
"""Of the contrast of the slice that has most: slices with less may be the rim of the head, which motion takes along."""

COPIES_OF_MOST = 0.5
"""Share of copies among controls or labels from which on they are alike because the scan, a simulated one, has no
noise."""


@dataclass(frozen=True, eq=False)
class Signals:
    """What is kept of N volumes of Z slices.

    Attributes:
        contrast: standard deviation over each slice, (N, Z); 0 where all voxels hold the same.
        level: mean over each volume, (N,).
        centre: of mass of what is bright, in voxels, (N, 3); NaN for a volume without any.
        same_as: the first volume that holds the same values in every voxel, (N,) int; itself if there is none.
    """

    contrast: np.ndarray
    level: np.ndarray
    centre: np.ndarray
    same_as: np.ndarray

    @classmethod
    def of(cls, volumes: np.ndarray, rows: Iterable[int]) -> Self:
        """Of volumes (X, Y, Z, N), those in `rows` alone; others are NaN, and copies of none.

        They are read one by one: a copy of a long scan may not fit the memory.
        """
        n, depth = volumes.shape[-1], volumes.shape[2]
        contrast, level, centre = np.full((n, depth), np.nan), np.full(n, np.nan), np.full((n, 3), np.nan)
        same_as, seen = np.arange(n), dict[tuple[float, float], list[int]]()
        for row in rows:
            volume = np.asarray(volumes[..., row], float)
            contrast[row], level[row], centre[row] = volume.std(axis=(0, 1)), volume.mean(), _centre(volume)
            alike = seen.setdefault((level[row], float((volume**2).sum())), [])
            same_as[row] = next((other for other in alike if np.array_equal(volumes[..., other], volume)), row)
            alike.append(row)
        return cls(contrast, level, centre, same_as)

    def faults(self, volumes: np.ndarray, groups: Sequence[np.ndarray]) -> dict[int, str]:
        """What is wrong with volumes that are empty, or lack slices, by volume.

        Args:
            volumes: (X, Y, Z, N).
            groups: of those (int) with the same contrast, but for label: those of a delay.
        """
        found: dict[int, str] = {}
        every = np.concatenate(groups)
        blank = {int(row) for row in every if not self.contrast[row].any()}
        if len(blank) == len(every):
            return found
        filled = np.median(self.contrast[[row for row in every if row not in blank]], axis=0) > 0
        for rows in groups:
            faint = self._faint(volumes, np.array([row for row in rows if row not in blank], int))
            empty = faint | (blank & set(rows.tolist()))
            found |= dict.fromkeys(sorted(empty), "empty")
            others = np.array([row for row in rows if row not in empty], int)
            for row, slices in self._lacking(others, filled):
                found[row] = f"without signal in {_slices(slices)}"
        return found

    def _faint(self, volumes: np.ndarray, rows: np.ndarray) -> set[int]:
        """Volumes whose little contrast is noise, and no faint image of the others."""
        total = np.sqrt((self.contrast[rows] ** 2).mean(axis=1))
        if not rows.size:
            return set()
        faint, best = rows[total < EMPTY_BELOW * np.median(total)], rows[total.argmax()]
        return {int(row) for row in faint if abs(_correlation(volumes[..., row], volumes[..., best])) < IMAGE_FROM}

    def _lacking(self, rows: np.ndarray, filled: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Volumes (of a group) that lack slices, and which; `filled` (Z,) are those that volumes of the scan have."""
        if not rows.size:
            return
        usual = np.median(self.contrast[rows], axis=0)
        inner = usual > RIM_BELOW * usual.max()
        for row in rows:
            here = self.contrast[row]
            slices = np.flatnonzero((inner & (here < EMPTY_BELOW * usual)) | (filled & (here == 0)))
            if slices.size:
                yield int(row), slices

    def copies(self, types: np.ndarray, pairs: np.ndarray) -> dict[int, str]:
        """Volumes that hold the same as another of the pairs (P, 1 or 2), the first of each type aside, by volume.

        A label that holds the same as a control leaves open which of them is the copy: both are named.
        """
        rows, found = np.sort(pairs.ravel()), dict[int, str]()
        for first in np.unique(self.same_as[rows]):
            alike = rows[self.same_as[rows] == first]
            of_one_type = len(np.unique(types[alike])) == 1
            for row in alike[1:] if of_one_type else alike:
                other = alike[0] if row != alike[0] else alike[1]
                found[int(row)] = f"the same as volume {other}"
        shares = [np.isin(rows[types[rows] == kind], list(found)).mean() for kind in np.unique(types[rows])]
        if max(shares, default=0) < COPIES_OF_MOST:
            return found
        none = [pair for pair in pairs if len(pair) == 2 and self.same_as[pair[0]] == self.same_as[pair[1]]]
        if len(none) == len(pairs):
            return {}
        return {int(row): "the same as its partner" for pair in none for row in pair}


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _centre(volume: np.ndarray) -> np.ndarray:
    """Centre of mass (3,) of what is above the mean, which background of noise is not."""
    bright = np.maximum(volume - volume.mean(), 0)
    total = bright.sum()
    if not total > 0:
        return np.full(3, np.nan)
    profiles = [bright.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    return np.array([profile @ np.arange(len(profile)) / total for profile in profiles])


def _slices(numbers: np.ndarray) -> str:
    """`slice 3`, `slices 3–7` or `slices 3, 5`, counted from 0."""
    first, last = numbers[0], numbers[-1]
    if first == last:
        return f"slice {first}"
    if last - first == len(numbers) - 1:
        return f"slices {first}–{last}"
    return f"slices {', '.join(map(str, numbers))}"
