"""The search as a constrained MDP, in Gymnasium's words plus `cost`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.evaluation import RotatingImages, Score
from core.events import BoolArray
from core.graph.features import GraphData, features_so_far
from core.pruning.limits import overshoot
from core.rl.observation import Observation
from core.rl.rewards import Reward
from core.rl.space import DecisionSpace
from core.scoring import MaskScorer


@dataclass(frozen=True, eq=False)
class Transition:
    """What one step gave; before the last step of an episode reward and cost are 0."""

    observation: Observation
    reward: float
    cost: float  # overshoot of the budget relative to it; 0 or less: the budget holds
    terminated: bool
    truncated: bool


@dataclass(frozen=True, eq=False)
class Outcome(Transition):
    """What the last step of an episode gave: the mask is whole and was scored."""

    score: Score
    macs_kept: float  # 0-1

    @property
    def meets_budget(self) -> bool:
        """Whether the mask holds the budget."""
        return self.cost <= 0.0


class PruningEnvironment:
    """Episodes of n decision steps: see a network, decide over some of its layers, be scored.

    All episodes between two resets are scored on the same reward images, so that the masks
    of one update differ by their channels only. After the last step of an episode the next one
    begins with the whole network.
    """

    def __init__(
        self,
        observation: Observation,
        scorer: MaskScorer,
        images: RotatingImages,
        space: DecisionSpace,
        reward: Reward,
    ) -> None:
        """Under "lagrange" rewards do not see the cost: the agent puts a price on it."""
        self._observation = observation
        self._scorer = scorer
        self._images = images
        self._space = space
        self._macs_budget = space.macs_budget  # that masks are to hold in the end
        self._reward = reward
        self._batch: tuple[Tensor, Tensor] | None = None
        self._reward_before = reward.state_dict()
        self._step = 0
        self._keep = self._whole()

    def hold_budget(self, macs_budget: float) -> None:
        """Reward masks by another budget of MACs (0-1) from now on."""
        self._space.macs_budget = macs_budget

    @property
    def ema_accuracy(self) -> float:
        """The reward's baseline, 0-1."""
        return self._reward.ema_accuracy

    @property
    def batch(self) -> tuple[Tensor, Tensor]:
        """The images and labels of this update."""
        if self._batch is None:
            raise RuntimeError("reset() comes before the first batch")
        return self._batch

    def reset(self) -> Observation:
        """Take the next reward images; the network is whole again."""
        self._batch = self._images.next()
        self._scorer.take_training(self._images)
        self._reward.begin_update()
        self._reward_before = self._reward.state_dict()
        self._step, self._keep = 0, self._whole()
        return self._observation

    def play(self, keep: BoolArray) -> Outcome:
        """Take all steps of an episode that ends with the mask `keep` (C,)."""
        transition = self.step(keep)
        while not transition.terminated:
            transition = self.step(keep)
        if not isinstance(transition, Outcome):
            raise RuntimeError("an episode ends with a score")
        return transition

    def play_again(self, masks: Sequence[BoolArray]) -> list[Outcome]:
        """Play all episodes since the last reset again, as if for the first time.

        For scores of one update that do not compare, because memory ran out between them.
        """
        self._reward.load_state_dict(self._reward_before)
        return [self.play(keep) for keep in masks]

    def step(self, action: BoolArray) -> Transition:
        """Decide over the layers of this step as `action` (C,) says, True = keep.

        Returns: an Outcome after the last step.
        """
        if self._batch is None:
            raise RuntimeError("reset() comes before step()")
        own = self._space.steps[self._step].numpy()
        self._keep = np.where(own, action, self._keep)
        self._step += 1
        if self._step < self._space.step_count:
            return Transition(self._observe(), 0.0, 0.0, terminated=False, truncated=False)
        keep = self._keep
        self._step, self._keep = 0, self._whole()
        return self._score(keep, self._batch)

    def _score(self, keep: BoolArray, batch: tuple[Tensor, Tensor]) -> Outcome:
        # a share that is the budget to the last bit of a double meets it
        cost = float(self._space.costs(keep)) - 1e-12
        final_cost = float(overshoot(self._space.macs, keep, self._macs_budget)) - 1e-12
        score = self._scorer.score(keep, *batch)
        is_priced = self._space.constraint == "lagrange"
        return Outcome(
            observation=self._observation,
            reward=self._reward(score, min(cost, 0.0) if is_priced else cost),
            cost=final_cost,
            terminated=True,
            truncated=False,
            score=score,
            macs_kept=float(self._space.macs.kept_share(keep)),
        )

    def _whole(self) -> BoolArray:
        """The network before anything is decided; pinned channels are gone already."""
        return ~self._space.macs.removed

    def _observe(self) -> Observation:
        """The network under the decisions so far."""
        graph: GraphData = self._observation.graph.clone()
        decided = self._space.decided_before(self._step)
        kept = torch.from_numpy(self._keep).float()[None]
        graph.x = features_so_far(graph, kept, decided)[0]
        return replace(self._observation, graph=graph)
