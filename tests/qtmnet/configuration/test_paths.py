"""Paths on a command line mean the files of that name, whatever is in it."""

import random
from pathlib import Path
from typing import Annotated, get_args, get_origin

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from qtmnet.configuration.conf_folder import CONF
from qtmnet.configuration.paths import OR_NUMBERS, PATHS, at_home, literal, with_path_in_quotes
from qtmnet.configuration.schema.commands import COMMANDS, own_settings
from qtmnet.configuration.schema.targets import locate, settings_of
from qtmnet.configuration.words import for_hydra
from qtmnet.limits import WeightsText
from simulators.errors import InputError
from simulators.settings.limits import PathText

ODD = (
    *(
        "Müller",
        "王芳/灌注",
        "sub 01",
        "a,b",
        "[visit]",
        "{x}",
        "a=b",
        "#1",
        "a&b",
        "it's",
        'the "first"',
        "~scan",
        "$HOME",
    ),
    *("${x}", "\\${x}", "100%", "back\\slash", "ends\\", "a\\'b", "123", "1e3", "true", "null", "nan", "x:y", "(a)"),
    *(
        "choice(a,b)",
        "a|b",
        "*",
        "?",
        "..",
        " a ",
        "tab\there",
        "new\nline",
        "not-utf-8-\udcff",
        "🧠",
        "+a",
        "a@b",
        "'a'",
    ),
)


def composed(words: list[str]) -> dict[str, object]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("predict", overrides=words)
    return {"input": cfg.input, "output_dir": cfg.output_dir, "mask": cfg.mask, "m0": cfg.m0}


@pytest.mark.parametrize("name", ODD)
def test_input_and_output_are_taken_as_they_are(name: str) -> None:
    found = composed(for_hydra("predict", [f"in/{name}", f"/out/{name}", f"mask=in/{name.replace('${x}', '$x')}"]))
    assert found["input"] == f"in/{name}"
    assert found["output_dir"] == f"/out/{name}"
    assert found["mask"] == f"in/{name.replace('${x}', '$x')}"
    bare = composed(for_hydra("predict", ["--", name, "out"]))
    assert bare["input"] == name


def test_any_text_is_read_back() -> None:
    draw, parser = random.Random(0), OverridesParser.create()
    for _ in range(400):
        text = "".join(
            draw.choices(
                ["\\", "$", "{", "}", "${", "'", '"', "a", " ", ",", "=", "[", "ü", "🧠"], k=draw.randint(0, 9)
            )
        )
        value = parser.parse_override(f"input={literal(text)}").value()
        assert OmegaConf.create({"input": value}).input == text


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("m0=1000", 1000),
        ("m0=1e3", 1000.0),
        ("m0=./1e3", "./1e3"),
        ("m0=M0,1.nii", "M0,1.nii"),
        ("m0=null", None),
        ("mask=null", None),
        ("mask=123", "123"),
        ("mask=true", "true"),
        ("mask='a,b'", "a,b"),
        ("mask='it's'", "'it's'"),
        ("mask=${m0}.nii", "5.nii"),
    ],
)
def test_a_setting_that_is_a_path(override: str, value: object) -> None:
    first = [] if override.startswith("m0") else ["m0=5"]
    found = composed(for_hydra("predict", ["in", "out", *first, override]))
    assert found[override.partition("=")[0]] == value


def test_values_of_a_sweep_are_left_to_hydra() -> None:
    into = "output_dir=maps/${hydra:job.num}"
    assert for_hydra("predict", ["in", into, "-m", "ckpt=a,b", "mask=[a]"])[-2:] == ["ckpt=a,b", "mask='[a]'"]
    assert for_hydra("predict", ["in", "out", "ckpt=a,b"])[-1] == "ckpt='a,b'"


@pytest.mark.parametrize("words", [["in", "out"], ["in", "maps/${method}"], ["in", "output_dir=out"]])
def test_runs_of_a_sweep_do_not_share_an_output(words: list[str]) -> None:
    with pytest.raises(InputError, match="all runs would write into one OUTPUT"):
        for_hydra("predict", [*words, "-m", "method=single_delay,multi_delay"])


def test_words_that_are_no_settings_are_the_paths() -> None:
    assert for_hydra("predict", ["a=1", "method=multi_delay", "b=2"])[:2] == ["input='a=1'", "output_dir='b=2'"]
    assert for_hydra("predict", ["output_dir=out", "a=1"])[0] == "input='a=1'"
    assert for_hydra("predict", ["in", "out", "metod=x"])[2] == "metod=x"  # Hydra says that there is none
    assert for_hydra("predict", ["input=a", "output_dir=b", "metod=x"])[2] == "metod=x"
    assert for_hydra("predict", ["in", "--", "-m"])[:2] == ["input='in'", "output_dir='-m'"]


def test_a_tilde_is_the_home_folder_unless_there_is_one_here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert Path(at_home("~/scan")) == Path("/home/me/scan")
    assert for_hydra("predict", ["~/in", "out", "ckpt=~/best.ckpt"])[-1] == f"ckpt='{at_home('~/best.ckpt')}'"
    assert at_home("~nobody-of-this-name/scan") == "~nobody-of-this-name/scan"
    assert at_home("a/~/b") == "a/~/b"
    (tmp_path / "~").mkdir()
    assert at_home("~/scan") == "~/scan"


def test_the_paths_are_those_of_the_schema() -> None:
    """The list is for commands that have imported nothing yet; what belongs to it, the schema knows."""
    takes = {name: kind for command in COMMANDS for name, kind in own_settings(command).items()}
    for file in CONF.rglob("*/*.yaml"):
        target = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("_target_")
        group = file.parent.relative_to(CONF).as_posix()
        if target and not group.startswith("hydra"):
            takes |= {f"{group}.{name}": kind for name, kind in settings_of(locate(target), target).by_name.items()}
    texts = [set(get_args(text)) for text in (PathText, WeightsText)]
    paths = {name for name, kind in takes.items() if any(text <= set(get_args(kind)) for text in texts)}
    assert paths - {"run_dir"} | {"hydra.run.dir", "hydra.sweep.dir"} == PATHS
    assert {name for name in paths if {float} & {*map(origin_of, get_args(takes[name]))}} == OR_NUMBERS


def origin_of(kind: object) -> object:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def test_an_override_that_is_no_path_stays() -> None:
    assert with_path_in_quotes("data.snr=[2,20]", sweep=False) == "data.snr=[2,20]"
    assert with_path_in_quotes("++data.dir=a b,c", sweep=False) == "++data.dir='a b,c'"
