"""The settings of the searches that the agent is compared with."""

from dataclasses import dataclass
from typing import Literal

from core.config.checks import check_fields
from core.config.declaring import number

RandomBy = Literal["noise", "flips"]
Genome = Literal["masks", "layer_ratios"]


@dataclass(frozen=True)
class BaselineConfig:
    """How the methods beside the agent search; each reads its own part."""

    random_by: RandomBy = "noise"  # on the criterion's priority, or flips of its mask
    flipped_share: float = number(0.06, 0.0, 0.5)  # of the channels, in a sample by flips
    genome: Genome = "masks"  # what evolution crosses and mutates
    parents: int = number(16, 2, 1000)  # the best so far, of which evolution breeds
    mutated_share: float = number(0.03, 0.0, 0.5)  # of the channels of a child
    ratio_spread: float = number(0.1, 0.001, 1.0)  # standard deviation of keep ratios at first
    elite_share: float = number(0.25, 0.01, 1.0)  # of an update's masks, that CEM moves to
    smoothing: float = number(0.5, 0.0, 1.0)  # of the last mean and spread, kept by CEM
    gate_steps: int = number(1, 1, 1000)  # gradient steps of the gates for each mask
    gate_rate: float = number(0.1, 0.0, 10.0)  # Adam's, of the gates
    gates_train_weights: bool = False  # along with the gates
    gate_weight_rate: float = number(0.02, 0.0, 10.0)  # SGD's, of those weights

    def __post_init__(self) -> None:
        check_fields(self)
