"""The settings of fine-tuning."""

from dataclasses import dataclass
from typing import Literal

from core.config.checks import check_fields
from core.config.declaring import number, path
from core.config.searching import Precision

BEFORE_MIXING = {"cutmix": 0.0}  # what files say by not naming it

Switch = Literal["auto", "on", "off"]
Compare = Literal["none", "best", "all"]


@dataclass(frozen=True)
class FinetuneConfig:
    """How the pruned network is trained after the search, and what it is compared with."""

    epochs: int = number(20, 1, 10_000)
    batch_size: int = number(128, 2, 100_000)
    learning_rate: float = number(0.0, 0.0, 10.0)  # the highest; 0: as the steps are many
    momentum: float = number(0.9, 0.0, 0.999)  # Nesterov's
    weight_decay: float = number(5e-4, 0.0, 1.0)  # not on norms and biases
    warmup_share: float = number(0.05, 0.0, 1.0)  # of all steps, from 0 linearly
    flip: Switch = "auto"  # of the images left to right; "auto": only if they are in colour
    crop_share: float = number(0.125, 0.0, 0.5)  # of the side, moved at most; 0: no crop
    cutmix: float = number(0.5, 0.0, 1.0)  # of the images, those that get a piece of another
    distillation: float = number(0.7, 0.0, 1.0)  # the unpruned network's answers; rest: labels
    temperature: float = number(3.0, 0.1, 100.0)  # of the answers in the distillation
    patience: int = number(0, 0, 10_000)  # epochs without a better one until it ends; 0: never
    precision: Precision = "auto"
    seed: int = number(0, 0, 2**31 - 1)
    data: str = path()  # other images to train on; empty: the run's reward images
    refit: bool = True  # training starts from weights refitted by least squares
    compare: Compare = "none"  # criteria that get the same fine-tuning

    def __post_init__(self) -> None:
        check_fields(self)
