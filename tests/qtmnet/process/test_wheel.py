"""What `pip install .` gives: a wheel, in an environment of its own, used from another folder with the clone away."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

import qtmnet
from tests.outside import SCANS

ROOT = Path(__file__).parents[3]

SOURCES = ("qtmnet", "simulators", "hydra_plugins", "conf")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")

SMALL = (
    *("phantom.shape=[8,8,8]", "data.n_test=2", "model.base_channels=2", "cluster.n_workers=1"),
    *("trainer.accelerator=cpu", "logger=csv"),
)
"""What makes the quickstart of eight cubes a matter of seconds."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: what setuptools leaves beside the sources would get into later ones."""
    copy = tmp_path_factory.mktemp("clone")
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, copy / name)
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, copy)
    shutil.rmtree(copy)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of an environment with the wheel, which borrows the dependencies of this one."""
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    paths = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    programs = Path(sysconfig.get_path("scripts", scheme="venv", vars=paths))
    options = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", programs / "python", "install", *options, wheel)
    return programs


def run(*words: object, cwd: Path | None = None) -> str:
    """Standard output of a command that ends well, started without what leads to the clone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = kept | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_wheel_holds_the_configuration_and_nothing_called_conf(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        *("qtmnet", "simulators", "hydra_plugins"),
        f"qtmnet-{qtmnet.__version__}.dist-info",
    }
    inside = {name.removeprefix("qtmnet/conf/") for name in names if name.startswith("qtmnet/conf/")}
    assert inside == {path.relative_to(ROOT / "conf").as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
    for name in ("qtmnet", "simulators"):
        ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / name).rglob("*") if path.is_file()}
        assert {path for path in ours if "__pycache__" not in path} <= set(names)


def test_the_page_of_the_package_has_links_that_work_away_from_the_clone(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
    metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
    links = [part.split(")")[0] for part in metadata.get_payload().split("](")[1:]]
    assert len(links) > 10
    assert all(link.startswith("https://") for link in links)
    home = next(url.split(", ")[1] for url in metadata.get_all("Project-URL") if url.startswith("Home"))
    for link in links:
        if link.startswith(home):
            assert (ROOT / link.split("/main/")[1].partition("#")[0]).exists()
    assert metadata["Version"] == qtmnet.__version__
    assert metadata["Author"]
    assert metadata["License-Expression"] == "MIT"


def test_it_runs_from_any_folder(installed: Path, command, example, tmp_path: Path) -> None:
    # The cubes are there, of this process, whose kernels are compiled: for a new installation that takes half a minute.
    settings = ("experiment=quickstart", "data.n_cubes=8", "trainer.max_epochs=1", *SMALL, f"data.dir={tmp_path}/cubes")
    assert command("train", *settings).status == 0
    here = tmp_path / "elsewhere"
    here.mkdir()
    program = installed / "qtmnet"
    assert run(program, "--version", cwd=here) == f"qtmnet {qtmnet.__version__}\n"
    code = "import qtmnet, simulators; print(qtmnet.__file__, simulators.__file__, sep='\\n')"
    found = run(installed / "python", "-c", code, cwd=here).splitlines()
    assert all(Path(path).is_relative_to(installed.parent) for path in found)
    shown = run(program, "train", *settings, cwd=here)
    (checkpoint,) = here.glob("runs/quickstart/*/checkpoints/best.ckpt")
    assert f"checkpoint: {checkpoint}" in shown
    for scan in (example.path, *SCANS.glob("sub-*/perf/*_asl.nii.gz")):
        out = tmp_path / "Karten für Müller" / "2. Besuch"
        run(program, "predict", scan, out, "method=multi_delay", cwd=here)
        (sidecar,) = out.rglob(scan.name.replace("_asl.nii.gz", "_cbf.json"))
        assert json.loads(sidecar.read_text(encoding="utf-8"))["Units"] == "mL/100 g/min"
    assert sorted(entry.name for entry in here.iterdir()) == ["runs"]
    assert os.listdir(here / "runs") == ["quickstart"]


def test_version_and_home_are_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation["version"] == qtmnet.__version__
    assert f"## [{qtmnet.__version__}] - {citation['date-released']}\n" in changes
    assert citation["repository-code"] == project["urls"]["Home"]
    assert citation["references"][0]["url"] == project["urls"]["Paper"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
