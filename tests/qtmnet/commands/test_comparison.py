"""A network's maps with their intervals, its trained range, and a kinetic fit beside them, from a scan to the page."""

import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

NETWORK = """
import numpy as np
from qtmnet.methods.base import About, Method

PARTS = ("cbf", "cbf_low", "cbf_high", "att", "att_low", "att_high", "outside")


class Network(Method):
    title = "a network"
    quantities = PARTS
    learned = True

    def maps(self, frames):
        inside = frames.inside
        cbf = np.where(inside, 5000 * frames.concentration.mean(axis=0), 0)
        att = np.where(inside, 1.0, 0)
        bright = inside & (cbf > np.median(cbf[inside]))
        return dict(zip(PARTS, (cbf, cbf - 5, cbf + 10, att, att - 0.2, att + 0.4, bright), strict=True))

    def outside(self, frames):
        yield f"frames: {frames.acquisition.n_frames}, trained 40 to 50"

    def about(self, frames):
        return About("A network", "Five thousand times the mean.")

    def sidecar(self, frames):
        return {"Weights": "fake-1"}
"""


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Words that choose a method that is learned and tells intervals."""
    (tmp_path / "conf" / "method").mkdir(parents=True)
    (tmp_path / "conf" / "method" / "net.yaml").write_text(
        "net:\n  _target_: network_of_a_test.Network\n", encoding="utf-8"
    )
    (tmp_path / "network_of_a_test.py").write_text(NETWORK, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "method=net", "--config-dir", "conf"


def headings(page: str) -> list[str]:
    """Of the rows of maps."""
    return re.findall("<h4>(.*?)</h4>", page)


def test_intervals_and_the_trained_range_are_written(command, example, network, tmp_path: Path) -> None:
    outcome = command("predict", str(example.folder), "out", *network)
    assert outcome.status == 0, outcome.err
    endings = ("cbf", "stat-p05_cbf", "stat-p95_cbf", "att", "stat-p05_att", "stat-p95_att", "desc-outside_mask")
    names = {f"sub-01_{ending}.nii.gz" for ending in endings}
    assert {path.name for path in (tmp_path / "out").rglob("*.nii.gz")} == names
    maps = {ending: nib.load(tmp_path / f"out/sub-01/perf/sub-01_{ending}.nii.gz") for ending in endings}
    inside, cbf = example.brain, maps["cbf"].get_fdata()
    np.testing.assert_allclose(maps["stat-p95_cbf"].get_fdata()[inside], cbf[inside] + 10, rtol=1e-5)
    outside = maps["desc-outside_mask"]
    assert outside.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(outside.get_fdata() > 0, inside & (cbf > np.median(cbf[inside])))
    sidecar = json.loads((tmp_path / "out/sub-01/perf/sub-01_stat-p05_cbf.json").read_text(encoding="utf-8"))
    assert (sidecar["Quantile"], sidecar["IntervalLevel"], sidecar["Weights"]) == (0.05, 0.9, "fake-1")
    mask = json.loads((tmp_path / "out/sub-01/perf/sub-01_desc-outside_mask.json").read_text(encoding="utf-8"))
    assert "Units" not in mask
    assert "Trained range: 50.0% of voxels" in mask["Warnings"][0]
    assert "frames: 3, trained 40 to 50" in mask["Warnings"][0]


def test_a_kinetic_fit_stands_beside_a_network(command, example, network, tmp_path: Path) -> None:
    outcome = command("predict", str(example.folder), "out", *network)
    assert outcome.status == 0, outcome.err
    page = (tmp_path / "out/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
    (other,) = {title.removeprefix("a network − ") for title in headings(page) if "−" in title} - {
        "a network, high − low"
    }
    assert other == "multi delay with arteries"  # it knows the most of what such a scan holds
    assert headings(page).count(f"a network − {other}") == 2  # of perfusion and of transit time
    assert headings(page).count("a network, 5th percentile") == 2
    assert page.count("Width of the 90% interval") >= 2
    assert "Agreement of methods" in page
    assert "A difference does not say which method is right." in page
    assert f"<td>{other}</td>" in page
    assert "Five thousand times the mean." in page
    assert not [path for path in (tmp_path / "out").glob("*") if "multi" in path.name]


def test_what_stands_beside_is_chosen(command, example, network, tmp_path: Path) -> None:
    words = (str(example.folder), "out", *network)
    for chosen, shown in (("[single_delay,multi_delay]", ("single delay", "multi delay")), ("null", ()), ("[]", ())):
        outcome = command("predict", *words, f"compare={chosen}")
        assert outcome.status == 0, outcome.err
        page = (tmp_path / "out/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
        assert [title for title in headings(page) if title in ("single delay", "multi delay")][: len(shown)] == [*shown]
        assert ("Agreement of methods" in page) == bool(shown)
    kinetic = ("predict", str(example.folder), "kinetic", "method=multi_delay")
    for more, beside in (((), False), (("compare=single_delay",), True)):
        outcome = command(*kinetic, *more)
        assert outcome.status == 0, outcome.err
        page = (tmp_path / "kinetic/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
        assert ("multi delay − single delay" in headings(page)) == beside


def test_constants_of_the_kinetic_fit_can_be_given_beside_a_network(command, example, network, tmp_path: Path) -> None:
    """They move the fit and not the network."""
    found = {}
    for t1 in (1.5, 1.9):
        outcome = command("predict", str(example.folder), "out", *network, f"t1_blood={t1}", "compare=single_delay")
        assert outcome.status == 0, outcome.err
        page = (tmp_path / "out/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
        cells = re.search(r"<td>single delay</td>(.*?)</tr>", page, re.DOTALL)
        assert cells is not None
        found[t1] = re.findall(r'<td class="number">(.*?)</td>', cells[1])[:2]
    assert found[1.5][0] == found[1.9][0]
    assert found[1.5][1] != found[1.9][1]


def test_a_scan_that_the_fit_cannot_read_goes_without(command, new_scan, network, tmp_path: Path) -> None:
    scan = new_scan().write([("m0scan", 0.0), ("control", 1.5), ("label", 1.5)])
    outcome = command("predict", str(scan.path), "out", *network, "compare=multi_delay")
    assert outcome.status == 0, outcome.err
    assert "multi_delay is not shown beside: " in outcome.out
    assert "Agreement of methods" not in (tmp_path / "out/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
    outcome = command("predict", str(scan.path), "alone", *network)  # by itself it takes one that reads the scan
    assert outcome.status == 0, outcome.err
    page = (tmp_path / "alone/sub-01/perf/sub-01_report.html").read_text(encoding="utf-8")
    assert "a network − single delay" in headings(page)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("compare=multi_dely", "compare: found 'multi_dely', no method; did you mean multi_delay?"),
        ("compare=[qtmnet]", "ckpt: not given"),
        ("compare=3", "compare: found 3; give "),
    ],
)
def test_a_comparison_that_cannot_be_is_refused(
    command, example, network, tmp_path: Path, word: str, line: str
) -> None:
    refused = command("predict", str(example.folder), "out", *network, word)
    assert refused.status == 2
    assert line in refused.err
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_chooses_the_method_that_reads_it(command, example, tmp_path: Path) -> None:
    """Whatever the default method is: a checkpoint that is given is not passed over."""
    for more in ((), ("method=qtmnet",)):
        refused = command("predict", str(example.folder), "out", "ckpt=nowhere.ckpt", *more)
        assert refused.status == 2
        assert "nowhere.ckpt" in refused.err
    idle = command("predict", str(example.folder), "out", "ckpt=nowhere.ckpt", "method=single_delay")
    assert "method=single_delay has no use for it" in idle.err
