"""Gates trained by gradient: the strongest of what the agent is compared with.

Each channel has a hard-concrete gate. One threshold for all of them makes the expected MACs meet
a budget that falls to the wanted one; the loss is the distance to the unpruned network's answers.
Before masks are proposed the gates take some gradient steps for each of them.
Source: Louizos et al. 2018 (gates); the threshold is ours, in place of a penalty whose weight
would have to be found for every network.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.config.baselines import BaselineConfig
from core.evaluation import (
    CACHE_BYTES,
    CachedPart,
    RotatingImages,
    class_logits,
    distillation_divergence,
    least_for_norms,
    resolve_precision,
)
from core.events import BoolArray, FloatArray, NoticeRaised
from core.layout import place_images
from core.memory import ImagesAtOnce
from core.pruning.baselines import standardised
from core.pruning.budget import keep_probability, solve_threshold
from core.pruning.statistics import affordable_batch
from core.rl.ppo import UpdateStatistics
from core.rl.rollout import bernoulli_entropy
from core.search.adaptation import images_to_adapt_with
from core.search.bench import Bench
from core.search.methods.gated_network import GatedNetwork
from core.search.methods.hard_concrete import gates_of, open_logits, sure_gates
from core.search.methods.random_search import Masks
from core.search.methods.terrain import Terrain

TEMPERATURE = 4.0  # of the distillation
ANNEALED_SHARE = 0.5  # of all steps, in which the budget falls from 1 to the wanted one
ADAM_BETAS = (0.9, 0.99)
MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4  # of the weights that are trained along
DECAY = 0.8  # of their rate, in a straight line over the search


class Gates:
    """Proposes what its gates let through; see the module."""

    def __init__(self, bench: Bench, terrain: Terrain, config: BaselineConfig) -> None:
        search, opened = bench.config, bench.opened
        self._terrain, self._config, self._device = terrain, config, bench.device
        self._search, self._classes = search, opened.network.class_count
        self._precision = resolve_precision(search.precision, bench.device)
        self._network = GatedNetwork(opened.network.module, opened.analysis.plan, bench.device)
        self._trained = (
            list(self._network.module.parameters()) if config.gates_train_weights else []
        )
        self._network.module.requires_grad_(config.gates_train_weights)
        self._shared = bench.scorer.weights
        self._teacher = copy.deepcopy(opened.network.module).to(bench.device).eval()
        part = CachedPart(opened.images.reward, CACHE_BYTES // 4)
        self._images = RotatingImages(part, search.reward_images, search.seed)
        self._random = torch.Generator().manual_seed(search.seed)
        self._at_once = ImagesAtOnce(
            "training gates",
            effect="Gradients of the parts are added up, and norms see each part on its own.",
            least=least_for_norms(opened.network.module),
        )
        if bench.device.type == "cpu":  # whose memory runs out without a word
            self._at_once.most = 2 * affordable_batch(opened.images.reward)
        start = standardised(terrain.priority, terrain.removable)
        # the prior's logits are so steep that most gates would never move
        self._log_alpha = torch.from_numpy(start).float().requires_grad_()
        self._optimizer = torch.optim.Adam([self._log_alpha], config.gate_rate, ADAM_BETAS)
        self._sgd = _make_sgd(self._trained, config.gate_weight_rate)
        self._steps = config.gate_steps * search.evaluations
        self._step = 0

    def steps_for(self, count: int) -> int:
        """How many gradient steps come before `count` masks."""
        return count * self._config.gate_steps

    def hold_budget(self, macs_budget: float) -> None:
        """Nothing: the gates have a budget of their own that falls, see `_budget_now`."""
        del macs_budget

    def step(self) -> None:
        """Make one gradient step on the next images; nothing moves if the loss is no number."""
        images, labels = self._images.next()
        if self._trained:
            images, _ = images_to_adapt_with(
                images, labels, self._classes, self._search, self._progress, self._random
            )
        uniform = torch.rand(len(self._log_alpha), generator=self._random)
        with torch.enable_grad():
            gates = self._masked(gates_of(self._projected(self._budget_now()), uniform))
        given = gates.detach().to(self._device).requires_grad_()
        parts = self._at_once.run(
            lambda part: self._differentiate(images, part, given), len(images)
        )
        self._step += 1
        if not math.isfinite(sum(loss for loss, _ in parts)):
            return
        self._optimizer.zero_grad()
        of_gates, *of_weights = zip(*(gradients for _, gradients in parts), strict=True)
        gates.backward(sum(of_gates).to(gates.device))  # type: ignore[no-untyped-call]
        self._optimizer.step()
        for weight, own in zip(self._trained, of_weights, strict=True):
            weight.grad = None if own[0] is None else sum(own)
        if self._sgd is not None:
            rate = self._config.gate_weight_rate * (1 - DECAY * self._progress)
            self._sgd.param_groups[0]["lr"] = rate
            self._sgd.step()

    def _differentiate(
        self, images: Tensor, part: slice, gates: Tensor
    ) -> tuple[float, tuple[Tensor | None, ...]]:
        """The share that a part of the images has in the loss, and in its gradients.

        Those are in the gates (C,) and in each of the weights that are trained along.
        """
        placed = place_images(images[part], self._network.module, self._device, is_learning=True)
        with torch.no_grad(), self._autocast():
            answers = class_logits(self._teacher(placed))
        with torch.enable_grad(), self._autocast():
            logits = self._network.logits(placed, gates)
        loss = distillation_divergence(logits.float(), answers.float(), TEMPERATURE)
        loss = len(placed) / len(images) * loss
        gradients = torch.autograd.grad(loss, [gates, *self._trained], allow_unused=True)
        return float(loss.detach()), gradients

    def take_notices(self) -> Iterator[NoticeRaised]:
        """What a person must know of the steps since the last call."""
        yield from self._at_once.take_notices()

    @torch.no_grad()
    def propose(self, count: int) -> Masks:
        """Give the likeliest mask and samples of the gates, all within the budget.

        Where the weights are trained along, masks are cut out of these from now on.
        """
        if self._trained:
            gates = self._masked(sure_gates(self._projected(self._terrain.macs_budget)))
            self._shared.take(self._network.folded_state(gates.to(self._device)))
        logits = self._logits_at_budget()
        noise = torch.rand(count, len(logits), generator=self._random).double().numpy()
        noise[0] = 0.5
        sampled = np.log(noise / (1 - noise) + 1e-12) + logits > 0
        priority = np.broadcast_to(logits, sampled.shape)
        return Masks(self._terrain.fit(sampled, priority))

    def learn(self, proposal: Masks, rewards: list[float]) -> UpdateStatistics:
        """Gates learn from gradients alone; says how undecided they are."""
        del proposal, rewards
        logits = torch.from_numpy(self._logits_at_budget()[self._terrain.removable])
        return UpdateStatistics(entropy=float(bernoulli_entropy(logits).mean()))

    def preference(self) -> tuple[FloatArray, BoolArray]:
        """Return the probability of each gate not being 0 (C,), and the likeliest mask (C,)."""
        logits, terrain = self._logits_at_budget(), self._terrain
        probability = keep_probability(logits, 0.0, terrain.removable) * ~terrain.macs.removed
        return probability.astype(np.float32), terrain.fit(None, logits[None])[0]

    @property
    def is_sound(self) -> bool:
        """Whether all gates, and the weights trained along, are numbers."""
        learned = (self._log_alpha, *self._trained)
        return all(bool(values.isfinite().all()) for values in learned)

    def state_dict(self) -> dict[str, Any]:
        """Copy the gates, the optimiser, the images and the random numbers to come."""
        return {
            "log_alpha": self._log_alpha.detach().clone(),
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "random": self._random.get_state(),
            "images": self._images.state_dict(),
            "step": self._step,
            "at_once": self._at_once.most,
            "weights": [weight.detach().cpu().clone() for weight in self._trained],
            "sgd": {} if self._sgd is None else copy.deepcopy(self._sgd.state_dict()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, to the bit."""
        with torch.no_grad():
            self._log_alpha.copy_(state["log_alpha"])
        self._optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
        self._random.set_state(state["random"])
        self._images.load_state_dict(state["images"])
        self._step = int(state["step"])
        self._at_once.most = int(state.get("at_once", self._at_once.most))
        with torch.no_grad():
            for weight, saved in zip(self._trained, state["weights"], strict=True):
                weight.copy_(saved)
        if self._sgd is not None:
            self._sgd.load_state_dict(copy.deepcopy(dict(state["sgd"])))

    @property
    def _progress(self) -> float:
        """How much of the steps is done, 0-1."""
        return min(1.0, self._step / max(1, self._steps))

    def _budget_now(self) -> float:
        """The share of MACs that the gates may let through at this step, 0-1."""
        done = min(1.0, self._step / max(1.0, ANNEALED_SHARE * self._steps))
        return 1.0 - (1.0 - self._terrain.macs_budget) * done

    def _projected(self, budget: float) -> Tensor:
        """Shift log_alpha (C,) so that the expected MACs are the budget.

        The shift's own gradient makes a gate pay for its MACs: opening it closes all others.
        """
        terrain = self._terrain
        logits = open_logits(self._log_alpha).detach().double().numpy()
        tau = solve_threshold(logits, terrain.macs, budget, terrain.removable)
        keep = keep_probability(logits, tau, terrain.removable)
        cost = terrain.macs.marginal_macs(keep > 0.5).clip(min=0.0)
        share = np.where(terrain.removable, cost * keep * (1 - keep), 0.0)
        paid = torch.from_numpy(share / max(float(share.sum()), 1e-12)).float()
        moved = ((self._log_alpha - self._log_alpha.detach()) * paid).sum()
        projected: Tensor = self._log_alpha - tau - moved
        return projected

    def _logits_at_budget(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        terrain = self._terrain
        logits = open_logits(self._log_alpha).detach().double().numpy()
        return logits - solve_threshold(
            logits, terrain.macs, terrain.macs_budget, terrain.removable
        )

    def _masked(self, gates: Tensor) -> Tensor:
        """Channels that the search does not decide over are there, or pinned as removed."""
        fixed = torch.from_numpy(~self._terrain.macs.removed).float()
        return torch.where(torch.from_numpy(self._terrain.removable), gates, fixed)

    def _autocast(self) -> torch.autocast:
        is_on = self._precision != torch.float32
        return torch.autocast(self._device.type, torch.bfloat16, enabled=is_on)


def _make_sgd(weights: list[nn.Parameter], rate: float) -> torch.optim.SGD | None:
    """The optimiser of the weights that are trained along, if there are any."""
    if not weights:
        return None
    return torch.optim.SGD(
        weights, rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
