"""Fine-tune one pruned network: train it epoch by epoch and keep the best by held-out images."""

import contextlib
import copy
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from core.augmentation import augment, mix
from core.config import FinetuneConfig, RunConfig
from core.data import ImagePart
from core.evaluation import (
    CachedPart,
    Score,
    least_for_norms,
    limited_threads,
    read_part,
    resolve_device,
    resolve_precision,
)
from core.events import (
    BoolArray,
    FinetuneAdvanced,
    FinetuneEvent,
    FinetuneFinished,
    FinetuneScored,
    FinetuneStarted,
    NoticeRaised,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.export.pruned import cut_network, refit_for
from core.finetuning.checkpoint import EpochScore, Progress, State, read_progress, write_progress
from core.finetuning.training import (
    Teacher,
    highest_rate,
    learning_rate,
    make_optimizer,
    set_training,
    train_step,
)
from core.memory import ImagesAtOnce
from core.opening import Opened
from core.pruning.surgery import network_state

LEARNED = "learned"
TOLD_PER_EPOCH = 20  # FinetuneAdvanced events


@dataclass(frozen=True, eq=False)
class Finetuned:
    """A pruned network after fine-tuning; scores are on the held-out images."""

    name: str  # "learned" or a criterion
    keep: BoolArray  # (channels,)
    module: nn.Module  # of the best epoch; in eval mode, on the CPU, in float32
    epoch: float  # the best one; 0: none was better than none
    score: Score
    history: tuple[EpochScore, ...]  # from epoch 0 on
    seconds: float
    is_stopped: bool


@dataclass(frozen=True)
class CheckpointPlace:
    """Where a fine-tuning remembers how far it is."""

    path: Path
    resume: bool = False  # go on from what is there


def finetune(
    opened: Opened,
    keep: BoolArray,
    config: RunConfig,
    *,
    name: str = LEARNED,
    start: nn.Module | None = None,
    training: ImagePart | None = None,
    checkpoint: CheckpointPlace | None = None,
) -> Generator[FinetuneEvent, None, Finetuned]:
    """Train the network that the mask `keep` (channels,) leaves; the optimiser sees only that.

    Events: FinetuneStarted; for each epoch FinetuneAdvanced and one FinetuneScored; at last
    FinetuneFinished. StopRequested thrown in after FinetuneStarted ends it with the best so far,
    which may be a part of an epoch, scored too; before, it passes through. The same arguments give
    the same events but for the seconds, also when a checkpoint is taken up.

    start: the cut network with its norms fitted, refitted if that is wanted, if it is there
        already; it stays as it is.
    training: what is trained on; the reward images if None. Neither held-out nor test images
        are trained on.
    Raises: RunError or CheckpointError if a checkpoint cannot be taken up.
    """
    with limited_threads(config.search.threads):
        device = resolve_device(config.search.device)
        yield StageStarted(f"Preparing to fine-tune: {name}")
        refit = None
        if start is None and config.finetune.refit:
            refit = yield from refit_for(opened, [keep], device)
        module = (
            cut_network(opened, keep, device, refit=refit)
            if start is None
            else copy.deepcopy(start)
        )
        part = CachedPart(opened.images.reward if training is None else training)
        run = _Finetuning(opened, keep, config, name, module.to(device), part, checkpoint)
        return (yield from run.run())


class _Finetuning:
    """One fine-tuning while it runs."""

    def __init__(
        self,
        opened: Opened,
        keep: BoolArray,
        config: RunConfig,
        name: str,
        module: nn.Module,
        part: CachedPart,
        checkpoint: CheckpointPlace | None,
    ) -> None:
        self._config: FinetuneConfig = config.finetune
        self._name, self._keep, self._part = name, keep, part
        self._module = module
        self._classes = opened.network.class_count
        self._held_out = opened.images.held_out
        self._device = resolve_device(config.search.device)
        self._precision = resolve_precision(self._config.precision, self._device)
        self._teacher = self._make_teacher(opened.network.module)
        self._optimizer = make_optimizer(module, self._config)
        self._batch = min(self._config.batch_size, len(part))
        self._epoch_steps = len(part) // self._batch
        self._steps = self._epoch_steps * self._config.epochs
        self._epoch = 0  # done
        self._steps_done = 0
        self._history: list[EpochScore] = []
        self._best_epoch: float = 0
        self._best = _copied(module)
        self._at_once = ImagesAtOnce(
            "fine-tuning",
            effect="Their gradients are added up, so each step still learns from a whole batch; "
            "norms take their statistics of each part.",
            least=least_for_norms(module),
        )
        self._checkpoint = checkpoint
        self._has_told = False  # of a checkpoint that could not be written
        self._source = f"{opened.network.name} {opened.images.name} {name}"
        self._began = time.perf_counter()

    def run(self) -> Generator[FinetuneEvent, None, Finetuned]:
        resumed = self._take_up()
        if not resumed:
            score = yield from self._score()
            self._history.append(EpochScore(0, score.accuracy, score.cross_entropy, None))
        first = self._history[0]
        yield FinetuneStarted(
            self._name, self._config.epochs, self._steps, first.accuracy, first.cross_entropy
        )
        for past in self._history[1:]:
            yield FinetuneScored(
                self._name, past.epoch, past.accuracy, past.cross_entropy, self._is_best(past)
            )
        is_stopped = False
        try:
            yield StageStarted(f"Fine-tuning: {self._name}", total=self._steps)
            yield from self._train()
        except StopRequested:
            is_stopped = True
            with contextlib.suppress(StopRequested):
                yield from self._judge_broken_off()
        return (yield from self._finish(is_stopped=is_stopped))

    def _train(self) -> Generator[FinetuneEvent, None, None]:
        while self._epoch < self._config.epochs and not self._is_out_of_patience():
            loss = yield from self._train_epoch()
            if not math.isfinite(loss):
                yield NoticeRaised(
                    f"The fine-tuning of {self._name} diverged in epoch {self._epoch + 1}: its "
                    f"loss is not a number. The best epoch before is kept; fine-tune with a "
                    f"learning rate below {highest_rate(self._steps, self._config):g}."
                )
                return
            score = yield from self._score()
            self._epoch += 1
            yield self._take_score(EpochScore(self._epoch, *_numbers(score), loss))
            yield from self._write()

    def _train_epoch(self) -> Generator[FinetuneEvent, None, float]:
        """Train on all images once, in an order of the epoch's own; returns the mean loss."""
        set_training(self._module)
        order = np.random.default_rng((self._config.seed, self._epoch)).permutation(len(self._part))
        told_every = max(1, self._epoch_steps // TOLD_PER_EPOCH)
        losses: list[float] = []
        untold: list[float] = []
        for place in range(self._epoch_steps):
            chosen = order[place * self._batch : (place + 1) * self._batch]
            step = self._epoch * self._epoch_steps + place
            losses.append(self._step(step, chosen))
            self._steps_done = step + 1
            untold.append(losses[-1])
            yield from self._at_once.take_notices()
            if not math.isfinite(losses[-1]):
                return losses[-1]
            yield StageAdvanced(step + 1)
            if (place + 1) % told_every == 0 or place + 1 == self._epoch_steps:
                yield FinetuneAdvanced(
                    self._name,
                    step + 1,
                    (step + 1) / self._epoch_steps,
                    float(np.mean(untold)),
                    learning_rate(step, self._steps, self._config),
                    self._seconds,
                )
                untold.clear()
        return float(np.mean(losses))

    def _step(self, step: int, chosen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(step, self._steps, self._config)
        images, labels = self._part.batch(chosen)
        devices = [self._device] if self._device.type == "cuda" else []
        # all chance of a step comes from its number, so that a resumed training is the same
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed((self._config.seed << 32) + step)  # of dropout
            random = torch.Generator().manual_seed((self._config.seed << 32) + step)
            images = augment(images, self._config, random)
            images, labels = mix(images, labels, self._classes, self._config, random)
            return train_step(
                self._module,
                self._optimizer,
                (images, labels),
                self._teacher,
                self._config,
                self._device,
                self._precision,
                self._at_once,
            )

    def _score(self) -> Generator[FinetuneEvent, None, Score]:
        """Score the network as it is on all held-out images."""
        reading = read_part({self._name: self._module}, self._held_out, device=self._device)
        try:
            while True:
                event = next(reading)
                if isinstance(event, NoticeRaised):
                    yield event
                yield StageAdvanced(self._epoch * self._epoch_steps)
        except StopIteration as end:
            return end.value[self._name]  # type: ignore[no-any-return]

    def _take_score(self, score: EpochScore) -> FinetuneScored:
        self._history.append(score)
        is_best = self._is_best(score)
        if is_best:
            self._best_epoch, self._best = score.epoch, _copied(self._module)
        return FinetuneScored(self._name, score.epoch, score.accuracy, score.cross_entropy, is_best)

    def _is_best(self, score: EpochScore) -> bool:
        so_far = self._history[: self._history.index(score) + 1]
        return best_of(so_far, len(self._held_out)) is score

    def _is_out_of_patience(self) -> bool:
        patience = self._config.patience
        return 0 < patience <= self._epoch - self._best_epoch

    def _judge_broken_off(self) -> Generator[FinetuneEvent, None, None]:
        """Score a network in the middle of an epoch: it may be better than the last whole one."""
        steps = self._steps_done - self._epoch * self._epoch_steps
        if steps == 0:  # it is the last whole one
            return
        score = yield from self._score()
        epoch = _epoch_so_far(self._epoch, steps, self._epoch_steps)
        yield self._take_score(EpochScore(epoch, *_numbers(score), None))

    def _finish(self, *, is_stopped: bool) -> Generator[FinetuneEvent, None, Finetuned]:
        with torch.no_grad():
            for key, value in network_state(self._module).items():
                value.copy_(self._best[key])
        best = next(score for score in self._history if score.epoch == self._best_epoch)
        finetuned = Finetuned(
            name=self._name,
            keep=self._keep.copy(),
            module=self._module.to("cpu", torch.float32).eval(),
            epoch=self._best_epoch,
            score=Score(best.accuracy, best.cross_entropy, len(self._held_out)),
            history=tuple(self._history),
            seconds=self._seconds,
            is_stopped=is_stopped,
        )
        yield FinetuneFinished(
            self._name,
            finetuned.epoch,
            best.accuracy,
            best.cross_entropy,
            finetuned.seconds,
            is_stopped,
            finetuned,
        )
        return finetuned

    def _write(self) -> Generator[FinetuneEvent, None, None]:
        if self._checkpoint is None:
            return
        progress = Progress(
            self._epoch,
            _copied(self._module),
            self._optimizer.state_dict(),
            self._best,
            self._best_epoch,
            tuple(self._history),
            self._seconds,
            self._at_once.most,
        )
        path = self._checkpoint.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_progress(path, progress, self._keep, self._config, self._source)
        except OSError as error:
            if not self._has_told:  # and tries again after the next epoch
                yield NoticeRaised(
                    f"Cannot write {path}: {error.strerror or error}. The fine-tuning goes on, but "
                    "could not be taken up again after a crash. Make room there."
                )
            self._has_told = True

    def _take_up(self) -> bool:
        if self._checkpoint is None or not self._checkpoint.resume:
            return False
        saved = read_progress(self._checkpoint.path, self._keep, self._config, self._source)
        with torch.no_grad():
            for key, value in network_state(self._module).items():
                value.copy_(saved.network[key])
        self._optimizer.load_state_dict(saved.optimizer)
        self._epoch, self._history = saved.epoch, list(saved.history)
        self._steps_done = self._epoch * self._epoch_steps
        self._best_epoch, self._at_once.most = saved.best_epoch, saved.images_at_once
        self._best = {key: value.to(self._device) for key, value in saved.best.items()}
        self._began = time.perf_counter() - saved.seconds
        return True

    def _make_teacher(self, module: nn.Module) -> Teacher | None:
        if self._config.distillation == 0:
            return None
        if self._device.type != "cpu":
            module = copy.deepcopy(module).to(self._device)
        return Teacher(module.eval())

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._began


def _epoch_so_far(done: int, steps: int, epoch_steps: int) -> float:
    """Epochs and a part of the next one as one number, which is whole only if that is done."""
    if steps == epoch_steps:
        return done + 1
    return round(done + min(max(steps / epoch_steps, 0.01), 0.99), 2)


def best_of(history: Sequence[EpochScore], image_count: int) -> EpochScore:
    """The epoch of the lowest cross-entropy among those that are as accurate as any.

    As accurate: by no more than one standard error below the highest so far, which is what
    `image_count` images leave to chance. An image more or less that is answered rightly would
    otherwise choose an epoch in the middle instead of the end that the rate was led to.
    Source: the one-standard-error rule of Breiman et al., "Classification and Regression Trees".
    """
    best, highest = history[0], history[0].accuracy
    for score in history[1:]:
        highest = max(highest, score.accuracy)
        least = highest - math.sqrt(highest * (1 - highest) / image_count)
        if score.accuracy < least:
            continue
        if best.accuracy < least or score.cross_entropy < best.cross_entropy:
            best = score
    return best


def _numbers(score: Score) -> tuple[float, float]:
    return score.accuracy, score.cross_entropy


def _copied(module: nn.Module) -> State:
    return {key: value.clone() for key, value in network_state(module).items()}
