"""The table of robustness by its command, on a small brain."""

import csv
import json
import re
from pathlib import Path

import pytest

from qtmnet.configuration.conf_folder import CONF

COARSE = ("phantom=brain", "phantom.voxel_size_mm=[8,8,8]", "acquisition.voxel_size_mm=[8,8,8]", "weights=null")
METHODS = ("method=[single_delay]",)


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_command_reads_all_points_and_goes_on_where_it_was_stopped(command, tmp_path: Path) -> None:
    (option,) = sorted(file.stem for file in (CONF / "robustness").glob("*.yaml"))
    quick = ("robustness.share=0.05", "robustness.voxel_size_mm=[[8,8,8],[9,9,16]]", "robustness.radius=[0.8]")
    quick += ("robustness.t1_blood=[1.9]", "robustness.t1_tissue=[1.4]", "robustness.blood_volume=[2]")
    quick += ("robustness.permeability=[40]", "robustness.trees=[fetal]")  # a world each
    given = (*COARSE, *METHODS, f"robustness={option}", *quick, "dir=stages", "run_dir=run")
    outcome = command("evaluate", *given)
    assert outcome.status == 0, outcome.err
    rows = rows_of(tmp_path / "run" / "robustness.csv")
    assert {row["parameter"] for row in rows} == {
        *("undisturbed", "snr", "voxel_size_mm", "added_delay", "efficiency", "motion"),
        *("t1_blood", "t1_tissue", "radius", "blood_volume", "permeability", "trees"),
    }
    errors = {(row["parameter"], row["value"]): float(row["nrmse"]) for row in rows if row["of_world"] == "False"}
    own = errors["undisturbed", ""]
    assert errors["snr", "3"] > own
    assert errors["efficiency", "0.9"] > own  # a model that reads too low reads lower
    (of_world,) = (row for row in rows if row["parameter"] == "undisturbed" and row["of_world"] == "True")
    assert float(of_world["nrmse"]) == pytest.approx(own, abs=1e-4)  # followed until another last time
    for name in ("robustness.md", "robustness.png", "robustness.html"):
        assert (tmp_path / "run" / name).stat().st_size > 1000
    page = (tmp_path / "run" / "robustness.html").read_text(encoding="utf-8")
    assert "evaluate.py phantom=brain" in page
    assert "data:image/png;base64," in page
    assert [file.name for file in (tmp_path / "run" / "trees").iterdir()] == ["fetal.swc"]

    (file,) = (tmp_path / "run" / "points").iterdir()
    stopped = json.loads(file.read_text(encoding="utf-8"))
    del stopped["rows"]["efficiency=0.9"]
    stopped["rows"]["radius=0.8, world"][0]["nrmse"] = 123.0
    file.write_text(json.dumps(stopped), encoding="utf-8")
    assert command("evaluate", *given).status == 0
    again = {(row["parameter"], row["value"]): row["nrmse"] for row in rows_of(tmp_path / "run" / "robustness.csv")}
    assert again["radius", "0.8"] == "123.0"  # that was kept
    assert float(again["efficiency", "0.9"]) == pytest.approx(errors["efficiency", "0.9"])  # and this made


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("robustness=table",), "phantom: found none; give phantom=brain"),
        (("robustness=table", "phantom=cube"), "phantom: found CubeParameters; give phantom=brain"),
        (("robustness=table", "phantom=brain", "robustness.only=[sn]"), "only: found 'sn'; give some of snr"),
        (("robustness=table", "phantom=brain", "robustness.motion=[2]"), "robustness.motion: found"),
        (("robustness=table", "phantom=brain", "n_cubes=3"), "n_cubes: found 3, but .*; leave it out"),
        (("robustness=table", "phantom=brain", "brain_seeds=[1,2]"), "brain_seeds: .*; leave it out"),
        (("robustness=table", "phantom=brain", "protocols=table"), "robustness: given, but .*; leave it out"),
        (("robustness=table", "input=scan"), "input: found a phantom, protocols or robustness besides"),
    ],
)
def test_settings_that_do_not_go_together(command, given: tuple[str, ...], told: str) -> None:
    outcome = command("evaluate", *given)
    assert outcome.status == 2
    assert re.search(told, outcome.err), outcome.err


def test_a_checkpoint_reads_its_own_voxels_and_has_a_dash_for_others(
    command, tiny_checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    """Its protocol is taken without asking for it."""
    given = ("phantom=brain", "phantom.voxel_size_mm=[8,8,8]", f"ckpt={tiny_checkpoints['brain']}", "dir=stages")
    some = ("robustness.only=[voxel_size_mm,efficiency]", "robustness.voxel_size_mm=[16]", "run_dir=run")
    outcome = command("evaluate", *given, *METHODS, "robustness=table", *some)
    assert outcome.status == 0, outcome.err
    rows = {(row["method"], row["value"]): row for row in rows_of(tmp_path / "run" / "robustness.csv")}
    assert set(rows) == {
        (method, value) for method in ("qtmnet", "single_delay") for value in ("", "0.9", "1.1", "16×16×16")
    }
    assert all(row["nrmse"] for name, row in rows.items() if name != ("qtmnet", "16×16×16"))
    assert "voxel_size_mm: trained" in rows["qtmnet", "16×16×16"]["reason"]
    assert "qtmnet, voxel_size_mm 16×16×16" in outcome.out
