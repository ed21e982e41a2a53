// Label in arteries, in closed form: a piece holds F (G(t; τ2) − G(t; τ1)), see `laminar.stored`.
#include "common.h"

// H(τ; v), see `laminar.held_by_velocity`.
DEVICE double held_by_velocity(double tau, double velocity, double decay)
{
    if (velocity == 0) return 0;
    const double age = tau / velocity;
    const double plug = decay > 0 ? -expm1(-age * decay) / decay : age;
    return velocity * velocity / 2 * (plug + age * exponential_integral(2, age * decay));
}

// τ and H(τ; v)/(2(1 − b)) at both ends of each piece, (P, 4), as far as label of a velocity comes until the `last` time.
// `velocity`, `density`: v and 1/(2(1 − b)) of each piece of tissue.
KERNEL(artery_piece_ends, const int *node, const double *share, const double *transit, const double *residence,
       const int *tissue, const double *velocity, const double *density, double decay, double last, double *ends)
{
    EACH(i)
    {
        const int of = tissue[node[i]];
        const double begin = transit[node[i]] - residence[node[i]], furthest = velocity[of] * last;
        for (int end = 0; end < 2; ++end) {
            const double tau = begin + share[2 * i + end] * residence[node[i]];
            const double reached = tau < 0 ? 0 : tau < furthest ? tau : furthest;
            ends[4 * i + 2 * end] = reached;
            ends[4 * i + 2 * end + 1] = density[of] * held_by_velocity(reached, velocity[of], decay);
        }
    }
}

// G(t; τ) in its three cases, see `laminar.stored_at`, from τ and H at the axis' velocity and at the wall's, which are
// not read in laminar flow. `of_time`: what is the same for all τ.
DEVICE double stored(const double *end, const double *at_wall, double time, double b, const double *of_time)
{
    if (end[0] < b * time) return end[1] - at_wall[1];
    return end[0] < (2 - b) * time ? end[1] - end[0] * end[0] * of_time[0] - of_time[1] : of_time[2];
}

// Concentration in each voxel at each time, the time fastest: the pieces in the voxel, added one after another.
// `of_time`: of each piece of tissue at each time, (B, T, 3).
KERNEL(arterial_label, const int *piece_start, const int *node, const double *ends, const double *at_wall,
       const double *flow, const double *time, const double *bluntness, const double *of_time, Index n_times,
       Index n_voxels, double voxel_volume, float *image)
{
    EACH(i)
    {
        const Index site = i / n_times, k = i % n_times, tissue = site / n_voxels;
        const double b = bluntness[tissue], *now = of_time + 3 * (tissue * n_times + k);
        double amount = 0;
        for (int p = piece_start[site]; p < piece_start[site + 1]; ++p) {
            const double *end = ends + 4 * (Index)p, *wall = at_wall + 4 * (Index)p;
            amount +=
                flow[node[p]] * (stored(end + 2, wall + 2, time[k], b, now) - stored(end, wall, time[k], b, now));
        }
        image[in_image(site, k, n_times, n_voxels)] = (float)(amount / voxel_volume);
    }
}
