"""What the events of a fine-tuning have told, network by network. No Qt."""

from dataclasses import dataclass, field

from core.events import (
    Event,
    FinetuneAdvanced,
    FinetuneFinished,
    FinetuneReported,
    FinetuneScored,
    FinetuneStarted,
)
from core.runs.finetune_file import FinetuneFile, parse_finetune_file


@dataclass(eq=False)
class FinetuneCurve:
    """One network while it is trained; scores are on the held-out images, 0-1 and nats."""

    name: str
    epochs: float  # planned; done, if it comes from a file
    loss_epochs: list[float] = field(default_factory=list)  # fractional
    losses: list[float] = field(default_factory=list)
    scored_epochs: list[float] = field(default_factory=list)  # from 0, before the first step
    accuracies: list[float] = field(default_factory=list)
    cross_entropies: list[float] = field(default_factory=list)
    best_epoch: float = 0
    seconds: float = 0.0
    is_finished: bool = False
    is_stopped: bool = False

    def best_accuracy(self) -> float:
        """Of the epoch that is kept."""
        return self.accuracies[self.scored_epochs.index(self.best_epoch)]


class FinetuneCurves:
    """All networks of one fine-tuning, in the order in which they are trained."""

    def __init__(self) -> None:
        self.by_name: dict[str, FinetuneCurve] = {}
        self.current: FinetuneCurve | None = None
        self.report: FinetuneFile | None = None
        self.is_loaded = False  # from a file, so that its network is not at hand

    def clear(self) -> None:
        """Forget everything."""
        self.by_name, self.current, self.report, self.is_loaded = {}, None, None, False

    def load(self, file: FinetuneFile) -> None:
        """Show an earlier fine-tuning as its file tells it: one loss for each epoch."""
        self.clear()
        self.report, self.is_loaded = file, True
        for network in file.networks:
            if not network.history:
                continue
            curve = FinetuneCurve(network.name, network.epochs or 0, is_finished=True)
            for line in network.history:
                curve.scored_epochs.append(line.epoch)
                curve.accuracies.append(_known(line.accuracy))
                curve.cross_entropies.append(_known(line.cross_entropy))
                if line.loss is not None:
                    curve.loss_epochs.append(line.epoch)
                    curve.losses.append(line.loss)
            curve.best_epoch, curve.seconds = network.best_epoch or 0, network.seconds or 0.0
            self.by_name[curve.name] = self.current = curve

    def take(self, event: Event) -> bool:
        """Store what an event tells; says whether it was one of a fine-tuning."""
        match event:
            case FinetuneStarted():
                self._begin(event)
            case FinetuneAdvanced() if self.current is not None:
                self.current.loss_epochs.append(event.epoch)
                self.current.losses.append(event.loss)
                self.current.seconds = event.seconds
            case FinetuneScored() if self.current is not None:
                self._score(self.current, event)
            case FinetuneFinished() if self.current is not None:
                self.current.best_epoch = event.epoch
                self.current.seconds = event.seconds
                self.current.is_finished, self.current.is_stopped = True, event.is_stopped
            case FinetuneReported():
                self.report = parse_finetune_file(event.report)
            case _:
                return False
        return True

    def _begin(self, event: FinetuneStarted) -> None:
        if event.name in self.by_name or self.report is not None:
            self.clear()  # of an earlier fine-tuning
        self.current = FinetuneCurve(event.name, event.epochs)
        self.by_name[event.name] = self.current
        self.current.scored_epochs.append(0)
        self.current.accuracies.append(event.accuracy)
        self.current.cross_entropies.append(event.cross_entropy)

    def _score(self, curve: FinetuneCurve, event: FinetuneScored) -> None:
        curve.scored_epochs.append(event.epoch)
        curve.accuracies.append(event.accuracy)
        curve.cross_entropies.append(event.cross_entropy)
        if event.is_best:
            curve.best_epoch = event.epoch


def _known(value: float | None) -> float:
    return float("nan") if value is None else value
