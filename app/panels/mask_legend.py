"""What the four looks of a channel in two masks mean, and how many channels have each."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.panels.mask_strip import CellLook, paint_cell
from app.theme import LIGHT, SPACE_M, SPACE_XS, Palette
from core.comparison import LayerComparison

CELL_PX = 9
GAP_PX = 1


class MaskLegend(QWidget):
    """Four swatches with words and counts: upper cell the agent, lower cell a criterion."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = LIGHT
        self._swatches = [QLabel() for _ in range(4)]
        self._words = [QLabel() for _ in range(4)]
        layout = QGridLayout(self)
        layout.setContentsMargins(0, SPACE_XS, 0, SPACE_XS)
        layout.setHorizontalSpacing(SPACE_M)
        layout.setVerticalSpacing(SPACE_XS)
        for place, (swatch, words) in enumerate(zip(self._swatches, self._words, strict=True)):
            words.setProperty("role", "caption")
            row, column = divmod(place, 2)
            layout.addWidget(swatch, row, 2 * column)
            layout.addWidget(words, row, 2 * column + 1)
        layout.setColumnStretch(1, 1)
        layout.setColumnStretch(3, 1)
        self.use_palette(LIGHT)

    @property
    def texts(self) -> list[str]:
        """The words beside the swatches."""
        return [label.text() for label in self._words]

    def show_comparison(self, comparison: LayerComparison, criterion: str) -> None:
        """Count the channels of each look; `criterion` as people call it: "L1"."""
        both = comparison.shared
        alone = comparison.kept - both
        neither = comparison.removable - both - 2 * alone
        for label, text, count in zip(
            self._words,
            (
                self.tr("both keep: {}"),
                self.tr("only the agent: {}"),
                self.tr("neither: {}"),
                self.tr("only {1}: {0}"),
            ),
            (both, alone, neither, alone),
            strict=True,
        ):
            label.setText(text.format(count, criterion))

    def use_palette(self, palette: Palette) -> None:
        """Paint the swatches in other colours."""
        self._palette = palette
        kept = CellLook(palette.kept, is_filled=True)
        removed = CellLook(palette.edge, is_filled=False)
        agent = CellLook(palette.accent, is_filled=True, is_cut=True)
        magnitude = CellLook(palette.criteria, is_filled=True, is_cut=True)
        for swatch, looks in zip(
            self._swatches,
            ((kept, kept), (agent, removed), (removed, removed), (removed, magnitude)),
            strict=True,
        ):
            swatch.setPixmap(self._paint(looks))

    def _paint(self, looks: tuple[CellLook, CellLook]) -> QPixmap:
        scale = self.devicePixelRatioF()
        height = 2 * CELL_PX + GAP_PX
        pixmap = QPixmap(round(CELL_PX * scale), round(height * scale))
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        for row, look in enumerate(looks):
            area = QRectF(0, row * (CELL_PX + GAP_PX), CELL_PX, CELL_PX)
            paint_cell(painter, area, look, self._palette)
        painter.end()
        return pixmap
