"""What can be typed, and how it ends: results, or one line; never a traceback, never something left behind."""

import errno
import os
import sys
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from qtmnet import __main__
from qtmnet.commands import predict as prediction
from qtmnet.commands.endings import DEBUG
from qtmnet.process import invocation
from simulators.errors import InputError

REFUSED = ("train", "data.n_cubes=0")
"""A command that is refused before it has done anything."""


def console(monkeypatch, capsys, *words: str) -> tuple[int, str, str]:
    """`qtmnet …` in this process: status and what it printed."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/qtmnet", *words])
    GlobalHydra.instance().clear()
    status = 0
    try:
        __main__.main()
    except SystemExit as end:
        status = int(end.code or 0)
    return (status, *capsys.readouterr())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["=x"], "no setting is named"),
        (["~"], "no setting is named"),
        (["++"], "no setting is named"),
        ([""], "an empty word"),
        (["seed"], "seed: no value"),
        (["~seed"], "seed: "),
        (["model@x=unet_cbam"], "model: "),
        (["data.snr=[1,2"], "data.snr=[1,2: cannot be read"),
        (["name=a'b"], "cannot be read"),
        (["seed=" + "1" * 5000], "cannot be read"),
        (["seed=" + "1" * 30000], "30,005 characters"),
        (["data.snr=" + "[" * 300], "brackets within each other"),
        (["seed=1"] * 2000, "2000 words"),
        (["a\0b=1"], "NUL"),
        (["data.x=\udcff"], "not UTF-8"),
        (["name=" + "a" * 300], "name: found 'aaaa"),
        (["name="], "name: found ''"),
        (["name=../up"], "name: found '../up'"),
        (["hydra.run.dir=file"], "file: "),
        (["hydra.run.dir=file/run"], "file/run: "),
        (["hydra.run.dir=" + "a" * 300], "name too long"),
        (["hydra.verbose=3"], "configuration: "),
        (["@x=1"], "no setting is named"),
        (["--config-dir", "nowhere"], "no such folder"),
        (["--config-dir", "file"], "not a folder"),
        (["--config-dir"], "nothing behind it"),
        (["--config-name", "nothing"], "no such configuration"),
        (["--cfg", "jib"], "found jib; give one of job"),
        (["--cfg"], "found nothing"),
        (["-m"], "nothing to sweep"),
        (["-m", "--cfg", "job"], "give one of them"),
        (["--resolve"], "goes with --cfg"),
        (["--experimental-rerun", "x"], "no such flag"),
        (["--", "path"], "path: no value"),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, list) else None,
)
def test_an_odd_line_is_refused_in_one(command, tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "file").touch()
    outcome = command("train", *words)
    assert outcome.status == 2, outcome.err
    assert len(outcome.told) == 1, outcome.err
    assert outcome.told[0].startswith("error: ")
    assert told in outcome.told[0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "input: not given; python predict.py INPUT OUTPUT"),
        (["in"], "output_dir: not given; python predict.py INPUT OUTPUT"),
        (["input=null", "output_dir=out"], "input: not given"),
        (["in", "out", "more"], "more: a path too many"),
        (["metod=single_delay", "in", "out"], "did you mean method?"),
        (["-in", "out"], "after --, as in python predict.py -- -in"),
        (["--", "-in", "out"], "-in: no such file"),
        (["scans, [1]/${x}/it's=#1&~", "out"], "scans, [1]/${x}/it's=#1&~: no such file"),
    ],
)
def test_predict_takes_two_paths(command, tmp_path: Path, words: list[str], told: str) -> None:
    outcome = command("predict", "method=single_delay", *words)
    assert outcome.status == 2, outcome.err
    assert len(outcome.told) == 1, outcome.err
    assert told in outcome.told[0]
    assert not list(tmp_path.iterdir())


def test_predict_writes_into_its_output_alone(command, example, tmp_path: Path, monkeypatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    scan = example.path.parents[1].rename(tmp_path / "Müller, 2nd [visit] = ${x} #'1'") / example.path.parent.name
    out = tmp_path / "maps ü,=[]" / "123"
    outcome = command("predict", str(scan), str(out), "method=multi_delay")
    assert outcome.status == 0, outcome.err
    assert not list(elsewhere.iterdir())
    assert {path.name for path in out.iterdir()} == {"dataset_description.json", ".bidsignore", "sub-01"}
    assert (out / "sub-01/perf/sub-01_cbf.nii.gz").exists()


def test_a_folder_that_is_gone(command, tmp_path: Path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    try:
        gone.rmdir()
    except OSError:
        pytest.skip("this system keeps the folder that one is in")
    assert command(*REFUSED).told == ["error: the folder that you are in is no longer there; change to another one"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "too little memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "too little memory",
        ),
        (OSError(errno.ENOSPC, "no space", "a/b"), "a/b: cannot be written (no space)"),
        (OSError(errno.EISDIR, "Is a directory", "a/b"), "a/b: is a directory"),
        (OSError(errno.ENAMETOOLONG, "File name too long", b"a\xff"), "a\\xff: file name too long"),
        (OSError(errno.ELOOP, "Too many levels", "a"), "a: too many levels"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "text that is not UTF-8"),
        (InputError("x: found 1"), "x: found 1"),
    ],
)
def test_what_can_be_mended_is_one_line(command, tmp_path: Path, monkeypatch, error: Exception, line: str) -> None:
    monkeypatch.setattr(prediction, "predict", _raising(error))
    outcome = command("predict", "in", "out")
    assert outcome.status == 2
    (told,) = outcome.told
    assert told.startswith(f"error: {line}")
    assert not list(tmp_path.iterdir())


def test_a_fault_is_one_line_and_its_details_are_kept(command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(prediction, "predict", _raising(KeyError("no such\nthing")))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    outcome = command("predict", "in", "out", "t1_blood=1.6")
    assert outcome.status == 1
    (told,) = outcome.told
    assert told.startswith(
        "error: a fault of the program, not of yours: KeyError: 'no such\\nthing'; details to report: "
    )
    (kept,) = tmp_path.iterdir()
    assert told.endswith(str(kept))
    details = kept.read_text(encoding="utf-8")
    assert details.startswith("command: python predict.py in out t1_blood=1.6\nqtmnet: qtmnet ")
    assert "Traceback" in details
    assert "in fail" in details


def test_a_fault_where_nothing_can_be_written(command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(prediction, "predict", _raising(RecursionError("too deep")))
    monkeypatch.setattr("tempfile.mkstemp", _raising(FileNotFoundError(errno.ENOENT, "no folder for temporary files")))
    outcome = command("predict", "in", "out")
    assert outcome.status == 1
    (told,) = outcome.told
    assert "details to report: " in told
    assert "in fail" in told


def test_a_fault_of_a_run_is_kept_in_its_folder(command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("qtmnet.commands.simulate.simulate", _raising(ZeroDivisionError("division by zero")))
    outcome = command("simulate", "data.n_cubes=2")
    assert outcome.status == 1
    (kept,) = tmp_path.glob("runs/simulate/*/error.txt")
    assert outcome.told[0].endswith(str(kept.relative_to(tmp_path)))
    assert "settings: data.n_cubes=2\n" in kept.read_text(encoding="utf-8")


def test_an_interruption_is_one_line(command, monkeypatch) -> None:
    monkeypatch.setattr(prediction, "predict", _raising(KeyboardInterrupt()))
    outcome = command("predict", "in", "out")
    assert (outcome.status, outcome.told) == (130, ["interrupted; run the same command again to go on"])
    monkeypatch.setattr("qtmnet.commands.cli.run_command", None)
    monkeypatch.delitem(sys.modules, "qtmnet.commands.cli")
    monkeypatch.setattr("builtins.__import__", _interrupted_at("qtmnet.commands.cli", __import__))
    outcome = command("predict", "in", "out")
    assert (outcome.status, outcome.told) == (130, ["interrupted"])


def test_a_traceback_for_those_who_ask(command, monkeypatch) -> None:
    monkeypatch.setattr(prediction, "predict", _raising(KeyError("x")))
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(KeyError):
        command("predict", "in", "out")


def test_the_console_command(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert console(monkeypatch, capsys, "--version")[:2] == (0, "qtmnet 0.4.0\n")
    assert console(monkeypatch, capsys, "train", "--version")[:2] == (0, "qtmnet 0.4.0\n")
    assert "qtmnet predict INPUT OUTPUT" in console(monkeypatch, capsys, "--help")[1]
    assert console(monkeypatch, capsys)[0] == 0
    assert console(monkeypatch, capsys, "trian") == (
        2,
        "",
        "error: trian: no such command; did you mean qtmnet train?\n",
    )
    shown = console(monkeypatch, capsys, "predict", "--help")[1]
    assert shown.startswith("qtmnet predict INPUT OUTPUT")
    assert "python" not in shown
    status, _, told = console(monkeypatch, capsys, "train", "qwertz=1")
    assert (status, told) == (2, "error: qwertz: no such setting; qtmnet train --cfg job shows what there is\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argv", "train", "predict"),
    [
        (["train.py", "seed=1"], "python train.py", "python predict.py"),
        (["/elsewhere/train.py"], "python train.py", "python predict.py"),
        (["/env/bin/qtmnet", "train"], "qtmnet train", "qtmnet predict"),
        (["/site-packages/qtmnet/__main__.py", "train"], "python -m qtmnet train", "python -m qtmnet predict"),
        (["my/train_plain.py"], "python train_plain.py", "qtmnet predict"),
    ],
)
def test_messages_name_the_command_that_was_used(monkeypatch, argv: list[str], train: str, predict: str) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    with invocation.called("train"):
        assert invocation.this() == train
        assert invocation.command("predict") == predict
        assert invocation.as_called("first python train.py a=1") == f"first {invocation.command('train')} a=1"
    assert invocation.command("train") == "qtmnet train"  # nothing runs


def test_a_line_can_be_typed_again(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/env/bin/qtmnet", "predict", "a b", "x=1", "--", "-out"])
    with invocation.called("predict"):
        assert invocation.line("y=[2]", without="x=") == "qtmnet predict 'a b' 'y=[2]' -- -out"


def _raising(error: BaseException):
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def _interrupted_at(module: str, import_it):
    def load(name: str, *rest: object, **more: object):
        if name == module:
            raise KeyboardInterrupt
        return import_it(name, *rest, **more)

    return load


def test_what_a_folder_of_ones_own_adds(command, tmp_path: Path) -> None:
    (tmp_path / "my conf" / "optimizer").mkdir(parents=True)
    (tmp_path / "my conf" / "optimizer" / "slow.yaml").write_text(
        "defaults:\n  - adamw\nlr: 1.0e-5\n", encoding="utf-8"
    )
    shown = command("train", "--config-dir", "my conf", "optimizer=slow", "--cfg", "job")
    assert shown.status == 0, shown.err
    assert "lr: 1.0e-05" in shown.out
    (tmp_path / "my conf" / "optimizer" / "slow.yaml").write_text("a: [1\n", encoding="utf-8")
    outcome = command("train", "--config-dir", "my conf", "optimizer=slow")
    assert outcome.status == 2
    assert len(outcome.told) == 1
    assert "slow.yaml" in outcome.told[0]
    assert os.listdir(tmp_path) == ["my conf"]
