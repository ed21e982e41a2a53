"""The method: its settings, and what it says of itself."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from jinja2 import Environment, PackageLoader

from qtmnet.methods.arteries.fit import fit_arteries
from qtmnet.methods.arteries.model import ArrivalPriors
from qtmnet.methods.base import Frames
from qtmnet.methods.multi_delay_arteries import MultiDelayArteries
from simulators import PASL, PCASL, Acquisition, InputError
from tests.qtmnet.methods.arteries.convolved import signal_of

FOUR = Acquisition(PCASL(1.4), (0.5, 1.0, 1.5, 2.0))
PULSED = Acquisition(PASL(0.7), (0.8, 1.2, 1.6, 2.0))


def frames_of(acquisition: Acquisition) -> Frames:
    signal = signal_of(acquisition, 60.0, 1.1, 0.01, 0.8)[:, None, None, None]
    noise = np.random.default_rng(0).normal(0, 2e-4, (acquisition.n_frames, 6, 5, 4))
    return Frames((signal + noise).astype(np.float32), acquisition)


@pytest.mark.parametrize(
    ("acquisition", "settings", "priors"),
    [
        (FOUR, {}, ArrivalPriors(1.3, 1.0, 1.0, 1.0)),
        (PULSED, {}, ArrivalPriors(0.7, 1.0, 0.4, 1.0)),
        (PULSED, {"att": 0.2, "att_sd": 0.5, "arterial_att_sd": 0.3}, ArrivalPriors(0.2, 0.5, 0.0, 0.3)),
    ],
)
def test_maps_are_those_of_the_fit_with_the_priors_of_the_labeling(acquisition, settings, priors):
    frames = frames_of(acquisition)
    maps = MultiDelayArteries(**settings).maps(frames)
    found = fit_arteries(frames.concentration, acquisition, priors)
    assert set(maps) == set(MultiDelayArteries.quantities)
    for name, values in maps.items():
        np.testing.assert_array_equal(values, getattr(found, name))


def test_about_says_what_the_priors_decide():
    two = MultiDelayArteries().about(frames_of(Acquisition(PCASL(1.4), (1.0, 2.0))))
    four = MultiDelayArteries(noise=2e-4).about(frames_of(FOUR))
    assert "decided by the priors" in two.text
    assert "decided by the priors" not in four.text
    assert dict(four.constants)["Prior of the transit time δ"] == "1.3 ± 1 s"
    assert dict(four.constants)["Noise of the frames"] == "0.0002 mL/mL"
    assert four.equation == "multi_delay_arteries"
    assert MultiDelayArteries().about(frames_of(PULSED)).equation == "multi_delay_arteries_pulsed"


def test_pages_show_tissue_and_arteries():
    folder = Environment(loader=PackageLoader("qtmnet.report", ""), autoescape=True)
    equation = folder.get_template("equations.html").module.equation
    for acquisition, tissue in ((FOUR, "multi_delay"), (PULSED, "multi_delay_pulsed")):
        about = MultiDelayArteries().about(frames_of(acquisition))
        shown, tissue_alone = (str(equation(name)) for name in (about.equation, tissue))
        assert tissue_alone.strip() in shown
        assert "aBV" in shown
        assert shown.count("<math") == 2


def test_a_scan_is_mapped(command, example, tmp_path: Path) -> None:
    outcome = command("predict", str(example.folder), "out", "method=multi_delay_arteries", "t1_tissue=1.2")
    assert outcome.status == 0, outcome.err
    found = fit_arteries(
        example.truth(),
        Acquisition(PCASL(1.8), (0.5, 1.0, 2.0)),
        ArrivalPriors(1.3, 1.0, 1.0, 1.0),
        t1_tissue=1.2,
        mask=example.brain,
    )
    for name, atol in (("cbf", 0.1), ("att", 5e-3), ("abv", 1e-5)):
        image = nib.load(tmp_path / "out/sub-01/perf" / f"sub-01_{name}.nii.gz").get_fdata()
        # The scan is kept to some 1e-5 of its values.
        np.testing.assert_allclose(image, getattr(found, name), atol=atol)
        sidecar = json.loads((tmp_path / "out/sub-01/perf" / f"sub-01_{name}.json").read_text(encoding="utf-8"))
        assert sidecar["T1Tissue"] == 1.2
        assert sidecar["EstimationAlgorithm"] == "multi_delay_arteries"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: MultiDelayArteries().check(Acquisition(PASL(0.7), (1.8,))), "found one delay.*use single_delay"),
        (lambda: MultiDelayArteries(att_sd=1000), "att_sd"),
        (lambda: MultiDelayArteries(noise=0.0), "noise"),
        (lambda: MultiDelayArteries(arterial_lead=-0.1), "arterial_lead"),
    ],
)
def test_what_cannot_be_is_refused(call, text):
    with pytest.raises(InputError, match=text):
        call()
