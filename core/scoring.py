"""Masks to scores: one cheap pass each in the search."""

import contextlib
import copy
import dataclasses
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from core.evaluation import (
    Score,
    class_logits,
    distillation_divergence,
    least_for_norms,
    score_logits,
    use_batch_statistics,
)
from core.events import BoolArray, NoticeRaised
from core.graph.coupling import PruningPlan
from core.memory import ImagesAtOnce
from core.pruning.surgery import NetworkShell, network_state, slice_state


class MaskScorer:
    """Scores masks of one network with one forward pass each.

    The cut network normalises with the statistics of the batch that it sees, which
    recalibrates its BN layers and scores it at once.
    """

    def __init__(
        self,
        module: nn.Module,
        plan: PruningPlan,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        teacher_temperature: float | None = None,
    ) -> None:
        """Prepare to score masks; with a temperature also against the unpruned network."""
        self._plan = plan
        self._shell = NetworkShell(module)
        self._device = device
        self._precision = precision
        self._state = {key: value.to(device) for key, value in network_state(module).items()}
        self._temperature = teacher_temperature
        self._teacher = None if teacher_temperature is None else copy.deepcopy(module).to(device)
        self._answers: tuple[Tensor, Tensor] | None = None  # of the last images
        self._at_once = ImagesAtOnce(
            "scoring a mask",
            effect="Each part is normalised with its own statistics, so scores from now on do not "
            "compare to the last digit with those before; those of one update do.",
            least=least_for_norms(module),
        )
        self._asked_at_once = ImagesAtOnce("asking the unpruned network")

    @property
    def images_at_once(self) -> int:
        """How many images a score's statistics are taken of; 0: all that it is given.

        Scores compare to the last digit only if it was the same. It falls where memory runs out.
        """
        return self._at_once.most

    def take_notices(self) -> Iterator[NoticeRaised]:
        """What a person must know of the scores since the last call."""
        yield from self._at_once.take_notices()
        yield from self._asked_at_once.take_notices()

    def state_dict(self) -> dict[str, int]:
        """Return what memory has made of the batches, for a checkpoint."""
        return {"scored": self._at_once.most, "asked": self._asked_at_once.most}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from what `state_dict` gave."""
        self._at_once.most, self._asked_at_once.most = state["scored"], state["asked"]

    def score(self, keep: BoolArray, images: Tensor, labels: Tensor) -> Score:
        """Score the hard-pruned network of one mask (C,) on one batch."""
        network = self._shell.install(slice_state(self._plan, self._state, keep))
        use_batch_statistics(network)
        logits = self._logits(network, images, self._at_once)
        score = score_logits(logits, labels)
        if self._teacher is None or self._temperature is None:
            return score
        answers = self._ask(self._teacher, images)
        divergence = distillation_divergence(logits, answers, self._temperature)
        return dataclasses.replace(score, teacher_kl=float(divergence))

    def _ask(self, teacher: nn.Module, images: Tensor) -> Tensor:
        """What the unpruned network says to images; all masks of an update see the same ones."""
        if self._answers is None or self._answers[0] is not images:
            self._answers = images, self._logits(teacher.eval(), images, self._asked_at_once)
        return self._answers[1]

    def _logits(self, network: nn.Module, images: Tensor, at_once: ImagesAtOnce) -> Tensor:
        """Read images (N, C, H, W), in parts where memory is short: float32 (N, classes)."""

        def read(part: slice) -> Tensor:
            # a third faster than the plain layout; nothing is differentiated here (see to_device)
            placed = images[part].to(self._device, memory_format=torch.channels_last)
            with torch.inference_mode(), self._autocast():
                return class_logits(network(placed)).float().cpu()

        return torch.cat(at_once.run(read, len(images)))

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self._precision == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, self._precision)
