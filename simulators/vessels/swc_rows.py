"""SWC as it stands in a file: rows of numbers, remarks, and who is whose parent; what they mean is for the reader.

Files of any program are taken: comments, blank lines, a byte order mark, any line ends, nodes in any order, whole
numbers of any sign and with gaps as ids (but −1, which as a parent means none), and columns behind the seventh.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simulators.errors import InputError
from simulators.files.reading import SWC_FILE, read_text

COLUMNS = ("id", "type", "x", "y", "z", "radius", "parent")


@dataclass(frozen=True)
class SwcRows:
    """The nodes of a file in its order, and its comments.

    Attributes:
        path: the file.
        number: its columns, (N, 7).
        line: line of each node, from 1, (N,).
        comments: the values of comments `# key: value`, in order.
        remarks: every comment without its `#`, in order.
        first_line: of the file.
    """

    path: Path
    number: np.ndarray
    line: np.ndarray
    comments: dict[str, list[str]]
    remarks: list[str]
    first_line: str

    def column(self, name: str) -> np.ndarray:
        """One of `COLUMNS`, (N,)."""
        return self.number[:, COLUMNS.index(name)].copy()

    @property
    def position(self) -> np.ndarray:
        """Coordinates as they are written, (N, 3)."""
        return self.number[:, 2:5].copy()

    def in_order(self, order: np.ndarray) -> "SwcRows":
        """The same nodes in another order."""
        return replace(self, number=self.number[order], line=self.line[order])

    def error(self, row: int | np.integer, what: str) -> InputError:
        """What is wrong with a node, with file and line before it."""
        return InputError(f"{self.path}, line {self.line[row]}: {what}")


def read_rows(path: Path) -> SwcRows:
    """Read a file.

    Raises:
        InputError: if it cannot be read, holds no node, or a line is not seven numbers.
    """
    text = read_text(path, SWC_FILE, advice="name an SWC file", strict=False)
    number: list[list[float]] = []
    line: list[int] = []
    comments = defaultdict(list)
    remarks: list[str] = []
    lines = text.split("\n")
    for k, content in enumerate(lines, 1):
        data, mark, comment = content.partition("#")
        if mark:
            remarks.append(comment.strip())
        key, colon, value = comment.partition(":")
        if colon:
            comments[key.strip()].append(value.strip())
        fields = data.split()
        if fields:
            number.append(_numbers(path, k, fields))
            line.append(k)
    if not number:
        raise InputError(f"{path}: found no node; give lines of {' '.join(COLUMNS)}")
    return SwcRows(path, np.array(number), np.array(line), dict(comments), remarks, lines[0])


def _numbers(path: Path, line: int, fields: list[str]) -> list[float]:
    """The seven numbers of a node; what stands behind them is left."""
    if len(fields) < len(COLUMNS):
        raise InputError(f"{path}, line {line}: found {len(fields)} columns; give {' '.join(COLUMNS)}")
    values = []
    for name, text in zip(COLUMNS, fields, strict=False):
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not abs(value) < 2**53 or (name in ("id", "type", "parent") and not value.is_integer()):
            kind = "a whole number" if name in ("id", "type", "parent") else "a number"
            raise InputError(f"{path}, line {line}: {name}: found {text[:40]!r}; give {kind}")
        values.append(value)
    return values


def parents_of(rows: SwcRows) -> np.ndarray:
    """Row of each row's parent, −1 at inlets, (N,).

    Raises:
        InputError: for an id given twice, a parent that no node is, or a cycle; names the line.
    """
    identity, parent_identity = rows.column("id"), rows.column("parent")
    order = np.argsort(identity, kind="stable")
    ordered = identity[order]
    for again in order[1:][ordered[1:] == ordered[:-1]]:
        raise rows.error(again, f"id: found {identity[again]:.0f} a second time; number each node once")
    for taken in np.flatnonzero(identity == -1):
        raise rows.error(taken, "id: found -1, which as a parent means none; give the node another number")
    place = np.minimum(np.searchsorted(ordered, parent_identity), len(order) - 1)
    parent = np.where(parent_identity == -1, -1, order[place])
    for orphan in np.flatnonzero((parent >= 0) & (ordered[place] != parent_identity)):
        raise rows.error(
            orphan,
            f"parent: found {parent_identity[orphan]:.0f}, which no node is; give a node's id, or -1 at an inlet",
        )
    above = parent
    for _ in range(len(parent).bit_length()):  # 1, 2, 4, … steps upstream: more than there are nodes
        above = np.where(above >= 0, above[above], -1)
    for circling in above[above >= 0]:
        raise rows.error(circling, f"parent: found node {identity[circling]:.0f} upstream of itself; give a tree")
    return parent
