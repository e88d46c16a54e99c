"""The training of one agent over several networks and budgets, and its proposal for another.

Each update takes a few tasks: one of the networks, with a budget between two bounds. Answers are
tried in pairs round the policy's own; the ranks of what the masks earn, among those of one task on
the same reward images, are the advantages. What counts is the distance of the refitted network's
answers to the unpruned one's. The refit's error, which needs no image and costs a tenth, can stand
for it at first, but above 40 % of the MACs it says little about which of the better masks is best:
an agent that learned from it alone was better than every criterion at 25 % and worse at 50 and 60.
"""

import contextlib
import dataclasses
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from core.config import SearchConfig
from core.config.training import TrainingConfig
from core.errors import BudgetError, ConfigError
from core.evaluation import limited_threads
from core.events import (
    BoolArray,
    FloatArray,
    StageAdvanced,
    StageStarted,
    StopRequested,
    TaskPractised,
    TrainingEvent,
)
from core.pruning.budget import KeptShareModel, least_kept_share
from core.pruning.refit import Refit
from core.pruning.refit_measuring import measure_refit
from core.rl.generalist import (
    GeneralistPolicy,
    Question,
    rank_advantages,
    sample_trial,
    trial_loss,
)
from core.rl.measures import measures_of
from core.rl.network_view import NetworkView, view_network
from core.rl.transfer import generalist_bytes
from core.search.bench import Bench
from core.search.feasibility import removable_channels
from core.search.tournament import measure_importances

if TYPE_CHECKING:
    from core.opening import Opened

REWARD = "refit"  # what the answers of the refitted network say


def train_generalist(
    networks: "Sequence[Opened]", config: TrainingConfig
) -> Generator[TrainingEvent, None, bytes]:
    """Train one agent on all of the networks; returns the bytes of its agent.pt.

    Events: stages for each network, then StageStarted and for each update a TaskPractised per
    task and StageAdvanced. StopRequested thrown in then ends it with what is learned so far;
    before, it passes through. Without a limit of minutes the same arguments give the same agent.

    Raises: ConfigError without any network; BudgetError if one cannot be brought down to the
        greatest budget.
    """
    if not networks:
        raise ConfigError("An agent needs a network to be trained on. Name one at least.")
    with limited_threads(config.threads):
        grounds = []
        for opened in networks:
            grounds.append((yield from prepare_ground(opened, config)))
        training = _Training(grounds, config)
        yield StageStarted("Training the agent", total=config.updates)
        with contextlib.suppress(StopRequested):
            yield from training.run()
        return generalist_bytes(training.policy.state_dict())


@dataclass(frozen=True, eq=False)
class TrainingGround:
    """One network on which masks are tried."""

    bench: Bench
    refit: Refit
    importances: dict[str, FloatArray]
    least_budget: float
    most_budget: float

    def question(self, macs_budget: float) -> Question:
        """Ask about the network at a budget."""
        config = dataclasses.replace(self.bench.config, macs_budget=macs_budget)
        removable = removable_channels(self.bench.opened, config, self.bench.macs)
        return Question.of(self.view(removable), macs_budget)

    def view(self, removable: BoolArray) -> NetworkView:
        """Describe the network where these channels (C,) may go."""
        return view_network(
            self.bench.opened.analysis, self.importances, self.bench.macs, removable, self.refit
        )

    def losses(self, masks: Sequence[BoolArray], *, is_cheap: bool) -> torch.Tensor:
        """What masks lose, (K,): by the refit alone if it is cheap, or in the answers to images."""
        if is_cheap:
            return torch.tensor([self.refit.refit(keep).error for keep in masks])
        batch = self.bench.images.next()
        return torch.tensor([self.bench.scorer.score(keep, *batch).loss for keep in masks])


def prepare_ground(
    opened: "Opened", config: TrainingConfig
) -> Generator[TrainingEvent, None, TrainingGround]:
    """Measure once what the tries on one network need."""
    search = SearchConfig(
        macs_budget=config.most_budget,
        reward=REWARD,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
        reward_images=config.reward_images,
    )
    bench = Bench.of(opened, search)
    everything: BoolArray = np.ones(opened.analysis.groups.channel_count, dtype=np.bool_)
    least = _least_budget(opened, config, bench.macs)
    refit = yield from measure_refit(
        opened.network.module,
        opened.analysis,
        opened.images.reward,
        device=bench.device,
        removable=everything,
    )
    bench.scorer.use_refit(refit, measures_of(search).reward)
    importances = yield from measure_importances(
        opened.network.module, opened.analysis, opened.images.reward, bench.device, config.seed
    )
    return TrainingGround(bench, refit, importances, least, config.most_budget)


def _least_budget(opened: "Opened", config: TrainingConfig, macs: KeptShareModel) -> float:
    search = SearchConfig(macs_budget=config.most_budget)
    removable = removable_channels(opened, search, macs)
    if not removable.any():
        raise BudgetError(
            f"Network '{opened.network.name}' has no channels that can be removed. Train the agent "
            "on others."
        )
    least = max(config.least_budget, least_kept_share(macs, removable))
    if least > config.most_budget:
        raise BudgetError(
            f"Network '{opened.network.name}' cannot be brought below {100 * least:.0f} % of its "
            "MACs. Choose a greater budget, or train the agent on others."
        )
    return least


class _Training:
    """The policy and its optimiser while they learn."""

    def __init__(self, grounds: Sequence[TrainingGround], config: TrainingConfig) -> None:
        self._grounds, self._config = grounds, config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.policy = GeneralistPolicy()
        self._optimizer = torch.optim.Adam(self.policy.parameters(), config.learning_rate)
        self._noise = torch.Generator().manual_seed(config.seed)
        self._random = np.random.default_rng(config.seed)
        self._began = time.monotonic()

    def run(self) -> Generator[TrainingEvent, None, None]:
        """Update until the updates or the minutes are over."""
        config = self._config
        for update in range(1, config.updates + 1):
            progress = self._progress(update - 1)
            if progress >= 1.0:
                return
            yield from self._update(update, progress)
            yield StageAdvanced(update)

    def _progress(self, done: int) -> float:
        """How much of the training is over, 0-1: of the updates or of the time."""
        passed = (time.monotonic() - self._began) / 60
        minutes = self._config.minutes
        return max(done / self._config.updates, passed / minutes if minutes else 0.0)

    def _update(self, update: int, progress: float) -> Generator[TrainingEvent, None, None]:
        config = self._config
        deviation = _between(config.first_deviation, config.last_deviation, progress)
        for group in self._optimizer.param_groups:
            group["lr"] = _between(config.learning_rate, config.learning_rate / 5, progress)
        tried = []
        for _ in range(config.tasks_per_update):
            ground = self._grounds[int(self._random.integers(len(self._grounds)))]
            budget = float(self._random.uniform(ground.least_budget, ground.most_budget))
            trial = sample_trial(
                self.policy,
                ground.question(budget),
                config.samples_per_task,
                deviation,
                self._noise,
            )
            losses = ground.losses(trial.masks, is_cheap=progress < config.cheap_share)
            if bool(losses.isfinite().all()):
                tried.append((trial, rank_advantages(losses)))
            yield TaskPractised(
                update=update,
                network=ground.bench.opened.network.name,
                macs_budget=budget,
                mean_loss=float(losses.mean()),
                best_loss=float(losses.min()),
            )
        for _ in range(config.epochs if tried else 0):
            terms = [
                trial_loss(self.policy, trial, advantages, deviation, config.clip_coef)
                for trial, advantages in tried
            ]
            self._optimizer.zero_grad()
            torch.autograd.backward(torch.stack(terms).sum())
            nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0)
            self._optimizer.step()


def _between(first: float, last: float, progress: float) -> float:
    return (1.0 - progress) * first + progress * last
