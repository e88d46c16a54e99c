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
    further_budgets: Mapping[str, float] = field(default_factory=dict)  # "params" -> share, 0-1
    annealed_evaluations: float = 0.0  # over which the MACs budget falls from 1; 0: it never does


@dataclass(frozen=True, eq=False)
class LatencyTableMeasured:
    """How long each layer takes at some widths, measured once; before SearchStarted."""

    table: Mapping[str, Any] = field(repr=False)  # LatencyTable.as_dict() of core.pruning


@dataclass(frozen=True, eq=False)
class ImportancesMeasured:
    """What every criterion makes of every channel, measured once on reward images."""

    scores: Mapping[str, FloatArray]  # criterion ("l1") -> (channels,), larger means keep


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
    meets_budget: bool  # all budgets
    seconds: float  # since the search began
    further_kept: Mapping[str, float] = field(default_factory=dict)  # as SearchStarted's budgets


@dataclass(frozen=True, eq=False)
class PolicyUpdated:
    """The method has learned from an update; what it would keep now.

    A statistic that a method does not have is None.
    """

    update: int
    keep_probability: FloatArray  # (channels,)
    keep: BoolArray  # (channels,) the method's most likely mask within the budget
    policy_loss: float | None = None
    value_loss: float | None = None
    entropy: float | None = None  # nats per channel
    approx_kl: float | None = None
    clip_fraction: float | None = None


@dataclass(frozen=True, eq=False)
class AttentionMeasured:
    """What the encoder looks at: how much each layer's new state comes from each neighbour."""

    update: int
    edges: tuple[tuple[str, str], ...]  # (from layer, to layer), both ways and to itself
    weights: FloatArray  # (encoder layers, heads, edges); sums to 1 over the edges into a layer


@dataclass(frozen=True)
class MultiplierUpdated:
    """The price of exceeding the budget changed: the reward that 100 % over it costs."""

    update: int
    multiplier: float  # 0 or more


@dataclass(frozen=True)
class PretrainingAdvanced:
    """The encoder learned to tell the layer graph before the search; an epoch is over."""

    epoch: int  # counts from 1
    edge_loss: float  # nats per pair of layers
    feature_loss: float  # mean squared error


@dataclass(frozen=True)
class TaskPractised:
    """An agent in training has tried masks of one network at one budget."""

    update: int
    network: str
    macs_budget: float  # 0-1
    mean_loss: float  # of the masks: what a refit loses, or the distance to the unpruned answers
    best_loss: float


@dataclass(frozen=True)
class AgentTrained:
    """An agent for many networks is written."""

    path: str
    networks: tuple[str, ...]  # that it was trained on
    size: int  # bytes


@dataclass(frozen=True)
class HeldOutScored:
    """The best mask so far on images that it was not rewarded for."""

    evaluation: int
    accuracy: float  # held-out, 0-1
    cross_entropy: float
    reward_cross_entropy: float  # of the same mask, on the reward images
    reward_loss: float | None = None  # what it was ranked by there; None: by the cross-entropy
    is_closer: bool = False  # ranked by the dearer measure of a staged reward


@dataclass(frozen=True)
class PolicyCompared:
    """What the policy would keep now and what it began with, where the weights adapt.

    Both on the same held-out images, others each time if there are more, with the weights of now.
    """

    evaluation: int
    cross_entropy: float
    first_cross_entropy: float


@dataclass(frozen=True)
class HealthRaised:
    """A known way for a search to go wrong, seen now."""

    kind: str  # a key of core.search.health.SIGNATURES
    evaluation: int
    evidence: str  # the numbers, in a sentence
    advice: str  # what to change, in a sentence


@dataclass(frozen=True, eq=False)
class CheckpointReached:
    """An update is over; with `state` the search goes on from here, now or another day."""

    update: int
    evaluations: int
    state: Mapping[str, Any] = field(repr=False)  # core.search.state.SearchState.as_dict()


@dataclass(frozen=True)
class SearchResumed:
    """The search goes on after it was broken off; stands in the log where the seam is."""

    evaluations: int  # that were done before


@dataclass(frozen=True, eq=False)
class BestChanged:
    """A better mask than all before, by the reward images."""

    evaluation: int
    keep: BoolArray
    macs_kept: float
    accuracy: float
    cross_entropy: float


@dataclass(frozen=True, eq=False)
class NetworkAdapted:
    """The network's weights after a search that changed them; its masks are cut out of these."""

    weights: Mapping[str, NDArray[Any]]  # state-dict key -> values at full size


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
    further_kept: Mapping[str, float] = field(default_factory=dict)  # as SearchStarted's budgets


@dataclass(frozen=True, eq=False)
class RunReported:
    """The test part was read and the run's files are written; `report` is report.json."""

    folder: str
    report: Mapping[str, Any]


@dataclass(frozen=True)
class FinetuneStarted:
    """Fine-tuning of one pruned network begins; scores are on the held-out images."""

    name: str  # "learned" or a criterion such as "l1_uniform"
    epochs: int
    steps: int  # of all epochs
    accuracy: float  # before the first step
    cross_entropy: float


@dataclass(frozen=True)
class FinetuneAdvanced:
    """Some optimiser steps are done."""

    name: str
    step: int
    epoch: float  # fractional, from 0
    loss: float  # mean since the last of these events
    learning_rate: float
    seconds: float  # since FinetuneStarted


@dataclass(frozen=True)
class FinetuneScored:
    """The network after an epoch, or where a stop broke one off, on the held-out images."""

    name: str
    epoch: float  # counts from 1; 1.25 is a quarter of the second one, the whole ones are int
    accuracy: float
    cross_entropy: float
    is_best: bool

    @property
    def is_broken_off(self) -> bool:
        """Whether only a part of the epoch was trained."""
        return self.epoch != int(self.epoch)


@dataclass(frozen=True, eq=False)
class FinetuneFinished:
    """The best epoch's network was put back; its weights wait under `handle`."""

    name: str
    epoch: float  # the best one, as FinetuneScored's; 0 if no epoch was better than none
    accuracy: float  # held-out
    cross_entropy: float
    seconds: float
    is_stopped: bool
    handle: Any = field(repr=False)  # core.finetuning.Finetuned


@dataclass(frozen=True, eq=False)
class FinetuneReported:
    """All that was fine-tuned was read on the test images; `report` is finetune.json."""

    folder: str
    report: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ComparisonReported:
    """Methods were compared as far as their runs are finished; `report` is comparison.json."""

    folder: str
    report: Mapping[str, Any]
    handle: Any = field(repr=False)  # core.runs.comparing.Comparison


@dataclass(frozen=True, eq=False)
class LayerLookedInto:
    """The filters of one layer and what they answer to a few held-out images."""

    layer: str
    filters: FloatArray  # (output channels, rows, columns): mean over inputs, or one input
    images: NDArray[np.uint8]  # (images, height, width, 3)
    labels: tuple[str, ...]  # of the images
    activations: FloatArray  # (images, output channels, rows, columns)


@dataclass(frozen=True, eq=False)
class ChangedImagesFound:
    """Held-out images whose class the pruned network says differently."""

    mask: str  # what the mask is called
    images: NDArray[np.uint8]  # (images, height, width, 3), the surest changes first
    labels: tuple[str, ...]  # the true classes
    before: tuple[str, ...]  # what the unpruned network says
    after: tuple[str, ...]
    confidence_before: FloatArray  # (images,) 0-1, of what each network says
    confidence_after: FloatArray
    changed: int  # how many there are in all
    scored: int  # of how many images


@dataclass(frozen=True)
class RecordingFailed:
    """A file of the run could not be written; the search goes on in memory."""

    message: str


@dataclass(frozen=True, eq=False)
class ExportFinished:
    """Files were written after the parity gate; relative differences, 0 = identical."""

    files: tuple[str, ...]
    parity: Mapping[str, float]  # "hard_vs_soft", "reloaded", "onnx"
    approximate: tuple[str, ...] = ()  # layers for which "hard_vs_soft" is measured, not required
    half: Mapping[str, float] = field(default_factory=dict)  # "onnx", "state", "program" in float16
    half_not_measured: Mapping[str, str] = field(default_factory=dict)  # the same names -> reason


SearchEvent = (
    StageStarted
    | StageAdvanced
    | NoticeRaised
    | LatencyTableMeasured
    | SearchStarted
    | ImportancesMeasured
    | CriterionEvaluated
    | CandidateEvaluated
    | PolicyUpdated
    | AttentionMeasured
    | MultiplierUpdated
    | PretrainingAdvanced
    | HeldOutScored
    | PolicyCompared
    | HealthRaised
    | CheckpointReached
    | SearchResumed
    | BestChanged
    | NetworkAdapted
    | SearchFinished
)
TrainingEvent = SearchEvent | TaskPractised | AgentTrained  # of an agent for many networks
FinetuneEvent = (
    StageStarted
    | StageAdvanced
    | NoticeRaised
    | FinetuneStarted
    | FinetuneAdvanced
    | FinetuneScored
    | FinetuneFinished
    | FinetuneReported
)
Event = (
    SearchEvent
    | TrainingEvent
    | FinetuneEvent
    | NetworkOpened
    | RunReported
    | ComparisonReported
    | RecordingFailed
    | ExportFinished
    | LayerLookedInto
    | ChangedImagesFound
)
Events = Generator[Event, None, None]
