"""Shared work, capillaries drawn block by block, rows for occupied voxels alone: none of it changes what comes out."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import simulators.tissue.capillaries
import simulators.transport.beds
from simulators import LabelKinetics, NumbaSimulator, StepResponse, Vasculature
from simulators.seeding import stage_seed
from simulators.tissue.capillaries import CapillaryBeds, CapillaryPlan, draw_capillaries
from simulators.transport.chain import impulse_responses
from simulators.transport.pieces import Sites
from simulators.transport.reference import ReferenceSimulator
from simulators.vessels.growth import grow_forest

TIME = np.array([0.4, 0.9, 1.73, 3.0])

PER_BLOCK = 70
"""Voxels: about six blocks for `planned`, the last one not full."""


@cache
def responses(n_steps: int, volume_fraction: float, time_step: float) -> tuple[np.ndarray, np.ndarray]:
    grid = simulators.transport.beds.TRANSIT_TIMES
    return impulse_responses(grid, volume_fraction, LabelKinetics(), time_step, n_steps)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Impulse responses are worked out once: these tests are about what is done with them."""
    monkeypatch.setattr(
        simulators.transport.beds,
        "impulse_responses",
        lambda theta, fraction, label, time_step, n_steps: responses(n_steps, fraction, time_step),
    )


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Vasculature:
    """An 8³ cube of two blood volumes with voxels that nothing serves, its capillaries drawn in several blocks."""
    monkeypatch.setattr(simulators.tissue.capillaries, "VOXELS_PER_BLOCK", PER_BLOCK)
    flow = 0.012 * (1 + 0.3 * np.sin(np.arange(512.0))).reshape(8, 8, 8)
    flow[:2, 3:] = 0
    arteries, veins = (grow_forest(flow, seed=seed) for seed in (1, 2))
    plan = CapillaryPlan(flow, np.where(np.indices(flow.shape)[2] < 3, 0.016, 0.022), stage_seed(4, 2), 1.0)
    return Vasculature(arteries, plan, veins, np.linspace(0.2, 0.5, len(arteries.inlets)))


def assert_same(one: StepResponse, other: StepResponse) -> None:
    """Bit for bit."""
    for name in ("arterial", "bed", "left"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def respond(vessels: Vasculature, n_threads: int | None = None) -> StepResponse:
    return NumbaSimulator(n_threads=n_threads).step_response(vessels, TIME, LabelKinetics())


def test_the_same_for_any_number_of_threads(planned, vessels_of):
    for vessels in (planned, vessels_of(8)):
        alone = respond(vessels)
        assert alone.bed.max() > 0
        assert alone.left[-1] > 0
        for n_threads in (1, 2, 3):
            assert_same(respond(vessels, n_threads), alone)


def test_the_same_in_whatever_order_blocks_are_taken(planned, monkeypatch):
    in_order, numbers = respond(planned, 2), []

    def backwards(fill, blocks, n):
        for block in reversed(list(blocks)):
            numbers.append(block.voxel[0])
            fill(block)

    monkeypatch.setattr(simulators.transport.beds, "_share_among_threads", backwards)
    assert_same(respond(planned, 2), in_order)
    assert len(numbers) >= 5
    assert (np.diff(numbers) < 0).all()


def test_what_goes_wrong_in_a_thread_is_heard(planned, monkeypatch):
    def fail(*arguments):
        raise MemoryError("no room")

    monkeypatch.setattr(simulators.transport.beds, "_fill_beds", fail)
    with pytest.raises(MemoryError, match="no room"):
        respond(planned, 3)


def test_blocks_hold_each_served_voxel_once(planned):
    """Flows add up to each voxel's, volumes to its blood volume; a mean of 100 capillaries, none below 50."""
    plan = planned.capillaries
    blocks = list(plan.blocks())
    assert [len(block.voxel) for block in blocks[:-1]] == [PER_BLOCK] * (len(blocks) - 1)
    assert len(blocks) >= 5
    np.testing.assert_array_equal(np.concatenate([b.voxel for b in blocks]), np.flatnonzero(plan.voxel_flow))
    for block in blocks:
        count = np.diff(block.start)
        assert 50 <= count.min() <= count.max() <= 150
        assert block.start[0] == 0
        assert block.start[-1] == len(block.flow) == len(block.volume)
        # Sums of up to 150 numbers in float64.
        flow, volume = (np.add.reduceat(values, block.start[:-1]) for values in (block.flow, block.volume))
        np.testing.assert_allclose(flow, plan.voxel_flow.ravel()[block.voxel], rtol=1e-13)
        np.testing.assert_allclose(volume, plan.volume_fraction.ravel()[block.voxel], rtol=1e-13)


def test_blocks_are_the_same_whenever_asked_and_differ_from_each_other(planned):
    plan = planned.capillaries
    once, again = list(plan.blocks()), list(plan.blocks())
    for one, other in zip(once, again, strict=True):
        for name in ("voxel", "start", "flow", "volume"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    # Blocks of their own draws: relative transit times have no value in common.
    relative = [np.unique(block.volume / block.flow) for block in once]
    assert all(len(np.intersect1d(relative[0], other)) == 0 for other in relative[1:])
    other_seed = next(replace(plan, seed=stage_seed(5, 2)).blocks())
    assert len(np.intersect1d(other_seed.volume, once[0].volume)) == 0


def test_blocks_are_drawn_as_capillaries_are(planned):
    """The same bits as `draw_capillaries` draws at once, whatever the blocks."""
    plan = planned.capillaries
    once = draw_capillaries(plan.voxel_flow, plan.volume_fraction, seed=plan.seed, voxel_volume_mm3=1.0)
    beds = eagerly(plan)
    for name in ("start", "flow", "volume"):
        np.testing.assert_array_equal(getattr(beds, name), getattr(once, name))


def eagerly(plan: CapillaryPlan) -> CapillaryBeds:
    """All of a plan's capillaries, held at once."""
    blocks, count = list(plan.blocks()), np.zeros(plan.voxel_flow.size, int)
    for block in blocks:
        count[block.voxel] = np.diff(block.start)
    flow, volume = (np.concatenate([getattr(b, name) for b in blocks]) for name in ("flow", "volume"))
    return CapillaryBeds(np.concatenate([[0], np.cumsum(count)]), flow, volume, plan.volume_fraction)


def test_a_plan_is_transported_as_its_capillaries_are(planned):
    beds = eagerly(planned.capillaries)
    assert_same(respond(replace(planned, capillaries=beds)), respond(planned))


def test_two_blood_volumes_against_the_literal_scheme(planned):
    """Each voxel has its own fraction's response; tolerance as in `test_agreement`, the step's 10 ms too."""
    fast, literal = respond(planned, 2), ReferenceSimulator().step_response(planned, TIME, LabelKinetics())
    assert np.abs(fast.bed - literal.bed).max() < 1e-3 * fast.bed.max()
    of_grey = replace(planned.capillaries, volume_fraction=np.full((8, 8, 8), 0.022))
    assert np.abs(respond(replace(planned, capillaries=of_grey)).bed - literal.bed).max() > 1e-2 * fast.bed.max()


def test_capillaries_shared_out_over_a_grid():
    """Times a cubic of log(V/F) the spectrum is the flow-weighted sum of it, by definition; logarithms are good to
    1e-9, and the last of 150 numbers is as good as the first."""
    grid = np.log(simulators.transport.beds.TRANSIT_TIMES)
    rng = np.random.default_rng(3)
    for n in (1, 7, 150):
        flow, theta = rng.uniform(0.5, 1.5, n), np.exp(rng.uniform(grid[0], grid[-1], n))
        spectrum = np.full(len(grid), np.nan)
        low, high = simulators.transport.beds._share_out(flow, theta * flow, grid, np.empty(150), spectrum)
        assert np.flatnonzero(spectrum)[[0, -1]].tolist() == [low, high - 1]
        for power in range(4):
            expected = flow @ np.log(theta) ** power
            assert spectrum @ grid**power == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_capillaries_beyond_the_grid_are_taken_as_its_ends():
    grid = np.log(simulators.transport.beds.TRANSIT_TIMES)
    spectrum = np.empty(len(grid))
    simulators.transport.beds._share_out(np.array([2.0, 3.0]), np.array([2e-3, 3e5]), grid, np.empty(2), spectrum)
    np.testing.assert_allclose(spectrum[[0, -1]], [2, 3], rtol=1e-12)
    np.testing.assert_allclose(spectrum[1:-1], 0, atol=1e-12)


def test_sites():
    sites = Sites.of(12, np.array([7, 3, -1]), np.array([3, 9, 0]))
    np.testing.assert_array_equal(sites.voxel, [0, 3, 7, 9])
    np.testing.assert_array_equal(sites.place, [0, -1, -1, 1, -1, -1, -1, 2, -1, 3, -1, -1, -1])
    assert sites.place[-1] == -1  # of a piece outside the domain, whose voxel is -1
    images = sites.images(np.arange(1.0, 9.0).reshape(4, 2), (2, 2, 3), 4.0)
    expected = np.zeros((2, 12))
    expected[:, [0, 3, 7, 9]] = [[0.25, 0.75, 1.25, 1.75], [0.5, 1.0, 1.5, 2.0]]
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, expected.reshape(2, 2, 2, 3))


def test_sites_of_nothing_and_of_everything():
    assert len(Sites.of(5, np.array([], int), np.array([-1])).voxel) == 0
    whole = Sites.of(5, np.arange(5))
    np.testing.assert_array_equal(whole.place, [0, 1, 2, 3, 4, -1])
    np.testing.assert_array_equal(Sites.of(5, np.array([4])).place, [-1, -1, -1, -1, 0, -1])


def test_empty_space_around_changes_nothing(planned):
    """The same vessels in a domain 13 times as large. Positions are whole multiples of 2⁻²⁰ mm, so that moving them
    by whole voxels is exact, and then so is all."""
    offset, shape = (5, 9, 2), (21, 19, 17)
    inside = tuple(slice(first, first + 8) for first in offset)

    def on_grid(forest):
        return replace(forest, position=np.round(forest.position * 2**20) / 2**20)

    def padded(image, empty):
        larger = np.full(shape, empty, image.dtype)
        larger[inside] = image
        return larger

    def moved(forest):
        return replace(forest, position=forest.position + np.array(offset), terminal=padded(forest.terminal, -1))

    tight = replace(planned, arteries=on_grid(planned.arteries), veins=on_grid(planned.veins))
    plan = planned.capillaries
    wide_plan = replace(
        plan, voxel_flow=padded(plan.voxel_flow, 0.0), volume_fraction=padded(plan.volume_fraction, 0.5)
    )
    wide = replace(tight, arteries=moved(tight.arteries), veins=moved(tight.veins), capillaries=wide_plan)
    one, other = respond(tight), respond(wide)
    for name in ("arterial", "bed"):
        image = getattr(other, name)
        np.testing.assert_array_equal(image[(slice(None), *inside)], getattr(one, name))
        assert image.sum(dtype=float) == pytest.approx(getattr(one, name).sum(dtype=float), rel=1e-12)  # 0 elsewhere
    np.testing.assert_array_equal(other.left, one.left)
