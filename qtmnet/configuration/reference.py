"""The reference of all settings, as Markdown, made from the configuration and the docstrings of what it builds.

`docs/hooks.py` puts it into the documentation each time that is built, so that it cannot be out of date.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import yaml

from qtmnet.configuration.conf_folder import CONF
from qtmnet.configuration.docstrings import described_arguments
from qtmnet.configuration.schema.commands import Part, Parts, own_settings
from qtmnet.configuration.schema.targets import locate, settings_of
from qtmnet.configuration.settings import Setting, SettingsFile, read_settings
from simulators.settings.requests import wanted

COMMANDS = ("train", "evaluate", "simulate", "predict")

GLOBAL_GROUPS = ("experiment", "sweep")
"""Groups whose options set what others define."""


def reference() -> str:
    """All commands and all options of all groups, as Markdown from headings of the second level on."""
    commands = [_command(name) for name in COMMANDS]
    options = [_group(group) for group in groups()]
    return "\n\n".join(["## Commands", *commands, "## Groups", *options])


def groups() -> list[str]:
    """Names of the groups of `conf`, nested ones as `hydra/sweeper`."""
    return sorted({path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*/*.yaml")})


def prefix(group: str) -> str:
    """What stands before the names of a group's settings on a command line."""
    return "" if group in GLOBAL_GROUPS else f"{group.replace('/', '.')}."


def options(group: str) -> list[str]:
    """Names of a group's options."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def command_settings(name: str) -> tuple[Setting, ...]:
    """A command's own settings, with what each means."""
    return _with_meanings(CONF / f"{name}.yaml")


def option_settings(group: str, option: str) -> tuple[Setting, ...]:
    """The settings that an option gives, with what each means: the comment beside it, else what the option that it
    begins from says, else the docstring of what is built with it. An experiment's are those of the options it sets."""
    path = CONF / group / f"{option}.yaml"
    known = _known_everywhere() if group in GLOBAL_GROUPS else {}
    for base in read_settings(path).bases:
        known |= {setting.name: setting.meaning for setting in option_settings(group, base)}
    return tuple(replace(s, meaning=s.meaning or known.get(s.name, "")) for s in _with_meanings(path))


def _known_everywhere() -> dict[str, str]:
    """Meanings of the settings of the training command and the options that it chooses, by dotted name."""
    known = {setting.name: setting.meaning for setting in command_settings("train")}
    for chosen in read_settings(CONF / "train.yaml").groups:
        if chosen.name not in GLOBAL_GROUPS and chosen.default in options(chosen.name):
            given = option_settings(chosen.name, chosen.default)
            known |= {f"{chosen.name}.{setting.name}": setting.meaning for setting in given}
    return known


def _with_meanings(path: Path) -> tuple[Setting, ...]:
    tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return tuple(replace(s, meaning=s.meaning or _documented(tree, s.name)) for s in read_settings(path).settings)


def _documented(tree: Any, name: str) -> str:
    """What the docstring of the nearest `_target_` around a setting says of it; nothing, if there is none."""
    *parents, last = name.split(".")
    for parent in parents:
        tree = tree.get(parent, {})
    target = tree.get("_target_")
    return _plain(described_arguments(target).get(last, "")) if target else ""


def _may_be_of_option(group: str, option: str) -> dict[str, str]:
    """What each setting of an option may be, by name; those of an experiment are of the options that it sets."""
    path = CONF / group / f"{option}.yaml"
    may_be = {}
    if group in GLOBAL_GROUPS:
        may_be = {name: wanted(kind) for name, kind in own_settings("train").items() if _is_value(kind)}
        for chosen in read_settings(CONF / "train.yaml").groups:
            if chosen.default in options(chosen.name):
                told = _may_be_of_option(chosen.name, chosen.default)
                may_be |= {f"{chosen.name}.{name}": text for name, text in told.items()}
    for base in read_settings(path).bases:
        may_be |= _may_be_of_option(group, base)
    return may_be | _may_be(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def _may_be(tree: Any, path: str = "") -> dict[str, str]:
    """What the settings of all parts of a file may be, by dotted name."""
    may_be = {}
    if isinstance(tree, dict):
        if "_target_" in tree:
            takes = settings_of(locate(tree["_target_"]), tree["_target_"]).by_name
            may_be = {f"{path}{name}": wanted(kind) for name, kind in takes.items() if name in tree}
        for name, value in tree.items():
            may_be |= _may_be(value, f"{path}{name}.")
    return may_be


def _is_value(annotation: Any) -> bool:
    return annotation is not Parts and Part not in (get_args(annotation) or (annotation,))


def _plain(text: str) -> str:
    """Text without the roles and double backticks of reStructuredText, its first sentence only if it is long."""
    text = re.sub(r":[\w:]+:`~?([^`]*)`", r"`\1`", text).replace("``", "`")
    return text if len(text) <= 120 else re.split(r"(?<=\.)\s+(?=[A-Z])", text, maxsplit=1)[0]


def _command(name: str) -> str:
    file = read_settings(CONF / f"{name}.yaml")
    parts = [f"### {name}", _code("\n".join(file.examples), "bash")]
    if file.groups:
        rows = [
            (_link(group.name), f"`{group.default}`", _options(group), _text(group.meaning)) for group in file.groups
        ]
        parts.append(_table(("group", "default", "options", "meaning"), rows))
    may_be = {
        setting: wanted(annotation) for setting, annotation in own_settings(name).items() if _is_value(annotation)
    }
    tree = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    return "\n\n".join([*parts, _settings_table(command_settings(name), _may_be(tree) | may_be)])


def _options(group: Setting) -> str:
    return ", ".join(f"`{option}`" for option in options(group.name))


def _link(group: str) -> str:
    return f"[`{group}`](#{group})"


def _group(group: str) -> str:
    return "\n\n".join([f"### {group}", *(part for option in options(group) for part in _option(group, option))])


def _option(group: str, option: str) -> Iterator[str]:
    path = CONF / group / f"{option}.yaml"
    file = read_settings(path)
    yield f"#### {group}={option}"
    yield from _description(file.examples)
    yield from _made_from(path, group, file)
    settings = option_settings(group, option)
    if settings:
        yield _settings_table(settings, _may_be_of_option(group, option), prefix=prefix(group))


def _description(comment: Sequence[str]) -> Iterator[str]:
    """The comment that a file begins with; its commands, which are indented or begin with "Then:", as code."""
    prose = [_text(line) for line in comment if not line.startswith(" ")]
    commands = [line.strip() for line in comment if line.startswith(" ")]
    yield " ".join(prose)
    if commands:
        yield _code("\n".join(commands), "bash")


def _made_from(path: Path, group: str, file: SettingsFile) -> Iterator[str]:
    target = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("_target_")
    told = [f"builds `{target}`"] if target else []
    told += [f"all that [`{group}={base}`](#{group}{base}) gives, and this" for base in file.bases]
    told += [f"chooses `{chosen.name}={chosen.default}`" for chosen in file.groups]
    if told:
        line = "; ".join(told)
        yield f"{line[0].upper()}{line[1:]}."


def _settings_table(settings: Sequence[Setting], may_be: Mapping[str, str], prefix: str = "") -> str:
    rows = [
        (f"`{prefix}{s.name}`", f"`{s.default}`", _text(may_be.get(s.name, "")), _text(s.meaning)) for s in settings
    ]
    return _table(("setting", "default", "may be", "meaning"), rows)


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Text in which nothing but what stands in backticks is more than text to Markdown, its tables and HTML."""
    parts = text.split("`")
    parts[::2] = [_escaped(part) for part in parts[::2]]
    return "`".join(parts)


def _escaped(text: str) -> str:
    return re.sub(r"([*_\[\]$\\])", r"\\\1", html.escape(text, quote=False).replace("|", "&#124;"))


def _code(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"
