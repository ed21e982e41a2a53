// What flows where, and how long it takes. Sums along trees go by generations, one launch for each: nodes of a
// generation have no part in one another's sums. Terms are added in the order of `simulators.vessels.forest`, to the same bits.
#include "common.h"

// Flow (mm³/s) that each node itself hands to tissue.
KERNEL(flow_into_tissue, const int *voxel, const double *voxel_flow, double *flow)
{
    EACH(i) flow[i] = voxel[i] >= 0 ? voxel_flow[voxel[i]] : 0;
}

// Add to each node of a generation what its daughters have; the generations by height above the leaves, from 1 on.
KERNEL(add_from_daughters, const int *order, Index first, const int *daughter_start, const int *daughter, double *value)
{
    EACH(i)
    {
        const int node = order[first + i];
        double sum = value[node];
        for (int k = daughter_start[node + 1] - 1; k >= daughter_start[node]; --k) sum += value[daughter[k]];
        value[node] = sum;
    }
}

// Add to each node of a generation what its parent has; the generations by depth below the inlets, from 1 on.
KERNEL(add_from_parent, const int *order, Index first, const int *parent, double *value)
{
    EACH(i)
    {
        const int node = order[first + i];
        value[node] += value[parent[node]];
    }
}

// Murray's law, r = k F^(1/3), with a k for each forest.
KERNEL(murray_radius, const int *forest, const double *murray_k, const double *flow, double *radius)
{
    EACH(i) radius[i] = murray_k[forest[i]] * cbrt(flow[i]);
}

// Plug-flow time (s) in each segment: volume / flow.
KERNEL(residence_time, const double *length, const double *flow, const double *radius, double *residence)
{
    EACH(i) residence[i] = flow[i] > 0 ? PI * (radius[i] * radius[i]) * length[i] / flow[i] : 0;
}

// What each node adds to the transit time: its segment and the detour before it, or an inlet's delay.
KERNEL(own_delay, const int *parent, const double *residence, const double *delay, double *transit)
{
    EACH(i) transit[i] = parent[i] < 0 ? delay[i] : residence[i] + delay[i];
}

// Flow of the segments of a mean velocity up to a limit (mm/s), 0 of the others.
KERNEL(flow_slower_than, const double *flow, const double *radius, double limit, double *slow)
{
    EACH(i)
    {
        const double area = PI * (radius[i] * radius[i]);
        slow[i] = (area > 0 ? flow[i] / area : 0) <= limit ? flow[i] : 0;
    }
}
