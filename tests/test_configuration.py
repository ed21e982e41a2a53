"""Every option of every group: composed, and run for one step."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

COMMANDS = ("train", "evaluate", "simulate", "predict")


def options() -> list[str]:
    """All options of all groups, as they are given on a command line."""
    files = sorted(file for file in (ROOT / "conf").rglob("*/*.yaml"))
    return [f"{file.parent.relative_to(ROOT / 'conf')}={file.stem}" for file in files]


ANY_SCAN_INPUTS = ("inputs=coefficients", "inputs=linear_estimates", "inputs=circumstances")

BRAIN = ("anatomy=", "angiography=", "phantom=brain")
"""Options that make no sense in training."""

ANY_SCAN = ("data=any_scan", "experiment=any_scan", "phantom=world", *ANY_SCAN_INPUTS)
"""Options of the network for any scan, which go together."""

TABLES = ("protocols=", "robustness=", "figures=")
"""Options of brains that are read many times; tests/qtmnet/commands has a test of each."""

BESIDES = {
    "simulator=cupy": ("simulator.device=host",),
    "cluster=slurm": ("cluster.executor=local",),
    "data=cco_stream": ("data.samples_per_epoch=4", "data.n_trees=2"),
    "inputs=slice_time": ("acquisition.slice_timing=[0,0.1]",),  # it has no channel otherwise
    "hydra/sweeper=grid": ("--multirun",),
    "sweep=attention": ("--multirun", "seed=0", "model.attention=channel"),
    "sweep=cubes": ("--multirun", "seed=0", "hydra.sweeper.together=null"),  # rows: test_presets.py
    "sweep=delays": ("--multirun", "seed=0", "acquisition.post_labeling_delays=[1.775]"),
    "sweep=exchange": ("--multirun", "seed=0", "exchange=none"),
    "sweep=gradient_weight": ("--multirun", "seed=0", "loss.gradient_weight=0"),
    "sweep=layout": ("--multirun", "seed=0", "layout=regions"),
    "sweep=linear_start": ("--multirun", "seed=0", "linear_start=false"),
    "sweep=norm": ("--multirun", "seed=0", "model.norm=group"),
    "sweep=normalization": ("--multirun", "seed=0", "normalization=global_max"),
    "sweep=width": ("--multirun", "seed=0"),
    "hydra/sweeper=bayes": ("--multirun", "hydra.sweeper.n_trials=1", "optimizer.lr=interval(1e-3,1e-2)"),
}
"""What an option needs besides, to run on any machine in seconds."""


@pytest.mark.parametrize(
    "option", [option for option in options() if not option.startswith((*BRAIN, *ANY_SCAN, *TABLES))]
)
def test_option_trains_one_epoch(command, tiny, tmp_path: Path, option: str) -> None:
    outcome = command("train", option, *BESIDES.get(option, ()), *tiny, "name=one", "evaluate=false")
    assert outcome.status == 0, outcome.err
    (checkpoint,) = tmp_path.glob("runs/one/**/checkpoints/last.ckpt")
    assert checkpoint.stat().st_size > 0


@pytest.mark.parametrize("option", ANY_SCAN)
def test_option_of_any_scan_trains_one_epoch(command, tmp_path_factory, tmp_path: Path, option: str) -> None:
    settings = ("phantom.shape=[16,16,16]", "phantom.kinetic_share=1", "data.n_cubes=6", "data.n_held_back=4")
    samples = ("data.samples_per_epoch=8", "data.n_validation=8", "data.protocols.in_plane_mm=[2,2]")
    network = ("model.base_channels=2", "model.levels=1", "trainer.max_epochs=1", "warmup_steps=0", "name=one")
    kept = f"data.dir={tmp_path_factory.getbasetemp() / 'world'}"
    chosen = () if option.startswith("experiment") else (option,)
    outcome = command("train", "experiment=any_scan", *chosen, *settings, *samples, *network, kept)
    assert outcome.status == 0, outcome.err
    (weights,) = tmp_path.glob("runs/one/**/checkpoints/best.safetensors")
    assert weights.stat().st_size > 0


def test_any_scan_asks_for_what_it_needs(command, tiny) -> None:
    outcome = command("train", "data=any_scan", *tiny)
    assert outcome.status == 2
    assert outcome.err.count("\n") <= 2
    outcome = command("train", "experiment=any_scan", "evaluate=true", "data.n_cubes=2")
    assert outcome.status == 2
    assert "evaluate: found true, but a network for any scan is evaluated on brains" in outcome.err


def test_any_scan_refuses_a_linear_start_that_it_would_leave_out(command) -> None:
    outcome = command("train", "experiment=any_scan", "linear_start=true", "data.n_cubes=6", "data.n_held_back=4")
    assert outcome.status == 2
    assert "linear_start: found true, but a network for any scan is given linear estimates already" in outcome.err


@pytest.mark.parametrize("option", [option for option in options() if option.startswith("experiment=")])
def test_cubes_of_an_experiment_are_simulated_before_it(command, tmp_path: Path, option: str) -> None:
    """Whatever else the experiment chooses, of networks and callbacks, is of no concern here."""
    outcome = command("simulate", option, "phantom.shape=[16,16,16]", "data.n_cubes=2", "data.dir=cubes")
    assert outcome.status == 0, outcome.err
    assert "2 cubes" in outcome.out
    assert (tmp_path / "cubes").is_dir()


@pytest.fixture(scope="module")
def kept_stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the brains of these tests share, so that each only makes what is its own."""
    return tmp_path_factory.mktemp("brain")


@pytest.mark.parametrize("option", [option for option in options() if option.startswith(BRAIN)])
def test_option_of_a_brain_is_evaluated(command, kept_stages: Path, tmp_path: Path, option: str) -> None:
    phantom = option if option.startswith("phantom=") else "phantom=brain"
    coarse = ("phantom.voxel_size_mm=[8,8,8]", "acquisition.voxel_size_mm=[8,8,8]", f"dir={kept_stages}")
    outcome = command("evaluate", *{phantom, option}, *coarse)
    assert outcome.status == 0, outcome.err
    assert len(list(tmp_path.glob("runs/evaluate/*/metrics.json"))) == 1


def test_a_brain_is_refused_in_training(command, tiny) -> None:
    outcome = command("train", "phantom=brain", *(option for option in tiny if "shape" not in option))
    assert outcome.status == 2
    assert "phantom: found a brain" in outcome.err


@pytest.mark.parametrize("name", COMMANDS)
def test_command_shows_its_settings(name: str, command) -> None:
    outcome = command(name, "--cfg", "job")
    assert outcome.status == 0
    assert ("output_dir" if name == "predict" else "run_dir") in outcome.out
