"""Numbers and maps as users give them, broadcast over frames and voxels and checked; errors are `InputError`s."""

import numpy as np

from simulators.arrays import Array, ArrayLike, Bool, Float, Shaped
from simulators.errors import InputError


def spread(values: Shaped[np.ndarray, " V"], inside: Bool[Array, "*shape"]) -> Shaped[Array, "*shape"]:
    """Values (V,) of the voxels `inside` as an image of its shape, 0 elsewhere."""
    image = np.zeros(inside.shape, values.dtype)
    image[inside] = values
    return image


def by_frame(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Float[Array, " K *spatial"]:
    """One value, (K,), or anything that broadcasts to (K, *spatial), as (K, *spatial)."""
    values = np.atleast_1d(np.asarray(values, float))
    if len(values) not in (1, shape[0]):
        raise InputError(f"{name}: found {len(values)} for {shape[0]} frames; give one for each frame")
    return fit_to(name, values.reshape(-1, *[1] * (len(shape) - 1)) if values.ndim == 1 else values, shape)


def fit_to(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Values broadcast to the shape."""
    try:
        return np.broadcast_to(np.asarray(values, float), shape)
    except ValueError:
        raise InputError(f"{name}: found shape {np.shape(values)} for {shape}; give one number or that shape") from None


def seconds(
    name: str,
    values: ArrayLike,
    shape: tuple[int, ...],
    inside: Bool[Array, "*spatial"] | None = None,
    lowest: float = 0.01,
) -> Float[Array, "..."]:
    """Values broadcast to the shape, taken inside the mask, and there within `lowest` to 20 s."""
    times = fit_to(name, values, shape)
    times = times if inside is None else times[..., inside]
    bad = times[~((times >= lowest) & (times <= 20))]
    if bad.size:
        mend = f"give seconds from {lowest:g} to 20, not ms, or mask such voxels out"
        raise InputError(f"{name}: found {bad[0]:g} in {bad.size} of {times.size} values; {mend}")
    return times


def positive(name: str, value: float) -> float:
    """The number, if it is above 0."""
    if not value > 0:
        raise InputError(f"{name}: found {value}; give a number above 0")
    return float(value)
