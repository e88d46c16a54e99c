"""Masks to scores: cut, perhaps refitted and trained a little, then one pass over images."""

import contextlib
import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.adapting import SharedWeights
from core.distillation import Lesson, distil
from core.evaluation import (
    RotatingImages,
    Score,
    class_logits,
    distillation_divergence,
    least_for_norms,
    score_logits,
    use_batch_statistics,
)
from core.events import BoolArray, NoticeRaised
from core.graph.coupling import PruningPlan
from core.layout import place_images, remember_whole
from core.memory import ImagesAtOnce
from core.pruning.refit import Refit
from core.pruning.surgery import NetworkShell, State, network_state, slice_state

Batch = tuple[Tensor, Tensor]  # images (N, C, H, W) and labels (N,)
GLANCED_IMAGES = 32  # for the accuracy of a mask whose loss needs no images
REMEMBERED = 8  # trained networks


@dataclass(frozen=True)
class Measure:
    """What is done with a mask before it is scored, and what its loss is.

    The loss is the distance to the unpruned network's answers at `temperature`, or the
    cross-entropy without one, or what the refit loses.
    """

    temperature: float | None = None  # of the answers
    is_refitted: bool = False  # readers make up for what they lost
    is_refit_error: bool = False  # the loss; accuracy and cross-entropy are of a few images
    steps: int = 0  # of distillation
    batch: int = 64  # images of each step
    rate: float = 0.02  # of the first step


class MaskScorer:
    """Scores masks of one network.

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
        remember_whole(self._shell.module, module)
        self._device = device
        self._precision = precision
        self._weights = SharedWeights(plan, _on_device(network_state(module), device))
        self._measure = Measure(teacher_temperature)
        self._lesson_temperature = teacher_temperature or 1.0
        self._teacher = None if teacher_temperature is None else copy.deepcopy(module).to(device)
        self._refit: Refit | None = None
        self._training: tuple[Batch, ...] = ()
        # of the version of the shared weights, where trained networks are remembered
        self._trained: dict[tuple[int, bytes], State] | None = None
        self._known: tuple[Tensor, Mapping[bytes, Score]] | None = None
        self._answers: list[tuple[Tensor, Tensor]] = []  # the teacher's, to the last images
        self._at_once = ImagesAtOnce(
            "scoring a mask",
            effect="Each part is normalised with its own statistics, so scores from now on do not "
            "compare to the last digit with those before; those of one update do.",
            least=least_for_norms(module),
        )
        self._asked_at_once = ImagesAtOnce("asking the unpruned network")
        self._taught_at_once = ImagesAtOnce(
            "distilling a mask",
            effect="Gradients of the parts are added up, and norms see each part on its own, so "
            "scores change a little; those of one update compare.",
            least=least_for_norms(module),
        )
        self._adapted_at_once = ImagesAtOnce(
            "adapting the network",
            effect="Gradients of the parts are added up, and norms see each part on its own.",
            least=least_for_norms(module),
        )

    def adapt_at_once(self, images: int) -> None:
        """Compute steps of `adapt` on so many images at once; 0: on all that it is given."""
        self._adapted_at_once.most = images

    def measuring(self, measure: Measure, training: Sequence[Batch] | None = None) -> "MaskScorer":
        """Return a scorer that measures something else with the same tools.

        training: what its distillation learns from; None: what `take_training` took last. With
            batches of its own it remembers the networks that it trained.
        Raises: RuntimeError if it needs a teacher or a refit that is not there.
        """
        if measure.temperature is not None and self._teacher is None:
            raise RuntimeError("the scorer was made without a teacher")
        if measure.is_refitted and self._refit is None:
            raise RuntimeError("the scorer was given no refit")
        other = copy.copy(self)
        other._measure, other._known = measure, None
        if training is not None:
            other._training, other._trained = tuple(training), {}
        return other

    def adapted_by(self, share: float) -> "MaskScorer":
        """Return a scorer that measures the same of masks cut out of other weights.

        share: how far these are from those it began with, 0, to those of now, 1, which are its
            own: then it is this one, and what it has asked of the unpruned network stays known.
        """
        if share == 1:
            return self
        other = copy.copy(self)
        other._weights = SharedWeights(self._plan, self._weights.mixed(share))
        other._trained = None if self._trained is None else {}
        return other

    def use_refit(self, refit: Refit, measure: Measure) -> None:
        """Refit masks with this, and measure so from now on."""
        self._refit, self._measure = refit, measure

    def adapt(self, keep: BoolArray, images: Tensor, labels: Tensor, rate: float) -> float:
        """Train the weights that all masks share by one step through a mask (C,).

        Returns: the loss in nats; one that is no number has changed nothing.
        """
        return self._weights.learn(
            self._shell,
            keep,
            Lesson(images, labels, self._ask(images)),
            rate=rate,
            temperature=self._lesson_temperature,
            autocast=self.autocast(),
            at_once=self._adapted_at_once,
        )

    def adapted(self) -> State | None:
        """The weights that all masks share, if any step has changed them."""
        return dict(self._weights.state) if self._weights.version else None

    @property
    def measure(self) -> Measure:
        """What it measures."""
        return self._measure

    @property
    def refit(self) -> Refit | None:
        """What it refits masks with; None if its measure needed none so far."""
        return self._refit

    def take_training(self, images: RotatingImages, measure: Measure | None = None) -> None:
        """Take the next images to learn from, for all masks until the next call.

        measure: how many are needed; None: as its own says.
        """
        measure = measure or self._measure
        self._known = None
        self._training = images.next_batches(measure.steps, measure.batch)

    def remember(self, images: Tensor, scores: Mapping[bytes, Score]) -> None:
        """Answer with these scores by mask (`keep.tobytes()`) on these images from now on."""
        self._known = images, dict(scores)

    @property
    def images_at_once(self) -> int:
        """How many images a score's statistics are taken of; 0: all that it is given.

        Scores compare to the last digit only if it was the same. It falls where memory runs out.
        """
        return self._at_once.most

    @property
    def parts(self) -> tuple[int, int]:
        """In what parts a score is made: images scored and learned from at once; 0: all.

        Scores compare to the last digit only if these were the same.
        """
        return self._at_once.most, self._taught_at_once.most

    def take_notices(self) -> Iterator[NoticeRaised]:
        """What a person must know of the scores since the last call."""
        yield from self._at_once.take_notices()
        yield from self._asked_at_once.take_notices()
        yield from self._taught_at_once.take_notices()
        yield from self._adapted_at_once.take_notices()

    @property
    def weights(self) -> SharedWeights:
        """What all masks are cut out of."""
        return self._weights

    def state_dict(self) -> dict[str, int]:
        """Return what memory has made of the batches, for a checkpoint."""
        return {
            "scored": self._at_once.most,
            "asked": self._asked_at_once.most,
            "taught": self._taught_at_once.most,
            "adapted": self._adapted_at_once.most,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from what `state_dict` gave."""
        self._at_once.most, self._asked_at_once.most = state["scored"], state["asked"]
        self._taught_at_once.most = state.get("taught", 0)
        self._adapted_at_once.most = state.get("adapted", self._adapted_at_once.most)

    def score(self, keep: BoolArray, images: Tensor, labels: Tensor) -> Score:
        """Score the hard-pruned network of one mask (C,) on one batch."""
        if self._known is not None and self._known[0] is images:
            known = self._known[1].get(keep.tobytes())
            if known is not None:
                return known
        state, error = self._cut(keep)
        network = self._shell.install(state)
        use_batch_statistics(network)
        if self._measure.steps and not self._is_trained(keep):
            network = self._train(keep, state)
        if self._measure.is_refit_error:
            images, labels = images[:GLANCED_IMAGES], labels[:GLANCED_IMAGES]
        logits = self._logits(network, images, self._at_once)
        score = score_logits(logits, labels)
        if self._measure.is_refit_error:
            return dataclasses.replace(score, refit_error=error)
        if self._measure.temperature is None:
            return score
        answers = self._ask(images)
        divergence = distillation_divergence(logits, answers, self._measure.temperature)
        return dataclasses.replace(score, teacher_kl=float(divergence))

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Passes through the network in the precision of the scores, inside the block."""
        if self._precision == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, self._precision)

    def loss_of(self, logits: Tensor, batch: Batch, part: slice) -> Tensor:
        """What a score's loss is of these logits (N, classes), of a part of a batch, to derive."""
        images, labels = batch
        if self._measure.temperature is None:
            return cross_entropy(logits, labels[part].to(logits.device))
        answers = self._ask(images)[part].to(logits.device)
        return distillation_divergence(logits, answers, self._measure.temperature)

    def _cut(self, keep: BoolArray) -> tuple[State, float]:
        """The state of the cut network, refitted or trained already, and the refit's error."""
        if self._trained is not None and self._key(keep) in self._trained:
            return self._trained[self._key(keep)], 0.0
        state = slice_state(self._plan, self._weights.state, keep)
        if not self._measure.is_refitted or self._refit is None:
            return state, 0.0
        refitted = self._refit.refit(keep)
        return {**state, **refitted.state}, refitted.error

    def _is_trained(self, keep: BoolArray) -> bool:
        return self._trained is not None and self._key(keep) in self._trained

    def _key(self, keep: BoolArray) -> tuple[int, bytes]:
        return self._weights.version, keep.tobytes()

    def _train(self, keep: BoolArray, state: State) -> nn.Module:
        """Distil a copy of the state on the training images."""
        if not self._training:
            raise RuntimeError("take_training() comes before score()")
        copies = {id(value): value.clone() for value in state.values()}
        network = self._shell.install({key: copies[id(value)] for key, value in state.items()})
        use_batch_statistics(network)
        distil(
            network,
            (Lesson(images, labels, self._ask(images)) for images, labels in self._training),
            steps=len(self._training),
            rate=self._measure.rate,
            temperature=self._lesson_temperature,
            device=self._device,
            autocast=self.autocast(),
            at_once=self._taught_at_once,
        )
        if self._trained is not None:
            while len(self._trained) >= REMEMBERED:
                self._trained.pop(next(iter(self._trained)))
            self._trained[self._key(keep)] = network_state(network)
        return network

    def _ask(self, images: Tensor) -> Tensor:
        """What the unpruned network says to images; all masks of an update see the same ones."""
        for asked, answers in self._answers:
            if asked is images:
                return answers
        if self._teacher is None:
            raise RuntimeError("the scorer was made without a teacher")
        answers = self._logits(self._teacher.eval(), images, self._asked_at_once)
        most = 1 + len(self._training)
        self._answers = [*self._answers, (images, answers)][-most:]
        return answers

    def _logits(self, network: nn.Module, images: Tensor, at_once: ImagesAtOnce) -> Tensor:
        """Read images (N, C, H, W), in parts where memory is short: float32 (N, classes)."""

        def read(part: slice) -> Tensor:
            placed = place_images(images[part], network, self._device, is_learning=False)
            with torch.no_grad(), self.autocast():  # see read_logits
                return class_logits(network(placed)).float().cpu()

        return torch.cat(at_once.run(read, len(images)))


def _on_device(state: State, device: torch.device) -> State:
    """A state on a device; names that share a tensor go on sharing it."""
    placed = {id(value): value.to(device) for value in state.values()}
    return {key: placed[id(value)] for key, value in state.items()}
