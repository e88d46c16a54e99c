"""The settings of the training of an agent for many networks."""

from dataclasses import dataclass

from core.config.checks import check_fields
from core.config.declaring import named, number
from core.errors import ConfigError


@dataclass(frozen=True)
class TrainingConfig:
    """How long an agent for many networks is trained, and by what."""

    updates: int = number(100, 1, 1_000_000)
    minutes: float = number(0.0, 0.0, 100_000.0)  # after which it ends in any case; 0: never
    seed: int = number(0, 0, 2**31 - 1)
    device: str = named("auto", "devices")
    threads: int = number(0, 0, 1024)  # 0: all cores but one
    least_budget: float = number(0.2, 0.01, 1.0)  # of the MACs
    most_budget: float = number(0.8, 0.01, 1.0)
    reward_images: int = number(128, 2, 100_000)  # per mask; they rotate
    tasks_per_update: int = number(2, 1, 100)
    samples_per_task: int = number(16, 2, 1024)
    cheap_share: float = number(0.0, 0.0, 1.0)  # of the training, rewarded by the refit's error
    learning_rate: float = number(0.005, 0.0, 10.0)  # a fifth of it at the end
    first_deviation: float = number(0.45, 0.01, 10.0)  # of what is tried
    last_deviation: float = number(0.15, 0.01, 10.0)
    epochs: int = number(4, 1, 100)
    clip_coef: float = number(0.2, 0.01, 1.0)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.least_budget > self.most_budget:
            raise ConfigError(
                f"The least budget of the training must not be above the greatest, and "
                f"{self.least_budget:g} is above {self.most_budget:g}. Swap them."
            )
