"""Intervals in the evaluation on a brain."""

import json

import nibabel as nib
import numpy as np
import pytest

from qtmnet.commands.evaluate_brain import evaluate_brain
from qtmnet.evaluation.brain_regions import brain_voxels
from qtmnet.methods.base import Frames, Maps, Methods
from tests.qtmnet.commands.brains import KINETIC, PROTOCOL, ThreeMaps


class WithInterval(ThreeMaps):
    """Perfusion is off by 3, which its interval of ±5 knows of, and the transit time's of ±0.1 s does not."""

    learned = True
    quantities = ("cbf", "cbf_low", "cbf_high", "att", "att_low", "att_high", "outside")

    def maps(self, frames: Frames) -> Maps:
        made = {key: values for key, values in super().maps(frames).items() if key != "cbf_sd"}
        for key, half in (("cbf", 5.0), ("att", 0.1)):
            made |= {f"{key}_low": made[key] - half, f"{key}_high": made[key] + half}
        return made | {"outside": frames.inside & (made["cbf"] > 60)}


def test_intervals_are_held_against_the_truth_and_not_scored_as_maps(brain, scan, tmp_path, capsys) -> None:
    methods = Methods({"mine": WithInterval(scan)}, KINETIC.compared)
    scores = evaluate_brain(brain, PROTOCOL, methods, tmp_path)
    assert list(scores) == ["cbf", "att"]
    kept = json.loads((tmp_path / "intervals.json").read_text(encoding="utf-8"))
    assert set(kept) == {"cbf", "att"}
    assert {"all", "grey", "white"} <= set(kept["cbf"])
    assert kept["cbf"]["all"] == {"mine": {"coverage": 1.0, "width": pytest.approx(10, rel=1e-4)}}
    assert kept["att"]["grey"] == {"mine": {"coverage": 0.0, "width": pytest.approx(0.2, rel=1e-4)}}
    assert "90% interval of perfusion, a brain" in capsys.readouterr().out
    outside = nib.load(tmp_path / "mine_desc-outside_mask.nii.gz")
    assert outside.get_data_dtype() == np.uint8
    share = outside.get_fdata()[brain_voxels(scan)].mean()
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Trained range, three maps" in page
    assert f"{share:.1%} of voxels are unlike all that the training showed" in page
    assert "Interval of arterial transit time, three maps" in page
    assert "0.0% of the truths lie inside" in page.lower()
    assert page.count("three maps, 5th percentile</h4>") == 2
