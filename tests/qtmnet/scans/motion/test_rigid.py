"""Rigid motion against the points that it moves."""

import numpy as np
import pytest

from qtmnet.scans.motion.offsets import solve
from qtmnet.scans.motion.rigid import Head, framewise_displacement

HEAD = Head(np.random.default_rng(0).normal((3, -20, 40), (40, 50, 30), (500, 3)))


def moved(motion: np.ndarray) -> np.ndarray:
    matrix = HEAD.matrix(motion)
    return HEAD.points @ matrix[:3, :3].T + matrix[:3, 3]


def test_a_motion_and_its_matrix_tell_the_same() -> None:
    motion = np.array([1.0, -2.0, 3.0, 4.0, -1.0, 2.0])
    np.testing.assert_allclose(HEAD.motion(HEAD.matrix(motion)), motion, atol=1e-12)
    np.testing.assert_allclose(moved(motion).mean(axis=0) - HEAD.centre, motion[:3], atol=1e-12)
    np.testing.assert_allclose(HEAD.after(HEAD.back(motion), motion), 0, atol=1e-12)


def test_the_distance_is_that_of_the_points() -> None:
    motion = np.array([0.3, 0.2, -0.4, 0.5, 0.1, -0.3])
    true = np.sqrt(((moved(motion) - HEAD.points) ** 2).sum(axis=1).mean())
    assert HEAD.distance(motion) == pytest.approx(true, rel=1e-3)  # the chord of half a degree is 1e-5 shorter


def test_the_spread_is_the_distance_of_chance() -> None:
    covariance = np.diag([0.1, 0.2, 0.3, 0.2, 0.1, 0.1]) ** 2
    drawn = np.random.default_rng(1).multivariate_normal(np.zeros(6), covariance, 20_000)
    assert HEAD.spread(covariance) == pytest.approx(np.sqrt((HEAD.distance(drawn) ** 2).mean()), rel=0.02)  # 3 errors
    assert np.isinf(HEAD.spread(np.full((6, 6), np.inf)))


def test_framewise_displacement() -> None:
    """Power's: sizes of all six changes, an hundredth of a rad being half a millimetre on the sphere."""
    ways, turns = np.zeros((3, 3)), np.zeros((3, 3))
    ways[1], turns[2] = (0.1, -0.2, 0.3), (0.01, 0, -0.01)
    found = framewise_displacement(ways, turns)
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], [0.6, 0.6 + 1.0])


def test_volumes_that_follow_each_other_place_groups_that_contrast_misplaces() -> None:
    """Two groups in turn, a head that lies still but for one step: images say 2 mm, known to 1 mm, the steps say 0."""
    group = np.tile([0, 1], 10)
    place = np.zeros((20, 6))
    place[7:, 1] = 3.0
    within = np.stack([place[k] - place[group == group[k]].mean(axis=0) for k in range(20)])
    direct = np.zeros((2, 6))
    direct[1, 2] = 2.0
    found = solve(HEAD, direct, np.array([0.0, 1.0]), np.diff(within, axis=0), (group[:-1], group[1:]))
    between = found.motion[1] - found.motion[0]
    expected = place[group == 1].mean(axis=0) - place[group == 0].mean(axis=0)
    np.testing.assert_allclose(between, expected, atol=0.02)


def test_of_few_volumes_images_are_believed() -> None:
    direct, group = np.array([[0.0] * 6, [2.0] + [0.0] * 5]), np.array([0, 1])
    found = solve(HEAD, direct, np.array([0.0, 0.5]), np.zeros((1, 6)), (group[:1], group[1:]))
    np.testing.assert_array_equal(found.motion, direct)
