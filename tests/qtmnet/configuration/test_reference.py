"""The reference of settings: whatever can be set has a meaning, and stands in it."""

import pytest

from qtmnet.configuration import reference
from qtmnet.configuration.settings import Setting, read_settings

OPTIONS = [(group, option) for group in reference.groups() for option in reference.options(group)]


def nameless(settings: tuple[Setting, ...]) -> list[str]:
    """Settings whose meaning nobody has written down."""
    return [setting.name for setting in settings if len(setting.meaning) < 3]


@pytest.mark.parametrize("name", reference.COMMANDS)
def test_each_setting_of_a_command_has_a_meaning(name: str) -> None:
    settings = reference.command_settings(name)
    groups = tuple(group for group in read_settings(reference.CONF / f"{name}.yaml").groups if group.name != "logger")
    assert settings
    assert not nameless((*groups, *settings)), f"say what it is in a comment beside it in conf/{name}.yaml"


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=map("=".join, OPTIONS))
def test_each_setting_of_an_option_has_a_meaning(group: str, option: str) -> None:
    unsaid = nameless(reference.option_settings(group, option))
    assert not unsaid, f"say what it is in a comment beside it in conf/{group}/{option}.yaml"


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=map("=".join, OPTIONS))
def test_each_option_says_what_it_is(group: str, option: str) -> None:
    assert read_settings(reference.CONF / group / f"{option}.yaml").examples


def test_comment_goes_before_base_option_and_docstring() -> None:
    cube = {setting.name: setting.meaning for setting in reference.option_settings("phantom", "cube")}
    assert cube["arterial_murray_k"].startswith("of arteries' radii")
    small = {setting.name: setting.meaning for setting in reference.option_settings("phantom", "brain_small")}
    brain = {setting.name: setting.meaning for setting in reference.option_settings("phantom", "brain")}
    assert small == {"voxel_size_mm": brain["voxel_size_mm"]}
    csv = {setting.name: setting.meaning for setting in reference.option_settings("experiment", "brain")}
    assert csv["phantom.venous_murray_k"] == cube["venous_murray_k"]


def test_everything_is_in_the_page() -> None:
    page = reference.reference()
    for name in reference.COMMANDS:
        assert f"### {name}\n" in page
    for group, option in OPTIONS:
        assert f"#### {group}={option}\n" in page
        for setting in reference.option_settings(group, option):
            assert f"| `{reference.prefix(group)}{setting.name}` |" in page
    assert "| `hydra.sweeper.n_trials` |" in page


def test_text_of_a_comment_is_no_markup() -> None:
    page = reference.reference()
    assert "datasets/cubes-<fingerprint>" not in page.replace("`", "")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {5}
