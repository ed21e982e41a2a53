"""What settings of learning and of the commands may be; `simulators.settings.limits` has those of the physics."""

import re
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BeforeValidator

from simulators.machine.cores import n_cores
from simulators.settings.limits import SeedNumber, Which, Within, is_path, one_as_list

Normalization = Literal["calibrated", "global_max"]

LONGEST_NAME = 100

NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
"""What some file system does not take."""

DEVICES_OF_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def is_name(value: str) -> bool:
    """Whether folders of all file systems can be called so."""
    return (
        0 < len(value) <= LONGEST_NAME
        and value.isprintable()
        and not NOT_IN_NAMES.search(value)
        and not DEVICES_OF_WINDOWS.fullmatch(value)
        and value == value.strip().rstrip(".")
    )


RunName = Annotated[
    str, Which(f'a name of 1 to {LONGEST_NAME} letters that folders can have, without / \\ : * ? " < > |', is_name)
]

CubeCount = Annotated[int, Within(1, 10_000_000, why="10 million cubes are 50 TB")]

TestCubeCount = Annotated[int, Within(1, 1_000_000)]

BrainSeeds = Annotated[
    tuple[SeedNumber, ...],
    BeforeValidator(one_as_list),
    Which("a list of seeds, each once", lambda seeds: 0 < len(set(seeds)) == len(seeds) <= 1000),
]

ShardSize = Annotated[int, Within(1, 100_000, why="a file is read into memory when it is checked")]

BatchSize = Annotated[int, Within(1, 65_536)]

SampleCount = Annotated[int, Within(1, 100_000_000)]

TreeCount = Annotated[int, Within(1, 1_000_000)]

SignalToNoise = Annotated[float, Within(0, 1e6, why="a frame of ASL has 1 to 20; null for no noise", above=True)]

MOST_LOADERS = max(8, 2 * n_cores())

LoaderWorkers = Annotated[
    int,
    Within(0, 1024, why="more only wait for each other"),
    Which("a whole number from 0 to 8, or to twice the number of cores", lambda value: value <= MOST_LOADERS),
]

WorkerCount = Annotated[int, Within(1, 4096)]

ThreadCount = Literal["auto"] | Annotated[int, Within(1, 1024)]

MemoryLayout = Literal["auto", "channels_last", "contiguous"]

LearningRate = Annotated[float, Within(0, 10, above=True)]

FinalLearningRate = Annotated[float, Within(0, 10)]

FunctionCount = Annotated[int, Within(1, 64)]

StepCount = Annotated[int, Within(0, 10_000_000, "steps")]

Decay = Annotated[float, Within(0, 1)]

AveragingDecay = Annotated[float, Within(0, 1, why="0.999 averages over some 1000 steps", below=True)]

Momentum = Annotated[float, Within(0, 1, below=True)]

Epsilon = Annotated[float, Within(0, 1, above=True)]

GradientWeight = Annotated[float, Within(0, 1000)]

SquareWeight = Annotated[float, Within(0, 1000)]

EpochCount = Annotated[int, Within(1, 1_000_000)]

PictureInterval = Annotated[int, Within(0, 1_000_000, "epochs", why="0 for none")]

LEAST_EFFICIENCY = 0.2
"""Of labeling, background suppression included: half of what measured scans have at worst; below, label cannot be told
from noise."""

Efficiency = Annotated[
    float, Within(LEAST_EFFICIENCY, 1, why="PCASL labels 0.85, with background suppression at least 0.5")
]

ArrivalTime = Annotated[float, Within(0.3, 4, "s", why="as heads have it")]

LogSpread = Annotated[float, Within(0.05, 10)]

DecayTime = Annotated[float, Within(0.1, 20, "s", why="not ms")]

TissueShare = Annotated[float, Within(0, 1, why="a share of a voxel", below=True)]

BloodFlow = Annotated[float, Within(0, 1e5, "mL/min", above=True)]

TemplateName = Annotated[
    str,
    Which("a template, such as MNI152NLin2009cAsym", lambda value: re.fullmatch(r"MNI\w{1,100}", value)),
]

MeanSignal = Annotated[float, Within(0, 1e12, above=True)]

SignalFactor = Annotated[float, Within(0, 1e6, above=True)]

Channels = Annotated[int, Within(1, 1024)]

BaseChannels = Annotated[int, Within(1, 256, why="they double with each level")]

Levels = Annotated[int, Within(1, 6, why="6 levels halve 64 voxels to 1")]

Slope = Annotated[float, Within(0, 0.9, why="1 would be no rectifier")]

StrongestFrames = Annotated[float, Within(0.1, 1e6, why="what tells perfusion lies below 0.1")]

AttentionKind = Literal["both", "channel", "spatial", "none"]

NormKind = Literal["none", "batch", "group"]

Outputs = Annotated[tuple[str, ...], Len(1, 16)]

MethodName = Annotated[str, Which("auto, or names of methods", lambda value: re.fullmatch(r"\w{1,100}", value))]

ComparedMethods = MethodName | Annotated[tuple[MethodName, ...], Len(0, 8)]

ParticipantLabel = Annotated[
    str, Which("labels of letters and digits, as [01,02]", lambda value: re.fullmatch(r"(sub-)?[^\W_]{1,100}", value))
]

ParticipantLabels = ParticipantLabel | Annotated[tuple[ParticipantLabel, ...], Len(1, 10_000)]

OutputWeight = Annotated[float, Within(0, 1000)]

WeightsText = Annotated[str, Which("the name of weights (any_scan, paper4)", is_path)] | Path
"""Of those that come with the package, or a file of a training."""

TrustedNames = Annotated[tuple[str, ...], Len(0, 16)]
