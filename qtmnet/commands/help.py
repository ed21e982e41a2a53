"""What `--help` of a command shows: read from its configuration, which needs no time to speak of."""

import textwrap

from qtmnet.configuration.conf_folder import CONF
from qtmnet.configuration.settings import Setting, read_settings
from qtmnet.process import invocation

MORE = (
    ("… --cfg job", "all settings, as these overrides leave them"),
    ("… --multirun a=1,2", "a run for each value; hydra/sweeper=bayes searches"),
    ("--hydra-help", "Hydra's own flags"),
)
USAGE = {"predict": "INPUT OUTPUT [setting=value …]"}
PATHS = (
    "Paths are taken as they are, whatever is in them, once the shell has read its quotes; ~/ is your folder, and "
    "${name} in setting=value the value of another setting."
)
PATHS_BY_PLACE = (
    "INPUT and OUTPUT are the words that are no settings; a path that looks like one is given as ./mask=1, and one "
    "that begins with a dash after --."
)
NOT_FOR_HAND = ("run_dir", "trial")
"""Settings that are set by Hydra."""

LEFT, WIDTH = 30, 116


def help_of(name: str) -> str:
    """Examples, groups with their options, and settings of a command.

    Args:
        name: of the command: train, evaluate, simulate or predict.
    """
    about = read_settings(CONF / f"{name}.yaml")
    groups = [_row(f"{group.name}={group.default}", _with_others(group)) for group in about.groups]
    settings = [
        _row(f"{setting.name}={setting.default}", setting.meaning)
        for setting in about.settings
        if setting.name not in NOT_FOR_HAND
    ]
    call = invocation.command(name)
    parts = {
        "Examples": [f"  {invocation.as_called(example)}" for example in about.examples],
        "Groups": groups,
        "Settings": settings,
        "Paths": _paragraphs(PATHS, *([PATHS_BY_PLACE] if name in USAGE else [])),
        "Everything else": [f"  {f'{call} {words}':<40} {meaning}" for words, meaning in MORE],
    }
    told = ["\n".join([heading, *lines]) for heading, lines in parts.items() if lines]
    return "\n\n".join([f"{call} {USAGE.get(name, '[group=option …] [setting=value …]')}", *told])


def _with_others(group: Setting) -> str:
    options = sorted(entry.name.removesuffix(".yaml") for entry in (CONF / group.name).iterdir())
    others = [option for option in options if option != group.default]
    told = f"or {', '.join(others)}" if others else ""
    return f"{group.meaning}; {told}" if group.meaning and told else group.meaning or told


def _paragraphs(*texts: str) -> list[str]:
    return [f"  {line}" for text in texts for line in textwrap.wrap(text, WIDTH - 2)]


def _row(left: str, right: str) -> str:
    """Two columns, the right one over as many lines as it takes."""
    lines = textwrap.wrap(right, WIDTH - LEFT) or [""]
    if len(left) > LEFT - 4:
        lines.insert(0, "")
    return "\n".join(f"  {left if index == 0 else '':<{LEFT - 3}} {line}".rstrip() for index, line in enumerate(lines))
