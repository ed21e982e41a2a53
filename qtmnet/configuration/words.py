"""What is typed behind a command, and what Hydra is given for it: flags, then overrides that it can read.

qtmnet train experiment=quickstart --multirun seed=0,1
qtmnet predict "scans/Müller, 2nd [visit]" maps ckpt=best.ckpt
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from qtmnet.configuration import bids_app
from qtmnet.configuration.conf_folder import CONF
from qtmnet.configuration.paths import at_home, literal, with_path_in_quotes
from qtmnet.configuration.settings import read_settings
from qtmnet.process.invocation import command
from simulators.errors import InputError

PLACES = {"predict": ("input", "output_dir")}
"""Settings of a command that are given by their place: `qtmnet predict INPUT OUTPUT`."""

CHOSEN_WITH = {"predict": {"ckpt": ("method", "qtmnet")}}
"""Settings of a command that are for one option of a group: given without the group, they choose it."""

HELP = ("-h", "--help")
MODES = ("-m", "--multirun", "-r", "--run", "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion")
FLAGS = {"-m", "--multirun", "-r", "--run", "--resolve", "--hydra-help", "--version"}
FLAGS_WITH_A_WORD = {
    **dict.fromkeys(("-c", "--cfg"), ("job", "hydra", "all")),
    **dict.fromkeys(("-i", "--info"), ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")),
    **dict.fromkeys(("-sc", "--shell-completion"), ()),
    **dict.fromkeys(("-p", "--package", "-cd", "--config-dir", "-cn", "--config-name"), ()),
}
"""Flags of Hydra's that a word belongs to, with the words that there are if they are few.

Not among them: --config-path, which would replace `conf`, and --experimental-rerun, which loads a pickle.
"""

_VARIED = re.compile(r"\$\{|,")
"""What tells the outputs of a sweep's runs apart."""

LONGEST = 20_000
"""Characters of a word; Hydra's parser takes seconds for more, and no path or value needs them."""
MOST = 1_000
"""Words of a command line."""
DEEPEST = 50
"""Brackets within brackets."""


@dataclass
class _Words:
    """Words of a command line by kind."""

    flags: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)

    def has(self, *flags: str) -> bool:
        return any(flag.partition("=")[0] in flags for flag in self.flags)


def asked_for(words: Sequence[str], flags: Sequence[str]) -> bool:
    """Whether a flag is among words that are no paths."""
    before = words[: words.index("--")] if "--" in words else words
    return any(word in flags for word in before)


def for_hydra(name: str, words: Sequence[str]) -> list[str]:
    """What Hydra is given for the words of a command.

    Args:
        name: of the command.
        words: as they were typed behind it.

    Raises:
        InputError: for a word that is neither flag, setting nor path, or that cannot be read.
    """
    _refuse_monsters(words)
    if name in PLACES:
        words = [bids_app.labels_as_text(word) for word in bids_app.as_settings(words)]
    sorted_words = _by_kind(name, words)
    _refuse_flags_that_clash(sorted_words, words)
    sweep = sorted_words.has("-m", "--multirun")
    if sweep and name in PLACES:
        _refuse_one_output_for_all(sorted_words.settings)
    settings = [with_path_in_quotes(word, sweep=sweep) for word in sorted_words.settings]
    for word, typed in zip(settings, sorted_words.settings, strict=True):
        _refuse_unreadable(word, typed)
    paths = [
        f"{place}={literal(at_home(path))}"
        for place, path in zip(_free_places(name, sorted_words.settings), sorted_words.rest, strict=False)
    ]
    return [*sorted_words.flags, *paths, *_chosen(name, sorted_words.settings), *settings]


def _chosen(name: str, settings: Sequence[str]) -> Iterator[str]:
    """Options that are chosen by settings which are theirs."""
    given = dict(word.partition("=")[::2] for word in settings)
    for setting, (group, option) in CHOSEN_WITH.get(name, {}).items():
        if given.get(setting, "null") not in ("null", "") and group not in given:
            yield f"{group}={option}"


def _by_kind(name: str, words: Sequence[str]) -> _Words:
    found, iterator = _Words(), iter(words)
    known = _known(name)
    for word in iterator:
        if word == "--":
            break
        if word.partition("=")[0] in FLAGS_WITH_A_WORD:
            found.flags += _flag_with_its_word(word, iterator)
        elif word in FLAGS:
            found.flags.append(word)
        elif word.startswith("-"):
            path = f"; a path that begins with a dash is given after --, as in {command(name)} -- {word}"
            more = path if name in PLACES else ""
            raise InputError(f"{word}: no such flag; settings have no dashes, as trainer.max_epochs=3{more}")
        elif known(word):
            found.settings.append(word)
        else:
            found.rest.append(word)
    behind = list(iterator)
    n_places = len(_free_places(name, found.settings))
    if len(found.rest) + len(behind) != n_places:  # then some are misspelt settings, and not paths
        found.settings += [word for word in found.rest if _looks_like_a_setting(word)]
        found.rest = [word for word in found.rest if not _looks_like_a_setting(word)]
    found.rest = bids_app.without_level(found.rest, n_places) if name in PLACES and not behind else found.rest
    found.rest += behind
    if len(found.rest) > n_places:
        raise InputError(_too_many(name, found.rest[n_places]))
    return found


def _known(name: str) -> Callable[[str], bool]:
    """Whether a word is a setting of the command, and no path that has `=` in it."""
    if name not in PLACES:
        return lambda word: "=" in word or word.startswith("~")
    file = read_settings(CONF / f"{name}.yaml")
    names = {setting.name for setting in (*file.settings, *file.groups)}

    def is_setting(word: str) -> bool:
        key, equals, _ = word.partition("=")
        key = key.lstrip("+~") if equals or word.startswith("~") else ""
        return (
            key.partition(".")[0] in names
            or key.startswith("hydra/")
            or key.startswith("hydra.")
            or (bool(equals) and word.startswith("+"))
        )

    return is_setting


def _looks_like_a_setting(word: str) -> bool:
    return re.match(r"[~+]*[\w./@]*=|[~+]+[\w./@]*$", word) is not None


def _free_places(name: str, settings: Sequence[str]) -> list[str]:
    """What is given by place and has not been given by name."""
    given = {word.partition("=")[0].lstrip("+") for word in settings}
    return [place for place in PLACES.get(name, ()) if place not in given]


def _too_many(name: str, word: str) -> str:
    if name not in PLACES:
        return f"{word}: no value; give {word}=…" if word.strip() else "an empty word; give setting=value"
    return f"{word}: a path too many; {command(name)} takes {' and '.join(PLACES[name])}, the rest as setting=value"


def _flag_with_its_word(flag: str, following: Iterator[str]) -> list[str]:
    name, equals, word = flag.partition("=")
    if not equals:
        word = next(following, "")
    choices = FLAGS_WITH_A_WORD[name]
    if choices and word not in choices:
        raise InputError(f"{name}: found {word or 'nothing'}; give one of {', '.join(choices)}")
    if not word or word.startswith("-"):
        raise InputError(f"{name}: nothing behind it; give a word")
    if name in ("-cd", "--config-dir") and not Path(word).is_dir():
        raise InputError(f"{name} {word}: {'not a folder' if Path(word).exists() else 'no such folder'}")
    return [name, word]


def _refuse_flags_that_clash(found: _Words, words: Sequence[str]) -> None:
    modes = [flag for flag in found.flags if flag in MODES]
    if len(modes) > 1:
        raise InputError(f"{modes[0]} and {modes[1]}: give one of them")
    if found.has("--resolve") and not found.has("-c", "--cfg"):
        raise InputError("--resolve: goes with --cfg job")
    if found.has("-m", "--multirun") and len(words) == 1:
        raise InputError(f"{words[0]}: nothing to sweep; give several values of a setting, as seed=0,1,2")


def _refuse_one_output_for_all(settings: Sequence[str]) -> None:
    """Each run of a sweep would replace the files of the one before."""
    given = next((word.partition("=")[2] for word in settings if word.startswith("output_dir=")), "")
    if not _VARIED.search(given):
        raise InputError("--multirun: all runs would write into one OUTPUT; give output_dir='maps/${method}', say")


def _refuse_monsters(words: Sequence[str]) -> None:
    if len(words) > MOST:
        raise InputError(f"{len(words)} words on the command line; give at most {MOST:,}, or a file in --config-dir")
    for word in words:
        if "\0" in word:
            raise InputError(f"{word.encode('unicode_escape').decode('ascii')}: a NUL character is in no path or value")
        if len(word) > LONGEST:
            raise InputError(f"{word[:40]}…: {len(word):,} characters; give at most {LONGEST:,}")
        depth = 0
        for character in word:
            depth += (character in "[{(") - (character in "]})")
            if depth > DEEPEST and "=" in word:
                raise InputError(f"{word[:40]}…: more than {DEEPEST} brackets within each other")


def _refuse_unreadable(word: str, typed: str) -> None:
    """Let Hydra's parser read an override, for a line of ours on what it cannot read."""
    name, _, value = typed.partition("=")
    if not name.partition("@")[0].strip("+~ "):
        raise InputError(f"{typed}: no setting is named; give name=value")
    if not re.fullmatch(r"[~+]*[\w./@:$-]+", name, re.ASCII):
        raise InputError(f"{name}: no such setting; names are of plain letters, digits and dots")
    if name == "name":
        _refuse_no_name_of_a_folder(value)
    try:
        word.encode()
        override = OverridesParser.create().parse_override(word)
        OmegaConf.create([word])  # as Hydra keeps it: this reads interpolations
    except UnicodeEncodeError:
        if word == typed:  # in a path any bytes may be
            raise InputError(f"{name}: not UTF-8; give text") from None
        return
    except (HydraException, OmegaConfBaseException, ValueError, RecursionError):
        shown = typed if len(typed) < 80 else f"{typed[:80]}…"
        quoted = (
            f"; a value with such characters goes in quotes: \"{name}='{value}'\""
            if len(value) < 40 and "'" not in value
            else ""
        )
        raise InputError(f"{shown}: cannot be read{quoted if value else '; give name=value'}") from None
    _refuse_no_option(override)


def _refuse_no_option(override: Override) -> None:
    """Hydra takes a word or several for a group, and stumbles over anything else."""
    group, value = override.key_or_group, override.value()
    if not (CONF / group).is_dir() or override.is_delete():
        return
    chosen = value.list if isinstance(value, ChoiceSweep) else [value]
    words = [word for one in chosen for word in (one if isinstance(one, list) else [one])]
    if not all(isinstance(word, str | QuotedString) for word in words):
        options = ", ".join(sorted(entry.stem for entry in (CONF / group).glob("*.yaml")))
        raise InputError(
            f"{override.input_line}: no option of a group; give {group}=…, one of {options}, or leave it out"
        )


def _refuse_no_name_of_a_folder(value: str) -> None:
    """Hydra makes a run's folder, which has the run's name, before the other settings are looked at."""
    from qtmnet.limits import RunName
    from simulators.settings.checking import checked

    if "${" not in value:  # else looked at when it is known
        checked("name", value.strip("'\""), RunName)
