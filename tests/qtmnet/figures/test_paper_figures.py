"""The paper's figures: what is drawn where, on made-up maps."""

import nibabel as nib
import numpy as np
import pytest
from matplotlib.image import imread

from qtmnet.figures.curves import Panel, save_curves
from qtmnet.figures.paper import PaperFigures, save_agreement, save_in_vivo, save_label, save_maps_with_errors
from qtmnet.report.gallery.page import Gallery, Plate, write_gallery
from qtmnet.report.scan_numbers.lines import RegionTable
from simulators.errors import InputError

SHAPE = (10, 12, 8)
AFFINE = nib.affines.from_matvec(np.diag([2.0, 2.0, 4.0]), [-9.0, -11.0, 0.0])
INSIDE = np.ones(SHAPE, bool)
TRUTH = np.random.default_rng(0).uniform(20, 60, SHAPE).astype(np.float32)


def shown(axis) -> np.ndarray:
    return np.asarray(axis.get_images()[0].get_array())


def test_label_is_in_each_frame_and_its_mean_below(tmp_path, pictures) -> None:
    frames = np.stack([0.01 * TRUTH / 40, 0.005 * TRUTH / 40])
    grey = INSIDE & (np.arange(SHAPE[0]) < 5)[:, None, None]
    save_label(tmp_path / "label.png", frames, ["PLD 1 s", "PLD 2 s"], INSIDE, AFFINE, {"grey": grey})
    axes = pictures(tmp_path / "label.png").figure.axes
    middle = 100 * frames[:, :, :, 3]
    assert [np.abs(shown(axes[k]) - middle[k].T).max() < 1e-5 or k for k in (0, 1)] == [True, True]
    (line,) = next(axis for axis in axes if axis.get_lines()).get_lines()
    np.testing.assert_allclose(line.get_ydata(), 100 * frames[:, grey].mean(1), rtol=1e-6)


def test_errors_stand_below_their_maps_on_a_scale_about_0(tmp_path, pictures) -> None:
    save_maps_with_errors(tmp_path / "maps.png", TRUTH, {"mine": TRUTH + 5}, {"mine": 0.12}, INSIDE, AFFINE)
    figure = pictures(tmp_path / "maps.png").figure
    truth, estimate, nothing, error = figure.axes[:4]
    np.testing.assert_allclose(shown(estimate) - shown(truth), 5, rtol=1e-5)
    assert not nothing.get_images()
    np.testing.assert_allclose(shown(error), 5, rtol=1e-4)
    low, high = error.get_images()[0].get_clim()
    assert low == -high
    assert estimate.get_title() == "mine\nNRMSE 0.120"
    assert truth.get_images()[0].get_clim() == estimate.get_images()[0].get_clim()


def test_bars_are_relative_errors_in_percent(tmp_path, pictures) -> None:
    truth = TRUTH.ravel().astype(float)
    errors = {"brain": {"mine": 0.25, "other": 0.5}, "MCA_L": {"mine": 0.1, "other": np.nan}}
    estimates = {"mine": 0.5 * truth + 3, "other": truth}
    save_agreement(tmp_path / "agreement.png", truth, estimates, errors, {"mine": "#d55e00", "other": "#4c9fd6"})
    figure = pictures(tmp_path / "agreement.png").figure
    bars = next(axis for axis in figure.axes if axis.get_ylabel() == "relative error (%)")
    heights = [patch.get_height() for patch in bars.patches]
    assert heights == pytest.approx([25, 10, 50, np.nan], nan_ok=True)
    told = [text.get_text() for axis in figure.axes for text in axis.texts if "slope" in text.get_text()]
    assert told == ["slope 0.50", "slope 1.00"]


def test_the_difference_is_the_first_less_the_second(tmp_path, pictures) -> None:
    save_in_vivo(tmp_path / "vivo.png", (("a", TRUTH + 7), ("b", TRUTH)), INSIDE, AFFINE)
    axes = pictures(tmp_path / "vivo.png").figure.axes
    np.testing.assert_allclose(shown(axes[2]), 7, rtol=1e-4)
    assert axes[2].get_title() == "a −\nb"


def test_curves_are_drawn_to_scale_or_side_by_side(tmp_path, pictures) -> None:
    panels = [
        Panel("delay (s)", ("0", "0.5", "1.5"), (0.0, 0.5, 1.5), {"mine": (0.1, np.nan, 0.3)}, 0),
        Panel("voxel (mm)", ("2×2×4", "4×4×4"), None, {"mine": (0.1, 0.2)}, 0),
    ]
    save_curves(tmp_path / "curves.png", panels, {"mine": ("Mine", "#d55e00", "-")}, "NRMSE")
    scaled, beside = pictures(tmp_path / "curves.png").figure.axes
    assert [line.get_xdata().tolist() for line in (scaled.lines[1], beside.lines[1])] == [[0, 0.5, 1.5], [0, 1]]
    np.testing.assert_array_equal(scaled.lines[1].get_ydata(), [0.1, np.nan, 0.3])
    assert scaled.get_ylim()[0] == 0


def test_the_page_holds_its_figures_and_escapes_what_it_says(tmp_path) -> None:
    save_in_vivo(tmp_path / "vivo.png", (("a", TRUTH + 7), ("b", TRUTH)), INSIDE, AFFINE)
    assert imread(tmp_path / "vivo.png").ndim == 3
    plate = Plate("Figure 5", "a < b", tmp_path / "vivo.png")
    table = RegionTable("Numbers", (("Bias", "mL/100g/min"),), (("mine", ("−1.0",)),))
    page = Gallery("Title", "Summary.", (plate,), (table,), ("left out",), (), (("Command", "evaluate x=1"),))
    text = write_gallery(tmp_path / "page.html", page).read_text(encoding="utf-8")
    for part in ("a &lt; b", "data:image/png;base64,iVBOR", "<code>evaluate x=1</code>", "−1.0", "left out"):
        assert part in text
    assert "http" not in text.replace("http-equiv", "")  # nothing is fetched


def test_figures_that_the_paper_does_not_have() -> None:
    assert PaperFigures().drawn == (2, 3, 4, 5)
    assert PaperFigures(only=(3,)).drawn == (3,)
    with pytest.raises(InputError, match=r"^only: found"):
        PaperFigures(only=(3, 3))
    with pytest.raises(InputError, match=r"^only"):
        PaperFigures(only=(6,))
