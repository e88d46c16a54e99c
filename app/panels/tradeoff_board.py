"""The plane of the trade-off with its legend and a line about the point that is meant."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from app.panels.plot_parts import legend_label, readout_label
from app.panels.tradeoff_plot import TradeoffPlot
from app.theme import LIGHT, SPACE_S, Palette, fill_background

LOW_PX = 200  # below it the words would leave the plot a strip
BESIDE_PX = 600  # so wide that the words have room beside the plot
WORDS_PX = 262  # of the column beside it
LINES_BESIDE = 4  # a point's numbers in that column


class TradeoffBoard(QWidget):
    """The legend above the plot, the line below it; where there is no height both beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.plot = TradeoffPlot(LIGHT)
        self.legend, self.readout = legend_label(wraps=True), readout_label()
        # Its lines at this width, not those at the least: the board scrolls.
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._heights = (
            self.readout.height(),
            round(LINES_BESIDE * QFontMetricsF(self.readout.font()).height()) + SPACE_S,
        )
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, SPACE_S, 0, SPACE_S)
        self._grid.setSpacing(0)
        self._is_beside = False
        self._place()

    def fit_into(self, room: QSize) -> None:
        """Choose the arrangement for so much room."""
        is_beside = room.height() < LOW_PX and room.width() >= BESIDE_PX
        if is_beside != self._is_beside:
            self._is_beside = is_beside
            self._place()

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        fill_background(self, palette.surface, palette.text)
        self.plot.use_palette(palette)

    def _place(self) -> None:
        grid, is_beside = self._grid, self._is_beside
        for part in (self.legend, self.plot, self.readout):
            grid.removeWidget(part)
        if is_beside:
            grid.addWidget(self.plot, 0, 0, 2, 1)
            grid.addWidget(self.legend, 0, 1, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self.readout, 1, 1, Qt.AlignmentFlag.AlignBottom)
        else:
            for row, part in enumerate((self.legend, self.plot, self.readout)):
                grid.addWidget(part, row, 0)
        grid.setRowStretch(1, 0 if is_beside else 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnMinimumWidth(1, WORDS_PX if is_beside else 0)
        self.readout.setFixedHeight(self._heights[is_beside])
