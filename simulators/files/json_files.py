"""JSON of users, read with its defects named, and JSON that every other program can read, written.

Python's own reader takes the last of two values of one name without a word, numbers that no standard knows (NaN,
Infinity, 1e999), and nesting until it runs out of stack; its writer puts NaN into files.
"""

import json
import math
import reprlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from simulators.errors import InputError
from simulators.files.reading import JSON_FILE, FileKind, Name, decoded, read_bytes
from simulators.files.writing import writing

DEEPEST = 64
"""Levels; sidecars have two or three."""

LONGEST_INTEGER = 4000
"""Digits; Python reads no more than 4300."""


def read_json(path: Name, *, kind: FileKind = JSON_FILE, only_finite: bool = True) -> dict[str, object]:
    """The fields of a JSON file whose top level is an object.

    Args:
        path: of the file.
        kind: what it is, which bounds its size.
        only_finite: refuse NaN and infinity wherever they stand. Where other programs' files hold more fields than are
            used, leave it to whoever uses one.

    Raises:
        InputError: if it cannot be read, is no JSON, or says something twice.
    """
    return parse_json(read_bytes(path, kind), path, only_finite=only_finite)


def parse_json(content: bytes, path: Name, *, only_finite: bool = True) -> dict[str, object]:
    """The fields of JSON text whose top level is an object.

    Args:
        content: the text, in UTF-8 or in UTF-16 with a byte order mark.
        path: where it is from, for the complaint.
        only_finite: see `read_json`.

    Raises:
        InputError: as `read_json`.
    """
    try:
        found = _loads(decoded(content), only_finite)
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}); mend the file") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: found {reprlib.repr(found)}; give a JSON object of field names and values")
    return found


def json_text(value: object, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON that any program reads, one line at the end if indented.

    Letters stay as they are, but for bytes of file names that are no UTF-8: these are escaped.

    Raises:
        ValueError: for NaN or infinity, which JSON does not have: say null where a number is not known.
    """
    text = json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode() + ("" if indent is None else "\n")


def write_json(path: Path, value: object) -> None:
    """Write JSON to a file, whole or not at all.

    Raises:
        ValueError: as `json_text`.
        InputError: if it cannot be written.
    """
    text = json_text(value, indent=1)
    with writing(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def _loads(text: str, only_finite: bool) -> object:
    number = _finite if only_finite else float
    try:
        found = json.loads(
            text,
            object_pairs_hook=_without_doubles,
            parse_constant=number,
            parse_float=number,
            parse_int=_short_enough,
        )
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} deep") from None
    _check_depth(found)
    return found


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{reprlib.repr(twice)} is there twice: keep one")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number of JSON: leave the field out, or write null")
    return number


def _short_enough(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"found a number of {len(text)} digits")
    return int(text)


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for item in level for inner in _inside(item) if isinstance(inner, dict | list)]
        if not level:
            return
    raise ValueError(f"nested more than {DEEPEST} deep")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
