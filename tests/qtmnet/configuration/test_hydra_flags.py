"""Hydra's flags stand where `argparse` looks into help texts as they are given, as from Python 3.14 on."""

import argparse

import pytest
from hydra._internal import utils

from qtmnet.configuration.hydra_flags import mend_hydra_flags


@pytest.fixture
def as_of_3_14(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `add_argument` of Python 3.14 does beyond that of 3.13."""
    monkeypatch.setattr(utils, "argparse", argparse)
    add = argparse.ArgumentParser.add_argument

    def add_argument(parser: argparse.ArgumentParser, *names: str, **how: object) -> argparse.Action:
        action = add(parser, *names, **how)
        if action.help:
            try:
                assert "%" not in action.help or action.help % vars(action)
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError("badly formed help string") from error
        return action

    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", add_argument)


def test_hydra_needs_it(as_of_3_14) -> None:
    """Once it does not, `qtmnet/configuration/hydra_flags.py` can go."""
    with pytest.raises(ValueError, match="badly formed help string"):
        utils.get_args_parser()


def test_all_flags_are_declared_and_explained(as_of_3_14) -> None:
    mend_hydra_flags()
    flags = {name: f"{action.help}" for action in utils.get_args_parser()._actions for name in action.option_strings}
    assert flags["--shell-completion"].startswith("Install or Uninstall shell completion:\n")
    assert "bash" in flags["--shell-completion"].lower()
    assert all(flags.values())


def test_commands_mend_it(as_of_3_14, command) -> None:
    outcome = command("train", "--hydra-help")
    assert outcome.status == 0, outcome.err
    assert "Install or Uninstall shell completion" in outcome.out
