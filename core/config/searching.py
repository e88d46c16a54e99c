"""The settings of a search."""

from dataclasses import dataclass, field, replace
from typing import Literal

from core.config.baselines import BaselineConfig
from core.config.checks import check_fields
from core.config.declaring import among, named, number, path
from core.config.learning import PolicyConfig, PPOConfig
from core.errors import ConfigError

Constraint = Literal["projection", "penalty", "lagrange"]
Streams = Literal["auto", "keep", "prune"]
Groups = Literal["approximate", "exact"]
Precision = Literal["auto", "float32", "bfloat16"]
MULTIPLES = (1, 4, 8, 16)  # of channels, that widths may be rounded to
# of the network's own readers, to make up for what they lost
REWARDS_WITH_REFIT = ("refit_error", "refit", "refit_distillation", "staged")
GATES = "gates"  # the method that trains the weights itself or leaves them alone
FURTHER_BUDGETS = ("params", "size", "latency")  # beside the MACs; settings "<name>_budget"
# what the file of a begun run says by not naming a setting that came later
WHEN_UNNAMED = {"weight_mixing": False, "adaptation_cutmix": 0.0}


@dataclass(frozen=True)
class SearchConfig:
    """One search: the budget, how long, and the method's parts."""

    macs_budget: float = number(0.5, 0.01, 1.0)  # share of the MACs that may be kept
    params_budget: float = number(1.0, 0.01, 1.0)  # share of the parameters; 1: no limit
    size_budget: float = number(1.0, 0.01, 1.0)  # share of the bytes of the weights' file
    latency_budget: float = number(1.0, 0.01, 1.0)  # share of the predicted latency
    latency_batch: int = number(1, 1, 1024)  # images at once, for which latency is predicted
    evaluations: int = number(300, 1, 1_000_000)  # masks scored on reward images
    seed: int = number(0, 0, 2**31 - 1)
    device: str = named("auto", "devices")
    threads: int = number(0, 0, 1024)  # 0: all cores but one
    precision: Precision = "auto"  # of the scoring passes
    method: str = named("agent", "methods")
    reward: str = named("teacher", "rewards")
    constraint: Constraint = "projection"
    prior: str = named("tournament", "priors")  # or "none", or "<criterion>_<allocation>"
    streams: Streams = "auto"  # whether residual streams are pruned too
    groups: Groups = "approximate"  # or only those whose cut equals their mask exactly
    round_to: int = among(1, MULTIPLES)  # the winner's widths, in channels; 1: not at all
    reward_images: int = number(128, 2, 100_000)  # per evaluation; they rotate
    samples_per_update: int = number(16, 2, 1024)
    distillation_steps: int = number(4, 1, 100)  # of each mask, in rewards with distillation
    distillation_batch: int = number(64, 2, 10_000)  # images of each step
    distillation_rate: float = number(0.02, 0.0, 10.0)  # of the first step
    adaptation_steps: int = number(16, 0, 10_000)  # after each update; none with refit rewards
    adaptation_cutmix: float = number(0.75, 0.0, 1.0)  # of its images, at first; at last none
    budget_annealing: float = number(0.5, 0.0, 0.9)  # of the evaluations: the MACs budget falls
    weight_mixing: bool = True  # adapted weights with the original ones, in the end
    stop_on_overfit: bool = True  # end the search once its masks get worse on held-out images
    pinned_keep: tuple[str, ...] = ()  # channels that always stay: "layer1.0.conv1:0-3,7"
    pinned_removed: tuple[str, ...] = ()  # channels that always go
    start_from: str = path()  # a run's folder or agent.pt, whose agent begins the search
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    baselines: BaselineConfig = field(default_factory=BaselineConfig)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.is_adapting and self.reward in REWARDS_WITH_REFIT:
            raise ConfigError(
                f"Setting 'reward' must not be {self.reward} where gates train the weights: a "
                "refit says nothing of weights that adapt. Choose teacher."
            )

    @property
    def is_adapting(self) -> bool:
        """Whether the network's weights change while its masks are searched.

        A reward with a refit looks at the weights as they are, so that there is none.
        """
        if self.method == GATES:
            return self.baselines.gates_train_weights
        return self.adaptation_steps > 0 and self.reward not in REWARDS_WITH_REFIT

    @property
    def is_adapting_by_masks(self) -> bool:
        """Whether the masks that are sampled train the weights, while the budget falls."""
        return self.is_adapting and self.method != GATES

    @property
    def agent_policy(self) -> PolicyConfig:
        """What the agent's policy is made of, with the choice made that "auto" leaves open.

        While the network adapts, how much of each layer is kept matters more than which channels.
        """
        if self.policy.architecture != "auto":
            return self.policy
        is_layered = self.is_adapting and self.policy.embedding == "layers"
        return replace(self.policy, architecture="hierarchical" if is_layered else "channels")

    @property
    def further_budgets(self) -> dict[str, float]:
        """The budgets beside that of the MACs that are limits: "params" -> 0-1."""
        budgets = {name: getattr(self, f"{name}_budget") for name in FURTHER_BUDGETS}
        return {name: budget for name, budget in budgets.items() if budget < 1.0}
