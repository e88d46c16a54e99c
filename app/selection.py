"""What the person looks at: a layer, a channel, a mask and a criterion, the same everywhere."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from core.events import (
    BestChanged,
    BoolArray,
    Event,
    NetworkOpened,
    SearchFinished,
    SearchStarted,
)

NO_CHANNEL = -1
USUAL_CRITERION = "l1"  # it needs no images, so that it is known first


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask to look at, and what is known about it; scores are 0-1, None if not measured."""

    name: str  # "evaluation 212", "l1_uniform", "the search's winner"
    keep: BoolArray  # (channels,)
    macs_kept: float
    accuracy: float | None = None
    cross_entropy: float | None = None
    is_chosen: bool = False  # by the person; False: the search's best, as it comes


class Selection(QObject):
    """The one place that knows what is selected; panels show it and set it.

    Without a choice of the person's own, `mask` follows the search's best.

    Signals:
        layer_changed(str): another layer, "" for none.
        channel_changed(int): another channel id of the network, NO_CHANNEL for none.
        mask_changed(object): another LoadedMask, or None.
        criterion_changed(str): masks are compared with another criterion.
    """

    layer_changed = Signal(str)
    channel_changed = Signal(int)
    mask_changed = Signal(object)
    criterion_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer = ""
        self._channel = NO_CHANNEL
        self._best: LoadedMask | None = None
        self._chosen: LoadedMask | None = None
        self._criterion = USUAL_CRITERION

    @property
    def layer(self) -> str:
        """The selected layer's name, "" for none."""
        return self._layer

    @property
    def channel(self) -> int:
        """The selected channel's id, NO_CHANNEL for none."""
        return self._channel

    @property
    def mask(self) -> LoadedMask | None:
        """The mask to show: the person's choice, else the search's best, else None."""
        return self._chosen or self._best

    @property
    def criterion(self) -> str:
        """The criterion that masks are compared with: "l1"."""
        return self._criterion

    def compare_with(self, criterion: str) -> None:
        """Compare masks with another criterion, in all panels."""
        if criterion and criterion != self._criterion:
            self._criterion = criterion
            self.criterion_changed.emit(criterion)

    def select_layer(self, name: str) -> None:
        """Select a layer; its channel is no longer selected."""
        if name != self._layer:
            self._layer = name
            self.layer_changed.emit(name)
            self.select_channel(name, NO_CHANNEL)

    def select_channel(self, layer: str, channel: int) -> None:
        """Select a channel by its id, and the layer that it is seen in."""
        self.select_layer(layer)
        if channel != self._channel:
            self._channel = channel
            self.channel_changed.emit(channel)

    def choose_mask(self, mask: LoadedMask | None) -> None:
        """Show this mask everywhere; None follows the search's best again."""
        if mask is not self._chosen:
            self._chosen = mask
            self.mask_changed.emit(self.mask)

    def show_event(self, event: Event) -> None:
        """Follow the search's best mask."""
        match event:
            case NetworkOpened():
                self._best = self._chosen = None
                self.mask_changed.emit(None)
                self.select_layer("")
                return
            case SearchStarted():
                self._best = self._chosen = None
            case BestChanged():
                name = (
                    self.tr("best so far, evaluation {:,}").format(event.evaluation)
                    if event.evaluation
                    else self.tr("best criterion")
                )
                self._best = LoadedMask(
                    name, event.keep, event.macs_kept, event.accuracy, event.cross_entropy
                )
            case SearchFinished():
                self._best = LoadedMask(
                    self.tr("the search's winner"),
                    event.keep,
                    event.macs_kept,
                    event.accuracy,
                    event.cross_entropy,
                )
            case _:
                return
        if self._chosen is None:
            self.mask_changed.emit(self._best)
