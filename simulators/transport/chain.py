"""Capillaries as chains of well-mixed elements that trade label with tissue: exact impulse responses.

Per element of a capillary with n elements, transit time θ = V/F and k = n/θ (eq. A3 of the QTMnet paper, with
the two-compartment exchange): a_c, a_t are amounts in blood and in the element's share of tissue,

    da_c/dt = k (a_c,upstream − a_c) − k_c a_c + k_t a_t − a_c/T1b
    da_t/dt = k_c a_c − k_t a_t − a_t/T1t

The rates k_c and k_t are shared within a voxel, so the responses depend on θ alone.
"""

import numpy as np
from scipy.linalg import expm

from simulators.capillaries import ELEMENTS_PER_CAPILLARY
from simulators.label import LabelKinetics

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
    leave_blood, leave_tissue = label.exchange_rates(volume_fraction)
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
    # Beside the amounts, three integrals: of the amount present, the outflow, and the integral of the outflow.
    size = 2 * N + 3
    system = np.zeros((len(theta), size, size))
    system[:, : 2 * N, : 2 * N] = rate_matrices(theta, volume_fraction, label)
    system[:, 2 * N, : 2 * N] = 1
    system[:, 2 * N + 1, N - 1] = N / theta
    system[:, 2 * N + 2, 2 * N + 1] = 1
    advance = expm(system * time_step)
    state = np.zeros((len(theta), size, 1))
    state[:, 0] = 1
    integral = np.zeros((n_steps + 1, len(theta), 2))
    for step in range(n_steps):
        state = advance @ state
        integral[step + 1] = state[:, [2 * N, 2 * N + 2], 0]
    mean = np.moveaxis(np.diff(integral, axis=0), 0, -1) / time_step
    return mean[:, 0], mean[:, 1]
