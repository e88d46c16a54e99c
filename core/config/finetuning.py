"""The settings of fine-tuning."""

import typing
from dataclasses import dataclass
from typing import Literal

from core.config.checks import check_choice, check_range
from core.config.searching import Precision

Switch = Literal["auto", "on", "off"]
Compare = Literal["none", "best", "all"]


@dataclass(frozen=True)
class FinetuneConfig:
    """How the pruned network is trained after the search, and what it is compared with."""

    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 0.02  # the highest, after the warm-up
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 5e-4  # not on norms and biases
    warmup_share: float = 0.05  # of all steps, from 0 linearly
    flip: Switch = "auto"  # of the images left to right; "auto": only if they are in colour
    crop_share: float = 0.125  # of the side, moved at most; 0: no crop
    distillation: float = 0.7  # weight of the unpruned network's answers, 0-1; the rest: labels
    temperature: float = 4.0  # of the answers in the distillation
    patience: int = 0  # epochs without a better one until it ends; 0: never
    precision: Precision = "auto"
    seed: int = 0
    data: str = ""  # other images to train on; empty: the run's reward images
    compare: Compare = "none"  # criteria that get the same fine-tuning

    def __post_init__(self) -> None:
        check_range(self, "epochs", 1, 10_000)
        check_range(self, "batch_size", 2, 100_000)
        check_range(self, "learning_rate", 0.0, 10.0)
        check_range(self, "momentum", 0.0, 0.999)
        check_range(self, "weight_decay", 0.0, 1.0)
        check_range(self, "warmup_share", 0.0, 1.0)
        check_range(self, "crop_share", 0.0, 0.5)
        check_range(self, "distillation", 0.0, 1.0)
        check_range(self, "temperature", 0.1, 100.0)
        check_range(self, "patience", 0, 10_000)
        check_range(self, "seed", 0, 2**31 - 1)
        check_choice(self, "flip", typing.get_args(Switch))
        check_choice(self, "precision", typing.get_args(Precision))
        check_choice(self, "compare", typing.get_args(Compare))
