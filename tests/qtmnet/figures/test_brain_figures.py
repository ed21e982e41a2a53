"""What a brain leaves in its folder can be read back, and is what was simulated."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.image import imread

from qtmnet.figures.brain_vessels import (
    print_morphometry,
    save_att,
    save_brain_figures,
    save_histograms,
    territory_colours,
    vessels_by_territory,
)
from qtmnet.figures.vessel_views import EARLY_TO_LATE, save_vessel_picture
from simulators import CubeParameters, simulate_cube
from simulators.phantoms.morphometry import Measure

SHAPE = (12, 12, 12)
AFFINE = nib.affines.from_matvec(np.eye(3), [-6.0, -20.0, 3.0])


@pytest.fixture(scope="module")
def brain() -> SimpleNamespace:
    cube = simulate_cube(5, parameters=CubeParameters(shape=SHAPE), time=(1.0,))
    tissue = np.ones(SHAPE, np.uint8)
    tissue[4:8] = 2
    territory = np.zeros(SHAPE, np.uint8)
    territory[6:] = 1
    territory[0] = 255
    att = cube.att.copy()
    att[0, 0, 0] = np.nan
    return SimpleNamespace(
        cube=cube,
        anatomy=SimpleNamespace(tissue=tissue, affine=AFFINE, voxel_size_mm=(1.0, 1.0, 1.0)),
        perfusion=cube.perfusion,
        vessels=cube.vessels,
        att=att,
        territory=territory,
        territory_names=("MCA_L", "MCA_R"),
        inlet_names=tuple(f"ICA_{k}" for k in range(len(cube.arteries.inlets))),
        outlet_names=tuple(f"sinus_{k}" for k in range(len(cube.veins.inlets))),
        arterial_level=np.full(cube.arteries.n_nodes, 2, np.uint8),
    )


@pytest.fixture(scope="module")
def run_dir(brain: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "brain"
    save_brain_figures(brain, folder)
    return folder


def test_att_is_shown_in_its_colours(tmp_path: Path, pictures: Callable[[Path], Any]) -> None:
    """Each voxel of the first plane of the three views has the colour of its own time, and none its neighbour's."""
    att = np.random.default_rng(0).uniform(0.5, 2.0, SHAPE)
    save_att(tmp_path / "att.png", att, AFFINE)
    picture = pictures(tmp_path / "att.png")
    scale = Normalize(*np.percentile(att, (1, 99)))
    for axes, plane in zip(picture.figure.axes, (att[:, :, 0], att[:, 0, :], att[0]), strict=False):
        for voxel in np.ndindex(plane.shape):
            # A rim of one voxel stands around them; letters lie in it.
            np.testing.assert_allclose(
                picture.at(axes, *(np.array(voxel) + 1)),
                EARLY_TO_LATE(scale(plane[voxel]))[:3],
                atol=1.01 / 255,  # 8 bits
            )


def test_histograms_count_each_segment_and_terminal(
    brain: SimpleNamespace, tmp_path: Path, pictures: Callable[[Path], Any]
) -> None:
    save_histograms(tmp_path / "flow_histogram.png", brain)
    axes = pictures(tmp_path / "flow_histogram.png").figure.axes
    for place, forest in enumerate((brain.vessels.arteries, brain.vessels.veins)):
        segments = np.count_nonzero(forest.length)
        counts = [panel.patches[place].get_data().values.sum() for panel in axes]
        assert counts == [segments, segments, segments, np.count_nonzero(forest.terminal >= 0)]
        edges = axes[0].patches[place].get_data().edges
        flow = forest.flow[forest.length > 0]
        assert (edges[0], edges[-1]) == pytest.approx((flow.min(), flow.max()), rel=1e-9)


def test_the_picture_of_vessels_is_of_territories(brain: SimpleNamespace, run_dir: Path, tmp_path: Path) -> None:
    """A brain that feeds other territories has another picture; the same brain has the same."""
    mask = brain.anatomy.tissue > 0
    kept = imread(run_dir / "vessels.png")
    for territory, same in ((brain.territory, True), (np.zeros(SHAPE, np.uint8), False)):
        layers = vessels_by_territory(SimpleNamespace(**{**vars(brain), "territory": territory}))
        save_vessel_picture(tmp_path / "vessels.png", layers, AFFINE, mask=mask)
        assert np.array_equal(imread(tmp_path / "vessels.png"), kept) == same


def test_the_page_is_there_with_plotly(run_dir: Path) -> None:
    assert (run_dir / "vessels.html").exists() == bool(importlib.util.find_spec("plotly"))


def test_maps_come_back_in_the_space_of_the_anatomy(brain: SimpleNamespace, run_dir: Path) -> None:
    expected = {
        "perfusion": brain.perfusion,
        "att": np.nan_to_num(brain.att),
        "tissue": brain.anatomy.tissue,
        "territory": np.where(brain.territory == 255, 0, brain.territory + 1.0),
        "blood_volume": brain.cube.blood_volume,
    }
    for name, values in expected.items():
        image = nib.load(run_dir / f"{name}.nii.gz")
        np.testing.assert_array_equal(image.affine, AFFINE)
        np.testing.assert_allclose(image.get_fdata(), values, rtol=1e-6)
        assert json.loads((run_dir / f"{name}.json").read_text(encoding="utf-8"))["Description"]
    labels = json.loads((run_dir / "territory.json").read_text(encoding="utf-8"))["Labels"]
    assert labels == {"1": "MCA_L", "2": "MCA_R"}


def test_numbers_come_back_without_nan(brain: SimpleNamespace, run_dir: Path) -> None:
    text = (run_dir / "morphometry.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    rows = {row["name"]: row for row in json.loads(text)}
    total = brain.perfusion.sum() * 1.05 / 1000 / 100
    assert rows["total flow"]["value"] == pytest.approx(total, rel=1e-9)
    assert rows["total flow"]["within"] is False
    assert rows["length ACA : PCA"]["value"] is None


def test_the_table_tells_what_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    measures = [
        Measure("total flow", 300.0, "mL/min", "717 ± 123", "Zarrinkoob", 471, 963),
        Measure("arterial terminals", 1726289.0, ""),
    ]
    print_morphometry(measures, "a brain")
    lines = capsys.readouterr().out.splitlines()
    assert "a brain" in lines[0]
    (row,) = (line for line in lines if "total flow" in line)
    assert all(part in row for part in ("300", "mL/min", "717 ± 123 Zarrinkoob", "no"))
    assert any("1726289" in line for line in lines)


def test_every_territory_has_a_colour_of_its_own() -> None:
    names = ("ACA_L", "ACA_R", "MCA_L", "MCA_R", "PCA_L", "PCA_R", "SCA_L", "SCA_R")
    colours = territory_colours(names)
    assert len({colours(k) for k in range(len(names) + 1)}) == len(names) + 1


def test_att_is_shown_as_radiologists_look(tmp_path: Path) -> None:
    """What arrives late, dark red, lies on the right of the head: at the left of the first panel."""
    att = np.full(SHAPE, 0.5)
    att[8:] = 1.5
    for flip in (1.0, -1.0):  # a grid that runs to the left holds the right side first
        shown = att if flip > 0 else att[::-1]
        save_att(tmp_path / "att.png", shown, AFFINE @ np.diag([flip, 1, 1, 1]))
        panel = imread(tmp_path / "att.png")[:, :380, :3]
        late = (panel[..., 0] > 0.5) & (panel[..., 1] < 0.2)
        early = (panel[..., 0] > 0.9) & (panel[..., 1] > 0.8)
        assert late.any()
        assert early.any()
        assert np.nonzero(late)[1].mean() < np.nonzero(early)[1].mean()
