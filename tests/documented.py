"""Commands and files that the documentation shows, and how a test runs them: small, and in a folder of its own.

Commands are the lines of fenced blocks without a language, or with that of a shell, and whatever begins as one does in
backticks. What they say is kept; overrides behind them make them small, and what stands for a reader's own files is
replaced. Blocks with a title are files.
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from qtmnet.configuration.reference import reference
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]

CANNOT_RUN = {
    "pip install *": "it would change the environment that the tests run in",
    "srun *": "it needs Slurm",
    "pytest": "it is what runs this",
    "pytest -m gpu": "it is what runs this, on a GPU",
    "mkdocs serve": "it serves until it is stopped",
    "tensorboard *": "it serves until it is stopped",
    "wandb *": "it needs an account",
    "*logger.wandb.offline=false*": "it needs an account",
}
"""Commands that no test can run, with the reason; * is whatever follows."""

PROGRAMS = (
    "qtmnet",
    "python",
    "torchrun",
    "pytest",
    "pip",
    "srun",
    "sbatch",
    "mkdocs",
    "wandb",
    "tensorboard",
    "optuna",
)
"""What a command in backticks begins with; a fenced line may begin with anything, and fails if it is not known here."""

SHELLS = ("", "bash", "sh", "shell", "console")

CUBES = tuple(word for word in TINY if word.startswith(("phantom.", "data.n_cubes=", "cluster.")))

BRAIN = ("phantom.voxel_size_mm=[8,8,8]",)

SMALL = {
    "benchmarks/brain.py": "--voxel-size 8",
    "benchmarks/costs.py": "reference",
    "benchmarks/cube.py": "--repeats 1 --side 12",
    "benchmarks/growth.py": "--repeats 1 --largest 16",
    "benchmarks/many_scans.py": "3",
    "benchmarks/scan_memory.py": "single_delay --shape 24 24 10 --pairs 1",
    "benchmarks/motion.py": "--repeats 1 --noise 20",
    "benchmarks/stream.py": "--repeats 1 --cubes 2",
    "benchmarks/training.py": "--seconds 0.05 --repeats 1 model.base_channels=4",
    "benchmarks/throughput.py": "--workers 1 --cubes 8 --epochs 2 phantom.shape=[8,8,8]",
}
"""Smallest settings of each benchmark."""

BESIDES = {
    "cluster=slurm": ("cluster.executor=local", "data.dir=shared/slurm"),
    "cluster=dask": ("cluster.address=null", "data.dir=shared/dask"),
    "simulator=cupy": ("simulator.device=host",),
    "hydra/sweeper=bayes": ("hydra.sweeper.n_trials=2",),
    "sweep=attention": ("seed=0,1", "model.attention=none,both"),
    "sweep=cubes": ("seed=0,1", "hydra.sweeper.together=null"),  # all rows of all sweeps: test_presets.py
    "sweep=delays": ("seed=0",),
    "sweep=exchange": ("seed=0",),
    "sweep=gradient_weight": ("seed=0", "loss.gradient_weight=0,0.1"),
    "sweep=layout": ("seed=0", "layout=regions,mixed"),
    "sweep=linear_start": ("seed=0",),
    "sweep=norm": ("seed=0", "model.norm=none,group"),
    "sweep=normalization": ("seed=0",),
    "sweep=width": ("seed=0",),
    "data=cco_stream": ("data.samples_per_epoch=4", "data.n_trees=2", "data.loader_workers=0"),
}
"""What an option needs besides, to run on any machine in seconds."""

STANDS_FOR = {
    "…": "",
    "data.snr=…": "data.snr=[2,20]",
    "INPUT": "sub-01/perf",
    "dataset": ".",
    "02": "",
    "OUTPUT": "out",
    "acquisition.from_bids=SCAN": "acquisition.from_bids=sub-01/perf",
    "input=SCAN": "input=sub-01/perf",
    "hydra.sweep.dir=runs/quickstart/<time>": "hydra.sweep.dir=runs/quickstart/again",
    "data.dir=s3://bucket/cubes": "data.dir=memory://bucket/cubes",
    "atlas=atlas-mine_dseg.nii.gz": "",
    "weights=paper4": "weights=any_scan",  # voxels of 2×2×4 mm alone, which no brain small enough for a test has
}
"""What a reader would put in place of a word."""


@dataclass(frozen=True)
class Page:
    """A page, its commands in order, and the files that it tells the reader to save."""

    name: str
    commands: tuple[str, ...]
    files: dict[str, str]


def page(name: str, text: str) -> Page:
    fence = re.compile(r"^ *```(\w*)(?: title=\"([^\"\n]*)\")?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    commands: list[tuple[int, str]] = []
    files = {found[2]: found[3] for found in fence.finditer(text) if found[2]}
    for found in fence.finditer(text):
        if found[1] in SHELLS and not found[2]:
            commands += [(found.start(), line) for line in shell_lines(found[3])]
    prose = fence.sub(lambda found: " " * len(found[0]), text)
    for found in re.finditer(r"`([^`]+)`", prose):
        words = found[1].split()
        if words and words[0] in PROGRAMS and len(words) > 1:
            commands.append((found.start(), " ".join(words)))
    return Page(name, tuple(line for _, line in sorted(commands, key=lambda entry: entry[0])), files)


def shell_lines(block: str) -> Iterator[str]:
    """Commands of a block: its lines without comments, those that `&&` joins apart."""
    for line in block.replace("\\\n", " ").splitlines():
        for part in re.sub(r"(^|\s+)#.*", "", line).split(" && "):
            if part.strip():
                yield " ".join(part.removeprefix("$ ").split())


def pages() -> list[Page]:
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = [page(path.stem, path.read_text(encoding="utf-8")) for path in paths]
    return [*found, page("reference", reference())]


PAGES = pages()


def reason_not_to_run(line: str) -> str | None:
    return next((reason for pattern, reason in CANNOT_RUN.items() if fnmatchcase(line, pattern)), None)


def shrunk(line: str) -> str:
    """A command with what makes it small behind it, and without what that overrides."""
    words = [STANDS_FOR.get(word, word) for word in shlex.split(line)]
    words = [word for word in words if word]
    if words[0] == "pytest":
        return shlex.join([*words, "--collect-only", "-q"])
    if words[0] == "mkdocs":
        return shlex.join([*words, "--config-file", "mkdocs.yml", "--site-dir", "site"])
    small = shlex.split(SMALL[words[1]]) if words[1] in SMALL else overrides(words)
    if "--zarr" in words and importlib.util.find_spec("zarr") is None:  # which nothing but this comparison needs
        words.remove("--zarr")
    words = ["--nproc-per-node=2" if word.startswith("--nproc-per-node") else word for word in words]
    given = {word.partition("=")[0] for word in small if "=" in word or word.startswith("--")}
    kept = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if word.partition("=")[0] not in given and not (before.startswith("--") and before in given)
    ]
    return shlex.join([*kept, *small])


ANY_SCAN = [
    *("phantom.shape=[16,16,16]", "phantom.kinetic_share=1", "data.protocols.in_plane_mm=[2,2]", "data.n_cubes=6"),
    *("data.n_held_back=4", "data.samples_per_epoch=8", "data.n_validation=8", "cluster.n_workers=1"),
    *("model.base_channels=2", "model.levels=1", "trainer.max_epochs=1", "warmup_steps=0"),
]
"""What makes a training of the network for any scan small."""


def overrides(words: list[str]) -> list[str]:
    """Settings that make a command of the project small."""
    of_brain = any(word.startswith(("phantom=brain", "figures=")) for word in words)
    besides = [setting for word in words for setting in BESIDES.get(word, ())]
    scripts = (Path(word).stem.partition("_")[0] for word in words if word.endswith(".py"))
    script = words[1] if words[0] == "qtmnet" else next(scripts, "")
    script = words[2] if script == "with" else script  # a reader's own, for all commands
    if script == "train":
        if "experiment=any_scan" in words:
            return ANY_SCAN
        other_model = any(word.startswith("model=") for word in words)
        tiny = [word for word in TINY if not (other_model and word.startswith("model."))]
        if "trainer=ddp" in words:  # both processes need cubes to validate with
            besides += ["data.n_cubes=26", "data.validation_share=0.12", "evaluate=false"]
        if any(word.startswith("trainer.devices=") for word in words):
            besides += ["trainer.devices=1"]  # torchrun starts two
        return [*tiny, *besides]
    if script == "simulate":
        return [*(BRAIN if of_brain else CUBES), *besides]
    if script == "evaluate" and of_brain:
        coarse = () if any(word.startswith("ckpt=") for word in words) else ("acquisition.voxel_size_mm=[8,8,8]",)
        if any(word.startswith("protocols=") for word in words):
            coarse = ("protocols.share=0.01", "protocols.only=[voxels_4]", "brain_seeds=[1,2]")
        if any(word.startswith("robustness=") for word in words):
            coarse = (*coarse, "robustness.share=0.02", "robustness.only=[efficiency,t1_blood]")
        return [*BRAIN, *coarse, *besides]
    return ["n_cubes=2", "cluster.n_workers=1"] if script == "evaluate" else []


def is_known(line: str) -> bool:
    words = [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    return bool(words) and words[0] in ("qtmnet", "python", "torchrun", "pytest", "mkdocs")


def run(words: list[str], **environment: str) -> None:
    python_path = os.pathsep.join(path for path in (environment.get("PYTHONPATH"), str(ROOT)) if path)
    # Warnings are errors in this process alone, as for a reader.
    set_here = os.environ | {"OMP_NUM_THREADS": "1"} | environment | {"PYTHONPATH": python_path}
    done = subprocess.run(words, env=set_here, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def with_checkpoint(words: list[str], folder: Path, checkpoints: dict[str, Path]) -> list[str]:
    """The page's own checkpoint in place of what stands for one, else one that fits the command."""
    fitting = checkpoints["scan" if any("predict" in word for word in words) else "brain"]
    for i, word in enumerate(words):
        if word.startswith("ckpt="):
            own = sorted(folder.glob(word.removeprefix("ckpt=").replace("<time>", "*")))
            words[i] = f"ckpt={own[-1] if own else fitting}"
    return words


def run_line(source: Page, line: str, command, checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command where we are: in this process if it is one of the project's, else in one of its own."""
    assert is_known(line), f"{source.name}: teach this test to run {line!r}, or say in CANNOT_RUN why nobody can"
    words = with_checkpoint(shlex.split(shrunk(line)), Path.cwd(), checkpoints)
    assert not {"…", "<"} & set("".join(words)), f"say what {line!r} stands for in STANDS_FOR"
    environment = {}
    while "=" in words[0]:
        name, _, environment[name] = words.pop(0).partition("=")
    if words[0] == "python" and (ROOT / words[1]).is_file() and "/" not in words[1]:
        for name, value in environment.items():
            monkeypatch.syspath_prepend(value) if name == "PYTHONPATH" else monkeypatch.setenv(name, value)
        outcome = command(words[1].removesuffix(".py"), *words[2:])
        assert outcome.status == 0, f"{shlex.join(words)}\n{outcome.err}"
        return
    if words[0] == "qtmnet" and (ROOT / f"{words[1]}.py").is_file():
        outcome = command(*words[1:])
        assert outcome.status == 0, f"{shlex.join(words)}\n{outcome.err}"
        return
    programs = {
        "qtmnet": [sys.executable, "-m", "qtmnet"],
        "python": [sys.executable],
        "torchrun": [sys.executable, "-m", "torch.distributed.run", "--standalone"],
        "pytest": [sys.executable, "-m", "pytest", "--rootdir", str(ROOT)],
        "mkdocs": [sys.executable, "-m", "mkdocs"],
    }
    run([*programs[words[0]], *(of_checkout(word) for word in words[1:])], **environment)


def of_checkout(word: str) -> str:
    """The path of a file of the checkout, unless the page has one of that name; any other word as it is."""
    return str(ROOT / word) if (ROOT / word).exists() and not Path(word).exists() else word
