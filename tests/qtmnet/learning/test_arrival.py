"""How often cubes are read: by when label arrives in them."""

import numpy as np
import pytest

from qtmnet.learning.any_scan.arrival import TypicalArrival
from simulators import InputError

WORLD = np.random.default_rng(0).uniform(0.5, 3.0, 20_000)
"""s, transit times of a world that has all of them alike."""


def test_drawn_times_are_those_that_are_asked_for() -> None:
    """Logarithms of the given median and spread, to what a bin of the histogram blurs; the world ends at 0.5 s."""
    often = TypicalArrival(median=1.25, spread=0.25, share=0.999).weights(WORLD)
    drawn = np.random.default_rng(1).choice(WORLD, 50_000, p=often / often.sum())
    assert np.median(drawn) == pytest.approx(1.25, abs=0.03)
    assert np.log(drawn).std() == pytest.approx(0.25, abs=0.03)


def test_a_share_of_next_to_none_leaves_the_world_as_it_is() -> None:
    np.testing.assert_allclose(TypicalArrival(share=1e-9).weights(WORLD), 1, rtol=1e-6)


def test_few_cubes_that_are_all_far_from_typical_have_weights() -> None:
    """Those nearest to it are drawn; a density of all of them would be 0."""
    often = TypicalArrival(median=4.0, spread=0.05).weights(np.array([0.4, 0.5, 0.9]))
    assert np.isfinite(often).all()
    assert often.argmax() == 2


def test_what_is_untypical_is_still_read() -> None:
    """What is not drawn as typical is drawn from all alike."""
    often = TypicalArrival(share=0.7).weights(WORLD)
    assert often.min() >= 0.3
    assert often.mean() == pytest.approx(1.0)
    assert often[WORLD > 2.5].mean() < 0.5 < 1.5 < often[np.abs(WORLD - 1.2) < 0.1].mean()


@pytest.mark.parametrize("wrong", [{"median": 1250.0}, {"spread": 0.0}, {"share": 1.5}, {"median": "late"}])
def test_what_is_no_such_distribution_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        TypicalArrival(**wrong)  # type: ignore[arg-type]
