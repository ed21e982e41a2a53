"""The estimator: scales, the linear start, and what a checkpoint may build."""

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from qtmnet.methods.network.estimator import PERFUSION_SCALE, Estimator, Recipe
from simulators import Acquisition, Block, CubeParameters, InputError, Labeling
from simulators.imaging.labeling.base import Frame

RECIPE = Recipe(
    network={"_target_": "qtmnet.methods.network.unet_cbam.UNetCBAM", "base_channels": 8},
    normalization="calibrated",
    acquisition=Acquisition(),
    phantom=CubeParameters(),
    simulator={"name": "NumbaSimulator"},
    seed=0,
    snr=None,
    linear_start=True,
)
TIMED = replace(RECIPE, acquisition=Acquisition(slice_timing=tuple(0.1 * k for k in range(6))))


def samples(n: int, *, timed: bool) -> list[dict[str, torch.Tensor]]:
    """Frames that differ little, as delays do, and a perfusion that hangs on their differences and the slice time."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(n):
        common = rng.uniform(0, 0.01, (1, 5, 4, 6))
        frames = common + 0.001 * rng.standard_normal((4, 5, 4, 6))
        time = np.broadcast_to(0.1 * np.arange(6), (1, 5, 4, 6)) * timed
        perfusion = 4e3 * frames[1] - 3e3 * frames[3] * (1 + time[0]) + rng.standard_normal((5, 4, 6))
        made.append(
            {
                name: torch.as_tensor(np.array(value), dtype=torch.float32)
                for name, value in (("concentration", frames), ("slice_time", time), ("cbf", perfusion[None]))
            }
        )
    return made


@pytest.mark.parametrize(("recipe", "timed"), [(RECIPE, False), (TIMED, True)])
def test_linear_start_is_the_least_squares_estimate(recipe: Recipe, timed: bool) -> None:
    estimator = Estimator(recipe)
    given = samples(6, timed=timed)
    estimator.start_from(given)
    torch.nn.init.zeros_(estimator.network.head.weight)
    torch.nn.init.zeros_(estimator.network.head.bias)
    frames = np.concatenate([s["concentration"].reshape(4, -1).numpy().T for s in given]).astype(float)
    time = np.concatenate([s["slice_time"].reshape(1, -1).numpy().T for s in given])
    features = np.concatenate([frames, frames * time], 1) if timed else frames
    truth = np.concatenate([s["cbf"].reshape(-1).numpy() for s in given])
    expected = features @ np.linalg.lstsq(features, truth, rcond=None)[0]
    found = np.concatenate(
        [
            PERFUSION_SCALE * estimator(s["concentration"][None], s["slice_time"][None]).detach().numpy().ravel()
            for s in given
        ]
    )
    # float32 sums, and a ridge of a millionth
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
    assert np.linalg.norm(found - truth) < 0.2 * np.linalg.norm(truth)


def test_frames_are_decorrelated() -> None:
    estimator = Estimator(RECIPE)
    given = samples(6, timed=False)
    estimator.start_from(given)
    frames = torch.cat([s["concentration"].reshape(4, -1) for s in given], 1) * 100
    mixed = estimator.decorrelation @ frames
    moment = (mixed @ mixed.T / mixed.shape[1]).numpy()
    np.testing.assert_allclose(moment, np.eye(4), atol=1e-3)


def test_global_max_ignores_the_scale_and_calibrated_does_not() -> None:
    torch.manual_seed(0)
    frames = np.random.default_rng(0).uniform(0, 0.01, (4, 8, 8, 8))
    calibrated = Estimator(replace(RECIPE, linear_start=False))
    relative = Estimator(replace(RECIPE, linear_start=False, normalization="global_max"))
    np.testing.assert_allclose(relative.perfusion(3 * frames), relative.perfusion(frames), rtol=1e-4, atol=1e-4)
    assert np.abs(calibrated.perfusion(3 * frames) - calibrated.perfusion(frames)).max() > 1e-3


def test_an_image_without_signal_is_no_division_by_zero() -> None:
    estimator = Estimator(replace(RECIPE, linear_start=False, normalization="global_max"))
    assert np.isfinite(estimator.perfusion(np.zeros((4, 8, 8, 8)))).all()


def test_recipe_survives_as_plain_data() -> None:
    plain = TIMED.plain()
    assert Recipe.from_plain(plain) == TIMED
    with pytest.raises(InputError, match="_target_"):
        Recipe.from_plain(plain | {"network": {"_target_": "os.system"}})


def test_a_recipe_of_version_0_2_0_is_read() -> None:
    plain = TIMED.plain()
    protocol = dict(plain["acquisition"])  # type: ignore[call-overload]
    protocol["labeling_duration"] = protocol.pop("labeling")["duration"]
    assert Recipe.from_plain(plain | {"acquisition": protocol}) == TIMED


def test_a_labeling_of_ones_own_is_kept_as_its_boluses() -> None:
    """The checkpoint names no class of it, and is read without."""

    @dataclass(frozen=True)
    class Mine(Labeling):
        def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
            return tuple((Block(0.5, delay + 1.0), Block(0.5, delay)) for delay in delays)

    recipe = replace(RECIPE, acquisition=Acquisition(Mine(), (1.0, 1.5)))
    found = Recipe.from_plain(recipe.plain())
    assert found.acquisition.frames == recipe.acquisition.frames
    assert found.in_channels == 2
    assert found.plain() == recipe.plain()


def changed(name: str, value: object) -> dict[str, object]:
    """The plain recipe with one field changed, by its dotted name; `...` takes it out."""
    plain = copy.deepcopy(TIMED.plain())
    *parents, last = name.split(".")
    holder: Any = plain
    for parent in parents:
        holder = holder[parent]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return plain


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", [1]),
        ("network", ...),
        ("network._target_", ...),
        ("network._target_", ["os.system"]),
        ("network.base_channels", float("nan")),
        ("network.base_channels", "8"),
        ("network.base_channels", 2.5),
        ("network.levels", 10**7),
        ("network.in_channels", 4),
        ("network.depth", 4),
        ("normalization", ["calibrated"]),
        ("acquisition", ...),
        ("acquisition", "paper"),
        ("acquisition.voxel_size_mm", (2.0, 2.0)),
        ("acquisition.voxel_size_mm", "abc"),
        ("acquisition.tr", 4.0),
        ("acquisition.post_labeling_delays", [1.0] * 10_000),
        ("phantom", None),
        ("phantom.shape", (2000, 2000, 2000)),
        ("phantom.perfusion_range", (0.0, 1.0, 2.0, 3.0)),
        ("phantom.inlet_delay", (2.0, 1.0)),
        ("phantom.t1_blood", float("nan")),
        ("simulator", "numba"),
        ("seed", "x"),
        ("seed", -1),
        ("snr", {"low": 2}),
        ("snr", (20.0, 2.0)),
        ("linear_start", "yes"),
        ("colour", "red"),
    ],
)
def test_a_recipe_of_a_stranger_is_refused_by_its_field(name: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.from_plain(changed(name, value))
    assert str(caught.value).startswith((f"{name}: ", f"{name}."))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("plain", [None, "recipe", 3, [], {}, {1: 2}])
def test_what_is_no_recipe_is_refused(plain: object) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$"):
        Recipe.from_plain(plain)


@pytest.mark.parametrize("name", ["phantom.t1_blood", "acquisition.slice_timing", "linear_start"])
def test_what_an_older_version_did_not_keep_takes_its_default(name: str) -> None:
    recipe: object = Recipe.from_plain(changed(name, ...))
    for part in name.split("."):
        recipe = getattr(recipe, part)
    assert recipe in (1.65, (), False)


@pytest.mark.parametrize(
    ("network", "line"),
    [({"base_channels": 256, "levels": 6}, "parameters; give fewer channels"), ({"out_channels": 2}, "2 outputs")],
)
def test_a_network_is_looked_at_before_memory_is_taken_for_it(network: dict, line: str) -> None:
    with pytest.raises(InputError, match=line):
        Estimator(replace(RECIPE, network={**RECIPE.network, **network}))


def test_slice_time_changes_the_estimate_of_a_timed_network_only() -> None:
    torch.manual_seed(0)
    frames = np.random.default_rng(0).uniform(0, 0.01, (4, 8, 8, 6))
    times = np.linspace(0, 0.5, 6)
    timed, plain = Estimator(TIMED), Estimator(RECIPE)
    assert np.abs(timed.perfusion(frames, times) - timed.perfusion(frames)).max() > 1e-4
    np.testing.assert_array_equal(plain.perfusion(frames, times), plain.perfusion(frames))


def test_mixed_precision_keeps_the_differences_between_frames() -> None:
    estimator = Estimator(RECIPE)
    given = samples(3, timed=False)
    estimator.start_from(given)
    torch.nn.init.zeros_(estimator.network.head.weight)
    torch.nn.init.zeros_(estimator.network.head.bias)
    frames, time = given[0]["concentration"][None], given[0]["slice_time"][None]
    full = estimator(frames, time)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = estimator(frames, time)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, full)
