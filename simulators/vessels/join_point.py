"""Where a new vessel joins an old one, and over what avoidance the vessels run."""

import math

from simulators.machine.compiling import njit

STEP = 0.5
"""Of a voxel's shortest edge: how finely the way of a vessel through the avoidance is looked at."""


@njit()
def distance(x, y, z, b):  # type: ignore[no-untyped-def]
    return math.sqrt((x - b[0]) ** 2 + (y - b[1]) ** 2 + (z - b[2]) ** 2)


@njit()
def bifurcation(a, b, c, weight_a, weight_b, weight_c):  # type: ignore[no-untyped-def]
    """The point P of least w_a |P − a| + w_b |P − b| + w_c |P − c|: weighted Fermat–Torricelli point.

    At P the three pulls balance, so the side opposite to each corner is seen from P under an angle that
    the weights alone give: cos θ_a = (w_a² − w_b² − w_c²) / (2 w_b w_c). If the triangle's own angle at a
    corner is at least that, P is the corner; else P has the barycentric coordinates
    1 / (cot A − cot θ_a) and so on.

    Returns:
        x, y, z of P, in the units of a, b and c.
    """
    bc, ca, ab = distance(*b, c) ** 2, distance(*c, a) ** 2, distance(*a, b) ** 2
    dot_a, dot_b, dot_c = (ab + ca - bc) / 2, (bc + ab - ca) / 2, (ca + bc - ab) / 2
    squared_a, squared_b, squared_c = weight_a * weight_a, weight_b * weight_b, weight_c * weight_c
    cos_a = (squared_a - squared_b - squared_c) / (2 * weight_b * weight_c)
    cos_b = (squared_b - squared_c - squared_a) / (2 * weight_c * weight_a)
    cos_c = (squared_c - squared_a - squared_b) / (2 * weight_a * weight_b)
    if dot_a <= cos_a * math.sqrt(ab * ca):
        return a
    if dot_b <= cos_b * math.sqrt(ab * bc):
        return b
    if dot_c <= cos_c * math.sqrt(ca * bc):
        return c
    double_area = math.sqrt(max(ab * ca - dot_a * dot_a, 1e-300))
    share_a = 1 / (dot_a / double_area - cos_a / math.sqrt(max(1 - cos_a * cos_a, 1e-300)))
    share_b = 1 / (dot_b / double_area - cos_b / math.sqrt(max(1 - cos_b * cos_b, 1e-300)))
    share_c = 1 / (dot_c / double_area - cos_c / math.sqrt(max(1 - cos_c * cos_c, 1e-300)))
    total = share_a + share_b + share_c
    return (
        (share_a * a[0] + share_b * b[0] + share_c * c[0]) / total,
        (share_a * a[1] + share_b * b[1] + share_c * c[1]) / total,
        (share_a * a[2] + share_b * b[2] + share_c * c[2]) / total,
    )


@njit()
def branch_off(a, b, c, price, weight):  # type: ignore[no-untyped-def]
    """The point P of the fixed segment a–b of least price |P − a| + weight |P − c|: see `bifurcation`.

    The branch leaves under the angle whose cosine is price / weight, upstream of the foot of the perpendicular.
    """
    length = distance(*a, b)
    if length == 0 or price >= weight:
        return a
    along = ((c[0] - a[0]) * (b[0] - a[0]) + (c[1] - a[1]) * (b[1] - a[1]) + (c[2] - a[2]) * (b[2] - a[2])) / length
    away = math.sqrt(max(distance(*a, c) ** 2 - along * along, 0.0))
    along -= away * price / math.sqrt(weight * weight - price * price)
    share = min(max(along / length, 0.0), 1.0)
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))


@njit()
def moved_out(point, avoidance):  # type: ignore[no-untyped-def]
    """The point, or the middle of the nearest allowed voxel if it lies in one to avoid."""
    avoided, nearest, size, _ = avoidance
    if avoided.size == 0:
        return point
    voxel = _voxel_at(point, avoided.shape, size)
    if not avoided.ravel()[voxel]:
        return point
    voxel = nearest[voxel]
    _, ny, nz = avoided.shape
    return (
        (voxel // (ny * nz) + 0.5) * size[0],
        (voxel // nz % ny + 0.5) * size[1],
        (voxel % nz + 0.5) * size[2],
    )


@njit()
def weighted_length(a, b, avoidance):  # type: ignore[no-untyped-def]
    """Length of the way from a to b, in which each unit in voxels to avoid counts 1 + `extra`.

    Args:
        avoidance: where vessels should not run, (X, Y, Z), empty if they may run anywhere; for each such voxel the
            nearest one where they may, (X·Y·Z,); voxel size, mm; and `extra`.
    """
    avoided, _, size, extra = avoidance
    length = distance(*a, b)
    if avoided.size == 0 or length == 0:
        return length
    flags = avoided.ravel()
    n_steps = 1 + int(length / (STEP * min(size[0], size[1], size[2])))
    off = 0
    for k in range(n_steps):
        share = (k + 0.5) / n_steps
        at = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))
        off += flags[_voxel_at(at, avoided.shape, size)]
    return length * (1 + extra * off / n_steps)


@njit()
def _voxel_at(point, shape, size):  # type: ignore[no-untyped-def]
    index = 0
    for axis in range(3):
        index = index * shape[axis] + min(max(int(point[axis] / size[axis]), 0), shape[axis] - 1)
    return index
