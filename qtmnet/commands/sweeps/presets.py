"""Sweeps that a file describes: `hydra.sweeper.params` and `hydra.sweeper.together`, behind the command line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from qtmnet.commands.sweeps.grid import Row
from simulators.errors import InputError
from simulators.settings.checking import shown

SIZE = "size"
"""Of a row: no setting, but what a law of the errors is by."""


def params_words(params: object, given: Sequence[str]) -> list[str]:
    """Words of a command line for settings to sweep, but for those that are given there already.

    Args:
        params: setting → values as a command line has them, such as `a,b`.
        given: words of the command line.

    Raises:
        InputError: for what is no such mapping.
    """
    if params is None:
        return []
    if not isinstance(params, Mapping):
        raise InputError(f"hydra.sweeper.params: found {shown(params)}; give settings with their values, a: 1,2,3")
    taken = names_of(given)
    return [f"{name}={_word(value)}" for name, value in params.items() if _plain(name) not in taken]


def rows_of(together: object, given: Sequence[str]) -> list[Row]:
    """Rows of settings that go together, without those that the command line sets; one empty row if there are none.

    Where the command line sets one of them, rows have no size, which would no longer be theirs.

    Args:
        together: rows, each setting → value, and `size`.
        given: words of the command line.

    Raises:
        InputError: for what are no such rows.
    """
    if together is None:
        return [Row({})]
    if not isinstance(together, Sequence) or not together or not all(isinstance(row, Mapping) for row in together):
        raise InputError(f"hydra.sweeper.together: found {shown(together)}; give rows of settings, [{{a: 1, b: 2}}]")
    taken = names_of(given)
    rows: list[Row] = []
    for row in together:
        size = row.get(SIZE)
        if isinstance(size, bool) or not (size is None or (isinstance(size, int | float) and size > 0)):
            raise InputError(f"hydra.sweeper.together: size: found {shown(size)}; give a number above 0")
        settings = {str(name): _word(value) for name, value in row.items() if name != SIZE}
        kept = {name: value for name, value in settings.items() if _plain(name) not in taken}
        made = Row(kept, float(size) if size is not None and kept == settings else None)
        if made not in rows:
            rows.append(made)
    return rows


def names_of(words: Sequence[str]) -> set[str]:
    """Names of the settings that words of a command line set."""
    return {_plain(word.partition("=")[0]) for word in words}


def _plain(name: Any) -> str:
    return str(name).lstrip("+~")


def _word(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value)
