"""The mask matrix under the pointer and the keys."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app.panels.masks_canvas import MaskCanvas
from app.panels.masks_layout import Cell
from app.selection import NO_CHANNEL
from core.pruning.pins import NO_PIN, PIN_KEEP, PIN_REMOVE

MOVES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
    Qt.Key.Key_PageUp: (0, -10),
    Qt.Key.Key_PageDown: (0, 10),
}
PIN_KEYS = {Qt.Key.Key_K: PIN_KEEP, Qt.Key.Key_R: PIN_REMOVE, Qt.Key.Key_U: NO_PIN}
ZOOM_KEYS = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1, Qt.Key.Key_0: 0}


class MaskMatrix(MaskCanvas):
    """A matrix in which channels are pointed at, chosen, marked and pinned.

    Signals:
        pointed(int): the channel id under the pointer or reached by keys, or NO_CHANNEL.
        chosen(int): a channel id was clicked, or Enter pressed on it.
        row_chosen(int): a row's label was clicked.
        pin_requested(int): a key asks to pin what is marked: PIN_KEEP, PIN_REMOVE or NO_PIN.
        menu_requested(object): the right button or the menu key, at a QPoint of the screen.
    """

    pointed = Signal(int)
    chosen = Signal(int)
    row_chosen = Signal(int)
    pin_requested = Signal(int)
    menu_requested = Signal(object)

    def __init__(
        self,
        describe: Callable[[int], str],
        describe_row: Callable[[int], str],
        parent: QWidget | None = None,
    ) -> None:
        """`describe` gives the tooltip of a channel id, `describe_row` that of a row."""
        super().__init__(parent)
        self._describe, self._describe_row = describe, describe_row
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Channels of all layers"))

    @property
    def cursor_channel(self) -> int:
        """The channel id that keys act on, or NO_CHANNEL."""
        return self._cursor

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tooltip(QPointF(event.pos())), self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._point_at(NO_CHANNEL)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self.channel_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        channel, row = self.channel_at(event.position()), self.row_at(event.position())
        is_left = event.button() == Qt.MouseButton.LeftButton
        is_range = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if channel != NO_CHANNEL:
            if is_left or channel not in self.marked():
                self._move_to(channel, is_range=is_range)
            if is_left and not is_range:
                self.chosen.emit(channel)
        elif is_left and row is not None and event.position().x() < self._label_width:
            self.row_chosen.emit(row)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        point = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self._cursor != NO_CHANNEL:
            point = self.viewport().mapToGlobal(self.area_of(self._cursor).center().toPoint())
        self.menu_requested.emit(QPoint(point))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers()
        is_range = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        if not len(self._codes) or modifiers & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        elif key in MOVES:
            self._step(*MOVES[Qt.Key(key)], is_range=is_range)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._step_to_end(is_first=key == Qt.Key.Key_Home, is_range=is_range)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cursor != NO_CHANNEL:
            self.chosen.emit(self._cursor)
        elif key in PIN_KEYS:
            self.pin_requested.emit(PIN_KEYS[Qt.Key(key)])
        elif key in ZOOM_KEYS:
            self.zoom(ZOOM_KEYS[Qt.Key(key)])
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._cursor == NO_CHANNEL and len(self._order):
            self._cursor = self._anchor = int(self._order[0])
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def _step(self, right: int, down: int, *, is_range: bool) -> None:
        here = self._cursor if self._cursor != NO_CHANNEL else int(self._order[0])
        cell = self._layout.moved(self.cell_of(here), right, down)
        self._move_to(self.channel_of(cell), is_range=is_range)

    def _step_to_end(self, *, is_first: bool, is_range: bool) -> None:
        here = self._cursor if self._cursor != NO_CHANNEL else int(self._order[0])
        row = self.cell_of(here).row
        count = int(self._starts[row + 1] - self._starts[row])
        cell = Cell(row, 0 if is_first else count - 1)
        self._move_to(self.channel_of(cell), is_range=is_range)

    def _move_to(self, channel: int, *, is_range: bool) -> None:
        self._cursor = channel
        if not is_range or self._anchor == NO_CHANNEL:
            self._anchor = channel
        self._scroll_to(self.cell_of(channel))
        self.viewport().update()
        self.pointed.emit(channel)

    def _point_at(self, channel: int) -> None:
        if channel != self._hovered:
            self._hovered = channel
            self.viewport().update()
            self.pointed.emit(channel)

    def _tooltip(self, point: QPointF) -> str:
        channel, row = self.channel_at(point), self.row_at(point)
        if channel != NO_CHANNEL:
            return self._describe(channel)
        is_label = row is not None and point.x() < self._label_width
        return self._describe_row(row) if row is not None and is_label else ""
