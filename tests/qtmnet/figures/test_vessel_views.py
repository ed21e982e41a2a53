"""Pictures and pages of vessels show what they are given, where it is."""

import re
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from matplotlib.colors import ListedColormap
from matplotlib.image import imread

from qtmnet.figures.vessel_views import VEIN_BLUE, VIEWS, Vessels, save_vessel_page, save_vessel_picture
from simulators import CubeParameters, Forest, InputError, Vasculature
from simulators.phantoms.cube import grow_vessels

SHAPE = (12, 10, 8)
AFFINE = nib.affines.from_matvec(np.diag([2.0, 2.0, 2.0]), [-11.0, -40.0, 7.0])


@pytest.fixture(scope="module")
def vasculature() -> Vasculature:
    parameters = CubeParameters(shape=SHAPE, voxel_size_mm=(2.0, 2.0, 2.0))
    return grow_vessels(1, parameters, parameters.draw(1))[1]


@pytest.fixture
def vessels(vasculature: Vasculature) -> list[Vessels]:
    time = vasculature.arterial_transit_time
    arteries = Vessels("arteries", vasculature.arteries, value=time, value_name="arterial transit time (s)")
    return [arteries, Vessels("veins", vasculature.veins, colour=VEIN_BLUE)]


def tube(start: list[float], end: list[float], radius: float) -> Forest:
    """One vessel, in mm of the domain."""
    terminal = np.full(SHAPE, -1)
    terminal[tuple((np.array(end) // 2).astype(int))] = 1
    return Forest(
        position=np.array([start, end]),
        parent=np.array([-1, 0]),
        flow=np.ones(2),
        radius=np.full(2, radius),
        terminal=terminal,
        voxel_size_mm=(2.0, 2.0, 2.0),
    )


@pytest.mark.parametrize("background", ["black", "white"])
def test_the_picture_shows_both_kinds(tmp_path: Path, vessels: list[Vessels], background: str) -> None:
    save_vessel_picture(tmp_path / "v.png", vessels, AFFINE, background=background, title="Cube")
    pixels = imread(tmp_path / "v.png")[..., :3]
    assert pixels.shape[1] == 2100
    assert pixels.std() > 0.03
    red, blue = pixels[..., 0] - pixels[..., 2], pixels[..., 2] - pixels[..., 0]
    assert (red > 0.3).mean() > 0.01  # warm arteries
    assert (blue > 0.15).mean() > 0.01


def test_categories_have_colours_of_their_own(tmp_path: Path, vasculature: Vasculature) -> None:
    names = ("ACA_L", "MCA_R", "several")
    colours = ListedColormap(["red", "lime", "grey"])
    value = np.arange(vasculature.arteries.n_nodes) % 3
    layer = Vessels("arteries", vasculature.arteries, value=value, colormap=colours, categories=names)
    np.testing.assert_allclose(layer.colours(np.arange(3)), [colours(k) for k in range(3)])
    save_vessel_picture(tmp_path / "v.png", [layer], AFFINE)
    assert imread(tmp_path / "v.png")[..., :3].std() > 0.03


def test_positions_go_from_the_corner_of_the_domain_to_the_space_of_the_affine() -> None:
    """The middle of the first voxel is 1 mm into the domain, and where the affine puts index 0."""
    layer = Vessels("arteries", tube([1.0, 1.0, 1.0], [5.0, 1.0, 1.0], 0.5))
    np.testing.assert_allclose(layer.ends(np.array([1]), AFFINE), [[[-11, -40, 7], [-7, -40, 7]]])


def test_only_the_thickest_are_drawn(vasculature: Vasculature) -> None:
    forest = vasculature.arteries
    nodes = Vessels("arteries", forest).thickest(100)
    assert len(nodes) == 100
    drawn = forest.radius[nodes]
    assert (np.diff(drawn) >= 0).all()
    left_out = np.setdiff1d(np.flatnonzero(forest.length > 0), nodes)
    assert forest.radius[left_out].max() <= drawn.min()
    assert len(Vessels("arteries", forest).thickest(10**6)) == np.count_nonzero(forest.length)


@pytest.mark.parametrize(
    ("view", "near", "far"), [(VIEWS[0], [1.0, 1, 1], [1.0, 1, 15]), (VIEWS[1], [1.0, 19, 1], [1.0, 1, 1])]
)
def test_what_is_below_or_in_front_is_near(view: object, near: list[float], far: list[float]) -> None:
    ends = np.array([[near, near], [far, far]])
    np.testing.assert_allclose(view.nearness(ends), [1, 0])  # type: ignore[attr-defined]


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_a_vessel_on_the_right_is_drawn_on_the_left(tmp_path: Path, direction: float) -> None:
    """As radiologists look, whether the grid's first axis runs to the right of the head or to the left."""
    layer = Vessels("a", tube([22.0, 4.0, 4.0], [22.0, 12.0, 12.0], 0.8))
    affine = AFFINE @ np.diag([direction, 1, 1, 1])
    save_vessel_picture(tmp_path / "v.png", [layer], affine, mask=np.ones(SHAPE, bool))
    axial = imread(tmp_path / "v.png")[:, :700, :3]
    columns = np.nonzero(axial[..., 0] - axial[..., 2] > 0.3)[1]
    assert columns.size
    assert (columns.mean() < 350) == (direction > 0)


def test_the_page_stands_alone(tmp_path: Path, vessels: list[Vessels]) -> None:
    save_vessel_page(tmp_path / "v.html", vessels, AFFINE, title="Cube <1>")
    page = (tmp_path / "v.html").read_text(encoding="utf-8")
    assert "<title>Cube &lt;1&gt;</title>" in page
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)
    figure = page[page.rindex("Plotly.newPlot(") :]
    assert not re.search(r"https?://(?!plotly\.com)", figure)
    for trace in ('"type":"mesh3d"', '"type":"scatter3d"', '"name":"arteries"', '"name":"veins"', VEIN_BLUE):
        assert trace in figure, trace
    assert len(page) < 7e6  # 4.8 MB of them plotly itself


def test_the_page_shows_and_hides_each_kind_as_one(tmp_path: Path, vessels: list[Vessels]) -> None:
    save_vessel_page(tmp_path / "v.html", vessels, AFFINE)
    figure = (tmp_path / "v.html").read_text(encoding="utf-8").rpartition("Plotly.newPlot(")[2]
    for layer in vessels:
        grouped = figure.count(f'"legendgroup":"{layer.name}"')
        assert grouped > 2
        assert figure.count(f'"name":"{layer.name}"') == grouped
    listed = figure.count('"legendgroup"') - figure.count('"showlegend":false')
    assert listed == len(vessels)


def test_segments_of_the_page_are_capped(tmp_path: Path, vessels: list[Vessels]) -> None:
    sizes = []
    for n_segments in (20, 1000):
        save_vessel_page(tmp_path / "v.html", vessels, AFFINE, n_segments=n_segments)
        sizes.append((tmp_path / "v.html").stat().st_size)
    assert sizes[1] - sizes[0] == pytest.approx(980 * 64, rel=0.5)  # 3 points of 4 float32 in base64, less for veins


def test_without_plotly_one_line_says_so(
    tmp_path: Path, vessels: list[Vessels], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(InputError, match="plotly: not installed") as caught:
        save_vessel_page(tmp_path / "v.html", vessels, AFFINE)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
