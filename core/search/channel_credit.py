"""What each channel's decision was worth: the gradient of the loss in its gate."""

from collections.abc import Generator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from core.events import BoolArray, NoticeRaised
from core.layout import place_images
from core.memory import ImagesAtOnce
from core.pruning.statistics import affordable_batch
from core.rl.agent import PruningAgent
from core.rl.measures import measures_of
from core.scoring import Batch
from core.search.bench import Bench
from core.search.methods.gated_network import GatedNetwork


class CreditMeasurer:
    """Differentiates the loss that the search makes small in the gates of all channels."""

    def __init__(self, bench: Bench) -> None:
        module, plan = bench.opened.network.module, bench.opened.analysis.plan
        self._network = GatedNetwork(module, plan, bench.device)
        self._network.module.requires_grad_(False)
        self._scorer = bench.scorer
        self._device = bench.device
        self._at_once = ImagesAtOnce("giving channels their credit")
        self._at_once.most = affordable_batch(bench.opened.images.reward)

    @classmethod
    def of(cls, bench: Bench) -> "CreditMeasurer | None":
        """Make one if the settings ask for it and the loss has a gradient in the gates.

        It has none that is known here where masks are refitted; and where the network adapts
        other weights are there before the credit is spent, so that it helps nobody.
        """
        config = bench.config
        is_wanted = config.method == "agent" and config.ppo.credit_rate > 0
        has_place = config.policy.offsets
        is_known = not (config.is_adapting or measures_of(config).reward.is_refitted)
        return cls(bench) if is_wanted and has_place and is_known else None

    def measure(self, keep: BoolArray, batch: Batch) -> NDArray[np.float64]:
        """Return -d loss / d gate (C,) at a mask (C,), the mean over parts of the images."""
        images, labels = batch

        def differentiate(part: slice) -> NDArray[np.float64]:
            gates = torch.from_numpy(keep).float().to(self._device).requires_grad_()
            network = self._network.module
            placed = place_images(images[part], network, self._device, is_learning=True)
            with torch.enable_grad():
                with self._scorer.autocast():
                    logits = self._network.logits(placed, gates)
                loss = self._scorer.loss_of(logits.float(), batch, part)
            (gradient,) = torch.autograd.grad(loss, gates)
            share = (part.stop - part.start) / len(labels)
            given: NDArray[np.float64] = -share * gradient.double().cpu().numpy()
            return given

        given: NDArray[np.float64] = np.sum(self._at_once.run(differentiate, len(labels)), axis=0)
        return given

    def credit(self, agent: PruningAgent, batch: Batch) -> Generator[NoticeRaised, None, None]:
        """Let the agent's offsets move along what the channels give on these images.

        A gradient that is no number changes nothing.
        """
        _, likeliest = agent.preference()
        gradient = self.measure(likeliest, batch)
        yield from self._at_once.take_notices()
        if np.isfinite(gradient).all():
            agent.take_credit(gradient)

    def state_dict(self) -> dict[str, int]:
        """Return what memory has made of the batches, for a checkpoint."""
        return {"credited": self._at_once.most}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from what `state_dict` gave."""
        self._at_once.most = state.get("credited", self._at_once.most)
