"""The page in a browser: what is on the screen is what is in the maps, by keyboard and by pointer, on paper too."""

from dataclasses import replace
from pathlib import Path

import matplotlib
import nibabel as nib
import numpy as np
import pytest

from qtmnet.quantities import CBF
from qtmnet.report.viewer import Group, Row, Scale, Viewer
from qtmnet.report.volumes import Subject

TRUTH = np.arange(5 * 6 * 4, dtype=float).reshape(5, 6, 4)
AXIAL, CORONAL, SAGITTAL = range(3)
RAS = np.diag([2.0, 2.0, 4.0, 1.0])


def pixels(page, map_name: str, plane: int, scale: str = "perfusion") -> np.ndarray:
    """What a canvas shows, (rows from the top, columns, RGBA)."""
    found = page.evaluate(
        """([scale, map, plane]) => {
            const canvas = document.querySelector(
                `.row[data-scale="${scale}"][data-map="${map}"] canvas[data-plane="${plane}"]`);
            // A copy, as Chromium has advice for canvases that are read often.
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
            copy.drawImage(canvas, 0, 0);
            const image = copy.getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.height, canvas.width, Array.from(image.data)];
        }""",
        [scale, map_name, plane],
    )
    return np.array(found[2], np.uint8).reshape(found[0], found[1], 4)


def coloured(values: np.ndarray, colours: str = "magma") -> np.ndarray:
    """Colours of values that number them, of a plane (across, up), as they stand on the screen."""
    return np.rint(255 * matplotlib.colormaps[colours](values.T[::-1].astype(int))).astype(np.uint8)


def cut(values: np.ndarray, plane: int, slice_number: int) -> np.ndarray:
    """A plane (across, up) of a map whose axes run right, anterior and superior."""
    return values.take(slice_number, axis=2 - plane)


def readout(page, scale: str, map_name: str) -> str:
    return page.locator(f'.row[data-scale="{scale}"][data-map="{map_name}"] .value').inner_text().strip()


def letters(page, plane: int, map_name: str = "truth") -> dict[str, str]:
    """What is written at the sides of an image."""
    image = page.locator(f'.row[data-map="{map_name}"] .image', has=page.locator(f'canvas[data-plane="{plane}"]')).first
    return {side: image.locator(f".{side}").inner_text() for side in ("left", "right", "top", "bottom")}


@pytest.mark.parametrize("plane", [AXIAL, CORONAL, SAGITTAL])
def test_keys_move_through_the_slices(written, open_page, plane: int) -> None:
    page = open_page(written())
    slider = page.locator(f"#slice-{plane}")
    n_slices = TRUTH.shape[2 - plane]
    start = int(slider.input_value())
    np.testing.assert_array_equal(pixels(page, "truth", plane), coloured(cut(TRUTH, plane, start)))
    slider.focus()
    for key, expected in (
        ("ArrowRight", start + 1),
        ("ArrowLeft", start),
        ("End", n_slices - 1),
        ("ArrowRight", n_slices - 1),
        ("Home", 0),
    ):
        page.keyboard.press(key)
        np.testing.assert_array_equal(pixels(page, "truth", plane), coloured(cut(TRUTH, plane, expected)))
        np.testing.assert_array_equal(
            pixels(page, "multi_delay", plane), coloured(cut(TRUTH[::-1, ::-1, ::-1], plane, expected))
        )
        assert f"slice {expected + 1} of {n_slices}" in slider.get_attribute("aria-valuetext")
    outline = slider.evaluate("element => getComputedStyle(element).outlineStyle")
    assert outline != "none"  # focus is to be seen


def test_errors_are_estimate_less_truth_in_colours_of_two_directions(written, open_page) -> None:
    page = open_page(written())
    start = int(page.locator("#slice-0").input_value())
    error = cut(TRUTH[::-1, ::-1, ::-1] - TRUTH, AXIAL, start)
    shown = pixels(page, "multi_delay", AXIAL, "error")[..., :3].astype(int)
    # Errors are whole and odd numbers, so that they lie between two colours.
    for rounded in (np.floor, np.ceil):
        expected = coloured(rounded(error + 127.5), "RdBu_r")[..., :3].astype(int)
        assert np.abs(shown - expected).max() <= 6
    reds, blues = shown[..., 0] > shown[..., 2] + 10, shown[..., 2] > shown[..., 0] + 10
    np.testing.assert_array_equal(reds, (error.T[::-1] > 0) & reds)
    np.testing.assert_array_equal(blues, (error.T[::-1] < 0) & blues)
    assert reds.any()
    assert blues.any()


def test_values_are_read_where_the_pointer_is(written, open_page) -> None:
    """Pointing reads, clicking moves the crosshair and with it the other planes."""
    page = open_page(written())
    axial = page.locator('.row[data-scale="perfusion"][data-map="truth"] canvas[data-plane="0"]')
    axial.scroll_into_view_if_needed()
    z = int(page.locator("#slice-0").input_value())
    x, y = 4, 1
    box = axial.bounding_box()
    where = box["x"] + (x + 0.5) / 5 * box["width"], box["y"] + (6 - y - 0.5) / 6 * box["height"]
    page.mouse.move(*where)
    value, opposite = TRUTH[x, y, z], TRUTH[::-1, ::-1, ::-1][x, y, z]
    assert readout(page, "perfusion", "truth") == f"{value:.1f} mL/100g/min"
    assert readout(page, "perfusion", "multi_delay") == f"{opposite:.1f} mL/100g/min"
    assert readout(page, "error", "multi_delay") == f"{opposite - value:+.1f} mL/100g/min".replace("-", "−")
    assert readout(page, "att", "att") == f"{value / 10:.2f} s"
    assert f"voxel {x}, {y}, {z}" in page.locator("#place").inner_text()
    assert f"x {2 * x}, y {2 * y}, z {4 * z} mm" in page.locator("#place").inner_text()
    assert int(page.locator("#slice-2").input_value()) != x

    page.mouse.click(*where)
    page.mouse.move(2, 2)
    assert "Crosshair" in page.locator("#place").inner_text()
    assert readout(page, "perfusion", "truth") == f"{value:.1f} mL/100g/min"
    assert [int(page.locator(f"#slice-{plane}").input_value()) for plane in range(3)] == [z, y, x]
    np.testing.assert_array_equal(pixels(page, "truth", SAGITTAL), coloured(cut(TRUTH, SAGITTAL, x)))
    np.testing.assert_array_equal(pixels(page, "truth", CORONAL), coloured(cut(TRUTH, CORONAL, y)))


def test_perfusion_maps_have_one_colour_scale(written, open_page) -> None:
    """The same value has the same colour in every map, also after the scale was changed."""
    page = open_page(written())
    page.locator("#slice-0").focus()
    page.keyboard.press("Home")
    truth = pixels(page, "truth", AXIAL)
    page.keyboard.press("End")  # the estimate is the truth in reverse, the last slice the first one
    np.testing.assert_array_equal(pixels(page, "multi_delay", AXIAL)[::-1, ::-1], truth)
    page.locator('input[data-scale="perfusion"]').fill("60")
    lighter = pixels(page, "multi_delay", AXIAL)[::-1, ::-1]
    assert (lighter != truth).any()
    page.locator("#slice-0").focus()
    page.keyboard.press("Home")
    np.testing.assert_array_equal(pixels(page, "truth", AXIAL), lighter)
    scale = page.locator('.scale[data-scale="perfusion"] .colours')
    assert scale.count() == 1
    assert scale.get_attribute("aria-label") == "Colour scale from 0 to 60 mL/100g/min"


MM = replace(CBF, unit="mm", digits=0)
SCALE = Scale("perfusion", "Position", "Position up to", "positions", MM, 0.0, 130.0, "magma")  # redder up to there
POSITIONS = (Group(SCALE, tuple(Row(name, name) for name in "xyz")),)


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LPS", "PIR", "SLA"])
def test_left_and_right_are_the_patients(written, open_page, codes: str) -> None:
    """However the voxels are stored: a map of mm to the right darkens to the left, where the letter L is."""
    affine = _affine_of(codes)
    mm = nib.affines.apply_affine(affine, np.moveaxis(np.indices((5, 6, 4)), 0, -1))
    maps = {name: 20 * (mm[..., axis] - mm[..., axis].min()) for axis, name in enumerate("xyz")}
    shown = Subject("one", np.ones((5, 6, 4), bool), maps, affine, (1.0, 1.0, 1.0))
    page = open_page(written(viewer=Viewer(POSITIONS, (shown,))))
    red = {
        (name, plane): pixels(page, name, plane)[..., 0].astype(int)
        for name, plane in (
            ("x", AXIAL),
            ("x", CORONAL),
            ("y", AXIAL),
            ("y", SAGITTAL),
            ("z", CORONAL),
            ("z", SAGITTAL),
        )
    }
    for place in (("x", AXIAL), ("x", CORONAL), ("y", SAGITTAL)):
        assert (np.diff(red[place], axis=1) > 0).all()
    for place in (("y", AXIAL), ("z", CORONAL), ("z", SAGITTAL)):
        assert (np.diff(red[place][::-1], axis=0) > 0).all()
    assert letters(page, AXIAL, "x") == {"left": "L", "right": "R", "bottom": "P", "top": "A"}
    assert letters(page, CORONAL, "x") == {"left": "L", "right": "R", "bottom": "I", "top": "S"}
    assert letters(page, SAGITTAL, "x") == {"left": "P", "right": "A", "bottom": "I", "top": "S"}

    page.locator("#mirror").check()
    assert letters(page, AXIAL, "x") == {"left": "R", "right": "L", "bottom": "P", "top": "A"}
    assert letters(page, SAGITTAL, "x") == {"left": "P", "right": "A", "bottom": "I", "top": "S"}
    np.testing.assert_array_equal(pixels(page, "x", AXIAL)[..., 0], red["x", AXIAL][:, ::-1])
    assert "left is on the right" in page.locator("#convention").inner_text().replace("’", "'")


def _affine_of(codes: str) -> np.ndarray:
    """An affine of 1 mm whose axes point to these sides."""
    ways = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    for column, code in enumerate(codes):
        row, sign = ways[code]
        affine[row, column] = sign
    return affine


def test_cubes_are_chosen_by_name_and_have_no_left(written, open_page, subject, groups) -> None:
    cubes = (subject(name="Test cube 1"), subject(name="Test cube 2", truth=TRUTH + 100))
    page = open_page(written(viewer=Viewer(groups, cubes)))
    start = int(page.locator("#slice-0").input_value())
    page.locator("#subject").select_option(label="Test cube 2")
    np.testing.assert_array_equal(pixels(page, "truth", AXIAL), coloured(cut(TRUTH + 100, AXIAL, start)))
    assert letters(page, AXIAL) == {"left": "", "right": "x", "top": "y", "bottom": ""}
    assert page.locator("#mirror").count() == 0


def test_what_is_outside_the_mask_is_blank_and_what_is_not_finite_is_magenta(written, open_page, groups) -> None:
    inside = np.zeros((9, 10, 8), bool)
    inside[3:6, 4:6, 2:5] = True
    values = np.where(inside, 50.0, 0)
    values[4, 4, 2:5] = np.nan
    maps = {"truth": values, "multi_delay": values, "att": values}
    page = open_page(written(viewer=Viewer(groups, (Subject("one", inside, maps, RAS, (2.0, 2.0, 4.0)),))))
    shown = pixels(page, "truth", AXIAL)
    assert shown.shape == (4, 5, 4)  # the mask and a voxel around it
    assert (shown[[0, -1], :, 3] == 0).all()
    assert (shown[:, [0, -1], 3] == 0).all()
    assert shown[2, 2].tolist() == [255, 0, 255, 255]
    assert (shown[1, 1:4] == coloured(np.full((1, 1), 50))[0, 0]).all()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_it_fits_the_screen_and_can_be_read(written, open_page, scheme: str, width: int) -> None:
    page = open_page(written(), color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("h1", ".lede", "#quality li p", ".slider output", "figcaption", "nav a", ".badge.warning"):
        assert page.locator(selector).first.evaluate(CONTRAST) >= 4.5  # WCAG AA


CONTRAST = """element => {
    const parse = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (rgb) => rgb.slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    let ground = element;
    while (parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
    const both = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(parse).map(light);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""


def test_it_prints_with_all_sections_and_without_controls(written, open_page) -> None:
    page = open_page(written(), color_scheme="dark")
    titles = page.locator("h2").all_inner_texts()
    assert titles == [
        "Scores",
        "Quality checks",
        "Maps",
        "Distributions",
        "How perfusion was computed",
        "Notes on the scan",
        "Settings",
    ]
    pdf = page.pdf(format="A4", tagged=True, outline=True)
    assert pdf.startswith(b"%PDF")
    for title in titles:
        assert title.encode() in pdf  # in the outline, which is not compressed
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 less its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    for selector in ("input", "select", "nav"):
        assert not any(element.is_visible() for element in page.locator(selector).all())
    for selector in ("h2", "canvas", ".colours", ".drawing svg", ".slider output"):
        assert all(element.is_visible() for element in page.locator(selector).all())
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".colours").first.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact"


def test_the_report_of_a_scan_opens(command, example, open_page, tmp_path: Path) -> None:
    assert command("predict", f"input={example.folder}", "output_dir=out", "method=multi_delay").status == 0
    page = open_page(tmp_path / "out/sub-01/perf/sub-01_report.html")
    cbf = nib.as_closest_canonical(nib.load(tmp_path / "out/sub-01/perf/sub-01_cbf.nii.gz")).get_fdata()
    # Voxels of the mask are 1 to 4, 1 to 5 and 1 to 3 of the file; x is stored from right to left.
    mask = np.flip(example.brain, 0)
    start = [int(page.locator(f"#slice-{plane}").input_value()) for plane in (2, 1, 0)]
    low = [int(np.flatnonzero(mask.any(axis=other))[0]) - 1 for other in ((1, 2), (0, 2), (0, 1))]
    value = cbf[tuple(np.add(start, low))]
    assert readout(page, "cbf", "cbf") == f"{value:.1f} mL/100g/min"
    assert readout(page, "att", "att").endswith(" s")
