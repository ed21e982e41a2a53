"""JSON of users is read with its defects named; what is written is JSON to any other program."""

import json
import math
from pathlib import Path

import pytest

from simulators.errors import InputError
from simulators.files.json_files import json_text, parse_json, read_json, write_json


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1.5}',
        b'\xef\xbb\xbf{"a": 1.5}',
        '{"a": 1.5}'.encode("utf-16"),
        b'{"a": 15e-1}\r\n\r\n',
        b'{"\\u0061": 1.5}',
    ],
    ids=["plain", "byte order mark", "UTF-16", "line ends", "escaped"],
)
def test_json_of_any_program_is_read(content: bytes) -> None:
    assert parse_json(content, "x.json") == {"a": 1.5}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not readable as JSON"),
        (b"{", "not readable as JSON"),
        (b"{'a': 1}", "not readable as JSON"),
        (b'{"a": 1} {}', "Extra data"),
        (b'{"a": "\xe9"}', "no UTF-8 text: byte 7 is 0xe9"),
        (b'\xff\xfe{\x00"', "no UTF-16 text"),
        ('{"a": 1}'.encode("utf-16-le"), "not readable as JSON"),
        (b'{"a": 1, "b": {"TR": 1, "x": 2, "TR": 1}}', "'TR' is there twice"),
        (b'{"a": NaN}', "NaN is no number of JSON"),
        (b'{"a": [1, -Infinity]}', "-Infinity is no number of JSON"),
        (b'{"a": 1e999}', "1e999 is no number of JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of 5000 digits"),
        (b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}", "nested more than 64 deep"),
        (b'{"a": ' * 100_000, "not"),
        (b"[" * 1_000_000, "nested more than 64 deep"),
        (b"[1, 2]", "found [1, 2]; give a JSON object"),
        (b"null", "found None; give a JSON object"),
        (b'"text"', "found 'text'; give a JSON object"),
        (b"[" + b"1," * 10**6 + b"1]", "found [1, 1, 1, 1, 1, 1, ...]"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(content: bytes, told: str) -> None:
    with pytest.raises(InputError) as error:
        parse_json(content, "x.json")
    line = str(error.value)
    assert line.startswith("x.json: ")
    assert told in line
    assert line.isprintable()
    assert len(line) < 300


def test_a_million_keys_of_which_one_is_there_twice() -> None:
    """Found without looking for each among all before it."""
    content = "{" + ", ".join(f'"{k}": 0' for k in range(10**5)) + ', "99999": 1}'
    with pytest.raises(InputError, match="'99999' is there twice"):
        parse_json(content.encode(), "x.json")


def test_fields_that_nobody_uses_may_hold_what_they_like(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"SAR": NaN, "a": 1}', encoding="utf-8")
    assert math.isnan(read_json(tmp_path / "x.json", only_finite=False)["SAR"])  # type: ignore[arg-type]


def test_what_is_written_any_program_reads(tmp_path: Path) -> None:
    value = {"name": 'Übung 灌注 caf\udce9 "<&\\', "values": [1, 0.1, None, True]}
    write_json(tmp_path / "new" / "x.json", value)
    content = (tmp_path / "new" / "x.json").read_bytes()
    assert json.loads(content.decode()) == value  # strict UTF-8
    assert "Übung 灌注" in content.decode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_not_written(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"a": [number]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": number})
    assert list(tmp_path.iterdir()) == []
