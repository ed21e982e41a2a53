// Label on its way out through the veins, see `veins`: in outlet time the label that has passed a node is the sum of
// what has passed its daughters. Totals are carried rather than courses: they add up just so, and nothing is summed
// over time but once, in the terminals. Totals: (bundles, nodes, steps), each from its own whole step `begin` on.
#include "common.h"

// Totals of what each voxel sends into its venule, times e^(t/T1), (rows, steps + 2); it goes on as it ended.
KERNEL(venule_totals, const float *out, const double *growth, Index n_ends, const int *place, double *totals)
{
    EACH(row)
    {
        const float *sent = out + in_tiles(row, 0, n_ends);
        double *own = totals + place[row] * (n_ends + 2);
        float before = 0;
        double total = 0, last = 0;
        own[0] = 0;
#pragma unroll 2
        for (Index k = 0; k < n_ends; ++k) {
            const float until = sent[k * TILE];
            last = (double)(until - before) * growth[k];
            total += last;
            own[k + 1] = total;
            before = until;
        }
        own[n_ends + 1] = total + last;
    }
}

// Whole steps of delay between a place and the outlet.
DEVICE Index whole_steps(double delay, double to_outlet, double step) { return (Index)(delay * to_outlet / step); }

// Totals of the nodes of a generation (by height above the leaves), the step fastest. `delays`: of the bundles in each
// piece of tissue, (B, bundles).
KERNEL(venous_totals, const int *order, Index first, Index size, Index n_nodes, Index n_steps, const int *daughter_start,
       const int *daughter, const double *to_outlet, const int *tissue, const double *delays, Index n_bundles,
       double step, const int *source, const double *venule, double *totals)
{
    EACH(i)
    {
        const Index course = i / n_steps, s = i - course * n_steps, bundle = course / size;
        const int node = order[first + course - bundle * size];
        double *bundle_totals = totals + bundle * n_nodes * n_steps;
        const double delay = delays[tissue[node] * n_bundles + bundle], steps = delay * to_outlet[node] / step;
        const Index begin = (Index)steps;
        double total = 0;
        if (source[node] >= 0 && s > 0) {
            const double late = steps - begin;
            const double *own = venule + source[node] * n_steps + s;
            total = (1 - late) * own[0] + late * own[-1];
        }
        for (int d = daughter_start[node]; d < daughter_start[node + 1]; ++d) {
            const Index later = whole_steps(delay, to_outlet[daughter[d]], step) - begin;
            if (s > later) total += bundle_totals[daughter[d] * n_steps + s - later];
        }
        bundle_totals[node * n_steps + s] = total;
    }
}

DEVICE double least(double a, double b) { return a < b ? a : b; }

// A total at a place between steps, as `veins` has it: by cubic Hermite polynomials that keep it from falling.
DEVICE double total_at(const double *passed, Index n_steps, double place)
{
    if (place <= 0) return 0;
    const Index last = n_steps - 2, k = place < last ? (Index)place : last;
    const double x = place - k, rise = passed[k + 1] - passed[k];
    const double before = k > 0 ? passed[k] - passed[k - 1] : 0;
    const double after = k < last ? passed[k + 2] - passed[k + 1] : rise;
    const double slope = least((before + rise) / 2, 3 * least(before, rise));
    const double next_slope = least((rise + after) / 2, 3 * least(rise, after));
    return passed[k] + x * rise + x * (1 - x) * ((slope - rise) * (1 - x) + (rise - next_slope) * x);
}

// Add to each voxel, at each time, what its pieces of vein hold: what passes the outlet between two moments.
KERNEL(venous_label, const int *piece_start, const int *piece_node, const double *share, const int *parent,
       const double *to_outlet, const double *delays, Index n_bundles, double step, const double *totals, Index n_nodes,
       Index n_steps, const double *time, const double *decay, Index n_times, Index n_voxels, double *amount)
{
    EACH(i)
    {
        const Index site = i / n_times, k = i % n_times, tissue = site / n_voxels;
        double sum = 0;
        for (Index bundle = 0; bundle < n_bundles; ++bundle) {
            const double delay = delays[tissue * n_bundles + bundle];
            for (int p = piece_start[site]; p < piece_start[site + 1]; ++p) {
                const int node = piece_node[p];
                const double low = to_outlet[parent[node]], span = to_outlet[node] - low;
                const double now = time[k] / step - whole_steps(delay, to_outlet[node], step);
                const double *passed = totals + (bundle * n_nodes + node) * n_steps;
                const double near = now + delay * (low + share[2 * p] * span) / step;
                const double far = now + delay * (low + share[2 * p + 1] * span) / step;
                sum += total_at(passed, n_steps, far) - total_at(passed, n_steps, near);
            }
        }
        amount[in_image(site, k, n_times, n_voxels)] += decay[k] * sum;
    }
}

// Label (mm³) that has left each outlet by each time, in these bundles, (outlets, T). `fall`: e^(−t/T1) in each step.
KERNEL(left_by_outlet, const int *outlet, const double *totals, Index n_bundles, Index n_nodes, Index n_steps,
       const double *fall, const double *time, double step, Index n_times, double *left)
{
    EACH(i)
    {
        const double until = time[i % n_times];
        double sum = 0;
        for (Index bundle = 0; bundle < n_bundles; ++bundle) {
            const double *passed = totals + (bundle * n_nodes + outlet[i / n_times]) * n_steps;
            for (Index s = 0; s + 1 < n_steps; ++s) {
                const double arriving = (passed[s + 1] - passed[s]) * fall[s];
                if (until <= (s + 1) * step) {
                    sum += arriving * (until / step - s);
                    break;
                }
                sum += arriving;
            }
        }
        left[i] += sum;
    }
}

// Add up each forest's outlets, which stand one behind another, (B, T).
KERNEL(left_by_forest, const int *outlet_start, const double *left, Index n_times, double *total)
{
    EACH(i)
    {
        double sum = 0;
        for (int outlet = outlet_start[i / n_times]; outlet < outlet_start[i / n_times + 1]; ++outlet)
            sum += left[outlet * n_times + i % n_times];
        total[i] = sum;
    }
}
