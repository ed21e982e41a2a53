"""The estimator: scales, the linear start, and what a checkpoint may build."""

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from qtmnet.methods.base import Frames
from qtmnet.methods.network.accepts import Accepts
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.estimator import Estimator
from qtmnet.quantities import CBF
from simulators import Acquisition, Block, InputError, Labeling
from simulators.imaging.labeling.base import Frame
from tests.qtmnet.networks import described

PLAIN = described(network={"base_channels": 8}, linear_start=True)
TIMED = replace(PLAIN, accepts=Accepts(Acquisition(slice_timing=tuple(0.1 * k for k in range(6)))))


def cbf(estimator: Estimator, frames: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """The map of frames (K, X, Y, Z), of slices that are read at times (Z,)."""
    timing = () if times is None else tuple(times.tolist())
    acquisition = replace(estimator.description.acquisition, slice_timing=timing)
    return estimator.maps(Frames(frames, acquisition))["cbf"]


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


@pytest.mark.parametrize(("network", "timed"), [(PLAIN, False), (TIMED, True)])
def test_linear_start_is_the_least_squares_estimate(network: Description, timed: bool) -> None:
    estimator = Estimator(network)
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
            CBF.scale * estimator({name: image[None] for name, image in s.items()}).detach().numpy().ravel()
            for s in given
        ]
    )
    # float32 sums, and a ridge of a millionth
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
    assert np.linalg.norm(found - truth) < 0.2 * np.linalg.norm(truth)


def test_a_bound_starts_from_the_linear_estimate_of_its_map() -> None:
    estimator = Estimator(replace(PLAIN, outputs=("cbf", "cbf_low")))
    estimator.start_from(samples(3, timed=False))
    assert estimator.linear.weight[0].any()
    torch.testing.assert_close(estimator.linear.weight[1], estimator.linear.weight[0])
    assert estimator.description.truths == ("cbf",)


def test_frames_are_decorrelated() -> None:
    estimator = Estimator(PLAIN)
    given = samples(6, timed=False)
    estimator.start_from(given)
    frames = torch.cat([s["concentration"].reshape(4, -1) for s in given], 1) * 100
    mixed = estimator.decorrelation @ frames
    moment = (mixed @ mixed.T / mixed.shape[1]).numpy()
    np.testing.assert_allclose(moment, np.eye(4), atol=1e-3)


def test_what_is_beyond_the_limit_grows_as_its_logarithm_and_what_is_below_stays() -> None:
    """Continuous, odd, with a slope that has no step, and three hundred times the limit is 6.7 of it."""
    estimator = Estimator(replace(PLAIN, compress_beyond=3.0))
    x = torch.tensor([-900.0, -3.0, 0.0, 0.1, 2.999, 3.001, 900.0], dtype=torch.float64).reshape(1, 1, -1, 1, 1)
    found = estimator._compressed(x).flatten()
    expected = [-3 * (1 + math.log(300)), -3.0, 0.0, 0.1, 2.999, 3.001, 3 * (1 + math.log(300))]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_great_vessel_far_beyond_training_leaves_the_estimate_bounded() -> None:
    """What one voxel of three hundred times the frames adds to the linear estimate: a few times, not three hundred."""
    found = {}
    for limit in (None, 3.0):
        estimator = Estimator(replace(PLAIN, compress_beyond=limit))
        given = samples(3, timed=False)
        estimator.start_from(given)
        features = estimator._decorrelated(estimator._scaled(300 * given[0]["concentration"][None]))
        found[limit] = estimator.linear(features).abs().max().item()
    assert found[3.0] < 0.1 * found[None]


@pytest.mark.parametrize("timed", [False, True])
def test_a_mean_over_mirror_images_is_mirrored_as_the_image_is(timed: bool) -> None:
    """Of any axes; and it is the mean of what the network makes of each by itself."""
    torch.manual_seed(1)
    description = replace(TIMED if timed else PLAIN, linear_start=False)
    alone, averaged = Estimator(description).eval(), Estimator(replace(description, average_mirrored=True)).eval()
    averaged.load_state_dict(alone.state_dict())
    (sample,) = samples(1, timed=timed)
    given = {name: sample[name][None] for name in averaged.sample_channels()}
    found = averaged._estimate(given)
    for axes in ((2,), (4,), (2, 3, 4)):
        mirrored = {name: image.flip(axes) for name, image in given.items()}
        torch.testing.assert_close(averaged._estimate(mirrored), found.flip(axes), rtol=1e-4, atol=1e-6)
        assert not torch.allclose(alone(mirrored), alone(given).flip(axes), rtol=1e-2)
    mean = sum(
        alone({name: image.flip(axes) for name, image in given.items()}).flip(axes)
        for axes in ((), (2,), (3,), (4,), (2, 3), (2, 4), (3, 4), (2, 3, 4))
    )
    torch.testing.assert_close(found, mean / 8, rtol=1e-4, atol=1e-6)


def test_global_max_ignores_the_scale_and_calibrated_does_not() -> None:
    torch.manual_seed(0)
    frames = np.random.default_rng(0).uniform(0, 0.01, (4, 8, 8, 8))
    calibrated = Estimator(replace(PLAIN, linear_start=False))
    relative = Estimator(replace(PLAIN, linear_start=False, normalization="global_max"))
    np.testing.assert_allclose(cbf(relative, 3 * frames), cbf(relative, frames), rtol=1e-4, atol=1e-4)
    assert np.abs(cbf(calibrated, 3 * frames) - cbf(calibrated, frames)).max() > 1e-3


def test_an_image_without_signal_is_no_division_by_zero() -> None:
    estimator = Estimator(replace(PLAIN, linear_start=False, normalization="global_max"))
    assert np.isfinite(cbf(estimator, np.zeros((4, 8, 8, 8)))).all()


def test_description_survives_as_plain_data() -> None:
    plain = TIMED.plain()
    assert Description.from_plain(plain) == TIMED
    with pytest.raises(InputError, match="_target_"):
        Description.from_plain(plain | {"network": {"_target_": "os.system"}})


def test_a_labeling_of_ones_own_is_kept_as_its_boluses() -> None:
    """The checkpoint names no class of it, and is read without."""

    @dataclass(frozen=True)
    class Mine(Labeling):
        def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
            return tuple((Block(0.5, delay + 1.0), Block(0.5, delay)) for delay in delays)

    network = replace(PLAIN, accepts=Accepts(Acquisition(Mine(), (1.0, 1.5))))
    found = Description.from_plain(network.plain())
    assert found.acquisition.frames == network.acquisition.frames
    assert found.in_channels == 2
    assert found.plain() == network.plain()


def changed(name: str, value: object) -> dict[str, object]:
    """The plain description with one field changed, by its dotted name; `...` takes it out."""
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
        ("network.out_channels", 1),
        ("inputs", ...),
        ("inputs", ["frames"]),
        ("inputs", {}),
        ("inputs.frames", "frames"),
        ("inputs.frames._target_", "os.system"),
        ("inputs.frames.width", 3),
        ("outputs", ...),
        ("outputs", "cbf"),
        ("outputs", []),
        ("outputs", ["cbf", "cbf"]),
        ("outputs", ["flow"]),
        ("outputs", ["cbf_sd"]),
        ("outputs", ["cbf_sd", "cbf"]),
        ("outputs", ["cbf", "att_sd"]),
        ("outputs", ["cbf", "att_low"]),
        ("outputs", ["cbf_low", "cbf"]),
        ("outputs", ["cbf", "outside"]),
        ("accepts", ...),
        ("accepts", "all"),
        ("accepts.acquisition", ...),
        ("accepts.acquisition", "paper"),
        ("accepts.acquisition.voxel_size_mm", (2.0, 2.0)),
        ("accepts.acquisition.voxel_size_mm", "abc"),
        ("accepts.acquisition.tr", 4.0),
        ("accepts.acquisition.post_labeling_delays", [1.0] * 10_000),
        ("trained", "for long"),
        ("trusted", ["plain.PlainNetwork"]),
        ("linear_start", "yes"),
        ("colour", "red"),
    ],
)
def test_a_description_of_a_stranger_is_refused_by_its_field(name: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        Description.from_plain(changed(name, value))
    assert str(caught.value).startswith((f"{name}: ", f"{name}."))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("plain", [None, "recipe", 3, [], {}, {1: 2}])
def test_what_is_no_description_is_refused(plain: object) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$"):
        Description.from_plain(plain)


@pytest.mark.parametrize("name", ["trained", "accepts.acquisition.slice_timing", "linear_start"])
def test_what_an_older_version_did_not_keep_takes_its_default(name: str) -> None:
    value: object = Description.from_plain(changed(name, ...))
    for part in name.split("."):
        value = getattr(value, part)
    assert value in ({}, (), False)


def test_a_network_is_looked_at_before_memory_is_taken_for_it() -> None:
    with pytest.raises(InputError, match="parameters; give fewer channels"):
        Estimator(replace(PLAIN, network={**PLAIN.network, "base_channels": 256, "levels": 6}))


def test_slice_time_changes_the_estimate_of_a_timed_network_only() -> None:
    torch.manual_seed(0)
    frames = np.random.default_rng(0).uniform(0, 0.01, (4, 8, 8, 6))
    times = np.linspace(0, 0.5, 6)
    timed, plain = Estimator(TIMED), Estimator(PLAIN)
    assert np.abs(cbf(timed, frames, times) - cbf(timed, frames)).max() > 1e-4
    np.testing.assert_array_equal(cbf(plain, frames, times), cbf(plain, frames))


def test_mixed_precision_keeps_the_differences_between_frames() -> None:
    estimator = Estimator(PLAIN)
    given = samples(3, timed=False)
    estimator.start_from(given)
    torch.nn.init.zeros_(estimator.network.head.weight)
    torch.nn.init.zeros_(estimator.network.head.bias)
    sample = {name: image[None] for name, image in given[0].items()}
    full = estimator(sample)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = estimator(sample)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, full)
