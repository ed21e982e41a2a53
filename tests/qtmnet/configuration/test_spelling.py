"""Settings that do not exist are answered in one line with the nearest that does."""

import pytest

from qtmnet.configuration.spelling import nearest

SETTINGS = (
    "model",
    "model.base_channels",
    "model.levels",
    "optimizer",
    "optimizer.lr",
    "data.n_cubes",
    "seed",
    "data.seed",
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("model.lrr", "optimizer.lr"),
        ("lr", "optimizer.lr"),
        ("model.level", "model.levels"),
        ("base_chanels", "model.base_channels"),
        ("dta.n_cubes", "data.n_cubes"),
        ("sed", "seed"),
        ("data.sed", "data.seed"),
        ("modle", "model"),
        ("xyz", None),
    ],
)
def test_nearest_name(name: str, meant: str | None) -> None:
    assert nearest(name, SETTINGS) == meant


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("model.lrr=1", "model.lrr: no such setting; did you mean optimizer.lr?"),
        ("+model.lrr=1", "model.lrr: UNetCBAM has no such setting; did you mean optimizer.lr?"),
        (
            "data=cco_cube",
            "data=cco_cube: no such option; did you mean data=cco_cubes? (there are any_scan, cco_cubes, cco_stream)",
        ),
        ("dat=cco_cubes", "dat: no such setting; did you mean data?"),
        ("+dat=cco_cubes", "dat: no such setting; did you mean data?"),
        ("+trainer.max_epoch=1", "trainer.max_epoch: Trainer has no such setting; did you mean trainer.max_epochs?"),
        (
            "acquisition.labelling_duration=1",
            "acquisition.labelling_duration: no such setting; did you mean acquisition.labeling_duration?",
        ),
        (
            "+acquisition.labelling_duration=1",
            "acquisition.labelling_duration: no such setting; did you mean acquisition.labeling_duration?",
        ),
        ("hydra/sweeper=baye", "hydra/sweeper=baye: no such option; did you mean hydra/sweeper=bayes?"),
        ("++seeed=1", "seeed: no such setting; did you mean seed?"),
        ("logger=[csv,wanbd]", "logger=wanbd: no such option; did you mean logger=wandb? (there are csv, "),
        ("~data.snrr", "data.snrr: no such setting; did you mean data.snr?"),
        ("+experiments=quickstart", "experiments: no such setting; did you mean experiment?"),
        ("hydra.sweep.dirr=x", "hydra.sweep.dirr: no such setting; did you mean hydra.sweep.dir?"),
        ("data.n_cubes", "data.n_cubes: no value; give data.n_cubes=…"),
        ("--max_epochs=3", "--max_epochs=3: no such flag; settings have no dashes, as trainer.max_epochs=3"),
        ("qwertz=1", "qwertz: no such setting; python train.py --cfg job shows what there is"),
    ],
)
def test_misspelt_setting_ends_with_one_line(command, word: str, line: str) -> None:
    outcome = command("train", word)
    assert outcome.status == 2
    assert outcome.out == ""
    *before, last = outcome.err.splitlines()
    assert all(told.startswith("train: starting") for told in before)
    assert last.startswith(f"error: {line}")


def test_settings_of_the_chosen_options_are_offered(command) -> None:
    outcome = command("train", "data=cco_stream", "data.sample_per_epoch=3")
    assert "did you mean data.samples_per_epoch?" in outcome.err
    outcome = command("train", "optimizer=sgd", "optimizer.momentun=3")
    assert "did you mean optimizer.momentum?" in outcome.err


def test_settings_that_something_takes_may_be_added(command) -> None:
    added = ("+trainer.accumulate_grad_batches=2", "+optimizer.eps=1e-7", "+mine=3", "name=n${mine}")
    outcome = command("train", *added, "data.n_cubes=0")
    assert outcome.status == 2
    assert "n_cubes: found 0" in outcome.err.splitlines()[-1]


def test_what_must_be_given_is_asked_for(command) -> None:
    assert command("predict", "method=multi_delay").told == [
        "error: input: not given; python predict.py INPUT OUTPUT [setting=value …]"
    ]
