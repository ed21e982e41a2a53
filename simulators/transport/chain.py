"""Capillaries as chains of well-mixed elements that trade label with tissue: exact impulse responses.

Per element of a capillary with n elements, transit time θ = V/F and k = n/θ (eq. A3 of the QTMnet paper, with
the two-compartment exchange): a_c, a_t are amounts in blood and in the element's share of tissue,

    da_c/dt = k (a_c,upstream − a_c) − k_c a_c + k_t a_t − a_c/T1b
    da_t/dt = k_c a_c − k_t a_t − a_t/T1t

The rates k_c and k_t are shared within a voxel, so the responses depend on θ alone.

An element acts on each of those behind it as its upstream neighbours do on it, so every function of the rate matrix
is a polynomial in "one element on", of 2×2 matrices (blood, tissue): n of them stand for all (2n)² numbers, and
matrices are multiplied as polynomials are, cut off after n terms.
"""

import numpy as np

from simulators.machine.compiling import njit
from simulators.tissue.capillaries import ELEMENTS_PER_CAPILLARY
from simulators.tissue.label import LabelKinetics

N = ELEMENTS_PER_CAPILLARY


def rate_matrices(theta: np.ndarray, volume_fraction: float, label: LabelKinetics) -> np.ndarray:
    """Rates (1/s) of the amounts in a capillary: blood elements first, then tissue elements.

    Args:
        theta: transit times, s, (J,).
        volume_fraction: mL of capillary blood per mL of tissue.
        label: decay and exchange.

    Returns:
        (J, 2n, 2n), for d(amounts)/dt = matrix · amounts, without inflow.
    """
    leave_blood, leave_tissue = label.exchange.rates(volume_fraction)
    decay_blood, decay_tissue = label.decay_rates
    matrix = np.zeros((len(theta), 2 * N, 2 * N))
    blood, tissue = np.arange(N), np.arange(N, 2 * N)
    k = (N / theta)[:, None]
    matrix[:, blood, blood] = -k - leave_blood - decay_blood
    matrix[:, blood[1:], blood[:-1]] = k
    matrix[:, blood, tissue] = leave_tissue
    matrix[:, tissue, blood] = leave_blood
    matrix[:, tissue, tissue] = -leave_tissue - decay_tissue
    return matrix


def impulse_responses(
    theta: np.ndarray, volume_fraction: float, label: LabelKinetics, time_step: float, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """What becomes of a unit of label that enters a capillary at once.

    Args:
        theta: transit times, s, (J,).
        volume_fraction: mL of capillary blood per mL of tissue.
        label: decay and exchange.
        time_step: s.
        n_steps: steps to follow.

    Returns:
        The amount still in blood or tissue, and the amount that has flowed out, each averaged over every step,
        (J, n_steps).
    """
    present, gone = np.empty((2, len(theta), n_steps))
    exchange = label.exchange.rates(volume_fraction)
    _respond(np.asarray(theta, float), exchange, label.decay_rates, time_step, present, gone)
    return present, gone


@njit()
def _respond(theta, exchange, decay, time_step, present, gone):  # type: ignore[no-untyped-def]
    """Fill in the two responses, (J, n_steps), of all transit times."""
    (leave_blood, leave_tissue), (decay_blood, decay_tissue) = exchange, decay
    within, onward = np.zeros((2, 2)), np.zeros((2, 2))
    for j in range(theta.size):
        k = N / theta[j]
        within[0] = -k - leave_blood - decay_blood, leave_tissue
        within[1] = leave_blood, -leave_tissue - decay_tissue
        onward[0, 0] = k
        advance, once, twice = _propagators(within, onward, time_step)
        _step(advance, once, twice, k, time_step, present[j], gone[j])


@njit()
def _propagators(within, onward, time_step):  # type: ignore[no-untyped-def]
    """E = exp(M h) and its integrals ∫_0^h exp(M s) ds and ∫_0^h (h − s) exp(M s) ds, as polynomials, (n, 2, 2) each.

    By their series for a fraction of h so short that nine terms are exact to rounding, and from there by
    E(2h) = E E, Φ(2h) = Φ + E Φ and Ψ(2h) = Ψ + h Φ + E Ψ.
    """
    rate = np.abs(within).sum() + onward[0, 0]  # above the norm of M
    n_doublings = max(0, int(np.ceil(np.log2(8 * rate * time_step))))
    h = time_step / 2**n_doublings
    term = np.zeros((N, 2, 2))
    term[0, 0, 0] = term[0, 1, 1] = 1
    advance, once, twice = term.copy(), term * h, term * (h * h / 2)
    for order in range(1, 10):
        for e in range(N - 1, -1, -1):
            moved = _times(within, term[e])
            if e > 0:
                moved += _times(onward, term[e - 1])
            term[e] = moved * (h / order)
        advance += term
        once += term * (h / (order + 1))
        twice += term * (h * h / ((order + 1) * (order + 2)))
    for _ in range(n_doublings):
        twice += h * once + _product(advance, twice)
        once += _product(advance, once)
        advance = _product(advance, advance)
        h *= 2
    return advance, once, twice


@njit()
def _times(a, b):  # type: ignore[no-untyped-def]
    """Product of two 2×2 matrices."""
    c = np.empty((2, 2))
    for row in range(2):
        for column in range(2):
            c[row, column] = a[row, 0] * b[0, column] + a[row, 1] * b[1, column]
    return c


@njit()
def _product(a, b):  # type: ignore[no-untyped-def]
    """Product of two polynomials of 2×2 matrices, cut off after n terms."""
    product = np.zeros((N, 2, 2))
    for e in range(N):
        for f in range(N - e):
            for row in range(2):
                for column in range(2):
                    product[e + f, row, column] += a[e, row, 0] * b[f, 0, column] + a[e, row, 1] * b[f, 1, column]
    return product


@njit()
def _step(advance, once, twice, k, time_step, present, gone):  # type: ignore[no-untyped-def]
    """Follow a unit of label from the first element's blood on: one capillary's `present` and `gone`, (n_steps,)."""
    held = np.zeros((N, 2))  # what a unit in each place contributes: to ∫ amount dt,
    leaving, left = k * once[::-1, 0], k * twice[::-1, 0]  # to the outflow, and to its integral
    for e in range(N):
        for f in range(N - e):
            held[e] += once[f, 0] + once[f, 1]
    amount, after = np.zeros((N, 2)), np.empty((N, 2))
    amount[0, 0] = 1
    outflow = 0.0
    for step in range(present.size):
        stays = leaves = goes = 0.0
        for e in range(N):
            a, b = amount[e]
            stays += held[e, 0] * a + held[e, 1] * b
            leaves += left[e, 0] * a + left[e, 1] * b
            goes += leaving[e, 0] * a + leaving[e, 1] * b
        present[step] = stays / time_step
        gone[step] = outflow + leaves / time_step
        outflow += goes
        for e in range(N):
            blood = tissue = 0.0
            for f in range(e + 1):
                a, b = amount[f]
                blood += advance[e - f, 0, 0] * a + advance[e - f, 0, 1] * b
                tissue += advance[e - f, 1, 0] * a + advance[e - f, 1, 1] * b
            after[e] = blood, tissue
        amount, after = after, amount
