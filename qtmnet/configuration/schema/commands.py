"""What each command's own settings may be; their defaults and meanings stand in `conf`."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_type_hints

from qtmnet.limits import (
    BloodFlow,
    BrainSeeds,
    ComparedMethods,
    DecayTime,
    Efficiency,
    FinalLearningRate,
    MeanSignal,
    MemoryLayout,
    Normalization,
    Outputs,
    OutputWeight,
    ParticipantLabels,
    RunName,
    SignalFactor,
    SignalToNoise,
    StepCount,
    StrongestFrames,
    TemplateName,
    TestCubeCount,
    ThreadCount,
    TissueShare,
    TrustedNames,
    WeightsText,
)
from simulators.phantoms.stage_names import StopAfter
from simulators.settings.limits import PathText, SeedNumber


class Part:
    """A mapping with a `_target_`, of which something is built."""


class Parts:
    """Any number of such mappings, by name."""


class Train:
    """Of `conf/train.yaml`."""

    name: RunName
    seed: SeedNumber
    normalization: Normalization
    linear_start: bool
    compress_beyond: StrongestFrames | None
    average_mirrored: bool
    outputs: Outputs
    output_weights: dict[str, OutputWeight] | None
    evaluate: bool
    threads: ThreadCount
    memory_layout: MemoryLayout
    resume: PathText | None
    trial: int | None
    final_learning_rate: FinalLearningRate
    warmup_steps: StepCount
    run_dir: PathText
    loss: Part
    spread_loss: Part
    quantile_loss: Part
    inputs: Parts
    phantom: Part
    simulator: Part
    labeling: Part
    acquisition: Part
    data: Part
    cluster: Part
    model: Part
    optimizer: Part
    trainer: Part
    logger: Parts
    method: Parts
    callbacks: Parts


class Simulate:
    """Of `conf/simulate.yaml`."""

    seed: SeedNumber
    verify: bool
    dir: PathText | None
    until: StopAfter | None
    run_dir: PathText
    phantom: Part
    simulator: Part
    labeling: Part
    acquisition: Part
    data: Part
    cluster: Part


class Evaluate:
    """Of `conf/evaluate.yaml`."""

    input: PathText | None
    ckpt: PathText | None
    weights: WeightsText | None
    trust: TrustedNames
    n_cubes: TestCubeCount
    dir: PathText | None
    seed: SeedNumber
    brain_seeds: BrainSeeds | None
    snr: SignalToNoise | None
    run_dir: PathText
    phantom: Part | None
    protocols: Part | None
    robustness: Part | None
    figures: Part | None
    simulator: Part
    cluster: Part
    labeling: Part | None
    acquisition: Part
    method: Parts


class Predict:
    """Of `conf/predict.yaml`."""

    input: PathText
    output_dir: PathText
    participant_label: ParticipantLabels | None
    method: Parts
    compare: ComparedMethods | None
    weights: WeightsText
    ckpt: PathText | None
    trust: TrustedNames
    m0: PathText | MeanSignal | None
    m0_scale: SignalFactor | None
    scan: Part
    mask: PathText | None
    motion_correction: bool
    labeling_efficiency: Efficiency | None
    grey_matter: PathText | None
    white_matter: PathText | None
    csf: PathText | None
    tissue_threshold: TissueShare
    atlas: PathText | None
    atlas_labels: PathText | None
    phase_contrast: PathText | BloodFlow | None
    template: TemplateName | None
    t1_blood: DecayTime | None
    t1_tissue: DecayTime | PathText | None
    delay_image: bool


COMMANDS = {"train": Train, "simulate": Simulate, "evaluate": Evaluate, "predict": Predict}


@cache
def own_settings(command: str) -> Mapping[str, Any]:
    """Annotation of each setting of a command's own, by name; `Part` and `Parts` for what is built."""
    return get_type_hints(COMMANDS[command], include_extras=True)
