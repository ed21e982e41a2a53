// Impulse responses of capillaries, see `chain`. The rate matrix is block lower-triangular Toeplitz: element after
// element the same 2×2 block of blood and tissue, and the flow k from each to the next. So are exp(Mh),
// Φ = ∫_0^h exp(Ms) ds and Ψ = ∫_0^h (h − s) exp(Ms) ds: ten 2×2 blocks each, and a product of two is the product of
// polynomials in the shift, cut off behind the tenth term. Taylor series at a small h, then doublings:
//     B(2h) = B B,   Φ(2h) = Φ + B Φ,   Ψ(2h) = Ψ + h Φ + B Ψ.
// Item: a pair of kinetics and transit time. Block d of matrix m (0: B, 1: Φ, 2: Ψ) lies at ((m·10 + d)·4 + entry)·n +
// item, so that neighbouring threads read neighbouring numbers.
#include "common.h"

#define ELEMENTS 10

// Start the Taylor series: its first term, the identity, and sums of nothing. A thread for each item and block.
KERNEL(chain_start, Index n_items, double *term, double *matrices)
{
    EACH(i)
    {
        const Index item = i % n_items, d = i / n_items;
        for (int e = 0; e < 4; ++e) {
            const Index own = (d * 4 + e) * n_items + item;
            term[own] = d == 0 && (e == 0 || e == 3);
            for (int m = 0; m < 3; ++m) matrices[m * ELEMENTS * 4 * n_items + own] = 0;
        }
    }
}

// Add term p of the Taylor series, M^p h^p / p!, and make the next. `rates`: leave blood, leave tissue, decay in blood,
// decay in tissue, (sets, 4).
KERNEL(chain_taylor, Index n_items, const double *theta, Index n_theta, const double *rates, double step, Index p,
       const double *term, double *next, double *matrices)
{
    EACH(i)
    {
        const Index item = i % n_items, d = i / n_items, matrix = ELEMENTS * 4 * n_items;
        const double *rate = rates + item / n_theta * 4;
        const double k = ELEMENTS / theta[item % n_theta];
        const double blood = -k - rate[0] - rate[2], tissue = -rate[1] - rate[3];
        const double to_phi = step / (p + 1), to_psi = to_phi * step / (p + 2);
        for (int row = 0; row < 4; row += 2) {
            const Index own = (d * 4 + row) * n_items + item;
            const double a = term[own], b = term[own + n_items];
            const double before = d > 0 ? term[own - 4 * n_items] : 0;
            next[own] = to_phi * (a * blood + b * rate[0] + before * k);
            next[own + n_items] = to_phi * (a * rate[1] + b * tissue);
            double *sums = matrices + own;
            sums[0] += a;
            sums[n_items] += b;
            sums[matrix] += to_phi * a;
            sums[matrix + n_items] += to_phi * b;
            sums[2 * matrix] += to_psi * a;
            sums[2 * matrix + n_items] += to_psi * b;
        }
    }
}

// Twice the step: a thread for each item and block of the three matrices.
KERNEL(chain_double, Index n_items, double step, const double *matrices, double *doubled)
{
    EACH(i)
    {
        const Index item = i % n_items, d = i / n_items, matrix = ELEMENTS * 4 * n_items;
        for (int m = 0; m < 3; ++m) {
            for (int row = 0; row < 4; row += 2) {
                const Index own = (d * 4 + row) * n_items + item;
                double left = 0, right = 0;
                for (int part = 0; part <= d; ++part) {
                    const double *b = matrices + (part * 4 + row) * n_items + item;
                    const double *c = matrices + m * matrix + (d - part) * 4 * n_items + item;
                    left += b[0] * c[0] + b[n_items] * c[2 * n_items];
                    right += b[0] * c[n_items] + b[n_items] * c[3 * n_items];
                }
                for (int before = 1; before <= m; ++before) {  // Φ itself; Ψ itself and h Φ
                    const double weight = before == m ? 1 : step;
                    left += weight * matrices[before * matrix + own];
                    right += weight * matrices[before * matrix + own + n_items];
                }
                doubled[m * matrix + own] = left;
                doubled[m * matrix + own + n_items] = right;
            }
        }
    }
}

// Follow a unit of label step by step: means over each step of the amount present and of what has flowed out,
// (sets, transit times, steps).
KERNEL(chain_responses, const double *theta, Index n_theta, const double *matrices, double step, Index n_steps,
       float *present, float *gone)
{
    EACH(item)
    {
        const double *exponential = matrices + item;
        const double *phi = exponential + ELEMENTS * 4 * n, *psi = phi + ELEMENTS * 4 * n;
        const double k = ELEMENTS / theta[item % n_theta];
        double state[ELEMENTS][2] = {{1, 0}};
        double out = 0;
        for (Index s = 0; s < n_steps; ++s) {
            double held = 0, mean_out = 0, more_out = 0, blood_stays = 0, tissue_stays = 0;
#pragma unroll
            for (int d = 0; d < ELEMENTS; ++d) {  // to the d-th element behind: from the last but d to the last
                const double *a = phi + d * 4 * n, *b = psi + d * 4 * n;
                const double blood = state[ELEMENTS - 1 - d][0], tissue = state[ELEMENTS - 1 - d][1];
                blood_stays += a[0] + a[2 * n];
                tissue_stays += a[n] + a[3 * n];
                held += blood_stays * blood + tissue_stays * tissue;
                more_out += a[0] * blood + a[n] * tissue;
                mean_out += b[0] * blood + b[n] * tissue;
            }
            present[item * n_steps + s] = (float)(held / step);
            gone[item * n_steps + s] = (float)(out + k * mean_out / step);
            out += k * more_out;
#pragma unroll
            for (int element = ELEMENTS - 1; element >= 0; --element) {  // in place: each needs those before it
                double blood = 0, tissue = 0;
#pragma unroll
                for (int d = 0; d <= element; ++d) {
                    const double *b = exponential + d * 4 * n;
                    const double from_blood = state[element - d][0], from_tissue = state[element - d][1];
                    blood += b[0] * from_blood + b[n] * from_tissue;
                    tissue += b[2 * n] * from_blood + b[3 * n] * from_tissue;
                }
                state[element][0] = blood;
                state[element][1] = tissue;
            }
        }
    }
}
