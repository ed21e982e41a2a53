"""Values to give settings: of wrong types, at and beyond bounds, and whatever else can be typed."""

import math
import types
from collections.abc import Iterator, Mapping
from random import Random
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from simulators.settings.limits import Within

NUMBERS = (
    *("nan", ".nan", "inf", "-inf", ".inf", "1e400", "-1e400", "1e300", "-1e300", "1e99", "1e20", "1e9", "1e6", "1000"),
    *("100", "10", "3", "2", "1", "0.5", "1e-3", "1e-9", "1e-30", "5e-324", "0", "-0.0", "0.0", "-1", "-1e-9", "-1000"),
    *("1000000000000", "9223372036854775808", "1" + "0" * 60, "1" + "0" * 5000, "1_000", "0x10", "0o7", "1.", ".5"),
    *("1e", "+1", "--1", "1,2", "1;2", "1 2", "٣", "²", "½", "1e3.5", "0.1.2", "1j"),
)
WORDS = (
    *("", "''", '""', "null", "None", "~", "true", "false", "True", "yes", "off", "abc", "auto", "checkpoint", "all"),
    *("none", "???", "-", "--", ".", "..", "/", "*", "x" * 300, "x" * 5000, "é", "漢字", "🧠", "\u202eabc", "e\u0301"),
    *("\x07", "a\nb", "\t", " ", "\\", "\\\\", "'", '"', "'a", "a'b", "#", "a#b", "a: b", "a=b", "a==b", "%s", "{0}"),
    *("\udcff", "a\udce4b", "\ufeff", "\u0085", "\u2028", "<b>", "&a", "*a", "!!python/none", "@a", "a@b", "`a`", "|"),
)
NESTED = (
    *("[]", "{}", "[1]", "[a]", "[null]", "[true]", "[nan]", "[[1]]", "[1,2]", "[2,1]", "[1,1]", "[0,0]", "[1,a]"),
    *("[1,2,3]", "[0,0,0]", "[-1,-1,-1]", "[8,8,8]", "[1e9,1e9,1e9]", "[2.5,2.5,2.5]", "[nan,nan,nan]"),
    *("[inf,inf,inf]",),
    *("[1,2,3,4]", "[1,2,3,4,5]", "[1e300,1e300]", "[2,inf]", "[[1,2],[3,4]]", "{a:1}", "{a:{b:[1,{c:2}]}}", "{1:2}"),
    *("{null:1}", "{'':1}", "{_target_:os.getcwd}", "{_target_:nowhere.Thing}", "{_target_:null}", "{_args_:[1]}"),
    *("[", "]", "{", "}", "[1,", "{a:", "[1}", "[" * 40 + "]" * 40, "[" * 3000 + "]" * 3000),
    *("{a:" * 30 + "1" + "}" * 30,),
    *(f"[{','.join(['1'] * 300)}]", f"[{','.join(str(1 + i / 1e4) for i in range(3000))}]"),
    f"[{','.join(str(1 + i / 1e5) for i in range(10_000))}]",
)
EXPRESSIONS = (
    *("${seed}", "${run_dir}", "${nowhere}", "${a.b.c}", "${.x}", "${..seed}", "${", "$", "${}", "$${seed}", "${seed"),
    *("${oc.env:HOME}", "${oc.env:NOT_THERE_AT_ALL}", "${oc.decode:'[1'}", "${oc.select:seed}", "${now:%Y}", "${now:}"),
    *("${hydra:job.name}", "${hydra:runtime.cwd}", "${hydra:nowhere}", "${hydra:}", "a${seed}b", "[${seed}]", "${x:y}"),
    *("int(3)", "int(x)", "str(3)", "bool(1)", "float(nan)", "json_str({a:1})", "choice(1,2)", "range(1,3)", "glob(*)"),
    *("interval(0,1)", "sort(3,1)", "shuffle(1,2)", "tag(a,1)", "extend_list(1)", "nowhere(1)", "cast(1)", "choice()"),
    *("${oc.create:${seed}}", "${oc.dict.keys:data}", "${oc.dict.values:data}", "${oc.deprecated:seed}", "${data}"),
)
ODD = (*NUMBERS, *WORDS, *NESTED, *EXPRESSIONS)


def odd_word(rng: Random, annotation: Any) -> str:
    """A value to type: anything, or near the bounds of what an annotation takes."""
    bounds = list(map(typed, bound_values(annotation)))
    if bounds and rng.random() < 0.4:
        return rng.choice(bounds)
    return rng.choice(rng.choice((NUMBERS, WORDS, NESTED, EXPRESSIONS)))


def bound_values(annotation: Any) -> Iterator[Any]:
    """Numbers at the bounds of an annotation, and next to them."""
    for kind, said in branches(annotation):
        for limits in (part for part in said if isinstance(part, Within)):
            for end in (limits.low, limits.high):
                if kind is int:
                    yield from (int(end) - 1, int(end), int(end) + 1)
                else:
                    yield from (math.nextafter(end, -math.inf), float(end), math.nextafter(end, math.inf))
            yield from (-limits.high, 10 * limits.high)
        if get_origin(kind) is tuple:
            inner = list(bound_values(get_args(kind)[0]))
            yield from ([value] * n for value in inner for n in (1, 2, 3))
        if get_origin(kind) is Literal:
            yield from get_args(kind)


def surely_wrong(annotation: Any) -> list[str]:
    """Values to type that an annotation takes in no reading: numbers out of its range, of those that have one."""
    taken = list(branches(annotation))
    if not taken or any(kind not in (int, float, type(None)) for kind, _ in taken):
        return []
    limits = [part for _, said in taken for part in said if isinstance(part, Within)]
    if not limits:
        return []
    far = max(10 * abs(part.high) for part in limits) + 1
    return ["nan", "-inf", "abc", "[[a]]", "{a:1}", "true", typed(-far), typed(far), "1e300", "-1e300"]


def typed(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, list):
        return f"[{','.join(map(typed, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value) if isinstance(value, float) else str(value)


def branches(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Each type that an annotation takes, and what it says of it."""
    if get_origin(annotation) in (Union, types.UnionType):
        for option in get_args(annotation):
            yield from branches(option)
    elif get_origin(annotation) is Annotated:
        for inner, said in branches(get_args(annotation)[0]):
            yield inner, (*said, *annotation.__metadata__)
    else:
        yield annotation, ()


PLAIN = (
    *(None, True, False, 0, -1, 1, 2, 3, 2.5, 1e-9, 1e20, 1e300, -1e300, 5e-324, 10**7, 10**12, 10**400, math.nan),
    *(math.inf, -math.inf, "", "a", "1", "x" * 3000, "\x00", "a\nb", "\udcff", b"bytes", 1j, [], [1], [[1]], [None]),
    *([True] * 3, ["a"] * 3, [math.nan] * 3, [math.inf] * 4, [1e300] * 4, [2000] * 3, [8, 8], [1, 2, 3, 4, 5], {}),
    *({"a": 1}, {1: 2}, {"_target_": "os.system"}, (1, 2), [[[[[[[[[[]]]]]]]]]], [0.5] * 10_000, set(), frozenset({1})),
)
"""Values to put into a file of plain data."""


def other_leaf(rng: Random, content: Any) -> tuple[Any, str]:
    """Plain data with one node changed, left out or added, and where and what."""
    places = list(nodes(content))
    path = rng.choice(places)
    value, change = rng.choice(PLAIN), rng.random()
    if change < 0.15 and path:
        return without(content, path), f"{_dotted(path)} left out"
    if change < 0.25:
        path = (*path, "unheard_of") if isinstance(at(content, path), Mapping) else path
    if isinstance(value, list | dict | set):
        value = type(value)(value)
    return with_value(content, path, value), f"{_dotted(path)} = {repr(value)[:80]}"


def nodes(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all nodes of plain data, that of the whole among them."""
    yield path
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from nodes(value, (*path, key))
    elif isinstance(content, list | tuple):
        for index, value in enumerate(content[:4]):
            yield from nodes(value, (*path, index))


def at(content: Any, path: tuple[Any, ...]) -> Any:
    """The node of a path."""
    for key in path:
        content = content[key]
    return content


def with_value(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Plain data with another value at a path."""
    if not path:
        return value
    key, *rest = path
    if isinstance(content, Mapping):
        inner = with_value(content[key], tuple(rest), value) if key in content else value
        return {**content, key: inner}
    return type(content)([with_value(old, tuple(rest), value) if i == key else old for i, old in enumerate(content)])


def without(content: Any, path: tuple[Any, ...]) -> Any:
    """Plain data without the node of a path."""
    *rest, key = path
    holder = at(content, tuple(rest))
    kept = (
        {name: value for name, value in holder.items() if name != key}
        if isinstance(holder, Mapping)
        else type(holder)([value for index, value in enumerate(holder) if index != key])
    )
    return with_value(content, tuple(rest), kept)


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path)) or "the whole"
