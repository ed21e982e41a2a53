"""The evaluation on a brain: an error shows in the region where it is, and what is written can be read elsewhere."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from qtmnet.commands.evaluate_brain import evaluate_brain
from qtmnet.evaluation.brain_estimates import with_noise
from qtmnet.evaluation.brain_regions import brain_regions, brain_voxels
from qtmnet.figures.brain_maps import Cuts
from qtmnet.methods.base import Methods
from qtmnet.methods.network.method import NetworkMethod
from simulators import Acquisition, InputError
from simulators.phantoms.brain_scan import BrainScan, scan_brain
from simulators.phantoms.simulated_brain import Brain
from tests.qtmnet.commands.brains import AFFINE, KINETIC, PROTOCOL, ThreeMaps
from tests.qtmnet.networks import described

METHODS = {"qtmnet", "single_delay", "multi_delay"}


def network(estimate: np.ndarray, acquisition: Acquisition = PROTOCOL) -> Methods:
    """A network that has been told what to answer, and the kinetic models beside it."""
    description = described(acquisition)
    told = SimpleNamespace(
        description=description,
        accepts=description.accepts.differences,
        maps=lambda frames: {"cbf": np.where(frames.inside, estimate, 0)},
    )
    return Methods({"qtmnet": NetworkMethod.of(told)}, KINETIC.compared)


def regions_of(scores: dict) -> list[tuple[str, str]]:
    return [(kind, name) for kind, named in scores.items() if kind != "arterial_label" for name in named]


def error_of(method: str, scan: BrainScan, folder: Path) -> float:
    """‖Q̂ − Q‖ / ‖Q‖ of a method's map in a folder of results, in the brain's voxels."""
    inside = brain_voxels(scan)
    truth = scan.perfusion[inside].astype(float)
    estimate = nib.load(folder / f"{method}_cbf.nii.gz").get_fdata()[inside]
    return float(np.linalg.norm(estimate - truth) / np.linalg.norm(truth))


def test_a_perfect_estimate_is_perfect_everywhere(brain, scan, tmp_path) -> None:
    scores = evaluate_brain(brain, PROTOCOL, network(scan.perfusion), tmp_path)["cbf"]
    assert set(scores) == {
        "brain",
        "tissue",
        "territory",
        "great_vessel_distance",
        "att",
        "arterial_blood",
        "venous_blood",
        "arterial_label",
    }
    assert set(scores["tissue"]) == {"grey", "white"}
    assert set(scores["territory"]) == {"MCA_L", "MCA_R"}
    assert set(scores["great_vessel_distance"]) == {
        f"{bounds} mm from great arteries" for bounds in ("0 to 5", "5 to 10", "10 to 20", "20 to 40")
    }
    for kind, name in regions_of(scores):
        assert set(scores[kind][name]) == METHODS
        perfect = scores[kind][name]["qtmnet"]
        assert (perfect.nrmse, perfect.bias) == (0, 0)
        assert perfect.ssim == pytest.approx(1)
        assert perfect.slope == pytest.approx(1) or not np.isfinite(perfect.slope)  # one voxel has no slope
    written = scores["brain"]["all"]["multi_delay"].nrmse
    assert written == pytest.approx(error_of("multi_delay", scan, tmp_path), rel=1e-6)  # maps are kept in float32


def test_a_bias_shows_where_it_is_and_nowhere_else(brain, scan, tmp_path) -> None:
    estimate = scan.perfusion + 5.0 * (scan.territory == 1)
    scores = evaluate_brain(brain, PROTOCOL, network(estimate), tmp_path)["cbf"]
    left, right = (scores["territory"][name]["qtmnet"] for name in ("MCA_L", "MCA_R"))
    assert (left.nrmse, left.bias) == (0, 0)
    assert right.bias == pytest.approx(5, rel=1e-5)
    assert (
        scores["great_vessel_distance"]["0 to 5 mm from great arteries"]["qtmnet"].nrmse == 0
    )  # all of it on the left
    regions = brain_regions(scan, brain.territory_names)
    share = (scan.territory == 1)[regions["brain"]["all"]].mean()
    assert scores["brain"]["all"]["qtmnet"].bias == pytest.approx(5 * share, rel=1e-5)


def test_kinetic_models_are_reported_with_and_without_arterial_label(brain, tmp_path) -> None:
    """Whatever the protocol: each time as an evaluation of that setting finds."""
    by_setting = {
        name: evaluate_brain(brain, replace(PROTOCOL, vascular_crushing=velocity), KINETIC, tmp_path / name)["cbf"]
        for name, velocity in (("all label", None), ("crushed", 0.0), ("between", 20.0))
    }
    for scores in by_setting.values():
        assert set(scores["arterial_label"]) == {"all label", "crushed"}
        for name, by_method in scores["arterial_label"].items():
            assert by_method == by_setting[name]["brain"]["all"]
    assert by_setting["crushed"]["brain"] != by_setting["all label"]["brain"] != by_setting["between"]["brain"]


def test_what_is_written(brain, scan, tmp_path, capsys) -> None:
    estimate = scan.perfusion + 1.0
    scores = evaluate_brain(brain, PROTOCOL, network(estimate), tmp_path)["cbf"]
    maps = {"truth_cbf", "truth_att", "multi_delay_att", "qtmnet_minus_single_delay", "qtmnet_minus_multi_delay"}
    maps |= {f"{method}_{kind}" for method in METHODS for kind in ("cbf", "error")}
    assert {path.name for path in tmp_path.glob("*.nii.gz")} == {f"{name}.nii.gz" for name in maps}
    figures = {"maps.png", "errors.png", "difference.png", "scatter.png"}
    assert {path.name for path in tmp_path.glob("*.png")} == figures
    images = {name: nib.load(tmp_path / f"{name}.nii.gz") for name in maps}
    values = {name: image.get_fdata() for name, image in images.items()}
    inside = brain_voxels(scan)
    for name, image in images.items():
        np.testing.assert_allclose(image.affine, scan.affine)
        assert np.isfinite(values[name]).all()
        assert (values[name][~inside] == 0).all()
    # Two simulated voxels along each axis make an acquired one; its centre is between theirs.
    np.testing.assert_allclose(images["truth_cbf"].affine @ (0, 0, 0, 1), AFFINE @ (0.5, 0.5, 0.5, 1))
    np.testing.assert_allclose(values["truth_cbf"], np.where(inside, scan.perfusion, 0), rtol=1e-6)
    np.testing.assert_allclose(values["qtmnet_error"][inside], 1, rtol=1e-4)
    difference = values["qtmnet_cbf"] - values["multi_delay_cbf"]
    np.testing.assert_allclose(values["qtmnet_minus_multi_delay"], difference, atol=1e-4)
    sidecar = json.loads((tmp_path / "truth_att.json").read_text(encoding="utf-8"))
    assert (sidecar["Units"], sidecar["LabelingDuration"], sidecar["VascularCrushing"]) == ("s", 1.45, False)

    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    plain = json.loads(text)
    assert plain["tissue"]["grey"]["qtmnet"] == scores["tissue"]["grey"]["qtmnet"].as_dict()
    flows = plain["circulation"]["flow_ml_min"]["anterior"]
    mass = inside[scan.territory < 2].sum() * 0.008 * 1.05  # g, of voxels of 8 mm³
    assert set(flows) == {"truth", *METHODS}
    assert flows["qtmnet"] - flows["truth"] == pytest.approx(mass / 100, rel=1e-4)  # 1 mL/100g/min too much
    out = capsys.readouterr().out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for shown in (
        "MCA R",
        "By distance from the great arteries",
        ">5 to 10 mm<",
        f"NRMSE {scores['brain']['all']['qtmnet'].nrmse:.3f}",
        "Flow through the circulations",
        "Variation of grey perfusion within territories",
    ):
        assert shown in page
    assert f"report: {tmp_path / 'report.html'}" in out
    for shown in (
        "qtmnet",
        "multi_delay, crushed",
        "MCA_R",
        "grey",
        "all arterial label in",
        "anterior",
        "variation of grey",
    ):
        assert shown in out


def test_without_a_network(brain, tmp_path) -> None:
    scores = evaluate_brain(brain, PROTOCOL, KINETIC, tmp_path)["cbf"]
    assert set(scores["brain"]["all"]) == METHODS - {"qtmnet"}
    assert not list(tmp_path.glob("*qtmnet*"))
    assert not (tmp_path / "difference.png").exists()
    # The truth and both methods: three columns of 2.4 inches and 1.2 for the colour bar, at 150 dots an inch.
    assert imread(tmp_path / "maps.png").shape == (round((3 * 2.4 + 0.3) * 150), round((3 * 2.4 + 1.2) * 150), 4)


def test_a_thin_image_has_no_similarity_and_json_says_null(brain, tmp_path) -> None:
    evaluate_brain(brain, Acquisition(), KINETIC, tmp_path)  # two slices of 4 mm
    scores = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["brain"]["all"]["multi_delay"]
    assert scores["ssim"] is None
    scan = scan_brain(brain, Acquisition())
    assert scores["nrmse"] == pytest.approx(error_of("multi_delay", scan, tmp_path), rel=1e-6)


def test_a_method_from_outside_is_everywhere_with_all_its_quantities(brain, scan, tmp_path, capsys) -> None:
    methods = Methods(network(scan.perfusion).learned, KINETIC.compared | {"mine": ThreeMaps(scan)})
    scores = evaluate_brain(brain, PROTOCOL, methods, tmp_path)
    assert list(scores) == ["cbf", "att"]  # a spread has no truth
    assert list(scores["cbf"]["brain"]["all"]) == ["qtmnet", "single_delay", "multi_delay", "mine"]
    assert list(scores["att"]["brain"]["all"]) == ["multi_delay", "mine"]
    assert scores["cbf"]["brain"]["all"]["mine"].bias == pytest.approx(3, rel=1e-5)
    assert scores["att"]["brain"]["all"]["mine"].bias == pytest.approx(0.25, rel=1e-5)
    assert set(scores["cbf"]["arterial_label"]["crushed"]) == {"single_delay", "multi_delay", "mine"}
    names = ("cbf", "att", "stat-std_cbf", "error")
    assert {path.name for path in tmp_path.glob("mine_*.nii.gz")} == {f"mine_{name}.nii.gz" for name in names}
    assert (tmp_path / "qtmnet_minus_mine.nii.gz").exists()
    spread = json.loads((tmp_path / "mine_stat-std_cbf.json").read_text(encoding="utf-8"))
    assert spread["Units"] == "mL/100 g/min"
    assert spread["Description"].startswith("Standard deviation of the estimate.")
    kept = json.loads((tmp_path / "metrics_att.json").read_text(encoding="utf-8"))["brain"]["all"]["mine"]
    assert kept["bias_s"] == scores["att"]["brain"]["all"]["mine"].bias
    out = capsys.readouterr().out
    assert "mine, crushed" in out
    assert "bias (s)" in out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for shown in (
        "three maps − truth",
        "CBF = Q + 3 &lt; 4",
        "SD of CBF up to",
        'data-map="mine_att"',
        "Truth and a little",
    ):
        assert shown in page


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_pictures_have_the_patients_left_on_the_left(direction: float) -> None:
    """However the voxels are stored; the plane is the fullest near the centre."""
    affine = nib.affines.from_matvec(np.diag([2 * direction, 2.0, 4.0]), [-9 * direction, 0.0, 0.0])
    x_mm = nib.affines.apply_affine(affine, np.moveaxis(np.indices((10, 8, 6)), 0, -1))[..., 0]
    inside = np.ones(x_mm.shape, bool)
    inside[..., 2] = False
    cuts = Cuts.through(inside, affine)
    assert cuts.index[2] == 3
    shown = cuts.show(Figure().subplots(), "axial", x_mm, inside, {"cmap": "magma"})
    np.testing.assert_allclose(shown.get_array(), np.broadcast_to(np.arange(-9, 10, 2), (8, 10)))
    assert shown.get_extent() == [0, 20, 0, 16]  # mm


def test_noise_is_a_share_of_the_signal_in_the_brain(scan) -> None:
    noisy = with_noise(scan, 10.0, 1)
    frames = noisy.concentration
    signal = scan.concentration[:, brain_voxels(scan)].mean(1).max()
    assert (frames - scan.concentration).std() == pytest.approx(signal / 10, rel=0.1)  # 1024 values: 2 % standard error
    assert noisy.noise == pytest.approx(signal / 10)  # which methods are told
    assert scan.noise == 0
    np.testing.assert_array_equal(with_noise(scan, 10.0, 1).concentration, frames)
    assert (with_noise(scan, 10.0, 2).concentration != frames).any()
    assert with_noise(scan, None, 1) is scan


def test_settings_that_do_not_fit_write_nothing(brain, scan, tmp_path) -> None:
    for acquisition, methods, snr, needles in (
        (
            replace(PROTOCOL, vascular_crushing=0.0),
            network(scan.perfusion),
            None,
            "^the network: trained for another protocol .*vascular_crushing.*weights=any_scan reads any",
        ),
        (PROTOCOL, KINETIC, -1.0, "snr: found -1"),
        (Acquisition(voxel_size_mm=64.0), KINETIC, None, "voxel_size_mm: found .* no voxel is brain"),
    ):
        with pytest.raises(InputError, match=needles) as caught:
            evaluate_brain(brain, acquisition, methods, tmp_path / "out", snr=snr)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


PHANTOM = "phantom=brain"


@pytest.fixture
def simulated(brain, monkeypatch) -> list[dict]:
    """The command gets this brain; what it asked for is kept."""
    asked = []

    def simulate_brain_for(phantom, acquisition, simulator, folder) -> Brain:
        asked.append({"folder": folder})
        return brain

    monkeypatch.setattr("qtmnet.commands.evaluate.simulate_brain_for", simulate_brain_for)
    return asked


def test_the_command_without_a_checkpoint(command, simulated, tmp_path: Path) -> None:
    options = ("acquisition.voxel_size_mm=[2,2,2]", "acquisition.vascular_crushing=0", "dir=kept", "snr=20")
    outcome = command("evaluate", PHANTOM, *options)
    assert outcome.status == 0, outcome.err
    assert "above 0 mm/s crushed" in outcome.out
    assert [asked["folder"] for asked in simulated] == ["kept"]
    (metrics,) = tmp_path.glob("runs/evaluate/*/metrics.json")
    scores = json.loads(metrics.read_text(encoding="utf-8"))
    kinetic = {name: found for name, found in scores["brain"]["all"].items() if name != "any_scan"}
    assert scores["arterial_label"]["crushed"] == kinetic
    assert len(kinetic) == len(scores["brain"]["all"]) - 1


def test_the_command_with_a_checkpoint(command, tiny, simulated, tmp_path: Path) -> None:
    """Its protocol is taken unless another is given, and that is refused before a brain is simulated."""
    assert command("train", *tiny, "evaluate=false", "acquisition.voxel_size_mm=[2,2,2]").status == 0
    (checkpoint,) = tmp_path.glob("runs/train/*/checkpoints/best.ckpt")
    outcome = command("evaluate", PHANTOM, f"ckpt={checkpoint}")
    assert outcome.status == 0, outcome.err
    assert len(simulated) == 1
    (folder,) = tmp_path.glob("runs/evaluate/*")
    assert set(json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["brain"]["all"]) == METHODS
    assert nib.load(folder / "qtmnet_cbf.nii.gz").shape == (8, 8, 4)
    for options, needle in (
        ((PHANTOM, "acquisition.vascular_crushing=0"), "vascular_crushing"),
        ((PHANTOM, "snr=0"), "snr: found 0"),
        (("phantom=cube",), "phantom: found CubeParameters"),
        (("snr=5",), "snr: found 5"),
        (("acquisition.labeling_duration=1.8",), "acquisition"),
    ):
        refused = command("evaluate", f"ckpt={checkpoint}", *options)
        assert refused.status == 2
        assert needle in refused.err
        assert len(refused.told) == 1
    assert len(simulated) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_that_is_not_finite_is_refused_before_anything_is_written(
    brain: Brain, scan: BrainScan, tmp_path: Path, value: float
) -> None:
    estimate = scan.perfusion.copy()
    estimate[tuple(np.argwhere(brain_voxels(scan))[0])] = value
    with pytest.raises(InputError, match="brain, qtmnet: its map is not finite in 1 of"):
        evaluate_brain(brain, PROTOCOL, network(estimate), tmp_path / "run")
    assert not (tmp_path / "run").exists()
