"""A brain's stages on a ball of a head made up here: its own anatomy and vessels, and what is kept of them."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import simulators.phantoms.brain
import simulators.transport.beds
from simulators import Forest, InputError, LabelKinetics, NoExchange, NumbaSimulator, TwoCompartmentExchange
from simulators.machine.cores import n_cores
from simulators.phantoms.brain import BrainStages, simulate_brain
from simulators.phantoms.brain_parameters import Angiography, BrainParameters
from simulators.phantoms.simulated_brain import Brain
from simulators.seeding import Stage
from simulators.tissue.anatomy import GREY, OUTSIDE, WHITE, TissueMaps
from simulators.transport.chain import impulse_responses
from simulators.transport.reference import ReferenceSimulator

# A head of one's own, and going on where one was stopped


def write_head(path: Path, radius: float = 24.0) -> BrainParameters:
    """A ball of white matter in a rind of grey matter in fluid, maps of 3 mm; arteries from below, one vein on top."""
    index = np.indices((24, 24, 24))
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -34.5
    distance = np.linalg.norm(3.0 * np.moveaxis(index, 0, -1) - 34.5, axis=-1)
    for name, low, high in (("white", 0, 16), ("grey", 16, radius), ("csf", radius, radius + 6)):
        share = ((distance >= low) & (distance < high)).astype(np.float32)
        nib.save(nib.Nifti1Image(share, affine), path / f"{name}.nii")
    arteries = [(0, -12, -40, 1.5, -1), (1, -12, -31, 1.4, 0), (2, -12, -25, 1.2, 1)]
    arteries += [(k + 3, -x, z, r, above + 3 if above >= 0 else -1) for k, x, z, r, above in arteries]
    veins = [(0, 0, 40, 2.5, -1), (1, 0, 31, 2.2, 0), (2, 0, 26, 2.0, 1)]
    for name, nodes in (("arteries", arteries), ("veins", veins)):
        (path / f"{name}.swc").write_text(
            "".join(f"{k} 0 {x} -3 {z} {r} {above}\n" for k, x, z, r, above in nodes), encoding="utf-8"
        )
    return BrainParameters(
        anatomy=TissueMaps(*(str(path / f"{name}.nii") for name in ("grey", "white", "csf"))),
        angiography=Angiography(swc=str(path / "arteries.swc"), veins_swc=str(path / "veins.swc")),
        inlet_shares=None,
        voxel_size_mm=(6.0, 6.0, 6.0),
        pial_spacing_mm=8.0,
        territory_delay={"inlet_2": 0.25},
        exchange=NoExchange(),
    )


TIME = (0.75, 1.5)

QUICK = NumbaSimulator(0.1)


@cache
def responses(fraction: float, label: LabelKinetics, time_step: float, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    return impulse_responses(simulators.transport.beds.TRANSIT_TIMES, fraction, label, time_step, n_steps)


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Impulse responses, a second each, are worked out once for all the runs whose stages are compared."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            simulators.transport.beds,
            "impulse_responses",
            lambda theta, fraction, label, time_step, n_steps: responses(fraction, label, time_step, n_steps),
        )
        yield


@pytest.fixture
def head(quick: None, tmp_path: Path) -> BrainParameters:
    return write_head(tmp_path)


def simulate(parameters: BrainParameters, folder: Path | None = None) -> Brain:
    return simulate_brain(parameters, time=TIME, simulator=QUICK, folder=folder)


def voxel_flow(brain: Brain) -> np.ndarray:
    """mm³/s, Q ρ V / 6000, (X, Y, Z)."""
    return brain.perfusion * 1.05 * np.prod(brain.anatomy.voxel_size_mm) / 6000


def x_mm(brain: Brain) -> np.ndarray:
    """Of each voxel's middle, (X, Y, Z)."""
    affine = brain.anatomy.affine
    return np.broadcast_to(
        (affine[0, 3] + affine[0, 0] * np.arange(len(brain.perfusion)))[:, None, None], brain.perfusion.shape
    )


def forests(brain: Brain) -> list[Forest]:
    return [brain.vessels.arteries, brain.vessels.veins]


def assert_same(one: Brain, other: Brain) -> None:
    """Bit for bit."""
    for name in ("perfusion", "territory", "great_vessel_distance", "arterial_level", "venous_level", "att"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("arterial", "bed", "left"):
        np.testing.assert_array_equal(getattr(one.response, name), getattr(other.response, name))
    for mine, its in zip(forests(one), forests(other), strict=True):
        for name in ("position", "parent", "flow", "radius", "terminal"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(its, name))
    np.testing.assert_array_equal(one.anatomy.tissue, other.anatomy.tissue)
    assert (one.inlet_names, one.outlet_names, one.territory_names) == (
        other.inlet_names,
        other.outlet_names,
        other.territory_names,
    )


def test_a_head_of_ones_own(head):
    """Tissue by closed form, flow by its volume; each inlet feeds its side, the second one late."""
    brain = simulate_brain(head, time=TIME, simulator=NumbaSimulator())
    tissue, size = brain.anatomy.tissue, np.array(brain.anatomy.voxel_size_mm)
    middles = np.argwhere(tissue >= 0) * size + brain.anatomy.affine[:3, 3]
    distance = np.linalg.norm(middles, axis=1).reshape(tissue.shape)
    # A voxel reaches 3√3 = 5.2 mm to its corners.
    assert (tissue[distance < 16 - 5.2] == WHITE).all()
    assert (tissue[(distance > 16 + 5.2) & (distance < 24 - 2)] == GREY).all()
    assert (tissue[distance > 30 + 5.2] == OUTSIDE).all()
    ball = 4 / 3 * np.pi * 24**3
    assert brain.anatomy.in_tissue.sum() * 216 == pytest.approx(ball, rel=0.1)  # 6 mm voxels at the rim
    assert brain.inlet_names == ("inlet_1", "inlet_2")
    assert brain.outlet_names == ("inlet_1",)
    assert brain.territory_names == ("inlet_1", "inlet_2")
    served = brain.perfusion > 0
    np.testing.assert_array_equal(served, brain.anatomy.in_tissue)
    assert (x_mm(brain)[brain.territory == 0] <= 6).all()
    assert (x_mm(brain)[brain.territory == 1] >= -6).all()
    flow = [forest.flow[forest.inlets] for forest in forests(brain)]
    assert flow[0].sum() == pytest.approx(voxel_flow(brain).sum(), rel=1e-12)
    assert flow[1] == pytest.approx(voxel_flow(brain).sum(), rel=1e-12)
    assert flow[0][0] == pytest.approx(flow[0][1], rel=0.3)  # the head is even; ends are drawn
    np.testing.assert_array_equal(brain.vessels.inlet_delay, [0.0, 0.25])
    arteries = brain.vessels.arteries
    arrival = np.zeros(arteries.n_nodes)
    for node, above in enumerate(arteries.parent):  # parents come first
        start = brain.vessels.inlet_delay[arteries.inlets == node].sum() if above < 0 else arrival[above]
        arrival[node] = start + arteries.residence_time[node]
    np.testing.assert_allclose(brain.vessels.plug_flow_time[served], arrival[arteries.terminal[served]], rtol=1e-9)
    assert (brain.response.bed[-1][served] > 0).all()


def test_a_head_against_the_literal_scheme(head):
    """At steps of 10 ms; tolerances and reasons as in `test_agreement`, for arteries too, where a voxel holds many."""
    stages = BrainStages(head)
    fast, literal = (stages.response(TIME, s) for s in (NumbaSimulator(), ReferenceSimulator()))
    print([np.abs(getattr(fast, n) - getattr(literal, n)).max() / fast.total.max() for n in ("arterial", "bed")])
    assert np.abs(fast.arterial - literal.arterial).max() < 2e-3 * fast.total.max()
    assert np.abs(fast.bed - literal.bed).max() < 1e-3 * fast.bed.max()
    entered = stages.vessels.arteries.flow[stages.vessels.arteries.inlets].sum() * np.array(TIME)
    assert (np.abs(fast.left - literal.left) < 1e-4 * entered).all()  # next to nothing has left yet


def test_shares_of_other_inlets(head):
    with pytest.raises(
        InputError, match=r"^phantom\.inlet_shares: found ICA_L, ICA_R, BA; give shares of inlet_1, inlet_2"
    ):
        simulate(replace(head, inlet_shares={"ICA_L": 0.36, "ICA_R": 0.36, "BA": 0.28}))
    brain = simulate(replace(head, inlet_shares={"inlet_2": 0.3, "inlet_1": 0.7}))
    flow = brain.vessels.arteries.flow[:1]
    assert flow / voxel_flow(brain).sum() == pytest.approx(0.7, abs=0.05)  # an end, 1/60 of all, is not divided


KEPT = ("great_vessels", "anatomy", "pial_arteries", "pial_veins", "arterioles", "venules", "perfusion", "label")
"""In the order in which they are made, but for arterioles and venules, which grow side by side."""

STOPPED = {
    "great_vessels": (Angiography, "veins", None),
    "anatomy": (simulators.phantoms.brain, "place_on_grid", None),
    "pial_arteries": (simulators.phantoms.brain, "scaffold", Stage.PIAL_ARTERIES),
    "pial_veins": (simulators.phantoms.brain, "scaffold", Stage.PIAL_VEINS),
    "arterioles": (simulators.phantoms.brain, "grow_arterioles", Stage.ARTERIES),
    "venules": (simulators.phantoms.brain, "grow_arterioles", Stage.VEINS),
    "perfusion": (BrainStages, "_draw_perfusion", None),
    "label": (NumbaSimulator, "step_response", None),
}
"""What makes each stage, and the argument by which two stages of one function are told apart."""


@pytest.mark.parametrize("stage", KEPT)
def test_goes_on_where_it_was_stopped(head, tmp_path, monkeypatch, stage):
    """The second run reads what the first one made before it was interrupted in a stage, and ends alike."""
    owner, function, one_of_two = STOPPED[stage]
    original, folder = getattr(owner, function), tmp_path / "kept"

    def stop(*arguments):
        if one_of_two is None or any(argument is one_of_two for argument in arguments):
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(owner, function, stop)
        with pytest.raises(KeyboardInterrupt):
            simulate(head, folder)
    there = {file.name.partition("-")[0] for file in folder.glob("*")}
    assert all(file.suffix == ".npz" for file in folder.glob("*"))
    alongside = {"arterioles": {"venules"}, "venules": {"arterioles"}}.get(stage, set())
    assert there == set(KEPT[: KEPT.index(stage)]) | alongside
    again = simulate(head, folder)
    assert {record.name for record in again.records if record.kept} == there
    assert {record.name for record in again.records} == set(KEPT)
    assert_same(again, simulate(head))
    assert all(record.kept for record in simulate(head, folder).records)


def test_stages_up_to_one_of_them(head, tmp_path):
    stages = BrainStages(head, folder=tmp_path / "kept")
    stages.run_until("pial")
    assert [record.name for record in stages.stages.records] == list(KEPT[:4])
    again = BrainStages(head, folder=tmp_path / "kept")
    again.run_until("perfusion")
    assert [record.kept for record in again.stages.records] == [True] * 4 + [False] * 3
    with pytest.raises(
        InputError, match=r"^until: found 'veins'; give one of great_vessels, anatomy, pial, .*, or null"
    ):
        stages.run_until("veins")


FROM_PIAL = frozenset(KEPT[2:])
ARTERIAL = FROM_PIAL - {"pial_veins", "venules"}


@pytest.fixture(scope="module")
def kept_head(quick: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[BrainParameters, Path]:
    """A head and the folder of its stages."""
    path = tmp_path_factory.mktemp("head")
    parameters = write_head(path)
    simulate(parameters, path / "kept")
    return parameters, path / "kept"


@pytest.mark.parametrize(
    ("changes", "anew"),
    [
        ({"voxel_size_mm": (6.0, 6.0, 5.0)}, FROM_PIAL | {"anatomy"}),
        ({"seed": 1}, FROM_PIAL),
        ({"pial_spacing_mm": 9.0}, FROM_PIAL),
        ({"n_candidates": 2}, FROM_PIAL),
        ({"grey_perfusion": 50.0}, FROM_PIAL),
        ({"white_perfusion": 25.0}, FROM_PIAL),
        ({"inlet_shares": {"inlet_1": 0.6, "inlet_2": 0.4}}, ARTERIAL),
        ({"perfusion_fluctuation": 0.05}, {"perfusion", "label"}),
        ({"territory_perfusion": {"inlet_1": 0.5}}, {"perfusion", "label"}),
        ({"territory_delay": {"inlet_1": 0.25}}, {"label"}),
        ({"arterial_murray_k": 0.12}, {"label"}),
        ({"venous_murray_k": 0.15}, {"label"}),
        ({"grey_capillary_volume": 0.03}, {"label"}),
        ({"white_capillary_volume": 0.03}, {"label"}),
        ({"exchange": TwoCompartmentExchange()}, {"label"}),
        ({"t1_blood": 1.5}, {"label"}),
        ({"bluntness": 0.5}, {"label"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_that_changed_never_use_a_kept_stage(kept_head, tmp_path, changes, anew):
    """What depends on a setting is made anew, nothing else is, and the brain is that of an empty folder."""
    parameters, kept = kept_head
    shutil.copytree(kept, tmp_path / "kept")
    brain = simulate(replace(parameters, **changes), tmp_path / "kept")
    assert {record.name for record in brain.records if not record.kept} == set(anew)
    fresh = simulate(replace(parameters, **changes))
    assert_same(brain, fresh)
    assert not all(record.kept for record in fresh.records)


def test_other_times_and_steps_are_other_label(kept_head, tmp_path):
    parameters, kept = kept_head
    shutil.copytree(kept, tmp_path / "kept")
    for time, simulator, made in (
        ((*TIME, 2.0), QUICK, {"label"}),
        (TIME, NumbaSimulator(0.05), {"label"}),
        (TIME, ReferenceSimulator(0.1), {"label"}),
        (TIME, replace(QUICK, n_threads=n_cores() + 1), set()),  # which no result depends on
        (TIME, QUICK, set()),
    ):
        brain = simulate_brain(parameters, time=time, simulator=simulator, folder=tmp_path / "kept")
        assert {record.name for record in brain.records if not record.kept} == made
        np.testing.assert_array_equal(brain.response.time, time)


@pytest.mark.parametrize(
    ("file", "anew"),
    [("arteries.swc", set(KEPT)), ("veins.swc", set(KEPT)), ("grey.nii", set(KEPT[1:])), ("csf.nii", set(KEPT[1:]))],
)
def test_files_that_changed_never_use_a_kept_stage(head, tmp_path, file, anew):
    """Content counts, under whatever name."""
    simulate(head, tmp_path / "kept")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path, elsewhere, ignore=shutil.ignore_patterns("kept"))
    moved = replace(
        head,
        anatomy=TissueMaps(*(str(elsewhere / f"{name}.nii") for name in ("grey", "white", "csf"))),
        angiography=Angiography(swc=str(elsewhere / "arteries.swc"), veins_swc=str(elsewhere / "veins.swc")),
    )
    assert all(record.kept for record in simulate(moved, tmp_path / "kept").records)
    if file.endswith(".swc"):
        text = (elsewhere / file).read_text(encoding="utf-8")
        (elsewhere / file).write_text(text.replace(" -3 ", " -2 "), encoding="utf-8")
    else:
        image = nib.load(elsewhere / file)
        nib.save(nib.Nifti1Image(0.9 * np.asarray(image.dataobj, np.float32), image.affine), tmp_path / "new.nii")
        shutil.copy(tmp_path / "new.nii", elsewhere / file)
    brain = simulate(moved, tmp_path / "kept")
    assert {record.name for record in brain.records if not record.kept} == anew
    assert_same(brain, simulate(moved))
