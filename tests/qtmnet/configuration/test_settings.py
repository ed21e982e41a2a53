"""Settings and their meanings, read from the files of `conf`."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from qtmnet.configuration.settings import Setting, SettingsFile, read_settings

CONF = Path(__file__).parents[3] / "conf"

FILE = """\
# @package _global_
# python cook.py dish=soup
# python cook.py pan.handles=2
defaults:
  - base
  - _self_
  - /stove@_global_.heat: gas   # what heats it
  - override /spoon: wooden
  - dish: null
  - override hydra/job_logging: disabled

_target_: kitchen.Cook
name: "a # b"   # a name, with its # kept
pan:
  _target_: kitchen.Pan
  handles: 1
  sizes: {small: 1,
    large: 2}   # litres
time: ${hydra:runtime.output_dir}
plates:   # one for each guest
  - flat
  - deep

hydra:
  job:
    name: cook
"""


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    (tmp_path / "cook.yaml").write_text(FILE, encoding="utf-8")
    return read_settings(tmp_path / "cook.yaml")


def test_leading_comment_is_the_examples(file: SettingsFile) -> None:
    assert file.examples == ("python cook.py dish=soup", "python cook.py pan.handles=2")


def test_groups_are_named_as_on_the_command_line(file: SettingsFile) -> None:
    assert file.groups == (
        Setting("stove", "gas", "what heats it"),
        Setting("spoon", "wooden", ""),
        Setting("dish", "null", ""),
    )
    assert file.bases == ("base",)


def test_settings_have_dotted_names_and_the_comment_beside_them(file: SettingsFile) -> None:
    assert file.settings == (
        Setting("name", '"a # b"', "a name, with its # kept"),
        Setting("pan.handles", "1", ""),
        Setting("pan.sizes", "{small: 1, large: 2}", "litres"),
        Setting("time", "${hydra:runtime.output_dir}", ""),
        Setting("plates", "[flat, deep]", "one for each guest"),
    )


def test_an_empty_file_has_no_settings(tmp_path: Path) -> None:
    (tmp_path / "nothing.yaml").write_text("# nothing\n", encoding="utf-8")
    assert read_settings(tmp_path / "nothing.yaml") == SettingsFile(("nothing",), (), ())


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_default_is_the_value_that_omegaconf_reads(path: Path) -> None:
    cfg = OmegaConf.load(path)
    for setting in read_settings(path).settings:
        parent, _, key = setting.name.rpartition(".")
        holder = OmegaConf.select(cfg, parent) if parent else cfg
        read = OmegaConf.to_container(OmegaConf.create({key: holder._get_node(key)}), resolve=False)[key]
        assert OmegaConf.to_container(OmegaConf.create(f"value: {setting.default}"))["value"] == read


def test_imports_without_what_is_slow() -> None:
    slow = "{'torch', 'lightning', 'hydra', 'omegaconf', 'numpy'}"
    check = f"import sys, qtmnet.configuration.settings; sys.exit(', '.join({slow} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
