"""The network for any scan with its front end: from the frames of a scan to maps and their intervals."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from qtmnet.coefficients.basis import Basis
from qtmnet.coefficients.front_end import CRUSHED, ESTIMATED, SEEN, FrontEnd, images, is_crushed
from qtmnet.coefficients.prior import Prior
from qtmnet.methods.base import Frames, Maps
from qtmnet.methods.network.any_scan.description import AnyScanDescription
from qtmnet.methods.network.estimator import Estimator
from qtmnet.quantities import BOUNDS, OUTSIDE, QUANTITIES
from simulators.constants import T1_BLOOD

LEAST_HALF_WIDTH = 0.02
"""Of an interval, in units of the quantity's scale, before it is learned: 1.2 mL/100g/min, 0.02 s."""

OF_NORMAL = 1.645
"""Standard deviations of a normal distribution within which 90 % of it lie, on either side of its middle."""

OF_EQUAL_SPREAD = float(np.log(np.expm1(OF_NORMAL)))
"""What softplus makes them of: intervals start as those of a normal distribution of the linear estimate's spread."""

NEVER_NEGATIVE = ("att", "abv")
"""Outputs that end at 0. Perfusion does not: where noise is all there is, a mean of many voxels is to stay right."""

FARTHEST = {"cbf": (-0.5, 1.5), "att": (0.0, 5.0), "abv": (-1.0, 50.0)}
"""Where a linear estimate is taken to end, in units of its scale.

Of perfusion, what tissue has: in voxels with arteries it is several times that, and a network that adds to it would
have to take all of it back.
"""


SEEN_ABOUT = 8
"""Voxels about a mask that are read with it: most of what a voxel's estimate depends on."""


class AnyScanEstimator(Estimator):
    """Maps from a scan of any protocol.

    Its front end is part of its numbers: basis and priors are buffers, kept with the weights.

    Args:
        description: the network, its inputs and outputs, and the scans that it reads.

    Raises:
        InputError: as `Estimator`.
    """

    description: AnyScanDescription

    def _add_reading(self) -> None:
        accepts = self.description.accepts
        n, times = accepts.n_functions, accepts.n_times
        shapes = {
            "time": (times,),
            "mean": (times,),
            "functions": (n, times),
            "prior_mean": (2, n),
            "prior_factor": (2, n, n),
            "linear": (2, len(ESTIMATED), 1 + n),
            "linear_spread": (2, len(ESTIMATED)),
        }
        for name, shape in shapes.items():
            self.register_buffer(f"front_end_{name}", torch.zeros(shape, dtype=torch.float64))
        self._front_end: FrontEnd | None = None
        self._t1_blood = T1_BLOOD

    def set_front_end(self, front_end: FrontEnd) -> None:
        """Take a front end, whose sizes are those of the description."""
        priors = [front_end.priors[name] for name in (SEEN, CRUSHED)]
        arrays = {
            "time": front_end.basis.time,
            "mean": front_end.basis.mean,
            "functions": front_end.basis.functions,
            "prior_mean": [prior.mean for prior in priors],
            "prior_factor": [prior.factor for prior in priors],
            "linear": [[prior.linear[key] for key in ESTIMATED] for prior in priors],
            "linear_spread": [[prior.spread[key] for key in ESTIMATED] for prior in priors],
        }
        for name, values in arrays.items():
            self.get_buffer(f"front_end_{name}").copy_(torch.as_tensor(np.asarray(values, float)))
        self._front_end = None

    @property
    def front_end(self) -> FrontEnd:
        """What reads the frames."""
        if self._front_end is None:
            kept = {
                name.removeprefix("front_end_"): buffer.cpu().double().numpy()
                for name, buffer in self.named_buffers()
                if name.startswith("front_end_")
            }
            priors = {
                name: Prior(
                    kept["prior_mean"][row],
                    kept["prior_factor"][row],
                    dict(zip(ESTIMATED, kept["linear"][row], strict=True)),
                    dict(zip(ESTIMATED, kept["linear_spread"][row].tolist(), strict=True)),
                )
                for row, name in enumerate((SEEN, CRUSHED))
            }
            self._front_end = FrontEnd(Basis(kept["time"], kept["mean"], kept["functions"]), priors)
        return self._front_end

    def sample_channels(self) -> dict[str, int]:
        """Images of a sample that `forward` reads, by name, and how many channels each has; see `images`."""
        n, parts = self.description.accepts.n_functions, len(ESTIMATED)
        found = {"coefficients": n, "coefficient_spread": n, "linear": parts, "linear_spread": parts}
        return found | {"chi_squared": 1, "voxel_size": 3, "t1_blood": 1, "crushed": 1, "n_frames": 1}

    def _read(self, sample: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        channels = self._channels(sample["coefficients"], sample)
        by_key = dict(zip(ESTIMATED, sample["linear"].split(1, 1), strict=True))
        linear = [
            (by_key[key] / QUANTITIES[key].scale).clamp(*FARTHEST[key]) if key in by_key else torch.zeros_like(parts)
            for key, parts in ((key, sample["linear"][:, :1]) for key in self.description.outputs)
        ]
        return torch.cat(linear, 1), channels

    def _bounded(self, estimate: torch.Tensor, sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The estimate with its bounds on their sides of it, from it by a multiple of the linear estimate's spread."""
        parts = dict(zip(self.description.outputs, estimate.split(1, 1), strict=True))
        spreads = dict(zip(ESTIMATED, sample["linear_spread"].split(1, 1), strict=True))
        for key, part in parts.items():
            of = QUANTITIES[key].bound_of
            if of:
                sign = -1.0 if QUANTITIES[key].level < 0.5 else 1.0
                spread = (spreads[of] / QUANTITIES[of].scale).clamp(LEAST_HALF_WIDTH, 1.0)
                parts[key] = parts[of].detach() + sign * spread * F.softplus(part + OF_EQUAL_SPREAD)
        return torch.cat([*parts.values()], 1)

    def start_from(self, samples: Iterable[Mapping[str, torch.Tensor]]) -> None:
        """Nothing to be done: the linear estimates are the front end's."""

    def _finished(
        self, found: dict[str, np.ndarray], given: Mapping[str, np.ndarray], frames: Frames
    ) -> dict[str, np.ndarray]:
        """The outputs with their intervals put right, the standard deviations of these, and what lies outside."""
        for key, calibration in self.description.calibrations.items():
            low, high = (found[f"{key}_{end}"] for end in BOUNDS)
            right = calibration.applied(found[key], low, high, frames.acquisition.n_frames)
            found |= dict(zip((f"{key}_{end}" for end in BOUNDS), right, strict=True))
        for key in NEVER_NEGATIVE:
            if key in found:
                found[key] = np.maximum(found[key], np.float32(0))
        for key in self.description.outputs:
            if f"{key}_low" in found:
                found[f"{key}_low"] = np.minimum(np.maximum(found[f"{key}_low"], np.float32(0)), found[key])
                found[f"{key}_high"] = np.maximum(found[f"{key}_high"], found[key])
                found[f"{key}_sd"] = (found[f"{key}_high"] - found[f"{key}_low"]) / np.float32(2 * OF_NORMAL)
        trained = self.description.trained_range
        if trained is not None:
            crushed = is_crushed(frames.acquisition)
            noise = np.broadcast_to(0.0 if frames.noise is None else frames.noise, frames.concentration.shape)
            outside = trained.of_voxels(given["chi_squared"][0], noise, crushed=crushed)
            found[OUTSIDE.key] = outside.astype(np.float32)
        return {key: found[key] for key in self.description.maps}

    def maps_with(self, frames: Frames, t1_blood: float) -> Maps:
        """Maps of all outputs by key, as `maps`, for a T1 of blood (s)."""
        x, y, z = (slice(first, last) for first, last in _box(frames.inside))
        noise = np.zeros(1) if frames.noise is None else frames.noise
        noise = np.broadcast_to(noise, frames.concentration.shape)[:, x, y, z]
        timing = frames.acquisition.slice_timing
        part = replace(
            frames,
            concentration=frames.concentration[:, x, y, z],
            acquisition=replace(frames.acquisition, slice_timing=timing[z]) if timing else frames.acquisition,
            mask=frames.inside[x, y, z],
            noise=noise,
        )
        self._t1_blood = t1_blood
        maps = {}
        for key, image in super().maps(part).items():
            maps[key] = np.zeros(frames.inside.shape, np.float32)
            maps[key][x, y, z] = image
        return maps

    def maps(self, frames: Frames) -> Maps:
        """Maps of all outputs by key, (X, Y, Z) each, float32, in their quantities' units, 0 outside of the mask."""
        return self.maps_with(frames, T1_BLOOD if frames.tissue is None else frames.tissue.t1_blood)

    def _images(self, frames: Frames) -> dict[str, np.ndarray]:
        noise = 0.0 if frames.noise is None else frames.noise
        found = self.front_end.read(frames.concentration, frames.acquisition, noise, self._t1_blood)
        made = images(found, frames.acquisition, self._t1_blood)
        return {name: np.ascontiguousarray(image) for name, image in made.items()}


def _box(inside: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last voxel but one along each axis of a box about a mask, with what the network sees about it."""
    for axis in range(3):
        there = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        first, last = (int(there[0]), int(there[-1]) + 1) if there.size else (0, 1)
        yield max(first - SEEN_ABOUT, 0), min(last + SEEN_ABOUT, inside.shape[axis])
