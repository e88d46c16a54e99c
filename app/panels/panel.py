"""What all panels of the docks have in common: when they redraw, and what they can be saved as."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from PySide6.QtCore import QPoint, QSize, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QShowEvent
from PySide6.QtWidgets import QWidget

from app.selection import Selection
from app.theme import LIGHT, Palette
from core.events import Event

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """What a panel shows, as numbers: for CSV files and the clipboard."""

    header: tuple[str, ...]  # with units: "macs_kept", "seconds"
    rows: Sequence[tuple[Cell, ...]]


class Panel(QWidget):
    """A view of what is open.

    A subclass stores what `show_event` and the selection tell it, calls `redraw_soon`, and
    draws everything it knows in `redraw`. It is drawn only while it is seen, at most every
    REDRAW_MS; what changed meanwhile is drawn when it comes back.
    """

    NAME: ClassVar[str]  # of the dock, the action and the saved files: "masks"
    REDRAW_MS: ClassVar[int] = 50

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.selection = selection
        self.colours: Palette = LIGHT
        self._is_stale = True
        self._is_covered = False  # by the tab of another panel
        self._timer = QTimer(self, singleShot=True, interval=self.REDRAW_MS)
        self._timer.timeout.connect(self.redraw_now)

    def title(self) -> str:
        """What the panel is called, translated: "Masks"."""
        raise NotImplementedError

    def show_event(self, event: Event) -> None:
        """Store what the event tells."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw all that is known."""
        raise NotImplementedError

    def table(self) -> Table | None:
        """What is shown as rows, or None while there is nothing."""
        raise NotImplementedError

    def picture_widget(self) -> QWidget:
        """What a picture of the panel shows: all of it, without its buttons if need be."""
        return self

    def picture_size(self) -> QSize:
        """How large `paint_picture` paints, in logical pixels."""
        return self.picture_widget().size()

    def paint_picture(self, painter: QPainter) -> None:
        """Paint what a picture of the panel shows, in lines and letters where that is possible."""
        self.picture_widget().render(painter, QPoint())

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self.colours = palette
        self.redraw_soon()

    def redraw_soon(self) -> None:
        """Draw when the event loop has time, if anybody looks."""
        self._is_stale = True
        if self.isVisible() and not self._is_covered and not self._timer.isActive():
            self._timer.start()

    def set_covered(self, *, is_covered: bool) -> None:
        """Rest while the tab of another panel covers this one."""
        self._is_covered = is_covered
        if self._is_stale:
            self.redraw_soon()

    def redraw_now(self) -> None:
        """Draw what has changed since the last time."""
        self._timer.stop()
        if self._is_stale:
            self._is_stale = False
            self.redraw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.redraw_now()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
