"""Label in laminar vessels, in closed form.

In parabolic flow u(ρ) = 2ū(1 − ρ²) a streamline keeps its relative radius ρ at every bifurcation (eq. A2 of
the QTMnet paper), so where the plug-flow transit time from the labeling plane is τ, its label has the age
s = τ / (2(1 − ρ²)). Summed over ρ, the whole tree depends on τ alone. With label of unit concentration
entering from t = 0 on:

    averaged over volume   c_V(t; τ) = ∫_{τ/2}^t τ/(2s²) e^(−s/T1) ds
    averaged over flow     c_F(t; τ) = ∫_{τ/2}^t τ²/(2s³) e^(−s/T1) ds

both 0 for t ≤ τ/2. Their antiderivatives are exponential integrals:

    e_n(s) := ∫_s^∞ x^(−n) e^(−x/T1) dx = E_n(s/T1) / s^(n−1)

All functions broadcast; times and T1 in s; T1 may be infinite.
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


def _between(n: int, t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float) -> Numbers:
    """∫_{τ/2}^t x^(−n) e^(−x/T1) dx, 0 for t ≤ τ/2."""
    first = np.asarray(tau, float) / 2
    return tail_integral(n, first, t1) - tail_integral(n, np.maximum(t, first), t1)


def volume_weighted(t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float) -> Numbers:
    """Step response c_V(t; τ) of the concentration averaged over a vessel's volume, τ > 0."""
    return np.asarray(tau, float) / 2 * _between(2, t, tau, t1)


def flow_weighted(t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float) -> Numbers:
    """Step response c_F(t; τ) of the concentration averaged over a vessel's flow, τ > 0."""
    return np.asarray(tau, float) ** 2 / 2 * _between(3, t, tau, t1)


def inflow(t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float) -> Numbers:
    """Label that has come past τ per unit of flow, ∫_0^t c_F dt' = t c_F − τ c_V, in s, τ > 0."""
    return t * flow_weighted(t, tau, t1) - tau * volume_weighted(t, tau, t1)


def stored(t: Float[Array, "..."] | float, tau: Float[Array, "..."] | float, t1: float) -> Numbers:
    """Label between the labeling plane and τ per unit of flow, G = ∫_0^τ c_V dτ', in s, τ ≥ 0, t > 0.

    G(t; τ) = ∫_0^{τ/2} e^(−s/T1) ds + (τ²/4)(e_2(τ/2) − e_2(t)) for τ ≤ 2t, and its value at τ = 2t beyond: a
    function of τ alone less one of t times τ². The label in a piece of vessel is F (G(t; τ₂) − G(t; τ₁)).
    """
    reached = np.minimum(tau, 2 * np.asarray(t, float))
    return stored_for_ever(reached, t1) - reached**2 / 4 * tail_integral(2, t, t1)


def stored_for_ever(tau: Float[Array, "..."] | float, t1: float) -> Numbers:
    """G(∞; τ) = ∫_0^{τ/2} e^(−s/T1) ds + (τ/2) E_2(τ/(2 T1)), in s; its slope in τ is E_2(τ/(2 T1))."""
    half = np.asarray(tau, float) / 2
    plug = half if np.isinf(t1) else -t1 * np.expm1(-half / t1)
    return plug + half * expn(2, half / t1)


def bundle_delays(n_bundles: int = STREAMLINE_BUNDLES) -> Float[np.ndarray, " n_bundles"]:
    """Mean delay of each bundle of equal flow, relative to plug flow, (n_bundles,), with a mean of 1.

    The streamlines that carry the fraction φ of the flow nearest the axis end at 1 − ρ² = √(1 − φ); the delay
    1/(2√(1 − φ)) averaged from φ₁ to φ₂ is (√(1 − φ₁) − √(1 − φ₂)) / (φ₂ − φ₁). With the delay at the middle of
    each bundle instead, a vein would hold too little label, with 8 bundles by 11 %.
    """
    edges = np.sqrt(1 - np.arange(n_bundles + 1) / n_bundles)
    return (edges[:-1] - edges[1:]) * n_bundles
