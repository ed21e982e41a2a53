"""Pictures and pages of vessels show what they are given, where it is."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from matplotlib.colors import ListedColormap, to_rgb

from qtmnet.figures.vessel_views import EARLY_TO_LATE, VEIN_BLUE, VIEWS, Vessels, save_vessel_page, save_vessel_picture
from simulators import CubeParameters, Forest, InputError, Vasculature
from simulators.phantoms.cube import grow_vessels

Pictures = Callable[[Path], Any]
"""See `pictures` of the fixtures."""

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


COLOUR_STEP = 1.01 / 255
"""What rounding a colour to 8 bits, and blending it once with an opaque line, can change."""


def fork() -> Forest:
    """A stem along the first axis, 2 mm deep in the domain, that parts into two branches at right angles to it."""
    terminal = np.full(SHAPE, -1)
    terminal[6, 1, 1], terminal[6, 8, 1] = 2, 3
    return Forest(
        position=np.array([[2.0, 10, 2], [12.0, 10, 2], [12.0, 2, 2], [12.0, 17, 2]]),
        parent=np.array([-1, 0, 1, 1]),
        flow=np.array([2.0, 2, 1, 1]),
        radius=np.full(4, 0.8),
        terminal=terminal,
        voxel_size_mm=(2.0, 2.0, 2.0),
    )


FORK_MIDDLES = {1: [7.0, 10, 2], 2: [12.0, 6, 2], 3: [12.0, 13.5, 2]}
"""Middle of the segment that ends in each node, mm of the domain."""


def in_space(position: list[float]) -> np.ndarray:
    """Where a point of the domain, mm, lies in the space of the affine."""
    return nib.affines.apply_affine(AFFINE, np.array(position) / 2 - 0.5)


@pytest.mark.parametrize("background", ["black", "white"])
def test_the_picture_shows_each_kind_in_its_colour_where_it_is(
    tmp_path: Path, pictures: Pictures, background: str
) -> None:
    """Arteries by their value, veins in blue. From below, what is near has its colour, and what is far 45 % of it."""
    value = np.array([0.0, 1.5, 1.0, 2.0])
    arteries = Vessels("arteries", fork(), value=value, value_name="arterial transit time (s)")
    veins = Vessels("veins", tube([17.0, 4, 14], [17.0, 16, 14], 0.8), colour=VEIN_BLUE)
    save_vessel_picture(tmp_path / "v.png", [arteries, veins], AFFINE, background=background, title="Cube")
    picture = pictures(tmp_path / "v.png")
    assert picture.rgb.shape[1] == 2100
    axial = picture.figure.axes[0]
    # 2 % and 98 % of the two terminals' 1 and 2 s are 1.02 and 1.98 s: the scale ends there.
    for node, share in ((1, 0.5), (2, 0.0), (3, 1.0)):
        x, y, _ = in_space(FORK_MIDDLES[node])
        np.testing.assert_allclose(picture.at(axial, x, y), EARLY_TO_LATE(share)[:3], atol=COLOUR_STEP)
    x, y, _ = in_space([17.0, 10, 14])
    faded = 0.45 * np.array(to_rgb(VEIN_BLUE)) + 0.55 * np.array(to_rgb(background))
    np.testing.assert_allclose(picture.at(axial, x, y), faded, atol=COLOUR_STEP)
    np.testing.assert_array_equal(picture.rgb[:5, :5], np.broadcast_to(to_rgb(background), (5, 5, 3)))


def test_categories_have_colours_of_their_own(tmp_path: Path, pictures: Pictures) -> None:
    """Another colour for one of them changes its own segment's pixels, and no others."""
    names, shown = ("ACA_L", "MCA_R", "several"), []
    for colours in (["red", "lime", "grey"], ["red", "blue", "grey"]):
        colormap = ListedColormap(colours)
        layer = Vessels("arteries", fork(), value=np.array([2, 2, 0, 1]), colormap=colormap, categories=names)
        np.testing.assert_allclose(layer.colours(np.array([2, 3, 1])), [colormap(k) for k in range(3)])
        save_vessel_picture(tmp_path / "v.png", [layer], AFFINE)
        shown.append(pictures(tmp_path / "v.png"))
    first, second = shown
    ends = [in_space(end) for end in ([12.0, 10, 2], [12.0, 17, 2])]
    # Widths are to the scale of a picture without margins.
    per_mm = 2100 / sum(abs(np.diff(axes.get_xlim()).item()) for axes in first.figure.axes[:3])
    for axes, view in ((first.figure.axes[k], VIEWS[k]) for k in (0, 2)):  # from the front it is seen end on
        rows, columns = np.nonzero((first.inside(axes) != second.inside(axes)).any(axis=-1))
        top, bottom, left, right = first.box(axes)
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        expected_columns = [(end[view.across] - x0) / (x1 - x0) * (right - left) for end in ends]
        expected_rows = [(y1 - end[view.up]) / (y1 - y0) * (bottom - top) for end in ends]
        for found, expected in ((columns, expected_columns), (rows, expected_rows)):
            # Lines end round, 0.8 mm beyond their nodes; edges are smoothed over 1 pixel, and axes rounded to one.
            # Where it parts, the segments drawn later may cover up to two radii of it.
            assert min(expected) - 0.8 * per_mm - 2 <= found.min() <= min(expected) + 0.8 * per_mm + 2
            assert max(expected) - 0.8 * per_mm - 2 <= found.max() <= max(expected) + 0.8 * per_mm + 2


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


@pytest.mark.parametrize(("direction", "share"), [(1.0, 5 / 30), (-1.0, 25 / 30)])
def test_a_vessel_on_the_right_is_drawn_on_the_left(
    tmp_path: Path, pictures: Pictures, direction: float, share: float
) -> None:
    """As radiologists look, whether the grid's first axis runs to the right of the head or to the left.

    Voxels' middles reach over 22 mm and the picture 4 mm further on either side; the vessel is 1 mm from the last.
    """
    layer = Vessels("a", tube([22.0, 4.0, 4.0], [22.0, 12.0, 12.0], 0.8))
    affine = AFFINE @ np.diag([direction, 1, 1, 1])
    save_vessel_picture(tmp_path / "v.png", [layer], affine, mask=np.ones(SHAPE, bool))
    picture = pictures(tmp_path / "v.png")
    axial = picture.inside(picture.figure.axes[0])
    columns = np.nonzero(axial[..., 0] - axial[..., 2] > 0.2)[1]
    # The line is 1.6 mm wide, symmetric about its middle: its mean is off by no more than the axes' rounding to pixels.
    assert columns.mean() + 0.5 == pytest.approx(share * axial.shape[1], abs=1)
    # Widths are to the scale of a picture of 2100 pixels that has no margins: 30 mm, 30 mm and 26 mm side by side.
    assert np.ptp(columns) + 1 == pytest.approx(1.6 * 2100 / 86, abs=2)  # a smoothed pixel at each edge


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
