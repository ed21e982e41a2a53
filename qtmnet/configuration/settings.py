"""The settings in a file of `conf`, with what the comments beside them say; for `--help` and the documentation."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

HYDRA_OWN = ("hydra", "defaults")
"""Keys of a file that are no settings of ours."""


@dataclass(frozen=True)
class Setting:
    """One setting, or one group of settings to choose an option of.

    Attributes:
        name: dotted, as it is given on the command line.
        default: its value in the file, as YAML text in one line.
        meaning: the comment beside it, or nothing.
    """

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class SettingsFile:
    """What one file of `conf` holds, in its order.

    Attributes:
        examples: lines of the comment that it begins with; in a command's file these are examples of its use.
        groups: entries of its defaults list that choose an option of a group.
        settings: its settings, those of nested mappings one by one, without Hydra's (`_target_` and the like).
        bases: options of its own group that it begins from.
    """

    examples: tuple[str, ...]
    groups: tuple[Setting, ...]
    settings: tuple[Setting, ...]
    bases: tuple[str, ...] = ()


def read_settings(path: str | Path) -> SettingsFile:
    """Read a file of `conf`.

    Raises:
        OSError: if it cannot be read.
        yaml.YAMLError: if it is no YAML.
    """
    text = Path(path).read_text(encoding="utf-8")
    root = yaml.compose(text)
    entries = root.value if isinstance(root, yaml.MappingNode) else []
    chosen = [entry for key, value in entries if key.value == "defaults" for entry in value.value]
    return SettingsFile(
        examples=_leading_comment(text),
        groups=tuple(group for entry in chosen for group in _groups(entry, text)),
        settings=tuple(_settings([pair for pair in entries if pair[0].value not in HYDRA_OWN], text, "")),
        bases=tuple(entry.value for entry in chosen if _is_base(entry)),
    )


def _leading_comment(text: str) -> tuple[str, ...]:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" ").rstrip())
    return tuple(line for line in lines if not line.startswith("@package"))


def _is_base(entry: yaml.Node) -> bool:
    return isinstance(entry, yaml.ScalarNode) and entry.value != "_self_"


def _groups(entry: yaml.Node, text: str) -> Iterator[Setting]:
    if not isinstance(entry, yaml.MappingNode):
        return
    for key, value in entry.value:
        group = key.value.removeprefix("override ").removeprefix("/").partition("@")[0]
        if not group.startswith("hydra/"):
            yield Setting(group, _in_one_line(value, text), _comment_beside(key, value, text))


def _settings(entries: list[tuple[yaml.Node, yaml.Node]], text: str, parent: str) -> Iterator[Setting]:
    for key, value in entries:
        if key.value.startswith("_"):
            continue
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield from _settings(value.value, text, f"{parent}{key.value}.")
        else:
            yield Setting(parent + key.value, _in_one_line(value, text), _comment_beside(key, value, text))


def _in_one_line(value: yaml.Node, text: str) -> str:
    if isinstance(value, yaml.SequenceNode) and not value.flow_style:
        return f"[{', '.join(_in_one_line(item, text) for item in value.value)}]"
    return " ".join(text[value.start_mark.index : value.end_mark.index].split())


def _comment_beside(key: yaml.Node, value: yaml.Node, text: str) -> str:
    """The comment after the value; that after the key, if the value begins on another line."""
    last = value if value.start_mark.line == key.start_mark.line else key
    rest = text[last.end_mark.index :].partition("\n")[0]
    return rest.partition("#")[2].strip()
