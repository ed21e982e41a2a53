"""Output on consoles of any encoding: all of it arrives, in signs that they have."""

import io
import os
import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from qtmnet.commands.sweeps.outcomes import DONE, FAILED, Outcome, print_outcomes
from qtmnet.evaluation.metrics import Scores
from qtmnet.evaluation.score_tables import print_table
from qtmnet.process.console import PLAIN, SPELLED, plain, shown, speak_plainly

ROOT = Path(__file__).parents[3]
ENCODINGS = ("cp1252", "ascii", "latin-1", "cp437", "cp932", "cp1251", "gbk", "utf-8", "utf-16")
OF_ODD_FILE = b"\xe4\xff.nii".decode("utf-8", "surrogateescape")


Console = Callable[[Callable[[], object]], tuple[str, str]]


@pytest.fixture(params=ENCODINGS)
def console(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Console:
    """Calls with standard streams that take one encoding and nothing else; gives what was written to both."""

    def heard(call: Callable[[], object]) -> tuple[str, str]:
        streams = {name: io.TextIOWrapper(io.BytesIO(), request.param, "strict") for name in ("stdout", "stderr")}
        with monkeypatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            call()
        texts = []
        for stream in streams.values():
            stream.flush()
            texts.append(stream.detach().getvalue().decode(request.param))  # type: ignore[attr-defined]
        return texts[0], texts[1]

    return heard


def run(name: str, *words: str, status: int = 0) -> Callable[[], None]:
    """A command to run in this process, which has to end with a status."""

    def call() -> None:
        GlobalHydra.instance().clear()
        sys.argv = [f"{name}.py", *words]
        ended = 0
        try:
            runpy.run_path(str(ROOT / f"{name}.py"), run_name="__main__")
        except SystemExit as end:
            ended = int(end.code or 0)
        assert ended == status

    return call


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)


@pytest.mark.parametrize("name", ["train", "simulate", "evaluate", "predict"])
def test_help(console, name: str) -> None:
    out, _ = console(run(name, "--help"))
    assert out.count("\n") > 20


@pytest.mark.parametrize("words", [("name='Pröbe_中_α'", "--cfg", "job"), ("--hydra-help",)])
def test_what_hydra_prints(console, words: tuple[str, ...]) -> None:
    assert console(run("train", *words))[0]


@pytest.mark.parametrize("word", ["name", "model.breite_β=1", "phantom=würfel_中", f"ckpt={OF_ODD_FILE}"])
def test_refusals(console, word: str) -> None:
    _, err = console(run("evaluate", word, status=2))
    assert "error: " in err
    assert "Traceback" not in err


@pytest.mark.parametrize("console", ["cp1252", "ascii"], indirect=True)
def test_a_scan_is_read(console, example) -> None:
    out, err = console(run("predict", f"input={example.path}", "output_dir='Ausgabe_ü_中'", "method=multi_delay"))
    assert "median CBF" in out
    assert "Traceback" not in err
    assert len(list(Path("Ausgabe_ü_中").rglob("*_cbf.nii.gz"))) == 1


def test_tables_have_the_same_rows_everywhere(console) -> None:
    def tables() -> None:
        speak_plainly()
        scores = {"single_delay": Scores(0.234, -7.04, 0.875, 0.753), "multi_delay": Scores(0.2, 2.94, 0.9, 1.0)}
        print_table(scores, "16 …")
        given = {"optimizer.lr": "1e-3", "name": "ä中"}
        outcomes = [Outcome(0, given, DONE, 0, {"val/nrmse": 0.1}), Outcome(1, given, FAILED, reason="λ → −∞")]
        print_outcomes(outcomes, "2 of 2 runs")

    lines = console(tables)[0].splitlines()
    assert sum("single_delay" in line and "-7.04" in line for line in lines) == 1
    assert sum(line.startswith("run 1 failed: ") for line in lines) == 1


def test_a_warning(console, monkeypatch) -> None:
    def warn() -> None:
        speak_plainly()
        print(warnings.formatwarning(UserWarning("σ of 5 µm … too wide"), UserWarning, "file.py", 1), file=sys.stderr)

    assert " of 5 " in console(warn)[1]


def test_signs_of_the_messages_have_a_spelling() -> None:
    """All that the code prints or may print, but for letters of names."""
    signs = {
        sign
        for folder in ("qtmnet", "simulators", "hydra_plugins", "conf")
        for kind in ("*.py", "*.yaml")
        for path in (ROOT / folder).rglob(kind)
        for sign in path.read_text(encoding="utf-8")
        if (not sign.isascii() and not sign.isalpha()) or sign in "αβγδθλµπρστφψΔΣΦΨΩ"
    }
    assert signs >= {"…", "−", "λ", "³"}
    for sign in signs:
        assert plain(sign).isascii()
        assert plain(sign), sign
        assert "\\" not in plain(sign), f"{sign} has no spelling in qtmnet.process.console.PLAIN"
    assert all(value.isascii() for value in PLAIN.values())


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("−7.04 … 3 × 3 mm³", "-7.04 ... 3 x 3 mm3"),
        ("λ Δ σ µ", "lambda Delta sigma u"),
        ("Müller", "M\\xfcller"),
        ("中", "\\u4e2d"),
        (OF_ODD_FILE, "\\xe4\\xff.nii"),
        ("as it is", "as it is"),
    ],
)
def test_spellings(text: str, spelled: str) -> None:
    assert plain(text) == spelled


def test_what_an_encoding_has_stays_as_it_is() -> None:
    speak_plainly()
    assert "3 × 3, ±1 … Müller, −2 → λ".encode("cp1252", SPELLED).decode("cp1252") == "3 × 3, ±1 … Müller, -2 -> lambda"
    assert OF_ODD_FILE.encode("utf-8", SPELLED) == b"\\xe4\\xff.nii"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", SPELLED)


def test_streams_that_are_closed(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    speak_plainly()
    print("nobody hears")
    assert not sys.stderr.isatty()
    sys.stdout.close()
    sys.stderr.close()


def test_paths_are_shown_from_here(tmp_path: Path, monkeypatch) -> None:
    assert shown(tmp_path / "a" / "b") == os.path.join("a", "b")

    def another_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", another_drive)
    assert shown(tmp_path / "a") == str(tmp_path / "a")


def test_a_whole_process_of_a_system_without_utf_8(tmp_path: Path) -> None:
    """Files are read and written as UTF-8 all the same; `PYTHONUTF8=0` in the C locale is as far from it as can be."""
    system = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONWARNDEFAULTENCODING": "1"}
    words = [sys.executable, str(ROOT / "simulate.py"), "data.dir='Würfel'", "data.n_cubes=0"]
    done = subprocess.run(words, cwd=tmp_path, env=os.environ | system, capture_output=True, check=False)
    told = done.stderr.decode("ascii").splitlines()
    assert done.returncode == 2, told
    assert told[-1].startswith("error: data")
    assert not [line for line in told if "EncodingWarning" in line and f"{ROOT}{os.sep}" in line]


def test_names_that_are_imported_when_used_are_listed_in_ascii() -> None:
    """Their list is read in the system's encoding, by lazy_loader."""
    for package in ("qtmnet", "simulators"):
        assert (ROOT / package / "__init__.pyi").read_text(encoding="utf-8").isascii()
