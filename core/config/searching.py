"""The settings of a search."""

import typing
from dataclasses import dataclass, field
from typing import Literal

from core.config.checks import check_choice, check_lines, check_range, shown
from core.errors import ConfigError

Constraint = Literal["projection", "penalty"]
Streams = Literal["auto", "keep", "prune"]
Groups = Literal["approximate", "exact"]
Precision = Literal["auto", "float32", "bfloat16"]
MULTIPLES = (1, 4, 8, 16)  # of channels, that widths may be rounded to


@dataclass(frozen=True)
class PPOConfig:
    """How the policy learns from one batch of sampled masks."""

    epochs: int = 4
    clip_coef: float = 0.2
    learning_rate: float = 0.01
    channel_offset_rate: float = 0.3
    layer_offset_rate: float = 0.15
    value_coef: float = 0.5
    entropy_coef: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, "epochs", 1, 100)
        check_range(self, "clip_coef", 0.01, 1.0)
        for rate in ("learning_rate", "channel_offset_rate", "layer_offset_rate"):
            check_range(self, rate, 0.0, 10.0)
        check_range(self, "value_coef", 0.0, 10.0)
        check_range(self, "entropy_coef", 0.0, 10.0)


@dataclass(frozen=True)
class SearchConfig:
    """One search: the budget, how long, and the method's parts."""

    macs_budget: float = 0.5  # share of the network's MACs that may be kept, 0-1
    evaluations: int = 300  # masks scored on reward images
    seed: int = 0
    device: str = "auto"
    threads: int = 0  # 0: all cores but one
    precision: Precision = "auto"  # of the scoring passes
    method: str = "agent"  # a name in METHODS
    reward: str = "cross_entropy"  # a name in REWARDS
    constraint: Constraint = "projection"
    prior: str = "tournament"  # "tournament", "none" or "<criterion>_<allocation>"
    streams: Streams = "auto"  # whether residual streams are pruned too
    groups: Groups = "approximate"  # or only those whose cut equals their mask exactly
    round_to: int = 1  # the winner's widths to multiples of so many channels; 1: not at all
    reward_images: int = 128  # per evaluation; they rotate
    samples_per_update: int = 16
    pinned_keep: tuple[str, ...] = ()  # channels that always stay: "layer1.0.conv1:0-3,7"
    pinned_removed: tuple[str, ...] = ()  # channels that always go
    ppo: PPOConfig = field(default_factory=PPOConfig)

    def __post_init__(self) -> None:
        check_range(self, "macs_budget", 0.01, 1.0)
        check_range(self, "evaluations", 1, 1_000_000)
        check_range(self, "seed", 0, 2**31 - 1)
        check_range(self, "threads", 0, 1024)
        check_range(self, "reward_images", 2, 100_000)
        check_range(self, "samples_per_update", 2, 1024)
        if self.round_to not in MULTIPLES:
            raise ConfigError(
                f"Setting 'round_to' must be one of {', '.join(map(str, MULTIPLES))}, "
                f"not {shown(self.round_to)}."
            )
        check_choice(self, "constraint", typing.get_args(Constraint))
        check_choice(self, "streams", typing.get_args(Streams))
        check_choice(self, "groups", typing.get_args(Groups))
        check_choice(self, "precision", typing.get_args(Precision))
        check_lines(self, "pinned_keep")
        check_lines(self, "pinned_removed")
