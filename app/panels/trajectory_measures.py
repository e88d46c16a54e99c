"""What the trajectory can show: a new quantity is one entry of MEASURES."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QT_TRANSLATE_NOOP as NOOP

from app.panels.plot_parts import PER_CENT, UNLIMITED, Limits
from app.panels.trajectory_data import (
    ACCURACY,
    CROSS_ENTROPY,
    ENTROPY,
    MACS,
    MULTIPLIER,
    PRETRAINING_LOSS,
    REWARD,
)

TableName = Literal["points", "updates", "multipliers", "pretraining"]


@dataclass(frozen=True)
class Measure:
    """One quantity: where it is stored, how it is written, and what it is compared with."""

    name: str  # in the menu; all words are to be translated in "TrajectoryPanel"
    title: str  # with the unit
    tip: str
    column: int
    scale: float  # 100 for shares, which are written in per cent
    colour: str
    height: int  # share of the panel
    has_criteria: bool = False  # one-shot criteria and held-out scores have it too
    limits: Limits = UNLIMITED
    table: TableName = "points"  # of Trajectory; the others have a row for each update or epoch

    @property
    def is_by_epoch(self) -> bool:
        """Whether it is told before the search, and has a horizontal axis of its own."""
        return self.table == "pretraining"


MEASURES = {
    "pretraining": Measure(
        NOOP("TrajectoryPanel", "Pre-training"),
        NOOP("TrajectoryPanel", "Pre-training loss"),
        NOOP(
            "TrajectoryPanel",
            "What the encoder still gets wrong of the layer graph before the search: edges (nats "
            "per pair of layers) and features (mean squared error), summed",
        ),
        PRETRAINING_LOSS,
        1.0,
        "reward",
        3,
        limits=(0.0, np.inf),
        table="pretraining",
    ),
    "macs": Measure(
        NOOP("TrajectoryPanel", "MACs"),
        NOOP("TrajectoryPanel", "MACs kept, %"),
        NOOP(
            "TrajectoryPanel", "FLOPs (MACs) that a mask keeps, as a share of the unpruned network"
        ),
        MACS,
        100.0,
        "macs",
        3,
        limits=PER_CENT,
    ),
    "accuracy": Measure(
        NOOP("TrajectoryPanel", "Accuracy"),
        NOOP("TrajectoryPanel", "Accuracy, %"),
        NOOP(
            "TrajectoryPanel",
            "Masks, EMA and criteria: reward images. Unpruned and held out: held-out images.",
        ),
        ACCURACY,
        100.0,
        "accuracy",
        5,
        has_criteria=True,
        limits=PER_CENT,
    ),
    "cross_entropy": Measure(
        NOOP("TrajectoryPanel", "Cross-entropy"),
        NOOP("TrajectoryPanel", "Cross-entropy, nats"),
        NOOP(
            "TrajectoryPanel",
            "Less is better. Masks, criteria: reward images. Unpruned, held out: held-out images.",
        ),
        CROSS_ENTROPY,
        1.0,
        "accuracy",
        5,
        has_criteria=True,
        limits=(0.0, np.inf),
    ),
    "reward": Measure(
        NOOP("TrajectoryPanel", "Reward"),
        NOOP("TrajectoryPanel", "Reward"),
        NOOP("TrajectoryPanel", "What the policy is trained with"),
        REWARD,
        1.0,
        "reward",
        3,
    ),
    "entropy": Measure(
        NOOP("TrajectoryPanel", "Entropy"),
        NOOP("TrajectoryPanel", "Entropy, nats per channel"),
        NOOP(
            "TrajectoryPanel",
            "How undecided the policy is: 0.69 is a coin for each channel, 0 is certain",
        ),
        ENTROPY,
        1.0,
        "muted_text",
        3,
        table="updates",
    ),
    "multiplier": Measure(
        NOOP("TrajectoryPanel", "Multiplier"),
        NOOP("TrajectoryPanel", "Multiplier, reward per budget exceeded"),
        NOOP(
            "TrajectoryPanel",
            "The learned price of exceeding the budget, with constraint: lagrange",
        ),
        MULTIPLIER,
        1.0,
        "budget",
        3,
        limits=(0.0, np.inf),
        table="multipliers",
    ),
}
