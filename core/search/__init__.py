"""THE flow: criteria compete, the agent learns from the winner, the best mask is chosen.

`run_search` is a generator of events. `evaluations` counts the masks that the agent proposes.
The one-shot criteria that compete before it and the choice of the winner after it come on
top, because every search that starts here pays for them alike; `seconds` counts them.
"""

import copy
import dataclasses
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core.config import SearchConfig
from core.errors import ConfigError
from core.evaluation import (
    CachedPart,
    MaskScorer,
    RotatingImages,
    Score,
    limited_threads,
    read_part,
    resolve_device,
    resolve_precision,
)
from core.events import (
    BoolArray,
    CandidateEvaluated,
    HeldOutScored,
    ImportancesMeasured,
    NoticeRaised,
    PolicyUpdated,
    SearchEvent,
    SearchFinished,
    SearchStarted,
    StageStarted,
    StopRequested,
)
from core.graph.features import graph_data
from core.pruning.budget import least_kept_share
from core.pruning.macs import MacsModel
from core.rl.agent import PruningAgent
from core.rl.environment import PruningEnvironment, Transition
from core.rl.policy import Observation
from core.rl.rewards import REWARDS
from core.search.attention import is_attention_due, measure_attention
from core.search.feasibility import check_budget, pinned_macs, removable_channels
from core.search.finalists import JUDGE_IMAGES, Finalist, Finalists, judge_masks
from core.search.stopwatch import Stopwatch
from core.search.tournament import (
    SHOWN_FIRST,
    Tournament,
    channel_features,
    check_prior,
    hold_tournament,
    magnitude_mask,
    make_competitors,
    measure_importances,
    prior_logits,
)

__all__ = ["check_budget", "run_search"]

UPDATES_PER_HELD_OUT = 4

if TYPE_CHECKING:
    from core.opening import Opened


def run_search(opened: "Opened", config: SearchConfig) -> Generator[SearchEvent, None, None]:
    """Search the mask that loses least accuracy within the MACs budget.

    Events, in this order: stages, SearchStarted, ImportancesMeasured, a CriterionEvaluated for
    each one-shot competitor, the first BestChanged; then for each update CandidateEvaluated
    events, BestChanged if one is better, PolicyUpdated, now and then HeldOutScored; at last
    SearchFinished.
    StopRequested thrown in ends it within one batch of images, with the best mask so far.
    The same opened network, images and config give the same events but for the seconds.

    Raises: BudgetError, ConfigError before anything is computed.
    """
    check_budget(opened, config)
    check_prior(config.prior)
    if config.reward not in REWARDS:
        raise ConfigError(
            f"Setting 'reward' must be one of {', '.join(REWARDS)}, not '{config.reward}'."
        )
    with limited_threads(config.threads):
        yield from _Search(opened, config).run()


class _Search:
    """One search while it runs: what is known so far, so that a stop can end it at any point."""

    def __init__(self, opened: "Opened", config: SearchConfig) -> None:
        module, analysis = opened.network.module, opened.analysis
        self._opened = opened
        self._config = config
        self._analysis = analysis
        macs = MacsModel(analysis, module)
        self._params = macs.total_params
        self._macs = pinned_macs(opened, config, macs)
        self._removable = removable_channels(opened, config, self._macs)
        self._device = resolve_device(config.device)
        precision = resolve_precision(config.precision, self._device)
        self._scorer = MaskScorer(module, analysis.plan, self._device, precision)
        self._images = RotatingImages(
            CachedPart(opened.images.reward), config.reward_images, config.seed
        )
        self._clock = Stopwatch()
        self._evaluations = 0
        # known without any image, for a stop that comes at once
        self._best_criterion = magnitude_mask(
            module, analysis, self._macs, config.macs_budget, self._removable
        )
        self._criteria = {SHOWN_FIRST: self._best_criterion}
        self._finalists: Finalists | None = None
        self._held_out: tuple[Finalist, Score] | None = None  # the mask scored last

    def run(self) -> Generator[SearchEvent, None, None]:
        is_stopped = False
        try:
            yield from self._begin()
            observation = yield from self._compare_criteria()
            agent = yield from self._train_agent(observation)
            keep, score = yield from self._judge(agent)
        except StopRequested:
            is_stopped = True
            keep, score = self._choose_now()
        yield SearchFinished(
            keep=keep.copy(),
            macs_kept=float(self._macs.kept_share(keep)),
            accuracy=score.accuracy,
            cross_entropy=score.cross_entropy,
            evaluations=self._evaluations,
            criteria={name: mask.copy() for name, mask in self._criteria.items()},
            seconds={
                "analysis": self._opened.analysis_seconds,
                **self._clock.seconds("evaluation", "policy"),
            },
            is_stopped=is_stopped,
        )

    def _begin(self) -> Generator[SearchEvent, None, None]:
        """Score the unpruned network on the held-out images, with its own BN statistics."""
        streams = [group for group in self._analysis.groups.groups if group.is_stream]
        if any(self._removable[group.start : group.stop].any() for group in streams):
            yield NoticeRaised("The channels of residual streams are pruned too.")
        module = self._opened.network.module
        if self._device.type != "cpu":
            module = copy.deepcopy(module).to(self._device)
        with self._clock.measure("evaluation"):
            scores = yield from read_part(
                {"unpruned": module},
                self._opened.images.held_out,
                device=self._device,
                limit=JUDGE_IMAGES,
                stage="Scoring the unpruned network",
            )
        yield SearchStarted(
            evaluations=self._config.evaluations,
            macs_budget=self._config.macs_budget,
            macs=self._macs.total,
            params=self._params,
            baseline_accuracy=scores["unpruned"].accuracy,
            baseline_cross_entropy=scores["unpruned"].cross_entropy,
            least_macs_kept=least_kept_share(self._macs, self._removable),
        )

    def _compare_criteria(self) -> Generator[SearchEvent, None, Observation]:
        """Hold the tournament; returns what the policy sees, with the prior in it."""
        config, analysis = self._config, self._analysis
        with self._clock.measure("evaluation"):
            importances = yield from measure_importances(
                self._opened.network.module,
                analysis,
                self._opened.images.reward,
                self._device,
                config.seed,
            )
            yield ImportancesMeasured({name: one.copy() for name, one in importances.items()})
            competitors = make_competitors(
                importances, analysis.groups, self._macs, config.macs_budget, self._removable
            )
            tournament = yield from hold_tournament(
                competitors, self._scorer, self._images, self._macs
            )
        self._criteria = tournament.best_of_each_criterion()
        keep, score = tournament.winner.keep, tournament.scores[tournament.winner.name]
        self._best_criterion = keep
        self._finalists = Finalists(Finalist(0, keep, float(self._macs.kept_share(keep)), score))
        yield self._finalists.best.as_event()
        everything = np.ones(analysis.groups.channel_count, dtype=np.bool_)
        return Observation(
            graph=graph_data(analysis.graph, analysis.groups, everything, config.macs_budget),
            channel_features=channel_features(importances, analysis.groups, self._removable),
            prior=self._prior(tournament),
        )

    def _prior(self, tournament: Tournament) -> Tensor:
        name = self._config.prior
        if name == "none":
            return torch.zeros(len(self._removable))
        chosen = tournament.winner if name == "tournament" else tournament.by_name(name)
        budget = self._config.macs_budget
        return torch.from_numpy(prior_logits(chosen, self._macs, budget, self._removable)).float()

    def _train_agent(self, observation: Observation) -> Generator[SearchEvent, None, PruningAgent]:
        """Propose, score, learn, until the evaluations are spent."""
        config, macs, budget = self._config, self._macs, self._config.macs_budget
        agent = PruningAgent(
            observation, macs, budget, self._removable, config.constraint, config.ppo, config.seed
        )
        reward = REWARDS[config.reward]()
        environment = PruningEnvironment(
            observation, self._scorer, self._images, macs, budget, reward
        )
        yield StageStarted("Searching", total=config.evaluations)
        update = 0
        while self._evaluations < config.evaluations:
            update += 1
            environment.reset()
            count = min(config.samples_per_update, config.evaluations - self._evaluations)
            with self._clock.measure("policy"):
                proposal = agent.propose(count)
            transitions = yield from self._score(proposal.keep, environment, update)
            with self._clock.measure("policy"):
                statistics = agent.learn(proposal, [step.reward for step in transitions])
                keep_probability, keep = agent.preference()
            yield PolicyUpdated(
                update=update,
                keep_probability=keep_probability,
                keep=keep,
                **dataclasses.asdict(statistics),
            )
            if is_attention_due(update):
                with self._clock.measure("policy"):
                    attention = measure_attention(agent, self._analysis.graph, update)
                yield attention
            if update % UPDATES_PER_HELD_OUT == 0:
                yield from self._score_held_out()
        return agent

    def _score_held_out(self) -> Generator[SearchEvent, None, None]:
        """Score the best mask so far on images that nobody is rewarded for.

        Nothing of it reaches the search: no random number is drawn, no moving average moved.
        """
        if self._finalists is None:
            return
        best = self._finalists.best
        if self._held_out is None or self._held_out[0] is not best:
            with self._clock.measure("evaluation"):
                self._held_out = best, self._scorer.score(best.keep, *self._held_out_batch())
        score = self._held_out[1]
        yield HeldOutScored(
            evaluation=self._evaluations,
            accuracy=score.accuracy,
            cross_entropy=score.cross_entropy,
            reward_cross_entropy=best.score.cross_entropy,
        )

    def _held_out_batch(self) -> tuple[Tensor, Tensor]:
        images = RotatingImages(self._opened.images.held_out, self._config.reward_images, seed=0)
        return images.next()

    def _score(
        self, masks: BoolArray, environment: PruningEnvironment, update: int
    ) -> Generator[SearchEvent, None, list[Transition]]:
        """Score the masks (K, C) of one update, each one step of the environment."""
        transitions, siblings = [], []
        for keep in masks:
            with self._clock.measure("evaluation"):
                step = environment.step(keep)
            self._evaluations += 1
            transitions.append(step)
            if step.meets_budget:
                siblings.append(
                    Finalist(self._evaluations, keep.copy(), step.macs_kept, step.score)
                )
            yield CandidateEvaluated(
                evaluation=self._evaluations,
                update=update,
                keep=keep.copy(),
                macs_kept=step.macs_kept,
                accuracy=step.score.accuracy,
                cross_entropy=step.score.cross_entropy,
                reward=step.reward,
                ema_accuracy=environment.ema_accuracy,
                meets_budget=step.meets_budget,
                seconds=self._clock.elapsed,
            )
        if self._finalists and self._finalists.add_update(siblings):
            yield self._finalists.best.as_event()
        return transitions

    def _judge(self, agent: PruningAgent) -> Generator[SearchEvent, None, tuple[BoolArray, Score]]:
        """Choose among the agent's likeliest mask, the best it sampled and the best criterion."""
        masks = [agent.preference()[1], *self._masks_so_far()]
        with self._clock.measure("evaluation"):
            return (yield from judge_masks(masks, self._scorer, self._opened.images.held_out))

    def _choose_now(self) -> tuple[BoolArray, Score]:
        """Take the best mask so far and score it on one batch of held-out images."""
        keep = self._masks_so_far()[0]
        with self._clock.measure("evaluation"):
            return keep, self._scorer.score(keep, *self._held_out_batch())

    def _masks_so_far(self) -> list[BoolArray]:
        """All that could win, the best by the reward images first."""
        if self._finalists is None:
            return [self._best_criterion]
        return [*self._finalists.masks, self._best_criterion]
