"""What `predict` writes as a BIDS derivative dataset: its description, and what the validator says of it."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest

from qtmnet import __version__
from tests.qtmnet.conftest import PAIRS, ExampleScan

NO_SUBJECTS = 45
"""Of the validator before 2.0, which knows no derivatives: no file of a subject is one of a raw dataset's."""


def validators() -> dict[str, Sequence[str]]:
    """Those that are installed: of PyPI, `bids-validator-deno`, or of npm, `bids-validator`, which needs node."""
    found = {}
    if deno := shutil.which("bids-validator-deno"):
        found["deno"] = (deno, "--json")
    if shutil.which("node") and (npm := shutil.which("bids-validator", path=os.environ["PATH"])):
        found["npm"] = (npm, "--json", f"--config.ignore={NO_SUBJECTS}")
    return found


def errors(validator: Sequence[str], dataset: Path) -> list[str]:
    """Codes of what a validator finds wrong."""
    done = subprocess.run([*validator, str(dataset)], capture_output=True, timeout=300, check=False)
    issues = json.loads(done.stdout)["issues"]
    if "errors" in issues:
        return [issue["key"] for issue in issues["errors"]]
    return [issue["code"] for issue in issues["issues"] if issue["severity"] == "error"]


def description(dataset: Path) -> dict:
    return json.loads((dataset / "dataset_description.json").read_text(encoding="utf-8"))


def weights_hash() -> str:
    content = (files("qtmnet.methods.shipped") / "weights" / "any_scan.safetensors").read_bytes()
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ["deno", "npm"])
def test_the_validator_finds_no_error(command, tmp_path: Path, name: str) -> None:
    if name not in validators():
        pytest.skip(f"the BIDS validator ({name}) is not installed")
    for session in ("ses-1", "ses-2"):
        prefix = f"sub-01_{session}_acq-3d_run-1"
        ExampleScan(tmp_path / "ds" / "sub-01" / session / "perf", prefix).write([("m0scan", 0.0), *PAIRS, *PAIRS])
    for method in ("any_scan", "multi_delay_arteries"):
        outcome = command("predict", "ds", f"ds/derivatives/{method}", f"method={method}")
        assert outcome.status == 0, outcome.err
        assert errors(validators()[name], tmp_path / "ds/derivatives" / method) == []
    dataset = tmp_path / "ds/derivatives/any_scan"
    (dataset / ".bidsignore").unlink()
    assert "NOT_INCLUDED" in errors(validators()[name], dataset)  # it looks at the files
    spoiled = tmp_path / "ds/derivatives/multi_delay_arteries"
    (spoiled / "dataset_description.json").write_text(json.dumps({"Name": "maps", "BIDSVersion": 1}), encoding="utf-8")
    assert "JSON_SCHEMA_VALIDATION_ERROR" in errors(validators()[name], spoiled)  # and at the description


def test_the_dataset_says_what_made_it_and_of_what(command, example, tmp_path: Path) -> None:
    command("predict", str(example.folder), "derivatives/maps")
    dataset = tmp_path / "derivatives/maps"
    told = description(dataset)
    assert told["DatasetType"] == "derivative"
    (made,) = told["GeneratedBy"]
    assert (made["Name"], made["Version"], made["Weights"]) == ("qtmnet", __version__, "any_scan")
    assert made["WeightsSHA256"] == weights_hash()
    assert told["DatasetLinks"] == {"raw": "../.."}  # stays right if all is moved
    assert "SourceDatasets" not in told  # of which each has a URI
    sidecar = json.loads((dataset / "sub-01/perf/sub-01_cbf.json").read_text(encoding="utf-8"))
    assert sidecar["Sources"] == ["bids:raw:sub-01/perf/sub-01_asl.nii.gz"]
    assert (sidecar["WeightsVersion"], sidecar["WeightsSHA256"]) == (__version__, weights_hash())
    before = (dataset / "dataset_description.json").stat().st_mtime_ns
    command("predict", str(example.folder), "derivatives/maps")
    assert (dataset / "dataset_description.json").stat().st_mtime_ns == before


def test_the_m0_scan_is_among_the_sources(command, new_scan, tmp_path: Path) -> None:
    example = new_scan().write(list(PAIRS), M0Type="Separate")
    example.write_m0_scan()
    command("predict", str(example.folder), "out", "method=multi_delay")
    sidecar = json.loads((tmp_path / "out/sub-01/perf/sub-01_cbf.json").read_text(encoding="utf-8"))
    assert sidecar["Sources"] == [f"bids:raw:sub-01/perf/sub-01_{kind}.nii.gz" for kind in ("asl", "m0scan")]


def test_runs_of_several_datasets_and_methods_add_up(command, tmp_path: Path) -> None:
    """What is there of others stays: links, makers, a name of one's own, patterns of names."""
    for site, subject in (("A", "sub-01"), ("B", "sub-02")):
        ExampleScan(tmp_path / site / subject / "perf", subject).write([("m0scan", 0.0), *PAIRS])
    assert command("predict", "A", "out", "method=multi_delay").status == 0
    changed = description(tmp_path / "out") | {"Name": "Mine"}
    (tmp_path / "out/dataset_description.json").write_text(json.dumps(changed), encoding="utf-8")
    (tmp_path / "out/.bidsignore").write_text("mine/\n", encoding="utf-8")
    assert command("predict", "B", "out", "method=single_delay").status == 0
    told = description(tmp_path / "out")
    assert told["Name"] == "Mine"
    assert told["DatasetLinks"] == {"raw": (tmp_path / "A").as_uri(), "raw2": (tmp_path / "B").as_uri()}
    assert told["SourceDatasets"] == [{"URL": link} for link in told["DatasetLinks"].values()]
    assert [entry["Description"] for entry in told["GeneratedBy"]] == ["Maps by multi delay", "Maps by single delay"]
    sidecar = json.loads((tmp_path / "out/sub-02/perf/sub-02_cbf.json").read_text(encoding="utf-8"))
    assert sidecar["Sources"][0] == "bids:raw2:sub-02/perf/sub-02_asl.nii.gz"
    ignored = (tmp_path / "out/.bidsignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "mine/"
    assert "*_cbf.*" in ignored


def test_an_image_of_no_subject_is_of_no_dataset(command, new_scan, tmp_path: Path) -> None:
    example = new_scan().write([("m0scan", 0.0), *PAIRS])
    (tmp_path / "plain").mkdir()
    for file in example.folder.iterdir():
        file.rename(tmp_path / "plain" / file.name.replace("sub-01_asl", "brain").replace("context", "_aslcontext"))
    outcome = command("predict", "plain/brain.nii.gz", "out", "method=multi_delay")
    assert outcome.status == 0, outcome.err
    assert sorted(path.name for path in (tmp_path / "out").glob("brain_cbf*")) == ["brain_cbf.json", "brain_cbf.nii.gz"]
    assert not (tmp_path / "out/dataset_description.json").exists()
