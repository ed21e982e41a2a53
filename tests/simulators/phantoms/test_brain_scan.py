"""A brain on the acquired voxels: nothing is lost or moved where it is padded and averaged."""

from dataclasses import replace

import numpy as np
import pytest

from simulators import Acquisition, CubeParameters, InputError, acquire, simulate_cube
from simulators.imaging.readout import average_voxels
from simulators.phantoms.brain_scan import NO_TERRITORY, acquire_brain, acquire_moved, laid_over, scan_brain
from simulators.phantoms.simulated_brain import Brain
from simulators.tissue.anatomy import GREY, WHITE, Anatomy

WHOLE = (16, 16, 8)
ODD = (15, 16, 7)
"""mm; no multiple of the acquired 2×2×4 mm, as a brain's domain is none."""


@pytest.fixture(scope="module", params=[WHOLE, ODD], ids=["whole", "odd"])
def brain(request: pytest.FixtureRequest) -> Brain:
    """A cube that passes for a brain: grey below, white above, one side outside, two territories."""
    cube = simulate_cube(3, parameters=CubeParameters(shape=request.param, n_regions=8))
    x, _, z = np.indices(request.param)
    tissue = np.where(z < 3, GREY, WHITE).astype(np.uint8)
    tissue[x < 3] = 0
    affine = np.eye(4)
    affine[:3, 3] = -7.0, -20.0, 11.0
    return Brain(
        anatomy=Anatomy(tissue=tissue, shell=tissue == 0, affine=affine),
        perfusion=np.where(tissue > 0, cube.perfusion, 0).astype(np.float32),
        vessels=cube.vessels,
        label=cube.label,
        response=cube.response,
        territory=np.where(x < 3, NO_TERRITORY, (x >= 10) + 4).astype(np.uint8),
        territory_names=("a", "b", "c", "d", "left", "right"),
        great_vessel_distance=x.astype(np.float32),
        inlet_names=("ICA_L",),
        outlet_names=("SigTrans_L",),
        arterial_level=np.zeros(0, np.uint8),
        venous_level=np.zeros(0, np.uint8),
    )


def padded(image: np.ndarray, block: tuple[int, int, int] = (2, 2, 4)) -> np.ndarray:
    """By one assignment into a larger array."""
    shape = [-(-size // edge) * edge for size, edge in zip(image.shape[-3:], block, strict=True)]
    larger = np.zeros((*image.shape[:-3], *shape))
    larger[..., : image.shape[-3], : image.shape[-2], : image.shape[-1]] = image
    return larger


@pytest.mark.parametrize("crushing", [None, 20.0, 0.0])
def test_frames_are_those_of_the_padded_cube(brain: Brain, crushing: float | None) -> None:
    protocol = Acquisition(vascular_crushing=crushing)
    frames = acquire_brain(brain, protocol)
    fine = Acquisition(vascular_crushing=crushing, voxel_size_mm=(1.0, 1.0, 1.0))
    expected = average_voxels(padded(acquire_brain(brain, fine)), (2, 2, 4))
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames, expected, atol=1e-6 * expected.max())  # float32
    if brain.perfusion.shape == WHOLE and crushing != 20.0:
        np.testing.assert_allclose(frames, acquire(brain.response, protocol), atol=1e-6 * expected.max())


def test_label_and_flow_are_conserved(brain: Brain) -> None:
    """Per voxel they get less as nothing is averaged in, and the more voxels make up for it."""
    scan = scan_brain(brain, Acquisition())
    filled = brain.perfusion.size / (16 * scan.perfusion.size)
    fine = acquire_brain(brain, Acquisition(voxel_size_mm=(1.0, 1.0, 1.0)))
    np.testing.assert_allclose(scan.concentration.mean((1, 2, 3)), filled * fine.mean((1, 2, 3)), rtol=1e-5)
    assert scan.perfusion.mean() == pytest.approx(filled * brain.perfusion.mean(), rel=1e-5)
    assert scan.grey.mean() == pytest.approx(filled * (brain.anatomy.tissue == GREY).mean(), rel=1e-5)
    assert scan.white.mean() == pytest.approx(filled * (brain.anatomy.tissue == WHITE).mean(), rel=1e-5)


def test_crushing_takes_the_arteries_and_nothing_else(brain: Brain) -> None:
    everything, bed = (acquire_brain(brain, Acquisition(vascular_crushing=v)) for v in (None, 0.0))
    only_arteries = replace(brain, response=replace(brain.response, bed=np.zeros_like(brain.response.bed)))
    arterial = acquire_brain(only_arteries, Acquisition())
    np.testing.assert_allclose(everything - bed, arterial, atol=1e-6 * everything.max())  # float32
    assert arterial.max() > 0
    some = acquire_brain(brain, Acquisition(vascular_crushing=5.0))
    assert bed.sum() < some.sum() < everything.sum()


def test_arteries_of_another_setting_are_simulated_again(brain: Brain) -> None:
    """What a response keeps of the arteries may be crushed already; the vessels know the rest."""
    kept = acquire_brain(brain, Acquisition(vascular_crushing=5.0))
    limited = replace(brain.response, arterial=np.zeros_like(brain.response.arterial), slower_than=1.0)
    other = replace(brain, response=limited)
    np.testing.assert_array_equal(acquire_brain(other, Acquisition(vascular_crushing=5.0)), kept)
    np.testing.assert_allclose(acquire_brain(other, Acquisition()), acquire_brain(brain, Acquisition()), rtol=1e-6)


def test_voxels_are_where_their_members_are(brain: Brain) -> None:
    """The centre of an acquired voxel is the mean of its members' centres."""
    scan = scan_brain(brain, Acquisition())
    members = [(x, y, z, 1) for x in (4, 5) for y in (2, 3) for z in range(4)]
    centre = np.mean([brain.anatomy.affine @ member for member in members], axis=0)
    np.testing.assert_allclose(scan.affine @ (2, 1, 0, 1), centre)
    np.testing.assert_allclose(np.diag(scan.affine), (2, 2, 4, 1))


def test_means_leave_out_what_is_not_there(brain: Brain) -> None:
    """Distance and transit time do not shrink where the domain ends, and no territory does not outvote one."""
    scan = scan_brain(brain, Acquisition())
    last = brain.perfusion.shape[0] - 1
    assert scan.great_vessel_distance[-1, 0, -1] == pytest.approx(14.5 if last == 15 else 14.0)
    np.testing.assert_allclose(scan.att[2, 3, 0], brain.att[4:6, 6:8, :4].mean(), rtol=1e-6)
    np.testing.assert_allclose(scan.att[-1, -1, -1], brain.att[14:, 14:, 4:].mean(), rtol=1e-6)
    np.testing.assert_array_equal(scan.territory[:, 0, 0], [NO_TERRITORY, 4, 4, 4, 4, 5, 5, 5])


def test_an_unserved_voxel_has_no_transit_time(brain: Brain) -> None:
    terminal = brain.vessels.arteries.terminal.copy()
    terminal[:3] = -1
    arteries = replace(brain.vessels.arteries, terminal=terminal)
    scan = scan_brain(replace(brain, vessels=replace(brain.vessels, arteries=arteries)), Acquisition())
    assert np.isnan(scan.att[0]).all()
    np.testing.assert_allclose(scan.att[1, 0, 0], brain.att[3, :2, :4].mean(), rtol=1e-6)


def test_slices_of_the_acquired_grid_are_timed(brain: Brain) -> None:
    late = acquire_brain(brain, Acquisition(post_labeling_delays=(1.325,)))
    timed = acquire_brain(brain, Acquisition(post_labeling_delays=(1.025,), slice_timing=(0.0, 0.3)))
    np.testing.assert_allclose(timed[..., 1], late[..., 1], atol=1e-7)
    assert (timed[..., 0] != late[..., 0]).any()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("slice_timing", {"slice_timing": (0.0, 0.1, 0.2)}),
        ("post_labeling_delays", {"post_labeling_delays": (3.6,)}),
    ],
)
def test_protocols_that_do_not_fit(brain: Brain, name: str, changes: dict) -> None:
    with pytest.raises(InputError, match=rf"^{name}: .*; (give|simulate)"):
        scan_brain(brain, replace(Acquisition(), **changes))


def test_voxels_that_do_not_nest_hold_the_same_flow_and_lie_beside_each_other(brain: Brain) -> None:
    """Means over 1.5 mm along x; three of them are as wide as two blocks of 2 mm and a half."""
    size = (1.5, 2.0, 4.0)
    scan = scan_brain(brain, Acquisition(voxel_size_mm=size))
    assert scan.perfusion.shape[0] == -(-2 * brain.perfusion.shape[0] // 3)
    assert scan.perfusion.sum(dtype=float) * np.prod(size) == pytest.approx(brain.perfusion.sum(dtype=float), rel=1e-5)
    fine = acquire_brain(brain, Acquisition(voxel_size_mm=(1.0, 1.0, 1.0)))
    first = (fine[:, 0] + 0.5 * fine[:, 1]) / 1.5
    expected = average_voxels(padded(first[:, None], (1, 2, 4)), (1, 2, 4))[:, 0]
    np.testing.assert_allclose(scan.concentration[:, 0], expected, atol=1e-6 * expected.max())  # float32
    corner = brain.anatomy.affine @ (-0.5, -0.5, -0.5, 1)
    np.testing.assert_allclose(scan.affine @ (-0.5, -0.5, -0.5, 1), corner)


def test_blood_is_shared_out_over_the_acquired_voxels(brain) -> None:
    """Their volumes together hold the blood of the vessels that lie in the domain, however the voxels are cut."""
    scan = scan_brain(brain, Acquisition())
    for share, forest in ((scan.arterial_blood, brain.vessels.arteries), (scan.venous_blood, brain.vessels.veins)):
        volume = float((forest.flow * forest.residence_time).sum())
        assert share.sum(dtype=float) * 16 == pytest.approx(volume, rel=1e-5)  # float32 maps


def test_slices_are_laid_over_the_brain_from_its_middle(brain) -> None:
    n_slices = -(-brain.perfusion.shape[-1] // 2)
    of_a_scan = Acquisition(voxel_size_mm=(2.0, 2.0, 2.0), slice_timing=tuple(0.1 * k for k in range(n_slices + 4)))
    assert laid_over(of_a_scan, brain).slice_timing == of_a_scan.slice_timing[2:-2]
    short = replace(of_a_scan, slice_timing=(0.0, 0.1))
    assert laid_over(short, brain).slice_timing == (0.0,) * (n_slices // 2) + (0.1,) * (n_slices - n_slices // 2)
    assert scan_brain(brain, laid_over(short, brain)).concentration.shape[-1] == n_slices
    exact = replace(of_a_scan, slice_timing=tuple(0.1 * k for k in range(n_slices)))
    assert laid_over(exact, brain) is exact


@pytest.mark.parametrize("crushing", [None, 0.0])
def test_a_head_that_moves_is_seen_where_it_then_lies(brain: Brain, crushing: float | None) -> None:
    """By whole simulated voxels: as if the response were shifted by as many; in each frame by its own."""
    protocol = Acquisition(vascular_crushing=crushing)
    moved = np.array([(0, 0, 0), (1, 0, 0), (0, -1, 0), (1, 1, 2)], float)
    frames = acquire_moved(brain, protocol, moved)
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames[0], acquire_brain(brain, protocol)[0], rtol=1e-5, atol=1e-9)
    for k, by in enumerate(moved.astype(int)):
        response = brain.response
        there = {name: np.zeros_like(getattr(response, name)) for name in ("arterial", "bed")}
        for name, images in there.items():
            still = getattr(response, name)
            into = tuple(slice(max(d, 0), size + min(d, 0)) for d, size in zip(by, still.shape[1:], strict=True))
            of = tuple(slice(max(-d, 0), size + min(-d, 0)) for d, size in zip(by, still.shape[1:], strict=True))
            images[:, *into] = still[:, *of]
        expected = acquire_brain(replace(brain, response=replace(response, **there)), protocol)[k]
        inner = (slice(1, -2), slice(1, -2), slice(None, -1))  # at the edges nothing is known of what comes in
        inner = inner if by[2] == 0 else (*inner[:2], slice(1, -1))
        np.testing.assert_allclose(frames[k][inner], expected[inner], rtol=1e-4, atol=1e-7)


def test_a_head_that_moves_by_parts_of_a_simulated_voxel_keeps_its_label(brain: Brain) -> None:
    """Linear between whole ones: the mean of the brain's two neighbouring places."""
    places = [np.tile(by, (4, 1)) for by in ((0.0, 0, 0), (0.5, 0, 0), (1.0, 0, 0))]
    still, half, whole = (acquire_moved(brain, Acquisition(), by)[:, 1:-1] for by in places)
    np.testing.assert_allclose(half, (still + whole) / 2, rtol=1e-4, atol=1e-7)
