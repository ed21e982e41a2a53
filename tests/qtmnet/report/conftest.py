"""A browser that lets nothing but the report itself be loaded, and a small report whose maps are known."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.evaluation.metrics import Scores
from qtmnet.methods.base import Frames, Methods
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.single_delay import SingleDelay
from qtmnet.quantities import ATT, CBF
from qtmnet.report.calibration import calibration
from qtmnet.report.charts import Chart, histogram, scatter
from qtmnet.report.lines import lines_of
from qtmnet.report.page import Report, write_page
from qtmnet.report.quality import negative_cbf
from qtmnet.report.tables import score_table
from qtmnet.report.viewer import Group, Row, Scale, Viewer
from qtmnet.report.volumes import Subject
from simulators import Acquisition

SHAPE = (5, 6, 4)
METHODS = Methods(compared={"single_delay": SingleDelay(), "multi_delay": MultiDelay()})
FRAMES = Frames(np.zeros((4, *SHAPE), np.float32), Acquisition())
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Chromium, if the machine has it."""
    playwright = pytest.importorskip("playwright.sync_api")
    if EXECUTABLE is None:
        pytest.skip("neither chromium nor google-chrome is installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=EXECUTABLE, args=FLAGS.split())
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable]:
    """Open a report; whatever it asks of the network or complains about fails the test."""
    contexts, trouble = [], []

    def opened(path: Path, **options):
        context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
        contexts.append(context)
        url = path.resolve().as_uri()

        def only_the_file(route) -> None:
            if route.request.url.partition("#")[0] == url:
                route.continue_()
            else:
                trouble.append(f"request: {route.request.url}")
                route.abort()

        context.route("**/*", only_the_file)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []


def counted(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """A map (X, Y, Z) in which each voxel has a whole number of its own."""
    return np.arange(np.prod(shape), dtype=float).reshape(shape)


def make_subject(affine: np.ndarray | None = None, name: str = "one", **maps: np.ndarray) -> Subject:
    """All voxels inside; truth counts up, the estimate counts down, and transit time is a tenth of the truth."""
    truth = counted()
    known = {"truth": truth, "multi_delay": truth[::-1, ::-1, ::-1].copy(), "att": truth / 10} | maps
    size = (2.0, 2.0, 4.0) if affine is None else tuple(nib.affines.voxel_sizes(affine).tolist())
    return Subject(name, np.ones(SHAPE, bool), known, affine, size)


ROWS_OF_ATT = (Row("att", "multi delay"),)
GROUPS = (
    Group(
        Scale("perfusion", "Perfusion (CBF)", "Perfusion up to", "perfusion maps", CBF, 0.0, 255.0, "magma"),
        (Row("truth", "truth"), Row("multi_delay", "multi delay")),
    ),
    Group(
        Scale("error", "Error", "Error up to ±", "errors", CBF, -127.5, 127.5, "RdBu_r", signed=True),
        (Row("multi_delay", "multi delay − truth", less="truth"),),
    ),
    Group(
        Scale("att", "Transit time", "ATT up to", "transit times", ATT, 0.0, 25.5, "viridis"),
        (Row("att", "multi delay"),),
    ),
)


@pytest.fixture
def groups() -> tuple[Group, ...]:
    """Of all maps of `subject`; perfusion from 0 to 255, so that a value is the number of its colour."""
    return GROUPS


@pytest.fixture
def subject() -> Callable[..., Subject]:
    """See `make_subject`."""
    return make_subject


@pytest.fixture(scope="session")
def charts() -> tuple[Chart, ...]:
    """A chart of each kind."""
    truth, label = counted().ravel(), "perfusion (mL/100g/min)"
    lines = lines_of(METHODS)
    shares = histogram("Perfusion", label, {"truth": truth, "multi_delay": truth[::2]}, 0, 100, lines)
    return shares, scatter(truth, {"multi_delay": truth + 1}, label, 100, lines)


@pytest.fixture
def written(tmp_path: Path, charts: tuple[Chart, ...]) -> Callable[..., Path]:
    """Write a report of some subjects; other fields may be given."""

    def write(*subjects: Subject, **fields: object) -> Path:
        truth = counted().ravel()
        scores = {"single_delay": Scores(0.2, -1.0, 0.9, float("nan")), "multi_delay": Scores(0.1, 2.0, 0.95, 1.0)}
        content = {
            "title": "A report",
            "summary": "Of maps that are known.",
            "tables": (score_table("Whole brain", {"": scores}, METHODS.titles),),
            "parts": (
                score_table("By tissue", {"grey": scores, "white": scores}, METHODS.titles, {"grey": 3, "white": 4000}),
            ),
            "flags": (negative_cbf(truth), negative_cbf(-truth, "upside down")),
            "viewer": Viewer(GROUPS, subjects or (make_subject(np.diag([2.0, 2.0, 4.0, 1.0])),)),
            "charts": charts,
            "methods": (
                calibration("M0: 1000 in every voxel, as given.", 0.8),
                *(method.about(FRAMES) for method in METHODS.all.values()),
            ),
            "notes": ("volumes: 3 control, 3 label",),
            "settings": (("Seed", "0"),),
            "provenance": (("Command", "predict.py input=here"),),
        } | fields
        return write_page(tmp_path / "report.html", Report(**content))

    return write
