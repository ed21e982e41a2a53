// What the kernels share. Each is compiled three ways from the same text: by nvcc, by NVRTC at run time (CuPy), and by
// g++ for a machine without a GPU. One work item per thread, no shared memory and no atomics: every sum has one owner
// and one order, so results do not depend on the device's scheduling.
#ifndef QTMNET_COMMON_H
#define QTMNET_COMMON_H

typedef long long Index;
typedef unsigned long long Bits;

// The first argument of every kernel is the number of work items; scalars are Index or double.
#if defined(__CUDACC__)
#define DEVICE static __device__ __forceinline__
#define KERNEL(name, ...) extern "C" __global__ void __launch_bounds__(256) name(Index n, __VA_ARGS__)
#define EACH(i)                                                                                                        \
    for (Index i = blockIdx.x * (Index)blockDim.x + threadIdx.x; i < n; i += (Index)gridDim.x * blockDim.x)
#else
#include <math.h>
#define DEVICE static inline
#define KERNEL(name, ...) extern "C" void name(Index n, __VA_ARGS__)
#define EACH(i) for (Index i = 0; i < n; ++i)
#endif

#define PI 3.141592653589793

// Rows that stand together in a tile: the threads of a warp take one step of 32 neighbouring rows, and those of a block
// stay with the same rows, whose time courses, arrays of (tiles, steps, TILE), then lie in the first-level cache.
#define TILE 32

// Place of a row at one of n steps; its next step is TILE further.
DEVICE Index in_tiles(Index row, Index step, Index n_steps) { return (row / TILE * n_steps + step) * TILE + row % TILE; }

// Work item i of tiles of rows × `inner`, the row fastest: row and inner position.
DEVICE Index tiled_row(Index i, Index inner) { return i / (TILE * inner) * TILE + i % TILE; }
DEVICE Index tiled_inner(Index i, Index inner) { return i / TILE % inner; }

// Place of a voxel, counted through the whole batch, at one of the times, in images (B, T, X·Y·Z).
DEVICE Index in_image(Index site, Index k, Index n_times, Index n_voxels)
{
    return (site / n_voxels * n_times + k) * n_voxels + site % n_voxels;
}

// E_n(x) for n >= 2, x >= 0: its series up to 1, beyond that the continued fraction by Lentz's method
// (Press et al., Numerical Recipes, section 6.3).
DEVICE double exponential_integral(int n, double x)
{
    const int m = n - 1;
    if (x == 0) return 1.0 / m;
    if (x <= 1) {
        double sum = 1.0 / m, factor = 1, harmonic = -0.5772156649015329;
        for (int i = 1; i <= m; ++i) harmonic += 1.0 / i;
        for (int i = 1; i < 40; ++i) {
            factor *= -x / i;
            const double term = i == m ? factor * (harmonic - log(x)) : -factor / (i - m);
            sum += term;
            if (fabs(term) < 1e-17 * fabs(sum)) break;
        }
        return sum;
    }
    double b = x + n, c = 1e300, d = 1 / b, fraction = d;
    for (int i = 1; i < 200; ++i) {
        const double a = -(double)i * (m + i);
        b += 2;
        d = 1 / (a * d + b);
        c = b + a / c;
        fraction *= c * d;
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return fraction * exp(-x);
}

// e_n(s), see `laminar.tail_integral`; decay is 1/T1.
DEVICE double tail_integral(int n, double s, double decay)
{
    return exponential_integral(n, s * decay) / (n == 2 ? s : s * s);
}

#endif
