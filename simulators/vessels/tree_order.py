"""Orders of the nodes of trees, and sums along them; trees are an array of the parent of each node, −1 at inlets."""

import numpy as np

from simulators.errors import InputError
from simulators.machine.compiling import njit


def flow_from_terminals(parent: np.ndarray, terminal_flow: np.ndarray) -> np.ndarray:
    """Flow of every segment: the sum over what it supplies.

    Args:
        parent: (N,), with parent[i] < i.
        terminal_flow: mm³/s that each node itself hands to tissue, (N,).

    Returns:
        mm³/s, (N,).
    """
    flow = terminal_flow.astype(float)
    accumulate_to_inlets(parent, flow)
    return flow


def depth_first_order(parent: np.ndarray) -> np.ndarray:
    """An order of the nodes in which parents come first and each subtree is a run, (N,).

    Raises:
        InputError: if some node does not reach an inlet (a cycle).
    """
    order = order_depth_first(np.ascontiguousarray(parent, np.int64))
    if len(order) < len(parent):
        raise InputError(f"parent: {len(parent) - len(order)} of {len(parent)} nodes reach no inlet; mend the cycle")
    return order


def is_depth_first(parent: np.ndarray) -> bool:
    """Whether parents come first and each subtree is a run: its nodes fill the run that their number asks for."""
    node = np.arange(len(parent))
    if not (parent < node).all():
        return False
    end = node + flow_from_terminals(parent, np.ones(len(parent)))
    return bool((end <= np.where(parent >= 0, end[parent], len(parent))).all())


@njit()
def accumulate_from_inlets(parent, value):  # type: ignore[no-untyped-def]
    """Add to the value of each node, (N,), those of all nodes upstream, in place; parent[i] < i."""
    for node in range(parent.size):
        if parent[node] >= 0:
            value[node] += value[parent[node]]


@njit()
def accumulate_to_inlets(parent, value):  # type: ignore[no-untyped-def]
    """Add to the value of each node, (N,), those of all nodes downstream, in place; parent[i] < i."""
    for node in range(parent.size - 1, -1, -1):
        if parent[node] >= 0:
            value[parent[node]] += value[node]


@njit()
def order_depth_first(parent):  # type: ignore[no-untyped-def]
    """As `depth_first_order`, for compiled code; shorter than N if there is a cycle."""
    n = parent.size
    first_child = np.full(n, -1, np.int64)
    sibling = np.full(n, -1, np.int64)
    stack = np.empty(n, np.int64)
    n_stack = 0
    for node in range(n - 1, -1, -1):
        if parent[node] >= 0:
            sibling[node] = first_child[parent[node]]
            first_child[parent[node]] = node
        else:
            stack[n_stack] = node
            n_stack += 1
    order = np.empty(n, np.int64)
    n_order = 0
    while n_stack > 0:
        n_stack -= 1
        node = stack[n_stack]
        order[n_order] = node
        n_order += 1
        child = first_child[node]
        while child >= 0:
            stack[n_stack] = child
            n_stack += 1
            child = sibling[child]
    return order[:n_order]
