"""The loss against NumPy."""

import numpy as np
import pytest
import torch

from qtmnet.learning.losses import (
    L1GradientLoss,
    OutputsLoss,
    QuantileLoss,
    SpreadLoss,
    ValidationSums,
    mean_absolute_gradient,
)
from qtmnet.quantities import BOUNDS, INTERVAL_LEVEL, QUANTITIES
from simulators.errors import InputError


def test_gradient_is_the_mean_step_between_neighbours_along_each_axis() -> None:
    image = np.random.default_rng(0).standard_normal((2, 1, 4, 5, 3)).astype(np.float32)
    expected = sum(np.abs(np.diff(image, axis=axis)).mean() for axis in (2, 3, 4))
    np.testing.assert_allclose(mean_absolute_gradient(torch.from_numpy(image)).item(), expected, rtol=1e-5)


def test_gradient_of_a_single_voxel_is_zero() -> None:
    assert mean_absolute_gradient(torch.ones(1, 1, 1, 1, 1)).item() == 0


def test_loss_is_l1_plus_weighted_gradient_of_the_estimate() -> None:
    truth, estimate = torch.zeros(1, 1, 2, 1, 1), torch.tensor([1.0, 4.0]).reshape(1, 1, 2, 1, 1)
    assert L1GradientLoss(gradient_weight=0.0)(estimate, truth).item() == 2.5
    assert L1GradientLoss(gradient_weight=0.5)(estimate, truth).item() == 2.5 + 0.5 * 3


def test_squares_are_added_up_to_one_unit_and_lines_beyond() -> None:
    """Errors of 0.5, 1 and 3: squares 0.25 and 1, and 2 · 3 − 1; the slope is 2 e, and 2 at most."""
    truth = torch.zeros(1, 1, 3, 1, 1)
    estimate = torch.tensor([0.5, -1.0, 3.0]).reshape(truth.shape).requires_grad_()
    found = L1GradientLoss(gradient_weight=0.0, square_weight=2.0)(estimate, truth)
    found.backward()
    assert found.item() == pytest.approx((4.5 + 2 * (0.25 + 1 + 5)) / 3)
    assert estimate.grad is not None
    np.testing.assert_allclose(3 * estimate.grad.flatten(), [1 + 2 * 1, -(1 + 2 * 2), 1 + 2 * 2], rtol=1e-6)


def test_absolute_errors_are_lowest_at_the_median_and_squares_draw_to_the_mean() -> None:
    """Of truths 0, 0, 0.8: with κ = 2 the slope 2 s + (2 κ)(3 q − 0.8) − s is 0 at q = (0.8 − 1 / (2 κ)) / 3."""
    truth = torch.tensor([0.0, 0.0, 0.8]).reshape(1, 1, 3, 1, 1)
    grid = torch.linspace(0, 0.8, 8001)
    lowest = {
        weight: grid[torch.stack([L1GradientLoss(0.0, weight)(q.expand_as(truth), truth) for q in grid]).argmin()]
        for weight in (0.0, 2.0)
    }
    assert lowest[0.0] == 0
    assert lowest[2.0].item() == pytest.approx((0.8 - 1 / 4) / 3, abs=2e-4)


def test_maps_of_other_shapes_are_not_broadcast() -> None:
    with pytest.raises(InputError, match=r"found estimates \(1, 2, 2, 1, 1\) for maps \(1, 1, 2, 1, 1\)"):
        L1GradientLoss()(torch.zeros(1, 2, 2, 1, 1), torch.zeros(1, 1, 2, 1, 1))


def test_voxels_without_a_truth_do_not_count() -> None:
    truth, estimate = torch.tensor([1.0, torch.nan, 3.0]), torch.tensor([2.0, 7.0, 1.0])
    shape = (1, 1, 3, 1, 1)
    assert L1GradientLoss(gradient_weight=0.0)(estimate.reshape(shape), truth.reshape(shape)).item() == 1.5
    none = torch.full(shape, torch.nan)
    found = torch.ones(shape, requires_grad=True)
    L1GradientLoss(square_weight=1.0)(found, none).backward()
    assert found.grad is not None
    assert not found.grad.any()
    found = torch.ones(shape, requires_grad=True)
    L1GradientLoss(square_weight=1.0)(found, truth.reshape(shape)).backward()
    assert found.grad is not None
    assert found.grad.isfinite().all()


def test_a_spread_is_best_where_it_is_the_root_mean_square_of_the_error() -> None:
    """Of errors of any distribution: these are as far from normal as two values are."""
    error = torch.tensor([1.0, -5.0] * 50).reshape(1, 1, 100, 1, 1)
    truth = torch.zeros_like(error)
    losses = {s: SpreadLoss()(torch.full_like(error, s), error, truth).item() for s in (3.5, 13**0.5, 3.7)}
    assert min(losses, key=losses.__getitem__) == 13**0.5


def test_the_loss_of_a_spread_leaves_its_map_alone() -> None:
    estimate = torch.ones(1, 1, 2, 2, 2, requires_grad=True)
    spread = torch.ones(1, 1, 2, 2, 2, requires_grad=True)
    SpreadLoss()(spread, estimate, torch.full((1, 1, 2, 2, 2), 3.0)).backward()
    assert estimate.grad is None
    assert (spread.grad < 0).all()  # type: ignore[operator]


@pytest.mark.parametrize("end", BOUNDS)
def test_a_bound_is_best_where_its_level_of_the_truths_lies_below_it(end: str) -> None:
    """Of a skewed distribution, whose mean and median lie elsewhere."""
    truth = torch.from_numpy(np.random.default_rng(0).exponential(1.0, (1, 1, 2001, 1, 1)))
    level, candidates = QUANTITIES[f"cbf_{end}"].level, np.linspace(0, 4, 401)
    losses = [QuantileLoss()(torch.full_like(truth, value), truth, level).item() for value in candidates]
    # Of an exponential distribution −ln(1 − τ); of 2001 draws the 95th percentile has a standard error of 0.10.
    assert candidates[np.argmin(losses)] == pytest.approx(np.quantile(truth, level), abs=0.01)
    assert candidates[np.argmin(losses)] == pytest.approx(-np.log(1 - level), abs=0.25)


def test_half_of_the_absolute_error_is_the_loss_of_a_median() -> None:
    truth, found = torch.randn(2, 1, 3, 4, 5, generator=torch.Generator().manual_seed(0)).split(1)
    truth[0, 0, 0] = torch.nan
    expected = (truth - found).abs().nanmean() / 2
    torch.testing.assert_close(QuantileLoss()(found, truth, 0.5), expected)


def test_bounds_are_held_against_the_truth_of_their_quantity_and_not_where_it_has_none() -> None:
    """A truth that lies above a bound of 5 % costs .05 of the distance, one below it .95, in units of the scale."""
    outputs = ("cbf", "cbf_low", "att", "att_low")
    sample = {"cbf": torch.tensor([60.0, 180.0]), "att": torch.tensor([1.0, torch.nan])}
    sample = {key: value.reshape(1, 1, 2, 1, 1) for key, value in sample.items()}
    estimate = torch.tensor([[1.0, 3.0], [2.0, 2.0], [1.0, 9.0], [3.0, 9.0]]).reshape(1, 4, 2, 1, 1)
    loss = OutputsLoss(outputs, L1GradientLoss(gradient_weight=0.0), SpreadLoss(), QuantileLoss())
    assert loss(estimate, sample).item() == pytest.approx((0.95 + 0.05) / 2 + 0.95 * 2, rel=1e-6)
    sums = ValidationSums(outputs)
    for _ in range(2):  # batches
        sums.add(estimate, sample)
    found = {name: value.item() for name, value in sums.measures(lambda value: value).items()}
    assert found["cbf_low_below"] == 0.5
    assert found["att_low_below"] == 1.0
    assert pytest.approx(0.9) == INTERVAL_LEVEL
    assert "cbf_low_nrmse" not in found


def test_the_loss_of_all_outputs_is_the_weighted_sum_of_theirs_in_units_of_their_scales() -> None:
    sample = {"cbf": torch.full((1, 1, 2, 2, 2), 60.0), "att": torch.full((1, 1, 2, 2, 2), 2.0)}
    estimate = torch.stack([torch.full((2, 2, 2), value) for value in (3.0, 0.0, 2.0)])[None]
    loss = OutputsLoss(("cbf", "att", "cbf_sd"), L1GradientLoss(), SpreadLoss(), QuantileLoss(), {"att": 0.5})
    expected = (3 - 1) + 0.5 * 2 + (np.log(2) + (3 - 1) ** 2 / (2 * 2**2))
    assert loss(estimate, sample).item() == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InputError, match="found 2 estimates for the outputs cbf, att, cbf_sd"):
        loss(estimate[:, :2], sample)
    with pytest.raises(InputError, match="output_weights: found 'abv'; give weights of cbf alone"):
        OutputsLoss(("cbf",), L1GradientLoss(), SpreadLoss(), QuantileLoss(), {"abv": 1.0})


def test_validation_measures_are_those_of_all_voxels_with_a_truth() -> None:
    sums = ValidationSums(("cbf", "att", "cbf_sd"))
    truth = {"cbf": torch.tensor([30.0, 60.0]), "att": torch.tensor([1.0, torch.nan])}
    sample = {key: value.reshape(1, 1, 2, 1, 1) for key, value in truth.items()}
    estimate = torch.tensor([[1.0, 1.0], [1.5, 9.0], [0.25, 0.5]]).reshape(1, 3, 2, 1, 1)
    for _ in range(2):  # batches
        sums.add(estimate, sample)
    found = {name: value.item() for name, value in sums.measures(lambda value: value).items()}
    assert found == pytest.approx(
        {
            "nrmse": (30**2 / (30**2 + 60**2)) ** 0.5,
            "bias_ml_100g_min": 15.0,
            "att_nrmse": 0.5,
            "att_bias_s": 0.5,
            "cbf_sd_ratio": (((30 / 15) ** 2 + 0) / 2) ** 0.5,
        }
    )


def test_a_truth_that_is_damaged_does_not_pass_for_one_that_is_not_there() -> None:
    """Perfusion is defined everywhere: NaN in it ends the training, by the loss as by the validation."""
    truth = torch.full((1, 1, 2, 2, 2), 60.0)
    truth[0, 0, 0, 0, 0] = torch.nan
    estimate = torch.ones_like(truth)
    loss = OutputsLoss(["cbf"], L1GradientLoss(), SpreadLoss(), QuantileLoss())
    assert loss(estimate, {"cbf": truth}).isnan()
    sums = ValidationSums(["cbf"])
    sums.add(estimate, {"cbf": truth})
    assert sums.measures(lambda values: values)["nrmse"].isnan()
