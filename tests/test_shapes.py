"""Shapes and classes of arguments and results are checked while tests run, and cost nothing elsewhere."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import jaxtyping
import numpy as np
import pytest

from qtmnet.evaluation.metrics import similarity_map
from simulators.tissue.perfusion import flow_from_perfusion
from simulators.transport.step_response import StepResponse
from tests.shapes import modules_with_shapes

ROOT = Path(__file__).parents[1]
CUBE = np.ones((4, 5, 6))


@pytest.mark.parametrize(
    ("perfusion", "voxel"),
    [(CUBE, np.ones(2)), (CUBE, np.ones((1, 3))), (CUBE.astype(int), np.ones(3)), (CUBE.tolist(), np.ones(3))],
    ids=["two edges", "another rank", "integers", "a list"],
)
def test_an_argument_of_another_shape_or_class_is_refused(perfusion: object, voxel: np.ndarray) -> None:
    assert flow_from_perfusion(CUBE, np.ones(3)).shape == CUBE.shape
    with pytest.raises(jaxtyping.TypeCheckError):
        flow_from_perfusion(perfusion, voxel)


def test_axes_of_one_name_are_of_one_length() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        similarity_map(CUBE, CUBE[:3], CUBE > 0)
    response = np.zeros((2, 4, 5, 6), np.float32)
    StepResponse(np.array([1.0, 2.0]), response, response, (1, 1, 1))
    with pytest.raises(jaxtyping.TypeCheckError):
        StepResponse(np.array([1.0, 2.0, 3.0]), response, response, (1, 1, 1))


@pytest.mark.parametrize("name", modules_with_shapes())
def test_every_module_with_shapes_is_held_to_them(name: str) -> None:
    module = importlib.import_module(name)
    own = [
        value
        for value in vars(module).values()
        if inspect.isfunction(value) and value.__module__ == name and value.__annotations__
    ]
    assert own
    assert all(hasattr(function, "__wrapped__") for function in own)


def test_commands_run_without_jaxtyping() -> None:
    names = modules_with_shapes()
    assert len(names) > 5
    code = (
        "import sys; sys.modules['jaxtyping'] = sys.modules['beartype'] = None; del sys.modules['jaxtyping']; "
        f"import importlib; [importlib.import_module(name) for name in {names}]; "
        "print([name for name in ('jaxtyping', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
