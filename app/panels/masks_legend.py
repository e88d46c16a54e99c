"""What the looks in a matrix mean: swatches with words, in as many lines as the width asks for."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.masks_cells import as_image, cell_codes, cell_looks, paint_cells
from app.theme import LIGHT, SPACE_L, SPACE_S, SPACE_XS, Palette, text_font
from core.pruning.pins import NO_PIN, PIN_KEEP, PIN_REMOVE

CELL_PX = 12
SHADES_SHOWN = 5


class FlowLegend(QWidget):
    """Swatches with words beside them; never wider than there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: Sequence[tuple[QImage, str]] = ()
        self._colour = LIGHT.muted_text
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    @property
    def texts(self) -> list[str]:
        """The words beside the swatches."""
        return [words for _, words in self._entries]

    def show_entries(self, entries: Sequence[tuple[QImage, str]], palette: Palette) -> None:
        """Show other swatches and words."""
        self._entries, self._colour = entries, palette.muted_text
        self.setAccessibleName(", ".join(self.texts))
        self._fit_height()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, round(self.height_in(240)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.paint_into(QPainter(self), self.width())

    def paint_into(self, painter: QPainter, width: float) -> None:
        """Paint it in a width, from the painter's origin on."""
        painter.setFont(text_font("caption"))
        painter.setPen(QColor(self._colour))
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        for (image, words), area in zip(self._entries, self._areas(width), strict=True):
            size = image.deviceIndependentSize()
            top = round(area.center().y() - size.height() / 2)
            painter.drawImage(QPointF(area.left(), top), image)
            painter.drawText(area.adjusted(size.width() + SPACE_S, 0, 0, 0), middle, words)

    def height_in(self, width: float) -> float:
        """The height that it needs in a width."""
        return max((area.bottom() for area in self._areas(width)), default=1.0)

    def _areas(self, width: float) -> Iterator[QRectF]:
        metrics = QFontMetricsF(text_font("caption"))
        height = max(metrics.height(), CELL_PX) + SPACE_XS
        x = y = 0.0
        for image, words in self._entries:
            swatch = image.deviceIndependentSize().width()
            needed = swatch + SPACE_S + metrics.horizontalAdvance(words) + 1
            if x and x + needed > width:
                x, y = 0.0, y + height
            yield QRectF(x, y, needed, height)
            x += needed + SPACE_L

    def _fit_height(self) -> None:
        # fixed, because scroll areas and docks do not ask for height for width
        self.setFixedHeight(max(1, round(self.height_in(max(1, self.width())))))


class MasksLegend(FlowLegend):
    """The looks of the mask matrix; the shade only where it is used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = LIGHT
        self._has_shade = False
        self._paint()

    def show_shade(self, is_used: bool) -> None:
        """Explain the shade, or leave it out."""
        if is_used != self._has_shade:
            self._has_shade = is_used
            self._paint()

    def use_palette(self, palette: Palette) -> None:
        """Paint the swatches in other colours."""
        self._palette = palette
        self._paint()

    def _paint(self) -> None:
        # each: words, and keep, flipped, pin of every cell of the swatch
        looks = (
            (self.tr("kept"), [(True, False, NO_PIN)]),
            (self.tr("removed"), [(False, False, NO_PIN)]),
            (self.tr("flipped"), [(True, True, NO_PIN), (False, True, NO_PIN)]),
            (self.tr("pinned to stay"), [(True, False, PIN_KEEP), (False, False, PIN_KEEP)]),
            (self.tr("pinned to go"), [(True, False, PIN_REMOVE), (False, False, PIN_REMOVE)]),
        )
        entries = []
        for words, cells in looks:
            keep, flipped, pins = (np.array(column) for column in zip(*cells, strict=True))
            entries.append((self._swatch(keep, None, flipped, pins), words))
        if self._has_shade:
            shades = np.linspace(0, 1, SHADES_SHOWN).astype(np.float32)
            kept = np.ones(SHADES_SHOWN, dtype=np.bool_)
            pins = np.zeros(SHADES_SHOWN, dtype=np.int8)
            image = self._swatch(kept, shades, ~kept, pins)
            entries.append((image, self.tr("keep probability 0 to 1")))
        self.show_entries(entries, self._palette)

    def _swatch(
        self,
        keep: NDArray[np.bool_],
        shades: NDArray[np.float32] | None,
        flipped: NDArray[np.bool_],
        pins: NDArray[np.int8],
    ) -> QImage:
        scale = self.devicePixelRatioF()
        cell = round(CELL_PX * scale)
        codes = cell_codes(keep, shades, flipped, pins)
        pixels = np.zeros((cell, len(codes) * cell), dtype=np.uint32)
        paint_cells(pixels, cell_looks(cell, self._palette), codes, len(codes), 0)
        image = as_image(pixels)
        image.setDevicePixelRatio(scale)
        return image
