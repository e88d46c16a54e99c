"""One search while it runs: what it knows, what it does next, and how it goes on after a break."""

import dataclasses
import math
from collections.abc import Collection, Generator
from typing import TYPE_CHECKING

import numpy as np

from core.config import SearchConfig
from core.evaluation import Score
from core.events import (
    BoolArray,
    CandidateEvaluated,
    CheckpointReached,
    FloatArray,
    NetworkAdapted,
    NoticeRaised,
    PolicyUpdated,
    SearchEvent,
    SearchFinished,
    StageStarted,
    StopRequested,
)
from core.pruning.latency_table import LatencyTable
from core.rl.agent import PruningAgent
from core.rl.environment import Outcome, PruningEnvironment
from core.rl.rewards import REWARDS, Reward
from core.scoring import Batch
from core.search.adaptation import (
    adapt_network,
    adapted_network,
    annealed_budget,
    is_annealing,
)
from core.search.agent import make_space, prepare_agent, tell_of_agent
from core.search.bench import Bench
from core.search.channel_credit import CreditMeasurer
from core.search.choosing import (
    judge_all,
    judge_now,
    mix_now,
    mix_weights,
    round_chosen,
)
from core.search.finalists import Finalist, Finalists
from core.search.groundwork import (
    compare_criteria,
    ground_without_images,
    make_observation,
    score_unpruned,
)
from core.search.held_out import HeldOutWatch
from core.search.methods import Method, is_one_shot, make_method, one_shot_mask_of
from core.search.methods.method import Proposed
from core.search.methods.stepping import take_steps
from core.search.staging import is_closer_due, look_closer, prepare_refit
from core.search.state import SearchState
from core.search.stopwatch import Stopwatch

if TYPE_CHECKING:
    from core.opening import Opened

UPDATES_PER_HELD_OUT = 2, 4  # in a short search, in a long one
HELD_OUT_SCORES = 8  # of a search in between


class Search:
    """One search while it runs: what is known so far, so that a stop can end it at any point."""

    def __init__(
        self,
        opened: "Opened",
        config: SearchConfig,
        state: SearchState | None,
        latency: LatencyTable | None = None,
        told: Collection[str] = (),
    ) -> None:
        self._bench = Bench.of(opened, config, latency)
        self._told = told  # notices of the first half
        self._state = state
        self._evaluations = 0
        self._update = 0
        self._ground = ground_without_images(self._bench)
        self._finalists: Finalists | None = None
        self._held_out = HeldOutWatch(self._bench)
        self._credit = CreditMeasurer.of(self._bench)
        self._agent: Method | None = None  # once it has begun
        self._probability: FloatArray | None = None  # the policy's at the end

    @property
    def clock(self) -> Stopwatch:
        """Where its time goes."""
        return self._bench.clock

    def run(self) -> Generator[SearchEvent, None, None]:
        """Search to the end, or to a stop; see run_search."""
        is_stopped = False
        told: list[NoticeRaised | NetworkAdapted] = []
        try:
            yield from prepare_refit(self._bench, self._told)
            if self._state is None:
                yield from score_unpruned(self._bench)
                self._ground, first = yield from compare_criteria(self._bench)
                self._finalists = Finalists(first)
                yield first.as_event()
            if is_one_shot(self._bench.config.method):
                keep, score = yield from judge_all(self._bench, self._masks_so_far())
            else:
                agent = yield from self._train_agent()
                keep, score = yield from self._judge(agent)
            score = yield from mix_weights(self._bench, keep, score)
        except StopRequested:
            is_stopped = True
            keep, score, words = mix_now(
                self._bench,
                *judge_now(self._bench, self._masks_at_once()),
                criterion=self._ground.best_criterion,
            )
            told += [NoticeRaised(words)] if words else []
        told += adapted_network(self._bench)
        if self._bench.config.round_to > 1:
            likeliest = self._probability
            priority = self._ground.prior.numpy() if likeliest is None else likeliest
            keep, score, words = round_chosen(self._bench, keep, score, priority)
            told.append(NoticeRaised(words))
        for notice in (*told, *self._bench.scorer.take_notices()):
            try:
                yield notice
            except StopRequested:
                is_stopped = True
        yield SearchFinished(
            keep=keep.copy(),
            macs_kept=float(self._bench.macs.kept_share(keep)),
            accuracy=score.accuracy,
            cross_entropy=score.cross_entropy,
            evaluations=self._evaluations,
            criteria={name: mask.copy() for name, mask in self._ground.criteria.items()},
            seconds={
                "analysis": self._bench.opened.analysis_seconds,
                **self._bench.clock.seconds("evaluation", "policy"),
            },
            is_stopped=is_stopped,
            further_kept=self._bench.further_kept(keep),
        )

    def _train_agent(self) -> Generator[SearchEvent, None, Method]:
        """Propose, score, learn, until the evaluations are spent."""
        bench, config = self._bench, self._bench.config
        if self._state is not None:
            self._ground = self._state.ground
        observation = make_observation(bench, self._ground)
        agent = make_method(bench, observation)
        reward = REWARDS[config.reward]()
        environment = PruningEnvironment(
            observation, bench.scorer, bench.images, make_space(bench), reward
        )
        if self._state is not None:
            self._take_up(self._state, agent, reward)
        elif isinstance(agent, PruningAgent):
            yield from prepare_agent(agent, bench)
            if config.is_adapting_by_masks:
                agent.hold_budget(config.macs_budget)
                self._held_out.begin_with(agent.preference()[1])
        self._agent = agent
        yield StageStarted("Searching", total=config.evaluations)
        while self._evaluations < config.evaluations:
            if (told := self._held_out.reason_to_stop()) is not None:
                yield told
                break
            self._update += 1
            yield from self._learn_once(agent, environment)
            yield CheckpointReached(
                self._update, self._evaluations, self._save(agent, reward).as_dict()
            )
        return agent

    def _learn_once(
        self, agent: Method, environment: PruningEnvironment
    ) -> Generator[SearchEvent, None, None]:
        """Make one update of the policy, and say what can be said after it."""
        config, update = self._bench.config, self._update
        environment.reset()
        count = min(config.samples_per_update, config.evaluations - self._evaluations)
        budget = annealed_budget(config, self._evaluations + count)
        agent.hold_budget(budget)
        environment.hold_budget(budget)
        yield from take_steps(agent, count, self._evaluations, self._bench.clock)
        with self._bench.clock.measure("policy"):
            proposal = agent.propose(count)
        transitions = yield from self._score(proposal.keep, environment, update)
        rewards = [step.reward for step in transitions]
        yield from self._learn(agent, proposal, rewards, environment.batch)
        yield from adapt_network(self._bench, proposal.keep, update, self._evaluations)
        if isinstance(agent, PruningAgent):
            yield from tell_of_agent(agent, self._bench, update)
        is_due = update % updates_per_held_out(config) == 0
        if is_due and self._finalists is not None and not is_annealing(config, self._evaluations):
            yield from self._held_out.score(self._finalists, self._evaluations)
            if config.is_adapting_by_masks and isinstance(agent, PruningAgent):
                yield from self._held_out.compare(agent.preference()[1], self._evaluations)

    def _learn(
        self, agent: Method, proposal: Proposed, rewards: list[float], batch: Batch
    ) -> Generator[SearchEvent, None, None]:
        """Update the policy, unless that would fill it with what are no numbers."""
        if not np.isfinite(rewards).all():
            yield NoticeRaised(
                f"Update {self._update} is skipped: {(~np.isfinite(rewards)).sum()} of its "
                f"{len(rewards)} masks have a reward that is no number."
            )
            return
        with self._bench.clock.measure("policy"):
            before = agent.state_dict()
            statistics = agent.learn(proposal, rewards)
            if not agent.is_sound:
                agent.load_state_dict(before)
                yield NoticeRaised(
                    f"Update {self._update} is taken back: it made the policy's weights no "
                    "numbers. Lower the learning rates."
                )
                return
        if self._credit is not None and isinstance(agent, PruningAgent):
            with self._bench.clock.measure("evaluation"):  # passes through the network
                yield from self._credit.credit(agent, batch)
        with self._bench.clock.measure("policy"):
            keep_probability, keep = agent.preference()
        yield PolicyUpdated(
            update=self._update,
            keep_probability=keep_probability,
            keep=keep,
            **dataclasses.asdict(statistics),
        )

    def _save(self, agent: Method, reward: Reward) -> SearchState:
        """Copy all that the search needs to go on from here."""
        if self._finalists is None:
            raise RuntimeError("a search learns only after the tournament")
        return SearchState(
            update=self._update,
            evaluations=self._evaluations,
            ground=self._ground,
            seconds=self._bench.clock.seconds("evaluation", "policy"),
            images=self._bench.images.state_dict(),
            agent=agent.state_dict(),
            reward=reward.state_dict(),
            finalists=self._finalists.state_dict(),
            latency=self._bench.latency.as_dict() if self._bench.latency else {},
            memory=self._memory(),
            held_out=self._held_out.state_dict(),
            adapted=self._bench.scorer.weights.state_dict(),
        )

    def _memory(self) -> dict[str, int]:
        credit = self._credit.state_dict() if self._credit is not None else {}
        return {**self._bench.scorer.state_dict(), **credit}

    def _take_up(self, state: SearchState, agent: Method, reward: Reward) -> None:
        """Go on from a copy."""
        self._update, self._evaluations = state.update, state.evaluations
        self._finalists = Finalists.from_state_dict(state.finalists)
        self._bench.images.load_state_dict(state.images)
        self._bench.clock.load_seconds(state.seconds)
        self._bench.scorer.load_state_dict(state.memory)
        if self._credit is not None:
            self._credit.load_state_dict(state.memory)
        self._held_out.load_state_dict(state.held_out)
        self._bench.scorer.weights.load_state_dict(dict(state.adapted))
        agent.load_state_dict(state.agent)
        reward.load_state_dict(state.reward)

    def _score(
        self, masks: BoolArray, environment: PruningEnvironment, update: int
    ) -> Generator[SearchEvent, None, list[Outcome]]:
        """Score the masks (K, C) of one update, each one episode of the environment."""
        scorer, first = self._bench.scorer, self._evaluations + 1
        if self._finalists and is_closer_due(self._bench, self._evaluations):
            batch, before = environment.batch, self._evaluations
            with self._bench.clock.measure("evaluation"):
                yield from look_closer(self._bench, list(masks), batch, self._finalists, before)
        parts, transitions = scorer.parts, list[Outcome]()
        for keep in masks:
            with self._bench.clock.measure("evaluation"):
                step = environment.play(keep)
            self._evaluations += 1
            transitions.append(step)
            yield from scorer.take_notices()
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
                seconds=self._bench.clock.elapsed,
                further_kept=self._bench.further_kept(keep),
            )
        while scorer.parts != parts:  # memory ran out between two of them
            parts = scorer.parts
            with self._bench.clock.measure("evaluation"):
                transitions = environment.play_again(list(masks))
            yield from scorer.take_notices()
        siblings = [
            Finalist(first + place, keep.copy(), step.macs_kept, step.score)
            for place, (keep, step) in enumerate(zip(masks, transitions, strict=True))
            if step.meets_budget and math.isfinite(step.score.loss) and not step.score.is_estimate
        ]
        if self._finalists and self._finalists.add_update(siblings):
            yield self._finalists.best.as_event()
        return transitions

    def _judge(self, agent: Method) -> Generator[SearchEvent, None, tuple[BoolArray, Score]]:
        """Choose among the agent's likeliest mask, the best it sampled and the best criterion."""
        probability, likeliest = agent.preference()
        self._probability = probability
        return (yield from judge_all(self._bench, [likeliest, *self._masks_so_far()]))

    def _masks_at_once(self) -> list[BoolArray]:
        """What a stop chooses among, in few passes.

        A network that has adapted has not adapted to the criteria's masks, which are all there is
        within the final budget while it falls: what the agent would keep of it then is better.
        """
        best = self._masks_so_far()[0]
        if self._agent is None or self._bench.scorer.adapted() is None:
            return [best]
        self._agent.hold_budget(self._bench.config.macs_budget)
        return [self._agent.preference()[1], best]

    def _masks_so_far(self) -> list[BoolArray]:
        """All that could win, the best by the reward images first."""
        if self._finalists is None:
            return [self._ground.best_criterion]
        if is_one_shot(method := self._bench.config.method):
            return [one_shot_mask_of(method, self._ground.criteria)]
        return [*self._finalists.masks, *self._held_out.masks, self._ground.best_criterion]


def updates_per_held_out(config: SearchConfig) -> int:
    """How many updates lie between two looks at held-out images."""
    updates = math.ceil(config.evaluations / config.samples_per_update)
    few, many = UPDATES_PER_HELD_OUT
    return min(many, max(few, updates // HELD_OUT_SCORES))
