"""Channels that a person pins, with undo and redo; the next search takes them from here."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from core.errors import ConfigError
from core.events import Event, NetworkOpened
from core.pruning.pins import (
    NO_PIN,
    PIN_KEEP,
    PinLines,
    emptied_layer,
    format_pins,
    no_pins,
    parse_pins,
)
from core.pruning.pins import Pins as PinnedChannels


class Pins(QObject):
    """What is pinned in the open network.

    Lines wait for the network that is opened next. Without any, a network that is opened again
    keeps its pins, and another one begins without.

    Signals:
        changed(): other channels are pinned.
        refused(str): something could not be pinned, or is no longer, and why.
    """

    changed = Signal()
    refused = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self._opened: NetworkOpened | None = None
        self._waiting: PinLines | None = None
        self._pinned: PinnedChannels = np.zeros(0, dtype=np.int8)

    @property
    def pinned(self) -> PinnedChannels:
        """PIN_KEEP, NO_PIN or PIN_REMOVE of every channel, (channels,); not to be written to."""
        return self._pinned

    def lines(self) -> PinLines:
        """Return the settings `pinned_keep` and `pinned_removed`."""
        if self._opened is None:
            return self._waiting or ((), ())
        return format_pins(self._pinned, self._opened.graph, self._opened.groups)

    def set_lines(self, kept: Sequence[str], removed: Sequence[str]) -> None:
        """Take pins from settings, and forget what could be undone.

        Raises: ConfigError if they do not fit the open network; nothing changes then.
        """
        if self._opened is None:
            self.wait(kept, removed)
            return
        pinned = parse_pins(kept, removed, self._opened.graph, self._opened.groups)
        self.undo_stack.clear()
        self._show(pinned)

    def wait(self, kept: Sequence[str], removed: Sequence[str]) -> None:
        """Take these pins when the next network is opened."""
        self._waiting = tuple(kept), tuple(removed)

    def show_event(self, event: Event) -> None:
        """Follow the network that is open; lines that do not fit it are refused one by one."""
        if not isinstance(event, NetworkOpened):
            return
        is_again = self._opened is not None and self._opened.network == event.network
        kept, removed = self._waiting or (self.lines() if is_again else ((), ()))
        forgotten = "" if is_again else self._say_forgotten()
        self._opened, self._waiting = event, None
        self.undo_stack.clear()
        pinned, refusals = _fitting_pins(kept, removed, event)
        self._show(pinned)
        for refusal in filter(None, (forgotten, *refusals)):
            self.refused.emit(refusal)

    def pin(self, layer: str, channels: Iterable[int], kind: int) -> None:
        """Pin channel ids, seen through `layer`: PIN_KEEP, PIN_REMOVE, or NO_PIN to unpin."""
        ids = np.array([c for c in channels if self._pinned[c] != kind], dtype=np.int64)
        if self._opened is None or not ids.size:
            return
        pinned = self._pinned.copy()
        pinned[ids] = kind
        emptied = emptied_layer(pinned, self._opened.graph)
        if emptied is not None:
            text = self.tr("{} must keep at least one channel, so they cannot all be removed.")
            self.refused.emit(text.format(emptied))
            return
        self.undo_stack.push(_PinCommand(self, self._words(layer, len(ids), kind), pinned))

    def _show(self, pinned: PinnedChannels) -> None:
        pinned.flags.writeable = False
        self._pinned = pinned
        self.changed.emit()

    def _say_forgotten(self) -> str:
        """Name the pins that another network does not get; empty if there are none."""
        if self._opened is None or not self._pinned.any():
            return ""
        kept, removed = self.lines()
        lines = [self.tr("{} to stay").format(line) for line in kept]
        lines += [self.tr("{} to go").format(line) for line in removed]
        text = self.tr("Pins are those of one network; these of {} are gone: {}.")
        return text.format(self._opened.network, ", ".join(lines))

    def _words(self, layer: str, count: int, kind: int) -> str:
        if kind == NO_PIN:
            text = self.tr("Unpin {} of {}")
        elif kind == PIN_KEEP:
            text = self.tr("Pin {} of {} to stay")
        else:
            text = self.tr("Pin {} of {} to go")
        channels = self.tr("1 channel") if count == 1 else self.tr("{} channels").format(count)
        return text.format(channels, layer)


def _fitting_pins(
    kept: Sequence[str], removed: Sequence[str], opened: NetworkOpened
) -> tuple[PinnedChannels, list[str]]:
    """Pins of the lines that fit a network, and a sentence about each of the others."""
    pinned, refusals = no_pins(opened.groups), []
    good: tuple[list[str], list[str]] = ([], [])
    for place, lines in enumerate((kept, removed)):
        for line in lines:
            good[place].append(line)
            try:
                pinned = parse_pins(*good, opened.graph, opened.groups)
            except ConfigError as error:
                good[place].remove(line)
                refusals.append(str(error))
    return pinned, refusals


class _PinCommand(QUndoCommand):
    """From the pins before to others; `pinned` is (channels,)."""

    def __init__(self, pins: Pins, words: str, pinned: NDArray[np.int8]) -> None:
        super().__init__(words)
        self._pins = pins
        self._before, self._after = pins.pinned, pinned

    def redo(self) -> None:
        self._pins._show(self._after)

    def undo(self) -> None:
        self._pins._show(self._before)
