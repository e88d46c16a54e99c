"""The events of a short fine-tuning, as the jobs tell them."""

from collections.abc import Iterator
from types import SimpleNamespace

from core.events import (
    Event,
    FinetuneAdvanced,
    FinetuneFinished,
    FinetuneReported,
    FinetuneScored,
    FinetuneStarted,
    StageStarted,
)
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile, TestScore, file_contents
from tests.app import samples

ADVANCES = 4  # of each epoch


def training(name: str, epochs: int = 3, *, is_stopped: bool = False) -> Iterator[Event]:
    """One network: held-out accuracy 70 % before, 71 % after the first epoch, ..."""
    yield FinetuneStarted(name, epochs, ADVANCES * epochs, 0.7, 1.2)
    for step in range(1, ADVANCES * epochs + 1):
        epoch = step / ADVANCES
        yield FinetuneAdvanced(name, step, epoch, 2.0 / (1 + epoch), 0.01, 0.5 * step)
        if step % ADVANCES == 0:
            yield FinetuneScored(name, round(epoch), 0.7 + epoch / 100, 1.2 - epoch / 10, True)
    handle = SimpleNamespace(name=name, keep=samples.BEST)
    yield FinetuneFinished(name, epochs, 0.7 + epochs / 100, 0.9, 6.0, is_stopped, handle)


def report(*names: str) -> dict:
    """finetune.json of these networks."""
    networks = tuple(
        FinetunedNetwork(
            name,
            0.498,
            TestScore(0.716, 1.267, 1.125),
            TestScore(0.859, 0.645, 0.489),
            best_epoch=3,
            epochs=3,
            seconds=72.0,
        )
        for name in names
    )
    return file_contents(
        FinetuneFile("tiny", "digits", test_images=360, unpruned=TestScore(0.98), networks=networks)
    )


def finetuning(*names: str) -> Iterator[Event]:
    """A whole fine-tuning of several networks, with its report."""
    yield StageStarted("Fine-tuning", 12)
    for name in names:
        yield from training(name)
    yield FinetuneReported("runs/tiny", report(*names))
