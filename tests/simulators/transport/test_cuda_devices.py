"""Where kernels run: what is said where they cannot, and what the CUDA compiler makes of them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from simulators import CupySimulator, InputError
from simulators.transport.cuda import devices


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    (line,) = str(error.value).splitlines()
    return line


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(InputError) as error:
        devices.CudaDevice()
    assert "pip install 'qtmnet[cuda]'" in one_line(error)
    assert "simulator=numba" in one_line(error)


class NoDriverError(RuntimeError):
    pass


@pytest.mark.parametrize("count", [0, NoDriverError("cudaErrorNoDevice: no CUDA-capable device is detected")])
def test_without_a_gpu(monkeypatch, count):
    def device_count():
        if isinstance(count, Exception):
            raise count
        return count

    runtime = SimpleNamespace(getDeviceCount=device_count, CUDARuntimeError=NoDriverError)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    with pytest.raises(InputError) as error:
        devices.CudaDevice()
    assert re.match("device: found cuda, but no GPU.*simulator=numba", one_line(error))


def test_without_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"^device: found host, but no g\+\+ .*simulator=numba$"):
        devices.compiled_for_host()
    assert list(tmp_path.rglob("*.so")) == []


def test_without_a_folder_to_write(monkeypatch, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(occupied))
    with pytest.raises(InputError, match=r"^XDG_CACHE_HOME: .* cannot be written .*; set"):
        devices.compiled_for_host()


def test_sources_that_do_not_compile(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    broken = tmp_path / "broken.cu"
    broken.write_text("int f( {}", encoding="utf-8")
    monkeypatch.setattr(devices, "SOURCES", (broken,))
    with pytest.raises(InputError) as error:
        devices.compiled_for_host()
    assert one_line(error).startswith("device: g++ cannot compile the kernels (")
    assert list(tmp_path.rglob("*.so")) == []


def test_kernels_are_compiled_once(kernels, monkeypatch):
    devices.open_device("host")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert devices.compiled_for_host().exists()


def test_a_device_that_is_none():
    with pytest.raises(InputError, match=r"^device: found 'tpu'; give one of cuda, host$"):
        CupySimulator(device="tpu")


def usage(report: str) -> dict[str, tuple[int, int]]:
    """Registers and bytes of memory for spilled registers and stack, by kernel, from what ptxas reports."""
    pattern = (
        r"entry function '(\w+)'.*?(\d+) bytes stack.*?(\d+) bytes spill st.*?(\d+) bytes spill l.*?Used (\d+) reg"
    )
    found = re.findall(pattern, report, re.DOTALL)
    return {name: (int(registers), int(stack) + int(st) + int(ld)) for name, stack, st, ld, registers in found}


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_the_cuda_compiler_spills_nothing(architecture: str, tmp_path: Path):
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("no nvcc")
    together = tmp_path / "kernels.cu"  # as CuPy compiles them
    together.write_text("\n".join(path.read_text(encoding="utf-8") for path in devices.SOURCES), encoding="utf-8")
    target = (f"-arch={architecture}", "-cubin", "-Werror=all-warnings", "-Xptxas", "-v", "-o", tmp_path / "cubin")
    outcome = subprocess.run(
        [nvcc, "-std=c++17", f"-I{devices.FOLDER}", *target, together],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    found = usage(outcome.stderr)
    names = re.findall(r"^KERNEL\((\w+)", together.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(found) == sorted(names)
    for name in names:
        print(f"{name}: {found[name][0]} registers")
        assert found[name][1] == 0, name
