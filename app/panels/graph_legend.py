"""What the marks in the graph mean, in one line that leaves out what does not fit."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.graph_block import paint_profile
from app.panels.graph_strip import StripState, paint_strip, strip_shape
from app.panels.graph_style import GraphStyle, paint_chip, paint_lock
from app.theme import SPACE_L, SPACE_M, SPACE_S, Palette, text_font
from core.pruning.pins import PIN_KEEP, PIN_REMOVE

_CELL = 11


class GraphLegend(QWidget):
    """One line of marks and words."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._font = text_font("caption")
        self._has_pins = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(
            "Legend: full squares are kept channels, dots are removed ones, "
            "darker means a higher keep probability; a plus is pinned to stay, a cross to go."
        )

    def show_pins(self, are_there: bool) -> None:
        """Explain the marks of pinned channels, or leave them out."""
        if are_there != self._has_pins:
            self._has_pins = are_there
            self.update()

    def use_palette(self, palette: Palette) -> None:
        """Take over new colours."""
        self._palette = palette
        self._font = text_font("caption")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, round(QFontMetricsF(self._font).height()) + 2 * SPACE_S)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)
        metrics = QFontMetricsF(self._font)
        x = float(SPACE_M)
        for words, width, paint in self._entries():
            text = metrics.horizontalAdvance(words)
            if x + width + SPACE_S + text > self.width():
                break
            painter.save()
            paint(painter, QRectF(x, 0, width, self.height()))
            painter.restore()
            x += width + SPACE_S + 1
            painter.setPen(QColor(self._palette.muted_text))
            line = QRectF(x, 0, text + 2, self.height())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)
            x += text + SPACE_L + SPACE_S

    def _entries(self) -> list[tuple[str, float, Callable[[QPainter, QRectF], None]]]:
        ramp = [0.0, 0.33, 0.67, 1.0]
        stay = "pinned to stay", 2.0 * _CELL, lambda p, r: self._pinned_cells(p, r, PIN_KEEP)
        go = "pinned to go", 2.0 * _CELL, lambda p, r: self._pinned_cells(p, r, PIN_REMOVE)
        return [
            ("kept", _CELL, lambda p, r: self._cells(p, r, [1.0], keep=True)),
            ("removed", _CELL, lambda p, r: self._cells(p, r, [0.0], keep=False)),
            (
                "keep probability 0–1",
                _CELL * 4.0,
                lambda p, r: self._cells(p, r, ramp, keep=True),
            ),
            *([stay, go] if self._has_pins else []),
            ("cannot be removed", _CELL, lambda p, r: self._cells(p, r, [1.0], fixed=True)),
            ("same letter: cut together", 17.0, self._chip),
            ("locked", 9.0, self._lock),
            ("folded block: a bar for each layer's kept share", 2 * _CELL, self._bars),
        ]

    def _cells(
        self,
        painter: QPainter,
        rect: QRectF,
        shades: list[float],
        *,
        keep: bool = True,
        fixed: bool = False,
    ) -> None:
        image = _cell_image(self._palette, shades, keep=keep, fixed=fixed)
        top = rect.center().y() - _CELL / 2
        target = QRectF(rect.x(), round(top), _CELL * len(shades), _CELL)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, image)

    def _pinned_cells(self, painter: QPainter, rect: QRectF, pin: int) -> None:
        """A kept and a removed channel with the mark of a pin."""
        state = StripState(
            np.array([True, False]),
            np.ones(2, np.float32),
            np.zeros(2, np.bool_),
            np.full(2, pin, np.int8),
        )
        image = paint_strip(state, strip_shape(2, 20.0, 10.0), 2 * _CELL, self._palette)
        target = QRectF(rect.x(), round(rect.center().y() - _CELL / 2), 2 * _CELL, _CELL)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, image)

    def _chip(self, painter: QPainter, rect: QRectF) -> None:
        style = GraphStyle.of(self._palette)
        height = style.small_height
        line = QRectF(rect.x(), rect.center().y() - height / 2, rect.width(), height)
        paint_chip(painter, line, "A", style, is_lit=False)

    def _bars(self, painter: QPainter, rect: QRectF) -> None:
        shares, size = np.array([0.9, 0.4, 0.7]), (round(rect.width()), _CELL)
        image = paint_profile(shares, np.ones(3, np.bool_), size, self._palette)
        painter.drawImage(QPointF(rect.x(), round(rect.center().y() - _CELL / 2)), image)

    def _lock(self, painter: QPainter, rect: QRectF) -> None:
        line = QRectF(rect.x(), rect.center().y() - 7.5, rect.width(), 15)
        paint_lock(painter, line, self._palette)


def _cell_image(palette: Palette, shades: list[float], *, keep: bool, fixed: bool) -> QImage:
    count = len(shades)
    state = StripState(
        np.full(count, keep), np.array(shades, dtype=np.float32), np.full(count, fixed)
    )
    return paint_strip(state, strip_shape(count, 10.0 * count, 10.0), 2 * _CELL, palette)
