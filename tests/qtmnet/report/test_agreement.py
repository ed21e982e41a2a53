"""Two maps held against each other, and what lies outside of a trained range."""

import numpy as np
import pytest

from qtmnet.methods.base import About, Frames, Maps, Method
from qtmnet.report.agreement import BEYOND_THE_INTERVAL, BY_TRAINING, Beside, agreement
from qtmnet.report.charts import correlation
from qtmnet.report.quality import outside_range
from qtmnet.report.viewer import estimate_groups

INSIDE = np.ones((4, 5, 5), bool)
INSIDE[0] = False


class Fit(Method):
    title = "fit"
    quantities = ("cbf",)

    def maps(self, frames: Frames) -> Maps:
        raise NotImplementedError

    def about(self, frames: Frames) -> About:
        raise NotImplementedError


class Network(Fit):
    title = "net"
    learned = True


def values(seed: int, mean: float) -> np.ndarray:
    return mean + np.random.default_rng(seed).standard_normal(75)


def on_grid(found: np.ndarray) -> np.ndarray:
    image = np.full(INSIDE.shape, 1e6)  # what is off the mask must not count
    image[INSIDE] = found
    return image


def test_agreement_is_that_of_the_voxels_in_the_mask() -> None:
    one, noise = 40 + 10 * values(0, 0), values(1, 0)
    other = one - 5 + noise  # correlated by 10 / √(10² + 1)
    own = {"cbf": one, "cbf_low": one - 6, "cbf_high": one + 6, "att": values(2, 1.2)}
    beside = {"fit": Beside(Fit(), About("", ""), {"cbf": on_grid(other), "abv": on_grid(noise)})}
    found = agreement(Network(), own, beside, INSIDE)
    assert found is not None
    assert BY_TRAINING in found.meaning
    assert BEYOND_THE_INTERVAL in found.meaning
    (row,) = found.rows  # of perfusion alone, which both make
    assert (row.quantity, row.other) == ("perfusion (mL/100g/min)", "fit")
    assert row.medians == (f"{np.median(one):.1f}", f"{np.median(other):.1f}")
    assert row.difference == f"+{5 - noise.mean():.1f}"
    assert float(row.correlation) == pytest.approx(np.corrcoef(one, other)[0, 1], abs=0.005)
    assert row.within == f"{(np.abs(noise - 5) <= 6).mean():.0%}"


def test_without_an_interval_or_a_network_nothing_is_said_of_them() -> None:
    beside = {"fit": Beside(Fit(), About("", ""), {"cbf": on_grid(values(0, 3))})}
    found = agreement(Fit(), {"cbf": values(1, 3)}, beside, INSIDE)
    assert found is not None
    assert BY_TRAINING not in found.meaning
    assert BEYOND_THE_INTERVAL not in found.meaning
    assert found.rows[0].within == "–"
    assert agreement(Fit(), {"att": values(1, 3)}, beside, INSIDE) is None
    assert agreement(Fit(), {"cbf": values(1, 3)}, {}, INSIDE) is None


def test_voxels_that_are_no_number_in_one_map_do_not_count() -> None:
    one, other = np.array([1.0, 2.0, np.nan, 4.0]), np.array([2.0, 4.0, 6.0, np.inf])
    beside = {"fit": Beside(Fit(), About("", ""), {"cbf": other.reshape(4, 1, 1)})}
    found = agreement(Network(), {"cbf": one}, beside, np.ones((4, 1, 1), bool))
    assert found is not None
    assert found.rows[0].difference == "−1.5"
    assert correlation(one, other) == pytest.approx(1)
    assert np.isnan(correlation(one, np.full(4, np.nan)))
    assert np.isnan(correlation(one, np.full(4, 3.0)))


def test_maps_of_a_quantity_share_a_scale_and_then_come_width_and_difference() -> None:
    one = np.linspace(0, 100, 201)
    maps = {"cbf": one, "cbf_low": one - 4, "cbf_high": one + 4, "outside": one > 99}
    groups = {group.scale.key: group for group in estimate_groups("net", maps, {"fit": ("kinetic", {"cbf": one - 8})})}
    assert [*groups] == ["cbf", "cbf_width", "cbf_difference", "outside"]
    assert [row.map for row in groups["cbf"].rows] == ["cbf", "cbf_low", "cbf_high", "fit_cbf"]
    (width,), (difference,) = groups["cbf_width"].rows, groups["cbf_difference"].rows
    assert (width.map, width.less) == ("cbf_high", "cbf_low")
    assert (difference.map, difference.less) == ("cbf", "fit_cbf")
    assert (groups["cbf_width"].scale.low, groups["cbf_width"].scale.high) == (0, 8)
    assert (groups["cbf_difference"].scale.low, groups["cbf_difference"].scale.high) == (-8, 8)
    assert (groups["outside"].scale.low, groups["outside"].scale.high) == (0, 1)


def test_what_lies_outside_of_the_trained_range_is_told_with_its_share_and_reasons() -> None:
    few, many = np.arange(100) < 2, np.arange(100) < 30
    assert outside_range(few).level == "ok"
    flag = outside_range(many)
    assert flag.level == "warning"
    assert flag.found.startswith("30.0% of voxels")
    assert flag.advice
    reason = "bolus durations: 4 s, trained 0.8 to 2.5 s"
    for marked in (few, None):  # of the protocol a single reason will do
        flag = outside_range(marked, (reason,), "net")
        assert (flag.level, flag.name) == ("warning", "Trained range, net")
        assert flag.found.endswith(reason)
