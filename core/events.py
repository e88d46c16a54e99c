"""What `core` tells the outside while it works: frozen events with NumPy arrays, never tensors.

Every long computation in core is a generator of these. The window and the terminal loop over
the same generators; they stop one by throwing StopRequested into it between two events, and
the computation then finishes with the best it has.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.graph.coupling import CouplingGroups
from core.graph.layers import LayerGraph

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]


class StopRequested(Exception):
    """Thrown into a generator of events by whoever wants it to finish now."""


@dataclass(frozen=True)
class StageStarted:
    """A new stretch of work; `total` counts its steps, 0 if that is not known."""

    stage: str  # a few words for a person: "Reading the network"
    total: int = 0


@dataclass(frozen=True)
class StageAdvanced:
    """`done` steps of the current stage are behind us."""

    done: int


@dataclass(frozen=True)
class NoticeRaised:
    """Something that a person should know and that does not stop the work."""

    message: str


@dataclass(frozen=True, eq=False)
class NetworkOpened:
    """A network and its images are open and understood; `handle` is opaque to the window."""

    network: str
    dataset: str
    graph: LayerGraph
    groups: CouplingGroups
    macs: int
    params: int
    magnitude: FloatArray  # (channels,) L1 importance, larger means keep
    image_counts: Mapping[str, int]  # "reward", "held_out", "test"
    handle: Any = field(repr=False)  # core.opening.Opened


@dataclass(frozen=True, eq=False)
class SearchStarted:
    """The search begins; the unpruned network's score is the line to compare with."""

    evaluations: int
    macs_budget: float
    macs: int
    params: int
    baseline_accuracy: float  # unpruned, on the held-out images, 0-1
    baseline_cross_entropy: float
    least_macs_kept: float


@dataclass(frozen=True, eq=False)
class CriterionEvaluated:
    """One one-shot criterion met the budget and was scored on the reward images."""

    criterion: str  # "l1_uniform"
    keep: BoolArray  # (channels,)
    macs_kept: float
    accuracy: float
    cross_entropy: float


@dataclass(frozen=True, eq=False)
class CandidateEvaluated:
    """One sampled mask was scored: a point of the trajectory."""

    evaluation: int  # counts from 1
    update: int
    keep: BoolArray  # (channels,)
    macs_kept: float
    accuracy: float
    cross_entropy: float
    reward: float
    ema_accuracy: float
    meets_budget: bool
    seconds: float  # since the search began


@dataclass(frozen=True, eq=False)
class PolicyUpdated:
    """PPO changed the policy; what it would keep now."""

    update: int
    keep_probability: FloatArray  # (channels,)
    keep: BoolArray  # (channels,) the policy's most likely mask within the budget
    policy_loss: float
    value_loss: float
    entropy: float  # nats per channel
    approx_kl: float
    clip_fraction: float


@dataclass(frozen=True, eq=False)
class BestChanged:
    """A better mask than all before, by the reward images."""

    evaluation: int
    keep: BoolArray
    macs_kept: float
    accuracy: float
    cross_entropy: float


@dataclass(frozen=True, eq=False)
class SearchFinished:
    """The winner, chosen on the held-out images."""

    keep: BoolArray
    macs_kept: float
    accuracy: float  # held-out
    cross_entropy: float
    evaluations: int
    criteria: Mapping[str, BoolArray]  # each criterion's best mask, and l1_uniform
    seconds: Mapping[str, float]  # "total", "analysis", "evaluation", "policy"
    is_stopped: bool


@dataclass(frozen=True, eq=False)
class RunReported:
    """The test part was read and the run's files are written; `report` is report.json."""

    folder: str
    report: Mapping[str, Any]


@dataclass(frozen=True)
class RecordingFailed:
    """A file of the run could not be written; the search goes on in memory."""

    message: str


@dataclass(frozen=True, eq=False)
class ExportFinished:
    """Files were written after the parity gate; relative differences, 0 = identical."""

    files: tuple[str, ...]
    parity: Mapping[str, float]  # "hard_vs_soft", "reloaded", "onnx"


SearchEvent = (
    StageStarted
    | StageAdvanced
    | NoticeRaised
    | SearchStarted
    | CriterionEvaluated
    | CandidateEvaluated
    | PolicyUpdated
    | BestChanged
    | SearchFinished
)
Event = SearchEvent | NetworkOpened | RunReported | RecordingFailed | ExportFinished
Events = Generator[Event, None, None]
