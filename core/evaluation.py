"""How good masks and networks are on images: one cheap pass in the search, exact at the end."""

import contextlib
import json
import math
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.config import Precision
from core.data import ImagePart
from core.errors import ConfigError
from core.events import SearchEvent, StageAdvanced, StageStarted
from core.layout import place_images
from core.memory import ImagesAtOnce, is_out_of_memory, reason_of

CACHE_BYTES = 1 << 30  # normalised images kept in memory


@dataclass(frozen=True)
class Score:
    """How well a network does on some images."""

    accuracy: float  # 0-1
    cross_entropy: float  # nats per image
    images: int
    teacher_kl: float | None = None  # distance to the unpruned network's answers, if measured
    refit_error: float | None = None  # what a refit loses, if that is what was asked
    is_estimate: bool = False  # teacher_kl is what a cheaper measure makes expect

    @property
    def loss(self) -> float:
        """What a search makes small: the distance to the teacher, the refit's error, or nats.

        What is no number is infinite, so that it is never the least.
        """
        measured = (self.teacher_kl, self.refit_error, self.cross_entropy)
        loss = next(one for one in measured if one is not None)
        return loss if math.isfinite(loss) else math.inf


def resolve_device(name: str) -> torch.device:
    """Turn "auto", "cpu", "cuda" or "cuda:1" into a device that is there.

    Raises: ConfigError if it is not, naming what is.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if name in there or (name == "cuda" and len(there) > 1):
        return torch.device(name)
    raise ConfigError(f"Device '{name}' is not there. Choose auto or one of {', '.join(there)}.")


def resolve_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """Choose the number format of the search's scoring passes.

    "auto" is bfloat16 where the hardware multiplies in it, else float32, which is faster there.
    """
    if precision == "auto":
        if device.type == "cuda":
            with torch.cuda.device(device):
                is_fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            is_fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if is_fast else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def usual_threads(threads: int) -> int:
    """Return a number of CPU threads; 0 leaves one core to the window."""
    return threads or max(1, (os.cpu_count() or 1) - 1)


@contextlib.contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Use that many CPU threads inside the block; 0 leaves one core to the window."""
    before = torch.get_num_threads()
    torch.set_num_threads(usual_threads(threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class CachedPart:
    """An ImagePart that remembers the images it has read, as far as memory allows."""

    def __init__(self, part: ImagePart, cache_bytes: int = CACHE_BYTES) -> None:
        self._part = part
        self._cache_bytes = cache_bytes
        self._images: Tensor | None = None
        self._labels = torch.zeros(len(part), dtype=torch.int64)
        self._is_read = np.zeros(len(part), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self._part)

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return float32 (N, C, H, W) and int64 (N,), reading only what is not remembered."""
        if self._images is None:
            self._images = self._allocate()
        capacity = len(self._images)
        if not len(indices) or indices.max() >= capacity:
            return self._part.batch(indices)
        missing = np.unique(indices[~self._is_read[indices]])
        if missing.size:
            images, labels = self._part.batch(missing)
            self._images[missing], self._labels[missing] = images, labels
            self._is_read[missing] = True
        return self._images[indices], self._labels[indices]

    def _allocate(self) -> Tensor:
        image = self._part.batch(np.zeros(1, dtype=np.int64))[0]
        capacity = min(len(self), self._cache_bytes // (4 * image[0].numel()))
        while True:
            try:
                return torch.empty((capacity, *image.shape[1:]))
            except (RuntimeError, MemoryError) as error:
                if capacity == 0 or not is_out_of_memory(error):
                    raise
            capacity //= 2  # what is not remembered is read again, which changes no number


class RotatingImages:
    """Batches of one size that go through all images of a part, shuffled anew each round.

    One fixed set of images would be overfitted by the search.
    """

    def __init__(self, part: ImagePart, batch_size: int, seed: int) -> None:
        self._part = part
        self._size = min(batch_size, len(part))
        self._random = np.random.default_rng(seed)
        self._order = np.zeros(0, dtype=np.int64)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next float32 (N, C, H, W) and int64 (N,)."""
        return self._part.batch(self._take(self._size))

    def next_batches(self, count: int, size: int) -> tuple[tuple[Tensor, Tensor], ...]:
        """Return `count` batches of `size` images, or of all that there are."""
        size = min(size, len(self._part))
        return tuple(self._part.batch(self._take(size)) for _ in range(count))

    def _take(self, size: int) -> NDArray[np.int64]:
        if len(self._order) < size:
            # a rest smaller than a batch waits for the next round's shuffle
            self._order = self._random.permutation(len(self._part))
        indices, self._order = self._order[:size], self._order[size:]
        return indices

    def state_dict(self) -> dict[str, Any]:
        """Return the images that this round still has, and the shuffles to come."""
        return {
            "order": torch.from_numpy(self._order.copy()),
            "random": json.dumps(self._random.bit_generator.state),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._order = state["order"].numpy().copy()
        self._random.bit_generator.state = json.loads(state["random"])


def read_part(
    modules: Mapping[str, nn.Module],
    part: ImagePart,
    *,
    device: torch.device,
    batch_size: int = 128,
    limit: int = 0,
    stage: str = "Reading the images",
) -> Generator[SearchEvent, None, dict[str, Score]]:
    """Score several networks in one pass over a part, each in evaluation mode on `device`.

    Args:
            modules: networks by name, already on `device`.
        limit: read only that many images, spread over the part; 0 reads all.

    Yields: StageStarted, then StageAdvanced after each batch of each network.
    Returns: a score for each name.
    """
    indices = _spread(len(part), limit)
    batches = np.split(indices, range(batch_size, len(indices), batch_size))
    correct, loss = dict.fromkeys(modules, 0), dict.fromkeys(modules, 0.0)
    at_once = ImagesAtOnce("reading images")
    yield StageStarted(stage, total=len(batches) * len(modules))
    done = 0
    for batch in batches:
        images, labels = part.batch(batch)
        for name, module in modules.items():
            logits = read_logits(module.eval(), images, device, at_once)
            yield from at_once.take_notices()
            correct[name] += int((logits.argmax(1) == labels).sum())
            loss[name] += float(F.cross_entropy(logits, labels, reduction="sum"))
            done += 1
            yield StageAdvanced(done)
    count = len(indices)
    return {name: Score(correct[name] / count, loss[name] / count, count) for name in modules}


def read_logits(
    module: nn.Module, images: Tensor, device: torch.device, at_once: ImagesAtOnce
) -> Tensor:
    """Read images (N, C, H, W), in parts where memory is short: float32 (N, classes), on the CPU.

    module: on `device`, in evaluation mode, so that the parts change nothing.
    """

    def read(part: slice) -> Tensor:
        # in inference mode nothing that the network keeps, a grid say, could be differentiated
        with torch.no_grad():
            placed = place_images(images[part], module, device, is_learning=False)
            return class_logits(module(placed)).float().cpu()

    return torch.cat(at_once.run(read, len(images)))


def least_for_norms(module: nn.Module) -> int:
    """How many images a batch needs at least: BN layers take no statistics of a single one."""
    return 2 if any(isinstance(part, _BatchNorm) for part in module.modules()) else 1


def recalibrate_norms(
    module: nn.Module,
    part: ImagePart,
    *,
    images: int = 512,
    batch_size: int = 128,
    device: torch.device,
    at_once: ImagesAtOnce | None = None,
) -> None:
    """Measure the running statistics of all BN layers again, in place, on images of a part.

    Pruning changes what each layer receives; without this the accuracy falls to chance.
    `module` must own its tensors and lie on `device`; it is left in evaluation mode.
    at_once: what halves the batches where memory runs out, and has notices to be told.
    """
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return
    module.eval()
    indices = _spread(len(part), images)
    at_once = at_once or norms_at_once()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # a plain average over the batches
        norm.train()
    while True:
        batches = at_once.batches(indices, batch_size)
        try:
            _measure_norms(module, norms, part, batches, device)
            break
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            reason = reason_of(error)
        at_once.halve(max(map(len, batches)), reason)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()


def _measure_norms(
    module: nn.Module,
    norms: Sequence[_BatchNorm],
    part: ImagePart,
    batches: Sequence[NDArray[np.int64]],
    device: torch.device,
) -> None:
    for norm in norms:
        norm.reset_running_stats()
    for batch in batches:
        with torch.no_grad():
            images = part.batch(batch)[0]
            module(place_images(images, module, device, is_learning=False))


def norms_at_once() -> ImagesAtOnce:
    """Halves the batches on which norms are fitted; share it among networks that are compared."""
    return ImagesAtOnce(
        "fitting the norms",
        effect="Their statistics are averages over smaller batches, which changes accuracies a "
        "little.",
        least=2,
    )


def use_batch_statistics(module: nn.Module) -> None:
    """Let all BN layers normalise with the batch's own statistics and update nothing."""
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.training = True
            norm.track_running_stats = False


def class_logits(output: object) -> Tensor:
    """Return the first tensor of a network's output: a tensor, a tuple or a dict of tensors."""
    while not isinstance(output, Tensor):
        values = output.values() if isinstance(output, Mapping) else output
        output = next(iter(values))  # type: ignore[call-overload]
    return output


def distillation_divergence(logits: Tensor, answers: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(answers / T) || softmax(logits / T)) in nats, the mean over images.

    logits, answers: (N, classes). T^2 keeps its gradient as large as that of a cross-entropy.
    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2.
    """
    learned = F.log_softmax(logits / temperature, dim=1)
    taught = F.log_softmax(answers / temperature, dim=1)
    divergence = F.kl_div(learned, taught, reduction="batchmean", log_target=True)
    return temperature**2 * divergence


def score_logits(logits: Tensor, labels: Tensor) -> Score:
    """Score logits (N, classes) against labels (N,)."""
    logits = logits.float().cpu()
    accuracy = float((logits.argmax(1) == labels).float().mean())
    return Score(accuracy, float(F.cross_entropy(logits, labels)), len(labels))


def mean_score(scores: Sequence[Score]) -> Score:
    """Average scores over their images."""
    images = sum(score.images for score in scores)
    return Score(
        accuracy=sum(score.accuracy * score.images for score in scores) / images,
        cross_entropy=sum(score.cross_entropy * score.images for score in scores) / images,
        images=images,
        teacher_kl=_mean([(score.teacher_kl, score.images) for score in scores]),
        refit_error=_mean([(score.refit_error, score.images) for score in scores]),
        is_estimate=any(score.is_estimate for score in scores),
    )


def _mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    """The mean over images of those that are all there."""
    there = [(value, images) for value, images in values if value is not None]
    if len(there) < len(values):
        return None
    return sum(value * images for value, images in there) / sum(images for _, images in there)


def _spread(count: int, limit: int) -> NDArray[np.int64]:
    """Choose up to `limit` of `count` indices (0: all), in an order that mixes sorted classes."""
    order = np.random.default_rng(0).permutation(count)
    return order[:limit] if limit else order
