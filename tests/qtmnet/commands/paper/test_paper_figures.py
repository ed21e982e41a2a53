"""The paper's figures by their command, on a small brain and a synthetic scan."""

import re
from pathlib import Path

import pytest

COARSE = ("phantom.voxel_size_mm=[8,8,8]", "acquisition.voxel_size_mm=[2,2,2]", "weights=null")


@pytest.fixture
def simulated(brain, monkeypatch) -> list:
    """The command gets this brain; the phantoms that it asked for are kept."""
    asked = []

    def simulate_brain_for(phantom, acquisition, simulator, folder):
        asked.append(phantom)
        return brain

    monkeypatch.setattr("qtmnet.commands.paper.figures.simulate_brain_for", simulate_brain_for)
    monkeypatch.setattr("qtmnet.commands.paper.figures.afford", lambda costs: None)
    return asked


def test_all_figures_and_a_page_of_them(command, simulated, example_scan: Path, tmp_path: Path) -> None:
    outcome = command("evaluate", "figures=paper", *COARSE, f"input={example_scan}", "run_dir=run")
    assert outcome.status == 0, outcome.err
    assert simulated[0].voxel_size_mm == (8.0, 8.0, 8.0)  # a brain without asking for one
    names = {file.name for file in (tmp_path / "run").iterdir() if file.name != ".hydra"}
    (in_vivo,) = (name for name in names if name.startswith("figure_5"))
    figures = {"figure_2_vessels.png", "figure_2_label.png", "figure_3.png", "figure_4.png", in_vivo}
    assert names == figures | {"figures.html"}
    page = (tmp_path / "run" / "figures.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(figures)
    for said in ("Figure 5, in vivo: sub-01", "mL/100g/min", "evaluate.py figures=paper", "1.025", "12.62"):
        assert said in page
    assert f"page: {Path('run') / 'figures.html'}" in outcome.out


def test_some_figures_of_the_phantom_alone(command, simulated, tmp_path: Path) -> None:
    outcome = command("evaluate", "figures=paper", *COARSE, "figures.only=[5]", "snr=10", "run_dir=run")
    assert outcome.status == 0, outcome.err
    assert {file.name for file in (tmp_path / "run").glob("*.*") if file.is_file()} == {"figure_5.png", "figures.html"}
    page = (tmp_path / "run" / "figures.html").read_text(encoding="utf-8")
    assert "the simulated brain: the paper shows it in vivo" in page


def test_a_scan_that_no_two_methods_read_is_said(command, simulated, example_scan: Path, tmp_path: Path) -> None:
    """Figures of the phantom are there all the same."""
    given = ("method=[multi_delay]", "figures.only=[4,5]", f"input={example_scan}", "run_dir=run")
    outcome = command("evaluate", "figures=paper", *COARSE, *given)
    assert outcome.status == 0, outcome.err
    assert re.search(r"sub-01_asl\S*: two methods are compared, found 1", outcome.out)
    assert (tmp_path / "run" / "figure_4.png").is_file()
    assert "two methods are compared" in (tmp_path / "run" / "figures.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("phantom=cube",), "phantom: found CubeParameters; give phantom=brain"),
        (("figures.only=[1]",), "figures.only"),
        (("protocols=table",), "figures: given, but .*; leave it out"),
        (("robustness=table",), "figures: given, but .*; leave it out"),
        (("input=nowhere",), "nowhere"),
        (
            (*COARSE, "method=[single_delay]", "figures.only=[5]"),
            "figure 5 is left out: method: found single_delay alone; figure 5 compares two",
        ),
    ],
)
def test_settings_that_do_not_go_together(command, simulated, given: tuple[str, ...], told: str) -> None:
    outcome = command("evaluate", "figures=paper", *given)
    assert outcome.status == 2
    assert re.search(told, outcome.err), outcome.err
