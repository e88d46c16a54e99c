"""Two masks of one layer, channel above channel."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.theme import LIGHT, Palette
from core.comparison import LayerComparison

CELL_PX = (7, 16)  # least and greatest side
GAP_PX = 2
BLOCK_GAP_PX = 8  # between two lines of channels


@dataclass(frozen=True)
class CellLook:
    """How one channel of one mask is painted, so that no meaning hangs on colour alone.

    A kept channel is filled, a removed one hollow. One that the other mask does not keep has a
    corner cut off; one that no mask can remove has a bar through it.
    """

    colour: str
    is_filled: bool
    is_cut: bool = False
    is_barred: bool = False


def learned_look(comparison: LayerComparison, channel: int, palette: Palette) -> CellLook:
    """How the agent's decision over `channel` looks."""
    is_other = not comparison.magnitude[channel]
    return _look(
        comparison, channel, palette, comparison.learned[channel], is_other, palette.accent
    )


def magnitude_look(comparison: LayerComparison, channel: int, palette: Palette) -> CellLook:
    """How the criterion's decision over `channel` looks."""
    is_other = not comparison.learned[channel]
    keeps = comparison.magnitude[channel]
    return _look(comparison, channel, palette, keeps, is_other, palette.criteria)


def _look(
    comparison: LayerComparison,
    channel: int,
    palette: Palette,
    is_kept: bool,
    is_alone: bool,
    alone_colour: str,
) -> CellLook:
    if comparison.is_fixed[channel]:
        return CellLook(palette.frozen, is_filled=True, is_barred=True)
    if not is_kept:
        return CellLook(palette.edge, is_filled=False)
    return CellLook(alone_colour if is_alone else palette.kept, is_filled=True, is_cut=is_alone)


def paint_cell(painter: QPainter, area: QRectF, look: CellLook, palette: Palette) -> None:
    """Paint one channel."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, look.is_cut)
    if look.is_filled:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.colour))
        cut = area.width() * 0.5 if look.is_cut else 0.0
        corner = area.topRight()
        painter.drawPolygon(
            QPolygonF(
                [
                    area.topLeft(),
                    corner - QPointF(cut, 0),
                    corner + QPointF(0, cut),
                    area.bottomRight(),
                    area.bottomLeft(),
                ]
            )
        )
        if look.is_barred:
            bar = QRectF(area.left(), area.center().y() - 1, area.width(), 2)
            painter.fillRect(bar, QColor(palette.surface))
    else:
        painter.setPen(QPen(QColor(look.colour), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))


class MaskStrip(QWidget):
    """The agent's mask over a criterion's, in as many lines as the width asks for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison: LayerComparison | None = None
        self._criterion = ""
        self._palette = LIGHT
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.tr("Masks of the selected layer"))

    def show_comparison(self, comparison: LayerComparison | None, criterion: str) -> None:
        """Show two other masks, or nothing; `criterion` as people call it: "L1"."""
        self._comparison, self._criterion = comparison, criterion
        self._fit_height()
        self.update()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        self.update()

    def channel_at(self, position: QPointF) -> int | None:
        """Return the channel that is painted at `position`, or None between two."""
        for channel in range(self._count):
            upper, lower = self._areas(channel)
            if upper.united(lower).contains(position):
                return channel
        return None

    def describe(self, channel: int) -> str:
        """Say in words what the two masks decide over `channel`."""
        if self._comparison is None:
            return ""
        agent, magnitude = self._comparison.learned, self._comparison.magnitude
        if self._comparison.is_fixed[channel]:
            text = self.tr("Channel {}: always kept")
        elif agent[channel] and magnitude[channel]:
            text = self.tr("Channel {}: both keep it")
        elif agent[channel]:
            text = self.tr("Channel {}: the agent keeps it, {} would remove it")
        elif magnitude[channel]:
            text = self.tr("Channel {}: the agent removes it, {} would keep it")
        else:
            text = self.tr("Channel {}: both remove it")
        return text.format(channel, self._criterion)

    def sizeHint(self) -> QSize:
        return QSize(240, self.heightForWidth(240))

    def heightForWidth(self, width: int) -> int:
        lines = -(-self._count // self._per_line(width)) if self._count else 0
        return max(1, lines * self._line_height(width) - BLOCK_GAP_PX + 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._comparison is None:
            return
        painter = QPainter(self)
        for channel in range(self._count):
            upper, lower = self._areas(channel)
            palette = self._palette
            paint_cell(painter, upper, learned_look(self._comparison, channel, palette), palette)
            paint_cell(painter, lower, magnitude_look(self._comparison, channel, palette), palette)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            channel = self.channel_at(QPointF(event.pos()))
            QToolTip.showText(
                event.globalPos(), "" if channel is None else self.describe(channel), self
            )
            return True
        return super().event(event)

    @property
    def _count(self) -> int:
        return 0 if self._comparison is None else len(self._comparison.learned)

    def _fit_height(self) -> None:
        # A fixed height, because scroll areas do not ask nested layouts for height for width.
        self.setFixedHeight(self.heightForWidth(max(1, self.width())))

    def _cell_side(self, width: int) -> int:
        least, greatest = CELL_PX
        return max(least, min(greatest, width // max(1, self._count) - GAP_PX))

    def _per_line(self, width: int) -> int:
        return max(1, (width + GAP_PX) // (self._cell_side(width) + GAP_PX))

    def _line_height(self, width: int) -> int:
        return 2 * self._cell_side(width) + GAP_PX + BLOCK_GAP_PX

    def _areas(self, channel: int) -> tuple[QRectF, QRectF]:
        width = self.width()
        side = self._cell_side(width)
        line, column = divmod(channel, self._per_line(width))
        left, top = column * (side + GAP_PX), line * self._line_height(width)
        return QRectF(left, top, side, side), QRectF(left, top + side + GAP_PX, side, side)
