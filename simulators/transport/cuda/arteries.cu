// Label in arteries, in closed form: a piece holds F (G(t; τ2) − G(t; τ1)), see `laminar.stored`.
#include "common.h"

// G(∞; τ), see `laminar.stored_for_ever`.
DEVICE double stored_for_ever(double tau, double decay)
{
    const double half = tau / 2;
    const double plug = decay > 0 ? -expm1(-half * decay) / decay : half;
    return plug + half * exponential_integral(2, half * decay);
}

// τ and G(∞; τ) at both ends of each piece, (P, 4); beyond `furthest` nothing arrives.
KERNEL(artery_piece_ends, const int *node, const double *share, const double *transit, const double *residence,
       double decay, double furthest, double *ends)
{
    EACH(i)
    {
        const double begin = transit[node[i]] - residence[node[i]];
        for (int end = 0; end < 2; ++end) {
            const double tau = begin + share[2 * i + end] * residence[node[i]];
            const double reached = tau < 0 ? 0 : tau < furthest ? tau : furthest;
            ends[4 * i + 2 * end] = reached;
            ends[4 * i + 2 * end + 1] = stored_for_ever(reached, decay);
        }
    }
}

// G(t; τ), where `at_time` is e_2(t)/4 and `reached` G(t; 2t).
DEVICE double stored(const double *end, double time, double at_time, double reached)
{
    return end[0] < 2 * time ? end[1] - end[0] * end[0] * at_time : reached;
}

// Concentration in each voxel at each time, the time fastest: the pieces in the voxel, added one after another.
KERNEL(arterial_label, const int *piece_start, const int *node, const double *ends, const double *flow,
       const double *time, const double *at_time, const double *reached, Index n_times, Index n_voxels,
       double voxel_volume, float *image)
{
    EACH(i)
    {
        const Index site = i / n_times, k = i % n_times;
        double amount = 0;
        for (int p = piece_start[site]; p < piece_start[site + 1]; ++p) {
            const double *end = ends + 4 * (Index)p;
            amount += flow[node[p]] * (stored(end + 2, time[k], at_time[k], reached[k]) -
                                       stored(end, time[k], at_time[k], reached[k]));
        }
        image[in_image(site, k, n_times, n_voxels)] = (float)(amount / voxel_volume);
    }
}
