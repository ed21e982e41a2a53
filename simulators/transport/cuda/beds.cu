// Capillary beds: the closed-form inflow of each voxel, averaged over time steps, convolved with its capillaries'
// responses. Row: a voxel with capillaries; time courses and spectra lie in tiles of rows, see `in_tiles`.
#include "common.h"

#define STEPS_AT_ONCE 8

// Share out a capillary over the grid of transit times, as the Numba backend does, in tiles: spectrum · table is the
// flow-weighted sum over the capillaries, cubically interpolated.
DEVICE void share_out(double flow, double volume, double first_log, double log_step, Index n_theta, float *whole)
{
    double place = (log(volume / flow) - first_log) / log_step;
    place = place < 0 ? 0 : place > n_theta - 1 ? n_theta - 1 : place;
    Index low = (Index)place - 1;
    low = low < 0 ? 0 : low > n_theta - 4 ? n_theta - 4 : low;
    const double x = place - low;
    float *own = whole + low * TILE;
    own[0] -= (float)(flow * (x - 1) * (x - 2) * (x - 3) / 6);
    own[TILE] += (float)(flow * x * (x - 2) * (x - 3) / 2);
    own[2 * TILE] -= (float)(flow * x * (x - 1) * (x - 3) / 2);
    own[3 * TILE] += (float)(flow * x * (x - 1) * (x - 2) / 6);
}

// Spectrum of each row's capillaries. Their flows, drawn for those that the vessels were grown with, go with the flow
// of the artery that feeds them.
KERNEL(capillary_spectrum, const int *start, const double *flow, const double *volume, const int *node,
       const double *arterial_flow, const double *grown_flow, double first_log, double log_step, Index n_theta,
       float *spectrum)
{
    EACH(row)
    {
        const double factor = arterial_flow[node[row]] / grown_flow[node[row]];
        float *whole = spectrum + in_tiles(row, 0, n_theta);
        for (Index j = 0; j < n_theta; ++j) whole[j * TILE] = 0;
        for (int c = start[row]; c < start[row + 1]; ++c)
            share_out(flow[c] * factor, volume[c], first_log, log_step, n_theta, whole);
    }
}

// Number k of the SplitMix64 sequence of a key; this and what follows draws as `capillaries` does.
DEVICE Bits number(Bits key, int k)
{
    Bits bits = key + (Bits)(k + 1) * 0x9E3779B97F4A7C15ull;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ull;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBull;
    return bits ^ (bits >> 31);
}

// Number of capillaries in the voxel of a key, `least` to `least` + `choices` − 1.
DEVICE Index drawn_count(Bits key, Index least, Index choices)
{
    return least + (Index)((number(key, 0) >> 32) * (Bits)choices >> 32);
}

// One of three uniform draws that a number holds.
DEVICE double drawn(Bits bits, int which, double low, double step)
{
    return low + step * ((double)(int)(bits >> (1 + 21 * which) & 0x1FFFFF) + 0.5);
}

// Flow and volume of a capillary relative to the others of its voxel.
DEVICE double drawn_flow(Bits bits, double low, double step) { return drawn(bits, 0, low, step); }
DEVICE double drawn_volume(Bits bits, double low, double step)
{
    const double radius = drawn(bits, 2, low, step);
    return radius * radius * drawn(bits, 1, low, step);
}

// The same spectrum for capillaries that are drawn here, twice: for their sums and for their shares. `flow`, `volume`:
// of all capillaries of a row; `step`: between two values of a draw.
KERNEL(planned_spectrum, const Bits *key, const double *flow, const double *volume, Index least, Index choices,
       double low, double step, const int *node, const double *arterial_flow, const double *grown_flow,
       double first_log, double log_step, Index n_theta, float *spectrum)
{
    EACH(row)
    {
        float *whole = spectrum + in_tiles(row, 0, n_theta);
        for (Index j = 0; j < n_theta; ++j) whole[j * TILE] = 0;
        const int count = (int)drawn_count(key[row], least, choices);
        double flows = 0, volumes = 0;
        for (int k = 1; k <= count; ++k) {
            const Bits bits = number(key[row], k);
            flows += drawn_flow(bits, low, step);
            volumes += drawn_volume(bits, low, step);
        }
        const double flow_scale = flow[row] * arterial_flow[node[row]] / (flows * grown_flow[node[row]]);
        const double volume_scale = volume[row] / volumes;
        for (int k = 1; k <= count; ++k) {
            const Bits bits = number(key[row], k);
            share_out(drawn_flow(bits, low, step) * flow_scale, drawn_volume(bits, low, step) * volume_scale,
                      first_log, log_step, n_theta, whole);
        }
    }
}

// First transit time with a share in any row of each tile, and the one behind the last, (tiles, 2).
KERNEL(spectrum_range, const float *spectrum, Index n_rows, Index n_theta, int *range)
{
    EACH(tile)
    {
        int first = (int)n_theta, end = 0;
        for (int j = 0; j < n_theta; ++j) {
            bool any = false;
            for (Index row = tile * TILE; row < (tile + 1) * TILE && row < n_rows; ++row)
                any = any || spectrum[in_tiles(row, j, n_theta)] != 0;
            if (any) {
                first = j < first ? j : first;
                end = j + 1;
            }
        }
        range[2 * tile] = first;
        range[2 * tile + 1] = end;
    }
}

// Responses of the rows: spectrum · table, eight steps to a thread. Tables: (sets, transit times, steps).
KERNEL(combine_responses, Index n_rows, const float *spectrum, const int *range, const int *set, const float *present,
       const float *gone, Index n_theta, Index n_steps, float *held, float *passed)
{
    EACH(i)
    {
        const Index blocks = n_steps / STEPS_AT_ONCE, row = tiled_row(i, blocks);
        const Index first = tiled_inner(i, blocks) * STEPS_AT_ONCE;
        if (row >= n_rows) continue;
        const Index course = in_tiles(row, first, n_steps);
        const float *shares = spectrum + in_tiles(row, 0, n_theta);
        float in[STEPS_AT_ONCE] = {0}, out[STEPS_AT_ONCE] = {0};
        for (int j = range[row / TILE * 2]; j < range[row / TILE * 2 + 1]; ++j) {
            const float share = shares[j * TILE];
            const Index line = (set[row] * n_theta + j) * n_steps + first;
#pragma unroll
            for (int s = 0; s < STEPS_AT_ONCE; ++s) {
                in[s] += share * present[line + s];
                out[s] += share * gone[line + s];
            }
        }
#pragma unroll
        for (int s = 0; s < STEPS_AT_ONCE; ++s) {
            held[course + s * TILE] = in[s];
            passed[course + s * TILE] = out[s];
        }
    }
}

// `laminar.inflow` in each step. `tails`: e_2 and e_3 at the end of each step, (steps, 2).
KERNEL(bed_inflow, const int *node, const double *transit, const int *tissue, const double *bluntness,
       const double *tails, double step, double decay, Index n_steps, float *inflow)
{
    EACH(row)
    {
        const double tau = transit[node[row]], b = bluntness[tissue[node[row]]];
        const double density = 0.5 / (1 - b), first = tau / (2 - b);
        const double tail_2 = tail_integral(2, first, decay), tail_3 = tail_integral(3, first, decay);
        const double wall_2 = b > 0 ? tail_integral(2, tau / b, decay) : 0;
        const double wall_3 = b > 0 ? tail_integral(3, tau / b, decay) : 0;
        float *own = inflow + in_tiles(row, 0, n_steps);
        double before = 0;
        for (Index s = 0; s < n_steps; ++s) {
            const double t = step * (s + 1);
            double entered = 0;
            if (t > first) {
                const bool all_come = b * t >= tau;
                const double e_2 = all_come ? wall_2 : tails[2 * s], e_3 = all_come ? wall_3 : tails[2 * s + 1];
                entered = t * density * tau * tau * (tail_3 - e_3) - density * tau * tau * (tail_2 - e_2);
            }
            own[s * TILE] = (float)(entered - before);
            before = entered;
        }
    }
}

// Convolution at the end of a step: response · inflow backwards. Four sums, so that additions need not wait.
DEVICE float convolved(const float *response, const float *inflow, Index end)
{
    float a = 0, b = 0, c = 0, d = 0;
    const float *last = inflow + (end - 1) * TILE;
    Index s = 0;
    for (; s + 4 <= end; s += 4, response += 4 * TILE, last -= 4 * TILE) {
        a += response[0] * last[0];
        b += response[TILE] * last[-TILE];
        c += response[2 * TILE] * last[-2 * TILE];
        d += response[3 * TILE] * last[-3 * TILE];
    }
    for (; s < end; ++s, response += TILE, last -= TILE) a += response[0] * last[0];
    return (a + b) + (c + d);
}

// Amount (mm³) in each row at each time, into its voxel's place; `ends`, `weights`: steps to interpolate from, (T, 4).
KERNEL(bed_amount, Index n_rows, Index n_steps, const float *held, const float *inflow, const int *ends,
       const double *weights, Index n_times, const int *site, Index n_voxels, double *amount)
{
    EACH(i)
    {
        const Index row = tiled_row(i, n_times), k = tiled_inner(i, n_times);
        if (row >= n_rows) continue;
        const Index course = in_tiles(row, 0, n_steps);
        double sum = 0;
        for (int j = 0; j < 4; ++j)
            if (weights[4 * k + j] != 0)
                sum += weights[4 * k + j] * convolved(held + course, inflow + course, ends[4 * k + j]);
        amount[in_image(site[row], k, n_times, n_voxels)] = sum;
    }
}

// Label (mm³) that has left each row by the end of each `stride` steps.
KERNEL(bed_outflow, Index n_rows, Index n_steps, const float *passed, const float *inflow, Index stride, Index n_ends,
       float *out)
{
    EACH(i)
    {
        const Index row = tiled_row(i, n_ends), k = tiled_inner(i, n_ends);
        if (row >= n_rows) continue;
        const Index course = in_tiles(row, 0, n_steps);
        out[in_tiles(row, k, n_ends)] = convolved(passed + course, inflow + course, stride * (k + 1));
    }
}

// Concentrations, float32, of amounts in mm³.
KERNEL(concentration, const double *amount, double voxel_volume, float *image)
{
    EACH(i) image[i] = (float)(amount[i] / voxel_volume);
}
