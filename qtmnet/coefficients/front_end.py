"""The front end of the network for any scan: what it is given of a scan, the same for every protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.coefficients.basis import Basis, principal
from qtmnet.coefficients.posterior import Posterior, posterior
from qtmnet.coefficients.prior import Prior, fit_prior, trimmed
from simulators.imaging.acquisition import Acquisition

ESTIMATED = ("cbf", "att", "abv")
"""Keys of the quantities that have linear estimates."""

SEEN, CRUSHED = "all_label", "crushed"
"""Priors: with label in arteries, and without."""


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """A basis and what is known of its coefficients.

    Attributes:
        basis: of step responses.
        priors: of the coefficients, where arteries are seen (`SEEN`) and where they are not (`CRUSHED`).
    """

    basis: Basis
    priors: Mapping[str, Prior]

    def read(
        self, frames: np.ndarray, acquisition: Acquisition, noise: np.ndarray | float, t1_blood: float
    ) -> Posterior:
        """What the frames of a scan say, voxel by voxel; in which order they come makes no difference, to the last bit.

        Args:
            frames: mL of fully labeled blood per mL of tissue, (K, X, Y, Z).
            acquisition: how they were made.
            noise: standard deviation of each frame, mL/mL, broadcastable to (K, X, Y, Z).
            t1_blood: s.

        Raises:
            InputError: for a readout later than the basis reaches.
        """
        offsets, rows = self.basis.rows(acquisition, frames.shape[-1], t1_blood)
        order = np.lexsort((*rows[:, 0].T, offsets[:, 0]))  # sums of the same numbers, always in one order
        noise = np.asarray(noise)
        noise = noise[order] if noise.ndim == frames.ndim and len(noise) == len(frames) else noise
        prior = self.priors[CRUSHED if is_crushed(acquisition) else SEEN]
        return posterior(frames[order], offsets[order], rows[order], noise, prior)


def is_crushed(acquisition: Acquisition) -> bool:
    """Whether a protocol hides label in arteries: all of it, or that above a velocity."""
    return acquisition.vascular_crushing is not None


def images(found: Posterior, acquisition: Acquisition, t1_blood: float) -> dict[str, np.ndarray]:
    """What a network's inputs are made from, by name, (C, X, Y, Z) each, float32.

    `coefficients`, `coefficient_spread` (R), `linear` and `linear_spread` of `ESTIMATED` in their units (3),
    `chi_squared` (1), and what is the same in all voxels: `voxel_size` in mm (3), `t1_blood` in s (1), `crushed` (1),
    `n_frames` (1).
    """
    shape = found.chi_squared.shape
    constants = {
        "voxel_size": acquisition.voxel_size_mm,
        "t1_blood": (t1_blood,),
        "crushed": (float(is_crushed(acquisition)),),
        "n_frames": (float(acquisition.n_frames),),
    }
    return {
        "coefficients": found.mean,
        "coefficient_spread": found.spread,
        "linear": np.stack([found.linear[key] for key in ESTIMATED]),
        "linear_spread": np.stack([found.linear_spread[key] for key in ESTIMATED]),
        "chi_squared": found.chi_squared[None],
        **{
            name: np.broadcast_to(np.array(values, np.float32)[:, None, None, None], (len(values), *shape))
            for name, values in constants.items()
        },
    }


def fit_front_end(
    time: np.ndarray,
    responses: Mapping[str, np.ndarray],
    truths: Mapping[str, np.ndarray],
    n_functions: int,
) -> FrontEnd:
    """The front end for a world, of which voxels are given.

    Args:
        time: s, (T,).
        responses: S of voxels with (`SEEN`) and without (`CRUSHED`) the label in arteries, (T, V) each, mL/mL.
        truths: of `ESTIMATED` in the same voxels, (V,) each, in their units, NaN where undefined.
        n_functions: of the basis.
    """
    seen = responses[SEEN]
    basis = principal(seen, time, n_functions, weights=trimmed(seen), centred=True)
    priors = {name: fit_prior(basis.coefficients(part), truths) for name, part in responses.items()}
    return FrontEnd(basis, priors)
