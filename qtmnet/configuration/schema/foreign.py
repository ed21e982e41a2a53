"""What parameters of other packages may be, where their own annotations do not say or allow too much."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Len

from qtmnet.limits import Decay, EpochCount, Epsilon, LearningRate, Momentum
from simulators.settings.limits import Within, Word

_Betas = tuple[Momentum, Momentum]
_ADAM = {
    "lr": LearningRate,
    "betas": _Betas,
    "eps": Epsilon,
    "weight_decay": Decay,
    "amsgrad": bool,
    "maximize": bool,
    "foreach": bool | None,
    "fused": bool | None,
    "capturable": bool,
    "differentiable": bool,
}
_Steps = Annotated[int, Within(1, 1_000_000_000)]
_Part = Annotated[int, Within(0, 1_000_000_000)] | Annotated[float, Within(0, 1)]
"""So many batches, or a share of them."""

FOREIGN: Mapping[str, Mapping[str, Any]] = {
    "torch.optim.AdamW": _ADAM,
    "torch.optim.Adam": _ADAM,
    "torch.optim.SGD": {
        "lr": LearningRate,
        "momentum": Momentum,
        "dampening": Decay,
        "weight_decay": Decay,
        "nesterov": bool,
        "maximize": bool,
        "foreach": bool | None,
        "fused": bool | None,
        "differentiable": bool,
    },
    "lightning.Trainer": {
        "accelerator": Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"],
        "devices": Literal["auto"] | Annotated[int, Within(1, 1024)] | Annotated[tuple[int, ...], Len(1, 1024)],
        "num_nodes": Annotated[int, Within(1, 100_000)],
        "precision": Literal[
            "auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true", "32", "16", "64", 16, 32, 64
        ],
        "max_epochs": EpochCount,
        "min_epochs": EpochCount | None,
        "max_steps": Annotated[int, Within(-1, 1_000_000_000)],
        "min_steps": _Steps | None,
        "limit_train_batches": _Part | None,
        "limit_val_batches": _Part | None,
        "limit_test_batches": _Part | None,
        "limit_predict_batches": _Part | None,
        "overfit_batches": _Part,
        "val_check_interval": _Part | None,
        "check_val_every_n_epoch": EpochCount | None,
        "num_sanity_val_steps": Annotated[int, Within(-1, 1_000_000_000)] | None,
        "accumulate_grad_batches": Annotated[int, Within(1, 1_000_000)],
        "gradient_clip_val": Annotated[float, Within(0, 1e6, above=True)] | None,
        "gradient_clip_algorithm": Literal["norm", "value"] | None,
        "log_every_n_steps": Annotated[int, Within(0, 1_000_000_000)] | None,
        "enable_progress_bar": bool,
        "enable_model_summary": bool,
        "enable_checkpointing": bool,
        "deterministic": bool | Literal["warn"] | None,
        "benchmark": bool | None,
        "inference_mode": bool,
        "detect_anomaly": bool,
        "fast_dev_run": bool | int,
        "barebones": bool,
        "sync_batchnorm": bool,
    },
    "lightning.pytorch.loggers.TensorBoardLogger": {"name": str | None, "version": int | str | None},
    "lightning.pytorch.loggers.CSVLogger": {"name": str | None, "version": int | str | None},
    "lightning.pytorch.callbacks.LearningRateMonitor": {"logging_interval": Literal["step", "epoch"] | None},
    "lightning.pytorch.callbacks.EarlyStopping": {
        "monitor": Literal["val/nrmse", "train/loss"],
        "mode": Literal["min", "max"],
        "patience": EpochCount,
        "min_delta": Annotated[float, Within(0, 1e6)],
    },
    "lightning.pytorch.loggers.WandbLogger": {
        "name": Word | None,
        "project": Word | None,
        "offline": bool,
        "log_model": bool | Literal["all"],
    },
}
"""Annotation of a parameter, by `_target_` and name."""
