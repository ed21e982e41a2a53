"""Impulse responses of capillaries against an ODE solver and against Erlang's distribution."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm
from scipy.stats import gamma

from simulators import LabelKinetics, NoExchange, TwoCompartmentExchange
from simulators.transport.chain import impulse_responses, rate_matrices

TRANSIT_TIMES = np.geomspace(0.02, 400, 40)

STEP, N_STEPS, FRACTION = 0.05, 60, 0.02


def by_ode(theta: float, label: LabelKinetics) -> tuple[np.ndarray, np.ndarray]:
    """The same as `impulse_responses`, by eq. A3 written out element by element."""
    volume, flow = FRACTION / 10, FRACTION / theta  # of an element, per mL
    tissue, ps = 1.0, 0.0
    if isinstance(label.exchange, TwoCompartmentExchange):
        tissue = label.exchange.extravascular_volume / 10
        # 100 g of tissue are 100/1.05 mL and a minute 60 s
        ps = label.exchange.permeability_surface_ml_100g_min / (100 / 1.05) / 60 / 10

    def rate(_, state):
        change = np.zeros_like(state)
        upstream = 0.0
        for e in range(10):
            blood, outside = state[e] / volume, state[10 + e] / tissue
            change[e] = flow * (upstream - blood) - ps * (blood - outside) - state[e] / label.t1_blood
            change[10 + e] = ps * (blood - outside) - state[10 + e] / label.t1_tissue
            upstream = blood
        change[20] = state[:20].sum()  # integral of the amount
        change[21] = flow * upstream  # outflow
        change[22] = state[21]  # integral of the outflow
        return change

    start = np.zeros(23)
    start[0] = 1
    edges = STEP * np.arange(N_STEPS + 1)
    solution = solve_ivp(rate, (0, edges[-1]), start, t_eval=edges, method="LSODA", rtol=1e-9, atol=1e-12)
    return np.diff(solution.y[20]) / STEP, np.diff(solution.y[22]) / STEP


@pytest.mark.parametrize("theta", [0.1, 0.8, 4.0])
@pytest.mark.parametrize(
    "label",
    [
        LabelKinetics(),
        LabelKinetics(exchange=NoExchange()),
        LabelKinetics(t1_blood=np.inf, t1_tissue=0.8, exchange=TwoCompartmentExchange(400.0, 0.1)),
    ],
    ids=["default", "none", "fast"],
)
def test_against_an_ode_solver(theta, label):
    present, gone = impulse_responses(np.array([theta]), FRACTION, label, STEP, N_STEPS)
    expected_present, expected_gone = by_ode(theta, label)
    np.testing.assert_allclose(present[0], expected_present, atol=1e-7)  # the solver's tolerance, accumulated
    np.testing.assert_allclose(gone[0], expected_gone, atol=1e-7)


@pytest.mark.parametrize("step", [0.002, 0.025, 0.1])
@pytest.mark.parametrize(
    "label",
    [
        LabelKinetics(),
        LabelKinetics(exchange=NoExchange(), t1_blood=np.inf, t1_tissue=np.inf),
        LabelKinetics(exchange=TwoCompartmentExchange(2000.0, 0.01)),
    ],
    ids=["default", "none", "stiff"],
)
def test_against_the_exponential_of_the_whole_matrix(label, step):
    """Of the amounts and of three integrals beside them: the amount present, the outflow, and its integral."""
    theta, size = TRANSIT_TIMES, 23
    system = np.zeros((len(theta), size, size))
    system[:, :20, :20] = rate_matrices(theta, FRACTION, label)
    system[:, 20, :20] = 1
    system[:, 21, 9] = 10 / theta
    system[:, 22, 21] = 1
    advance = expm(system * step)
    state = np.zeros((len(theta), size, 1))
    state[:, 0] = 1
    integrals = np.zeros((N_STEPS + 1, len(theta), 2))
    for k in range(N_STEPS):
        state = advance @ state
        integrals[k + 1] = state[:, [20, 22], 0]
    expected = np.diff(integrals, axis=0) / step
    present, gone = impulse_responses(theta, FRACTION, label, step, N_STEPS)
    np.testing.assert_allclose(present, expected[..., 0].T, atol=1e-10)  # sums of hundreds of numbers of up to 1/s
    np.testing.assert_allclose(gone, expected[..., 1].T, atol=1e-10)


@pytest.mark.parametrize("theta", [0.1, 0.8, 4.0])
def test_erlang_without_exchange_and_decay(theta):
    label = LabelKinetics(exchange=NoExchange(), t1_blood=np.inf)
    present, gone = impulse_responses(np.array([theta]), FRACTION, label, STEP, N_STEPS)
    erlang = gamma(10, scale=theta / 10)
    expected = [quad(erlang.sf, k * STEP, (k + 1) * STEP)[0] / STEP for k in range(N_STEPS)]
    np.testing.assert_allclose(present[0], expected, atol=1e-9)
    np.testing.assert_allclose(gone[0], 1 - np.array(expected), atol=1e-9)


def test_label_is_in_or_out_or_decayed():
    """One T1 everywhere: the amount still there plus decay of all, whatever the exchange, is e^(−t/T1) less outflow."""
    theta = np.geomspace(0.05, 20, 7)
    with_exchange = impulse_responses(theta, FRACTION, LabelKinetics(t1_blood=np.inf, t1_tissue=np.inf), STEP, N_STEPS)
    np.testing.assert_allclose(sum(with_exchange), 1, atol=1e-10)
