"""Label in vessels of a parabolic or blunter velocity profile, in closed form.

Blood at the relative radius ρ moves with u(ρ) = ū (b + 2(1 − b)(1 − ρ²)). The bluntness b is 0 in laminar flow and
nears 1 in plug flow; blood at the wall has the velocity b ū. A streamline keeps its ρ at every bifurcation (eq. A2 of
the QTMnet paper, there with b = 0), so where the plug-flow transit time from the labeling plane is τ, its label has the
age s = τ ū/u(ρ), from τ/(2 − b) at the axis to τ/b at the wall. Summed over ρ, the whole tree depends on τ alone. With
label of unit concentration entering from t = 0 on, and t' the lesser of t and τ/b:

    averaged over volume   c_V(t; τ) = 1/(2(1 − b)) ∫_{τ/(2−b)}^t' τ/s² e^(−s/T1) ds
    averaged over flow     c_F(t; τ) = 1/(2(1 − b)) ∫_{τ/(2−b)}^t' τ²/s³ e^(−s/T1) ds

both 0 for t ≤ τ/(2 − b). Their antiderivatives are exponential integrals:

    e_n(s) := ∫_s^∞ x^(−n) e^(−x/T1) dx = E_n(s/T1) / s^(n−1)

All functions broadcast, but over b; times and T1 in s; T1 may be infinite.
"""

import numpy as np
from scipy.special import expn

from simulators.arrays import Array, Float

Numbers = Float[Array, "..."]
"""An array of them, or one if all arguments are."""

STREAMLINE_BUNDLES = 8
"""Bundles of equal flow that stand for the streamlines of a vein."""


def tail_integral(n: int, s: Float[Array, "..."] | float, t1: float) -> Numbers:
    """e_n(s) = ∫_s^∞ x^(−n) e^(−x/T1) dx for n ≥ 2 and s > 0."""
    s = np.asarray(s, float)
    return expn(n, s / t1) / s ** (n - 1)


def density(bluntness: float) -> float:
    """1/(2(1 − b)): the share of a vessel's cross-section that moves within dv of v ū is this times dv."""
    return 1 / (2 * (1 - bluntness))


def oldest(tau: Float[Array, "..."] | float, bluntness: float) -> Numbers:
    """Age τ/b of the label at the wall, s; infinite in laminar flow."""
    tau = np.asarray(tau, float)
    return tau / bluntness if bluntness > 0 else np.full_like(tau, np.inf)


def _between(
    n: int, t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float, bluntness: float
) -> Numbers:
    """∫ x^(−n) e^(−x/T1) dx from τ/(2 − b) to the lesser of t and τ/b, 0 for t ≤ τ/(2 − b)."""
    first = np.asarray(tau, float) / (2 - bluntness)
    until = np.minimum(np.maximum(t, first), oldest(tau, bluntness))
    return tail_integral(n, first, t1) - tail_integral(n, until, t1)


def volume_weighted(
    t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float, bluntness: float = 0.0
) -> Numbers:
    """Step response c_V(t; τ) of the concentration averaged over a vessel's volume, τ > 0."""
    return np.asarray(tau, float) * density(bluntness) * _between(2, t, tau, t1, bluntness)


def flow_weighted(
    t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float, bluntness: float = 0.0
) -> Numbers:
    """Step response c_F(t; τ) of the concentration averaged over a vessel's flow, τ > 0."""
    return np.asarray(tau, float) ** 2 * density(bluntness) * _between(3, t, tau, t1, bluntness)


def inflow(
    t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float, bluntness: float = 0.0
) -> Numbers:
    """Label that has come past τ per unit of flow, ∫_0^t c_F dt' = t c_F − τ c_V, in s, τ > 0."""
    return t * flow_weighted(t, tau, t1, bluntness) - tau * volume_weighted(t, tau, t1, bluntness)


def stored(
    t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float, bluntness: float = 0.0
) -> Numbers:
    """Label between the labeling plane and τ per unit of flow, G = ∫_0^τ c_V dτ', in s, τ ≥ 0, t > 0.

    G(t; τ) = (H(τ; 2 − b) − W(t; τ)) / (2(1 − b)) for τ ≤ (2 − b) t, and its value at τ = (2 − b) t beyond. H is that
    of `held_by_velocity`, and W = ∫_0^τ τ' e_2(min(t, τ'/b)) dτ' is H(τ; b) for τ ≤ b t, where all label has come, and
    H(b t; b) + (τ² − b² t²)/2 e_2(t) beyond. The label in a piece of vessel is F (G(t; τ₂) − G(t; τ₁)).
    """
    t = np.asarray(t, float)
    reached = np.minimum(tau, (2 - bluntness) * t)
    full = np.minimum(reached, bluntness * t)
    missing = held_by_velocity(full, bluntness, t1) + (reached**2 - full**2) / 2 * tail_integral(2, t, t1)
    return density(bluntness) * (held_by_velocity(reached, 2 - bluntness, t1) - missing)


def stored_at(t: Float[np.ndarray, " T"], t1: float, bluntness: float = 0.0) -> tuple[Numbers, Numbers, Numbers]:
    """What of G(t; τ) is the same for all τ, (T,) each: with f = 1/(2(1 − b)) it is

    f H(τ; 2 − b) − f H(τ; b) for τ ≤ b t, f H(τ; 2 − b) − first τ² − second for τ ≤ (2 − b) t, and third beyond.
    """
    wall, tails = bluntness * t, tail_integral(2, t, t1)
    second = density(bluntness) * (held_by_velocity(wall, bluntness, t1) - wall**2 / 2 * tails)
    return density(bluntness) / 2 * tails, second, stored(t, (2 - bluntness) * t, t1, bluntness)


def held_by_velocity(tau: Float[Array, "..."] | float, velocity: float, t1: float) -> Numbers:
    """H(τ; v) = ∫_0^τ τ' e_2(τ'/v) dτ' = v²/2 (∫_0^{τ/v} e^(−s/T1) ds + τ/v E_2(τ/(v T1))), in s, 0 for v = 0."""
    if velocity == 0:
        return np.zeros_like(np.asarray(tau, float))
    age = np.asarray(tau, float) / velocity
    plug = age if np.isinf(t1) else -t1 * np.expm1(-age / t1)
    return velocity**2 / 2 * (plug + age * expn(2, age / t1))


def slope_by_velocity(tau: Float[Array, "..."] | float, velocity: float, t1: float) -> Numbers:
    """dH/dτ = v E_2(τ/(v T1)), 0 for v = 0."""
    if velocity == 0:
        return np.zeros_like(np.asarray(tau, float))
    return velocity * expn(2, np.asarray(tau, float) / velocity / t1)


def stored_for_ever(tau: Float[Array, "..."] | float, t1: float, bluntness: float = 0.0) -> Numbers:
    """G(∞; τ) = (H(τ; 2 − b) − H(τ; b)) / (2(1 − b)), in s."""
    fast, slow = (held_by_velocity(tau, velocity, t1) for velocity in (2 - bluntness, bluntness))
    return density(bluntness) * (fast - slow)


def bundle_delays(n_bundles: int = STREAMLINE_BUNDLES, bluntness: float = 0.0) -> Float[np.ndarray, " n_bundles"]:
    """Mean delay of each bundle of equal flow, relative to plug flow, (n_bundles,), with a mean of 1.

    The streamlines that carry the fraction φ of the flow nearest the axis end where v² = (2 − b)² − 4(1 − b) φ, with
    v = u/ū; the delay 1/v averaged from φ₁ to φ₂ is (v₁ − v₂) / (2(1 − b)(φ₂ − φ₁)). With the delay at the middle of
    each bundle instead, a vein of laminar flow would hold too little label, with 8 bundles by 11 %.
    """
    flow = np.arange(n_bundles + 1) / n_bundles
    edges = np.sqrt(np.maximum((2 - bluntness) ** 2 - 4 * (1 - bluntness) * flow, bluntness**2))
    return (edges[:-1] - edges[1:]) * n_bundles * density(bluntness)
