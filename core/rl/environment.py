"""The search as a constrained MDP, in Gymnasium's words plus `cost`."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from core.evaluation import MaskScorer, RotatingImages, Score
from core.events import BoolArray
from core.pruning.budget import KeptShareModel
from core.rl.policy import Observation
from core.rl.rewards import Reward


@dataclass(frozen=True, eq=False)
class Transition:
    """What one step gave."""

    observation: Observation
    reward: float
    cost: float  # overshoot of the budget relative to it; 0 or less: the budget holds
    terminated: bool
    truncated: bool
    score: Score
    macs_kept: float  # 0-1

    @property
    def meets_budget(self) -> bool:
        """Whether the mask holds the budget."""
        return self.cost <= 0.0


class PruningEnvironment:
    """Episodes of one decision step: see a network, decide over all its channels, be scored.

    All episodes between two resets are scored on the same reward images, so that the masks
    of one update differ by their channels only.
    """

    def __init__(
        self,
        observation: Observation,
        scorer: MaskScorer,
        images: RotatingImages,
        macs: KeptShareModel,
        macs_budget: float,
        reward: Reward,
    ) -> None:
        self._observation = observation
        self._scorer = scorer
        self._images = images
        self._macs = macs
        self._macs_budget = macs_budget
        self._reward = reward
        self._batch: tuple[Tensor, Tensor] | None = None
        self._reward_before = reward.state_dict()

    @property
    def ema_accuracy(self) -> float:
        """The reward's baseline, 0-1."""
        return self._reward.ema_accuracy

    def reset(self) -> Observation:
        """Take the next reward images; the network is whole again."""
        self._batch = self._images.next()
        self._reward_before = self._reward.state_dict()
        return self._observation

    def step_again(self, actions: Sequence[BoolArray]) -> list[Transition]:
        """Take all steps since the last reset again, as if for the first time.

        For scores of one update that do not compare, because memory ran out between them.
        """
        self._reward.load_state_dict(self._reward_before)
        return [self.step(action) for action in actions]

    def step(self, action: BoolArray) -> Transition:
        """Prune to `action` (C,), True = keep, score the network, and end the episode."""
        if self._batch is None:
            raise RuntimeError("reset() comes before step()")
        macs_kept = float(self._macs.kept_share(action))
        # a share that is the budget to the last bit of a double meets it
        cost = (macs_kept - self._macs_budget) / self._macs_budget - 1e-12
        score = self._scorer.score(action, *self._batch)
        return Transition(
            observation=self._observation,
            reward=self._reward(score, cost),
            cost=cost,
            terminated=True,
            truncated=False,
            score=score,
            macs_kept=macs_kept,
        )
