"""One search while it runs: what it knows, what it does next, and how it goes on after a break."""

import copy
import dataclasses
import math
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core.config import SearchConfig
from core.errors import NetworkError
from core.evaluation import (
    CachedPart,
    MaskScorer,
    RotatingImages,
    Score,
    read_part,
    resolve_device,
    resolve_precision,
)
from core.events import (
    BoolArray,
    CandidateEvaluated,
    CheckpointReached,
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
from core.rl.agent import Proposal, PruningAgent
from core.rl.environment import PruningEnvironment, Transition
from core.rl.policy import Observation
from core.rl.rewards import REWARDS, Reward, teacher_temperature
from core.search.attention import is_attention_due, measure_attention
from core.search.feasibility import pinned_macs, removable_channels
from core.search.finalists import JUDGE_IMAGES, Finalist, Finalists, judge_masks
from core.search.state import Groundwork, SearchState
from core.search.stopwatch import Stopwatch
from core.search.tournament import (
    SHOWN_FIRST,
    Tournament,
    channel_features,
    hold_tournament,
    magnitude_mask,
    make_competitors,
    measure_importances,
    prior_logits,
)

if TYPE_CHECKING:
    from core.opening import Opened

UPDATES_PER_HELD_OUT = 4


class Search:
    """One search while it runs: what is known so far, so that a stop can end it at any point."""

    def __init__(self, opened: "Opened", config: SearchConfig, state: SearchState | None) -> None:
        module, analysis = opened.network.module, opened.analysis
        self._opened = opened
        self._config = config
        self._state = state
        self._analysis = analysis
        macs = MacsModel(analysis, module)
        self._params = macs.total_params
        self._macs = pinned_macs(opened, config, macs)
        self._removable = removable_channels(opened, config, self._macs)
        self._device = resolve_device(config.device)
        precision = resolve_precision(config.precision, self._device)
        self._scorer = MaskScorer(
            module, analysis.plan, self._device, precision, teacher_temperature(config.reward)
        )
        self._images = RotatingImages(
            CachedPart(opened.images.reward), config.reward_images, config.seed
        )
        self._clock = Stopwatch()
        self._evaluations = 0
        self._update = 0
        self._ground = self._ground_without_images()
        self._finalists: Finalists | None = None
        self._held_out: tuple[Finalist, Score] | None = None  # the mask scored last

    def run(self) -> Generator[SearchEvent, None, None]:
        """Search to the end, or to a stop; see run_search."""
        is_stopped = False
        try:
            if self._state is None:
                yield from self._begin()
                yield from self._compare_criteria()
            agent = yield from self._train_agent()
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
            criteria={name: mask.copy() for name, mask in self._ground.criteria.items()},
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
        if not math.isfinite(scores["unpruned"].cross_entropy):
            raise NetworkError(
                f"Network '{self._opened.network.name}' answers with what are no numbers (its "
                f"cross-entropy is {scores['unpruned'].cross_entropy}). Check its weights and "
                "the normalisation of the images."
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

    def _ground_without_images(self) -> Groundwork:
        """What is known before any image is read, for a stop that comes at once."""
        keep = magnitude_mask(
            self._opened.network.module,
            self._analysis,
            self._macs,
            self._config.macs_budget,
            self._removable,
        )
        return Groundwork({}, torch.zeros(len(keep)), keep, {SHOWN_FIRST: keep})

    def _compare_criteria(self) -> Generator[SearchEvent, None, None]:
        """Hold the tournament, whose winner is the best mask so far and the policy's prior."""
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
        keep, score = tournament.winner.keep, tournament.scores[tournament.winner.name]
        self._ground = Groundwork(
            importances, self._prior(tournament), keep, tournament.best_of_each_criterion()
        )
        self._finalists = Finalists(Finalist(0, keep, float(self._macs.kept_share(keep)), score))
        yield self._finalists.best.as_event()

    def _prior(self, tournament: Tournament) -> Tensor:
        name = self._config.prior
        if name == "none":
            return torch.zeros(len(self._removable))
        chosen = tournament.winner if name == "tournament" else tournament.by_name(name)
        budget = self._config.macs_budget
        return torch.from_numpy(prior_logits(chosen, self._macs, budget, self._removable)).float()

    def _observation(self) -> Observation:
        """What the policy sees, with the prior in it."""
        analysis, ground = self._analysis, self._ground
        everything = np.ones(analysis.groups.channel_count, dtype=np.bool_)
        return Observation(
            graph=graph_data(analysis.graph, analysis.groups, everything, self._config.macs_budget),
            channel_features=channel_features(ground.importances, analysis.groups, self._removable),
            prior=ground.prior,
        )

    def _train_agent(self) -> Generator[SearchEvent, None, PruningAgent]:
        """Propose, score, learn, until the evaluations are spent."""
        config, macs, budget = self._config, self._macs, self._config.macs_budget
        if self._state is not None:
            self._ground = self._state.ground
        observation = self._observation()
        agent = PruningAgent(
            observation, macs, budget, self._removable, config.constraint, config.ppo, config.seed
        )
        reward = REWARDS[config.reward]()
        environment = PruningEnvironment(
            observation, self._scorer, self._images, macs, budget, reward
        )
        if self._state is not None:
            self._take_up(self._state, agent, reward)
        yield StageStarted("Searching", total=config.evaluations)
        while self._evaluations < config.evaluations:
            self._update += 1
            yield from self._learn_once(agent, environment)
            yield CheckpointReached(
                self._update, self._evaluations, self._save(agent, reward).as_dict()
            )
        return agent

    def _learn_once(
        self, agent: PruningAgent, environment: PruningEnvironment
    ) -> Generator[SearchEvent, None, None]:
        """Make one update of the policy, and say what can be said after it."""
        config, update = self._config, self._update
        environment.reset()
        count = min(config.samples_per_update, config.evaluations - self._evaluations)
        with self._clock.measure("policy"):
            proposal = agent.propose(count)
        transitions = yield from self._score(proposal.keep, environment, update)
        yield from self._learn(agent, proposal, [step.reward for step in transitions])
        if is_attention_due(update):
            with self._clock.measure("policy"):
                attention = measure_attention(agent, self._analysis.graph, update)
            yield attention
        if update % UPDATES_PER_HELD_OUT == 0:
            yield from self._score_held_out()

    def _learn(
        self, agent: PruningAgent, proposal: Proposal, rewards: list[float]
    ) -> Generator[SearchEvent, None, None]:
        """Update the policy, unless that would fill it with what are no numbers."""
        if not np.isfinite(rewards).all():
            yield NoticeRaised(
                f"Update {self._update} is skipped: {(~np.isfinite(rewards)).sum()} of its "
                f"{len(rewards)} masks have a reward that is no number."
            )
            return
        with self._clock.measure("policy"):
            before = agent.state_dict()
            statistics = agent.learn(proposal, rewards)
            if not agent.is_sound:
                agent.load_state_dict(before)
                yield NoticeRaised(
                    f"Update {self._update} is taken back: it made the policy's weights no "
                    "numbers. Lower the learning rates."
                )
                return
            keep_probability, keep = agent.preference()
        yield PolicyUpdated(
            update=self._update,
            keep_probability=keep_probability,
            keep=keep,
            **dataclasses.asdict(statistics),
        )

    def _save(self, agent: PruningAgent, reward: Reward) -> SearchState:
        """Copy all that the search needs to go on from here."""
        if self._finalists is None:
            raise RuntimeError("a search learns only after the tournament")
        return SearchState(
            update=self._update,
            evaluations=self._evaluations,
            ground=self._ground,
            seconds=self._clock.seconds("evaluation", "policy"),
            images=self._images.state_dict(),
            agent=agent.state_dict(),
            reward=reward.state_dict(),
            finalists=self._finalists.state_dict(),
        )

    def _take_up(self, state: SearchState, agent: PruningAgent, reward: Reward) -> None:
        """Go on from a copy."""
        self._update, self._evaluations = state.update, state.evaluations
        self._finalists = Finalists.from_state_dict(state.finalists)
        self._images.load_state_dict(state.images)
        self._clock.load_seconds(state.seconds)
        agent.load_state_dict(state.agent)
        reward.load_state_dict(state.reward)

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
            if step.meets_budget and math.isfinite(step.score.loss):
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
            return [self._ground.best_criterion]
        return [*self._finalists.masks, self._ground.best_criterion]
