"""The posterior of the coefficients against the textbook's formula, voxel by voxel, and what must not matter to it."""

import numpy as np
import pytest

from qtmnet.coefficients.basis import principal
from qtmnet.coefficients.front_end import SEEN, FrontEnd, images
from qtmnet.coefficients.posterior import LEAST_NOISE, posterior, separated
from qtmnet.coefficients.prior import Prior
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.continuous import PCASL
from simulators.imaging.labeling.pulsed import PASL
from simulators.imaging.readout import read_out

TIME = 0.125 * np.arange(1, 49)
N = 5


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    """Functions like those of step responses, and a prior with correlations."""
    rng = np.random.default_rng(0)
    arrival = rng.uniform(0.5, 3, 400)
    rise = np.clip(TIME[:, None] - arrival, 0, None)
    responses = 0.01 * (1 - np.exp(-rise / rng.uniform(0.3, 1.5, 400)))
    basis = principal(responses, TIME, N, weights=np.ones(400), centred=True)
    factor = np.eye(N) + 0.3 * np.tril(rng.standard_normal((N, N)), -1)
    linear = {key: rng.standard_normal(1 + N) for key in ("cbf", "att", "abv")}
    prior = Prior(rng.standard_normal(N), factor, linear, {"cbf": 2.0, "att": 0.1, "abv": 0.001})
    return FrontEnd(basis, {SEEN: prior})


def _dense(frame, offset, design, sigma, prior):  # type: ignore[no-untyped-def]
    """Mean, covariance and prior chi-squared of one voxel by the textbook's formula."""
    before = prior.factor @ prior.factor.T
    precision = np.linalg.inv(before) + (design.T / sigma**2) @ design
    covariance = np.linalg.inv(precision)
    away = frame - offset - design @ prior.mean
    mean = prior.mean + covariance @ (design.T @ (away / sigma**2))
    predicted = design @ before @ design.T + np.diag(sigma**2)
    return mean, covariance, away @ np.linalg.solve(predicted, away) / len(frame)


@pytest.mark.parametrize("n_frames", [1, 3, 9])
def test_it_is_that_of_each_voxel_alone(front_end: FrontEnd, n_frames: int) -> None:
    """With noise that differs between frames and voxels, and slices with times of their own."""
    rng = np.random.default_rng(n_frames)
    delays = tuple(np.sort(rng.uniform(0.2, 2.5, n_frames)).tolist())
    acquisition = Acquisition(PCASL(1.4), delays, slice_timing=(0.0, 0.3))
    prior = front_end.priors[SEEN]
    offsets, rows = front_end.basis.rows(acquisition, 2, 1.65)
    shape = (n_frames, 3, 2, 2)
    frames = 0.01 * rng.standard_normal(shape)
    of_frame, of_voxel = rng.uniform(1e-3, 3e-3, n_frames), rng.uniform(0.5, 2, shape[1:])
    noise = of_frame[:, None, None, None] * of_voxel
    found = posterior(frames, offsets, rows, noise, prior)
    for voxel in np.ndindex(3, 2, 2):
        z = voxel[2]
        mean, covariance, chi_squared = _dense(frames[:, *voxel], offsets[:, z], rows[:, z], noise[:, *voxel], prior)
        # 32-bit sums of a few numbers of order 1 to 100
        np.testing.assert_allclose(found.mean[:, *voxel], mean, rtol=1e-3, atol=2e-4)
        np.testing.assert_allclose(found.spread[:, *voxel], np.sqrt(np.diag(covariance)), rtol=1e-3)
        np.testing.assert_allclose(found.chi_squared[voxel], chi_squared, rtol=1e-3)
        for key, weights in prior.linear.items():
            left = np.sqrt(weights[1:] @ covariance @ weights[1:] + prior.spread[key] ** 2)
            np.testing.assert_allclose(found.linear[key][voxel], weights[0] + weights[1:] @ mean, rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(found.linear_spread[key][voxel], left, rtol=1e-3)


def test_noise_of_frames_and_of_voxels_comes_apart() -> None:
    """A product is its factors; what is 0 is taken to be as little as matters."""
    rng = np.random.default_rng(0)
    of_frame, of_voxel = rng.uniform(1e-3, 2e-3, 4), rng.uniform(0.5, 2, (3, 2, 2))
    found = separated(of_frame[:, None, None, None] * of_voxel, (4, 3, 2, 2))
    np.testing.assert_allclose(found[0][:, None, None, None] * found[1], of_frame[:, None, None, None] * of_voxel)
    np.testing.assert_allclose(separated(0.0, (4, 3, 2, 2))[0], LEAST_NOISE)


@pytest.mark.parametrize("in_voxels", [False, True])
def test_the_order_of_frames_does_not_matter(front_end: FrontEnd, in_voxels: bool) -> None:
    """Frames, delays and noise shuffled together say the same to the last bit."""
    rng = np.random.default_rng(1)
    delays, order = np.array([0.3, 0.9, 1.4, 2.2]), np.array([2, 0, 3, 1])
    frames = 0.01 * rng.standard_normal((4, 4, 3, 2)).astype(np.float32)
    noise = rng.uniform(1e-3, 2e-3, (4, 4, 3, 2) if in_voxels else (4, 1, 1, 1))
    there = front_end.read(frames, Acquisition(PCASL(1.4), tuple(delays.tolist())), noise, 1.65)
    again = front_end.read(frames[order], Acquisition(PCASL(1.4), tuple(delays[order].tolist())), noise[order], 1.65)
    np.testing.assert_array_equal(again.mean, there.mean)
    np.testing.assert_array_equal(again.spread, there.spread)
    np.testing.assert_array_equal(again.chi_squared, there.chi_squared)


@pytest.mark.parametrize("labeling", [PCASL((1.0, 1.8, 1.5)), PASL(0.8)])
def test_rows_make_the_frames_that_the_step_response_does(front_end: FrontEnd, labeling) -> None:  # type: ignore[no-untyped-def]
    """Frames of a step response in the basis, read as a scanner reads it, are rows times coefficients."""
    rng = np.random.default_rng(2)
    z = rng.standard_normal((N, 2, 3, 4))
    acquisition = Acquisition(labeling, (0.9, 1.4, 2.2), slice_timing=(0.0, 0.1, 0.5, 0.2))
    offsets, rows = front_end.basis.rows(acquisition, 4, 1.65)
    frames = np.einsum("kzr,rxyz->kxyz", rows, z) + offsets[:, None, None]
    there = read_out(front_end.basis.step_response(z), TIME, acquisition, t1_blood=1.65)
    np.testing.assert_allclose(frames, there, rtol=1e-5, atol=1e-8)  # of `read_out` in 32 bits


def test_coefficients_are_found_again(front_end: FrontEnd) -> None:
    """Of step responses that lie in the basis."""
    z = np.random.default_rng(3).standard_normal((N, 7))
    np.testing.assert_allclose(front_end.basis.coefficients(front_end.basis.step_response(z)), z, atol=1e-8)


def test_principal_functions_leave_what_the_small_eigenvalues_say() -> None:
    """The mean square of what is left is the sum of the eigenvalues that are left out."""
    rng = np.random.default_rng(4)
    responses = rng.standard_normal((6, 500)) * np.array([3, 2, 1, 0.5, 0.2, 0.1])[:, None]
    weights = rng.uniform(0.1, 1, 500)
    basis = principal(responses, np.arange(1, 7.0), 3, weights=weights)
    left = responses - basis.step_response(basis.coefficients(responses))
    values = np.linalg.eigvalsh((responses * weights / weights.sum()) @ responses.T)
    np.testing.assert_allclose((weights * (left**2).sum(axis=0)).sum() / weights.sum(), values[:3].sum())
    z = basis.coefficients(responses)
    np.testing.assert_allclose((z * weights / weights.sum()) @ z.T, np.eye(3), atol=1e-9)


def test_images_are_what_inputs_ask_for(front_end: FrontEnd) -> None:
    """Shapes, and circumstances that are the same in all voxels."""
    acquisition = Acquisition(voxel_size_mm=(2.0, 3.0, 4.0))
    found = images(front_end.read(np.zeros((4, 2, 3, 4)), acquisition, 1e-3, 1.7), acquisition, 1.7)
    assert {name: image.shape for name, image in found.items()} == {
        "coefficients": (N, 2, 3, 4),
        "coefficient_spread": (N, 2, 3, 4),
        "linear": (3, 2, 3, 4),
        "linear_spread": (3, 2, 3, 4),
        "chi_squared": (1, 2, 3, 4),
        "voxel_size": (3, 2, 3, 4),
        "t1_blood": (1, 2, 3, 4),
        "crushed": (1, 2, 3, 4),
        "n_frames": (1, 2, 3, 4),
    }
    np.testing.assert_array_equal(found["voxel_size"][:, 0, 0, 0], [2, 3, 4])
