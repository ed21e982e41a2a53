"""Commands run where there is less than on Linux, and the code asks for nothing that is not everywhere."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("qtmnet", "simulators", "hydra_plugins", "benchmarks", "docs", "tests")
SOURCES = sorted({*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))})


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks into /proc for the files that are open")
def test_commands_need_no_linux(tmp_path: Path, tiny, example) -> None:
    """Training with a process that loads, a shard that grows, a scan that is read; see `other_system.py`."""
    train = ["train.py", *tiny, "data.dir=cubes", "data.shard_size=4", "data.loader_workers=1", "evaluate=false"]
    more = ["simulate.py", "phantom.shape=[8,8,8]", "data.n_cubes=7", "data.dir=cubes", "cluster.n_workers=1"]
    predict = ["predict.py", f"input={example.path}", "output_dir=out", "method=multi_delay"]
    commands = [[str(ROOT / script), *words] for script, *words in (train, more, predict)]
    words = [word for command in commands for word in ("--then", *command)][1:]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "other_system.py"), *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "median CBF" in done.stdout
    assert len(list(tmp_path.glob("runs/train/*/checkpoints/best.ckpt"))) == 1
    left = [path.name for path in tmp_path.rglob(".*") if path.name.endswith((".lock", ".tmp", ".part"))]
    assert left == []


ONLY_SOMEWHERE = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "msvcrt", "winreg"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    """All code of the project, file by file."""
    for path in SOURCES:
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, str]]:
    """Calls, each with the name that is called and what it is called on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node, node.func.attr, ast.unparse(node.func.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node, node.func.id, ""


def test_modules_are_imported_that_are_everywhere() -> None:
    """Those that are not may be imported within a function that can do without."""
    found = []
    for path, tree in trees():
        imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
        found += [f"{path}: {name}" for name in imported & ONLY_SOMEWHERE]
    assert found == []


def test_cores_are_counted_in_one_place() -> None:
    counting = {"cpu_count", "sched_getaffinity", "process_cpu_count"}
    found = {path for path, tree in trees() if any(name in counting for _, name, _ in calls(tree))}
    assert found == {"simulators/machine/cores.py"}


def test_text_has_an_encoding() -> None:
    """That of the system is another on each."""
    bare = [f"{path}:{call.lineno}: {ast.unparse(call)}" for path, tree in trees() for call in without_encoding(tree)]
    assert bare == []


def without_encoding(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that read or write text in whatever encoding the system has."""
    for call, name, of in calls(tree):
        given = {keyword.arg for keyword in call.keywords}
        mode = next((keyword.value for keyword in call.keywords if keyword.arg == "mode"), None)
        mode = mode or next(iter(call.args[0 if of else 1 :]), None)
        as_text = mode is None or (isinstance(mode, ast.Constant) and "b" not in str(mode.value))
        texts = {
            "open": of not in ("os", "gzip", "Image") and as_text,
            "read_text": bool(of),
            "write_text": bool(of and call.args),
        }
        on = {word.arg for word in call.keywords if isinstance(word.value, ast.Constant) and word.value.value is True}
        if (texts.get(name) or on & {"text", "universal_newlines"}) and not given & {"encoding", None}:
            yield call


@pytest.mark.parametrize(
    ("code", "n"),
    [
        ("open('a'); open('a', 'r'); open('a', mode='w'); path.open(); path.open('a')", 5),
        ("open('a', 'rb'); path.open('wb'); os.open('a', 0); open('a', encoding='utf-8'); open('a', mode)", 0),
        ("path.read_text(); path.write_text('a'); subprocess.run([], text=True)", 3),
        ("path.read_text(encoding='utf-8'); subprocess.run([], encoding='utf-8'); path.read_bytes()", 0),
    ],
)
def test_what_has_no_encoding_is_found(code: str, n: int) -> None:
    assert len([*without_encoding(ast.parse(code))]) == n
