"""predict.py, on synthetic scans whose perfusion is known."""

import html
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.methods import kinetic_fit
from qtmnet.methods.base import Frames
from qtmnet.methods.network.accepts import Accepts
from qtmnet.methods.single_delay import SingleDelay
from simulators import PASL, PCASL, Acquisition


def volumes(delays) -> list[tuple[str, float]]:
    return [("m0scan", 0.0), *((kind, delay) for delay in delays for kind in ("control", "label"))]


def test_kinetic_maps_of_a_scan(command, example, tmp_path: Path) -> None:
    outcome = command("predict", f"input={example.folder}", "output_dir=out", "method=multi_delay")
    assert outcome.status == 0, outcome.err
    cbf, att = (nib.load(tmp_path / f"out/sub-01/perf/sub-01_{suffix}.nii.gz") for suffix in ("cbf", "att"))
    np.testing.assert_allclose(cbf.affine, example.affine)
    expected = kinetic_fit.fit(example.truth(), Acquisition(PCASL(1.8), (0.5, 1.0, 2.0)), method="multi_delay")
    inside = example.brain
    np.testing.assert_allclose(cbf.get_fdata()[inside], expected.cbf[inside], rtol=1e-3)
    assert not cbf.get_fdata()[~inside].any()
    np.testing.assert_allclose(att.get_fdata()[inside], expected.att[inside], atol=1e-3)
    sidecar = json.loads((tmp_path / "out/sub-01/perf/sub-01_cbf.json").read_text(encoding="utf-8"))
    assert sidecar["Units"].replace(" ", "") == "mL/100g/min"
    assert sidecar["EstimationAlgorithm"] == "multi_delay"
    page = tmp_path / "out/sub-01/perf/sub-01_report.html"
    assert f"report: {page.relative_to(tmp_path)}" in outcome.out
    for note in sidecar["Notes"]:
        assert html.escape(note) in page.read_text(encoding="utf-8")


def test_methods_are_told_the_noise_of_a_scan(command, example, new_scan, monkeypatch) -> None:
    read: list[Frames] = []
    monkeypatch.setattr(SingleDelay, "maps", lambda self, frames: read.append(frames) or {"cbf": frames.inside * 50.0})
    single, repeated = new_scan("sub-02").write(volumes((1.0, 1.5))), example
    for scan in (single, repeated):
        outcome = command("predict", str(scan.path), f"out-{scan.prefix}", "method=single_delay")
        assert outcome.status == 0, outcome.err
        (note,) = [line for line in outcome.out.splitlines() if "noise: " in line]
        assert ("pairs" in note) == (scan is repeated)
    assert [frames.noise is None for frames in read] == [True, False]  # a brain of a few voxels without repeats
    assert read[1].noise.shape == read[1].concentration.shape


def test_a_single_delay_says_which_it_read(command, example, tmp_path: Path) -> None:
    outcome = command("predict", str(example.folder), "out", "method=single_delay")
    assert "single delay: frames of 2 s, of 3" in outcome.out  # of 0.5, 1 and 2 s the nearest to 1.525 s
    sidecar = json.loads((tmp_path / "out/sub-01/perf/sub-01_cbf.json").read_text(encoding="utf-8"))
    assert sidecar["PostLabelingDelayUsed"] == 2.0
    assert "T1Tissue" not in sidecar


def test_whole_dataset_and_single_file(command, new_scan, tmp_path: Path) -> None:
    one, two = (new_scan(prefix).write(volumes((1.0, 1.5))) for prefix in ("sub-01_run-1", "sub-01_run-2"))
    assert command("predict", f"input={tmp_path}", "output_dir=all", "method=single_delay").status == 0
    assert {p.name for p in (tmp_path / "all").rglob("*.nii.gz")} == {f"{s.prefix}_cbf.nii.gz" for s in (one, two)}
    assert command("predict", f"input={two.path}", "output_dir=one", "method=single_delay").status == 0
    assert [p.name for p in (tmp_path / "one").rglob("*.nii.gz")] == ["sub-01_run-2_cbf.nii.gz"]


@pytest.mark.parametrize("timing", [{}, {"MRAcquisitionType": "2D", "SliceTiming": [0.0, 0.05, 0.1, 0.15, 0.2]}])
def test_network_trained_for_the_scan_by_the_printed_command(command, new_scan, tiny, tmp_path: Path, timing) -> None:
    scan = new_scan().write(volumes((0.5, 1.0, 2.0)), **timing)
    quick = [option for option in tiny if not option.startswith("phantom")] + [
        "phantom.shape=[9,8,8]",
        "evaluate=false",
    ]
    assert command("train", *quick, "name=other").status == 0
    (other,) = tmp_path.glob("runs/other/*/checkpoints/best.ckpt")
    refused = command("predict", f"input={scan.path}", "output_dir=out", f"ckpt={other}")
    assert refused.status == 2
    assert not (tmp_path / "out").exists()
    assert "post_labeling_delays: trained 1.025/1.525/2.025/2.525, scan 0.5/1/2 s" in refused.err
    assert ("slice_timing" in refused.err) == bool(timing)
    advice = refused.err.split("train.py ")[1].split()[0]

    trained = command("train", *quick, "name=fitting", advice)
    assert trained.status == 0, trained.err
    (fitting,) = tmp_path.glob("runs/fitting/*/checkpoints/best.ckpt")
    mapped = command("predict", f"input={scan.path}", "output_dir=out", f"ckpt={fitting}")
    assert mapped.status == 0, mapped.err
    cbf = nib.load(tmp_path / "out/sub-01/perf/sub-01_cbf.nii.gz").get_fdata()
    assert np.isfinite(cbf).all()
    assert cbf[scan.brain].any()
    assert not cbf[~scan.brain].any()


def test_every_field_of_the_protocol_counts() -> None:
    base = Acquisition()
    assert Accepts(base).differences(Acquisition(post_labeling_delays=(1.026, 1.525, 2.025, 2.525))) == []
    for other, field in (
        (Acquisition(labeling_duration=1.8), "labeling: trained pseudo-continuous (PCASL), 1.45 s, scan pseudo"),
        (Acquisition(PASL()), "labeling"),
        (Acquisition(post_labeling_delays=(1.025, 1.525)), "post_labeling_delays"),
        (Acquisition(voxel_size_mm=(3.0, 3.0, 4.0)), "voxel_size_mm"),
        (Acquisition(vascular_crushing=40.0), "vascular_crushing"),
        (Acquisition(slice_timing=(0.0, 0.1)), "slice_timing"),
    ):
        (difference,) = Accepts(base).differences(other)
        assert difference.startswith(field)


def test_tissue_t1_may_be_a_map(command, example, tmp_path: Path) -> None:
    t1 = np.full(example.brain.shape, 1.1)
    path = example.write_image(tmp_path / "t1.nii.gz", t1)
    for name, value in (("map", path), ("number", 1.1)):
        words = (f"input={example.path}", f"output_dir={name}", "method=multi_delay", f"t1_tissue={value}")
        assert command("predict", *words).status == 0
    by_map, by_number = (
        nib.load(tmp_path / name / "sub-01/perf/sub-01_cbf.nii.gz").get_fdata() for name in ("map", "number")
    )
    np.testing.assert_allclose(by_map, by_number, rtol=1e-6)  # the map is float32
    small = example.write_image(tmp_path / "small.nii.gz", t1[:3])
    refused = command("predict", f"input={example.path}", "output_dir=no", "method=multi_delay", f"t1_tissue={small}")
    assert refused.status == 2
    assert "small.nii.gz" in refused.err


def test_a_network_trained_without_noise_comes_with_a_warning(command, new_scan, tiny, tmp_path: Path) -> None:
    scan = new_scan().write(volumes((0.5, 1.0)))
    quick = [option for option in tiny if not option.startswith("phantom")] + [
        "phantom.shape=[9,8,8]",
        "evaluate=false",
    ]
    trained = command("train", *quick, f"acquisition.from_bids={scan.path}", "data.snr=null")
    assert trained.status == 0, trained.err
    (checkpoint,) = tmp_path.glob("runs/train/*/checkpoints/best.ckpt")
    for words, check in (
        ((f"ckpt={checkpoint}",), "Said on the way"),
        (("method=multi_delay", "compare=qtmnet", f"ckpt={checkpoint}"), "Said on the way, qtmnet (network)"),
    ):
        outcome = command("predict", f"input={scan.path}", "output_dir=out", *words)
        assert outcome.status == 0, outcome.err
        line = f"{check}: the network was trained without noise"
        (said,) = [each for each in (*outcome.out.splitlines(), *outcome.told) if "trained without noise" in each]
        assert said.startswith(f"sub-01: warning: {line}")
        sidecar = json.loads((tmp_path / "out/sub-01/perf/sub-01_cbf.json").read_text(encoding="utf-8"))
        assert any(each.startswith(line) for each in sidecar["Warnings"])


def test_what_looks_wrong_is_said_in_print_beside_the_map_and_in_the_report(command, example, tmp_path: Path) -> None:
    outcome = command("predict", str(example.folder), "out", "method=multi_delay", "m0=1")
    assert outcome.status == 0, outcome.err
    told = [line.partition("warning: ")[2] for line in outcome.out.splitlines() if ": warning: " in line]
    assert any("M0" in line for line in told)
    warnings = json.loads((tmp_path / "out/sub-01/perf/sub-01_cbf.json").read_text(encoding="utf-8"))["Warnings"]
    assert told == [f"{line}; see the report" for line in warnings]
    page = (tmp_path / "out/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
    for line in warnings:
        assert html.escape(line.partition(": ")[0]) in page


OWN_METHOD = """
import numpy as np
from qtmnet.methods.base import About, Method


class Own(Method):
    title = "my own"
    quantities = ("att", "cbf", "att_sd")

    def maps(self, frames):
        mean = np.where(frames.inside, frames.concentration.mean(axis=0), 0)
        return {"att": mean + 1, "cbf": 1000 * mean, "att_sd": 0 * mean + 0.5}

    def about(self, frames):
        return About("My own", "The mean of the frames.", chosen=("own: all frames",))

    def sidecar(self, frames):
        return {"MeanOf": len(frames.concentration)}
"""


def test_a_method_from_outside_with_three_quantities(command, example, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "conf" / "method").mkdir(parents=True)
    (tmp_path / "conf" / "method" / "mine.yaml").write_text(
        "mine:\n  _target_: own_method_of_a_test.Own\n", encoding="utf-8"
    )
    (tmp_path / "own_method_of_a_test.py").write_text(OWN_METHOD, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    own = ("--config-dir", "conf")
    outcome = command("predict", str(example.folder), "out", "method=mine", *own)
    assert outcome.status == 0, outcome.err
    assert "sub-01: own: all frames" in outcome.out
    written = {path.name for path in (tmp_path / "out").rglob("*.nii.gz")}
    assert written == {f"sub-01_{ending}.nii.gz" for ending in ("cbf", "att", "stat-std_att")}
    sidecar = json.loads((tmp_path / "out/sub-01/perf/sub-01_stat-std_att.json").read_text(encoding="utf-8"))
    assert (sidecar["Units"], sidecar["EstimationAlgorithm"], sidecar["MeanOf"]) == ("s", "mine", 3)
    cbf = nib.load(tmp_path / "out/sub-01/perf/sub-01_cbf.nii.gz").get_fdata()
    np.testing.assert_allclose(cbf[example.brain], 1000 * example.truth().mean(axis=0)[example.brain], rtol=1e-3)
    page = (tmp_path / "out/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
    assert "SD of ATT up to" in page
    assert "The mean of the frames." in page
    for words, told in (
        (("method=[mine,single_delay]",), "method: found mine, single_delay; give one"),
        (("method=mine", "t1_blood=1.6"), "t1_blood: found 1.6, but method=mine has no use for it"),
        (("method=mein",), "did you mean method=mine?"),
    ):
        refused = command("predict", str(example.folder), "no", *words, *own)
        assert refused.status == 2
        assert told in refused.err
