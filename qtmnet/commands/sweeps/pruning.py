"""Giving up trainings that a search has no hope for."""

from pathlib import Path
from typing import Any

import lightning as L

from qtmnet.commands.sweeps.runner import RunPruned
from qtmnet.commands.sweeps.search import STUDY, optuna, storage_url


class Pruning(L.Callback):
    """Tells a search how a training does, and ends it when the search gives it up.

    Args:
        folder: of the search.
        number: of the run in it.
        pruner: of Optuna.
        measure: what is minimized, a logged metric.
    """

    def __init__(self, folder: Path, number: int, pruner: Any, measure: str = "val/nrmse") -> None:
        library = optuna()
        study = library.load_study(study_name=STUDY, storage=storage_url(folder), pruner=pruner)
        (self._kept,) = (trial for trial in study.trials if trial.number == number)
        self._trial = library.trial.Trial(study, self._kept._trial_id)
        self._measure = measure

    def on_train_epoch_end(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Report the epoch's value.

        Raises:
            RunPruned: if the search gives the run up.
        """
        epoch, value = trainer.current_epoch, float(trainer.callback_metrics[self._measure])
        if epoch in self._kept.intermediate_values:  # a resumed run repeats what it had not kept
            return
        self._trial.report(value, epoch)
        if self._trial.should_prune():
            told = f"{self._measure} {value:.4g} after epoch {epoch + 1} of {trainer.max_epochs}"
            raise RunPruned(told, {self._measure: value})
