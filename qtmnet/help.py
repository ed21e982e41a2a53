"""What `--help` of a command shows: read from its configuration, which needs no time to speak of."""

import textwrap
from importlib.resources import files
from pathlib import Path

from qtmnet.settings import Setting, read_settings

MORE = (
    "python {name}.py … --cfg job            all settings, as these overrides leave them",
    "python {name}.py … --multirun a=1,2     a run for each value; hydra/sweeper=bayes searches",
    "python {name}.py --hydra-help           Hydra's own flags",
)
NOT_FOR_HAND = ("run_dir", "trial")
"""Settings that are set by Hydra."""

LEFT, WIDTH = 30, 116


def help_of(name: str) -> str:
    """Examples, groups with their options, and settings of a command.

    Args:
        name: of the command: train, evaluate, simulate or predict.
    """
    conf = Path(str(files("conf")))
    about = read_settings(conf / f"{name}.yaml")
    groups = [_row(f"{group.name}={group.default}", _with_others(group, conf)) for group in about.groups]
    settings = [
        _row(f"{setting.name}={setting.default}", setting.meaning)
        for setting in about.settings
        if setting.name not in NOT_FOR_HAND
    ]
    parts = {
        "Examples": [f"  {example}" for example in about.examples],
        "Groups": groups,
        "Settings": settings,
        "Everything else": [f"  {line.format(name=name)}" for line in MORE],
    }
    told = ["\n".join([heading, *lines]) for heading, lines in parts.items() if lines]
    return "\n\n".join([f"python {name}.py [group=option …] [setting=value …]", *told])


def _with_others(group: Setting, conf: Path) -> str:
    options = sorted(entry.name.removesuffix(".yaml") for entry in (conf / group.name).iterdir())
    others = [option for option in options if option != group.default]
    told = f"or {', '.join(others)}" if others else ""
    return f"{group.meaning}; {told}" if group.meaning and told else group.meaning or told


def _row(left: str, right: str) -> str:
    """Two columns, the right one over as many lines as it takes."""
    lines = textwrap.wrap(right, WIDTH - LEFT) or [""]
    if len(left) > LEFT - 4:
        lines.insert(0, "")
    return "\n".join(f"  {left if index == 0 else '':<{LEFT - 3}} {line}".rstrip() for index, line in enumerate(lines))
