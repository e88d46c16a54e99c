"""A network seen from so far that nothing in its cards could be read: painted all at once.

A thousand items that paint themselves take a tenth of a second; a few calls that paint a
thousand rectangles each take a hundredth of it.
"""

from collections import defaultdict
from collections.abc import Iterable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.graph_layout import GraphLayout
from app.panels.graph_items import NodeItem
from app.panels.graph_style import CARD_PAD
from app.theme import Palette, blend

_ALWAYS_ZOOM = 0.24  # up to which cards are about as wide as a letter is high
_LARGEST_ZOOM = 0.5
_MOST_CARDS_IN_DETAIL = 250


def is_crowded(page: GraphLayout, exposed: QRectF, zoom: float) -> bool:
    """Whether cards are so small, or so many in sight, that they are painted all at once.

    `exposed` is the part of the page in sight.
    """
    if not page.boxes or zoom > _LARGEST_ZOOM:
        return False
    across, down = exposed.width() / page.width, exposed.height() / page.height
    in_sight = len(page.boxes) * min(1.0, across) * min(1.0, down)
    return zoom <= _ALWAYS_ZOOM or in_sight > _MOST_CARDS_IN_DETAIL


class Overview:
    """Rectangles of all nodes, with a bar for the share of channels that is kept."""

    def __init__(self, nodes: Iterable[NodeItem], palette: Palette) -> None:
        self._cards: dict[tuple[str, str], list[QRectF]] = defaultdict(list)  # by fill, outline
        self._bars: dict[str, list[QRectF]] = defaultdict(list)  # by colour
        removed = blend(palette.kept, palette.surface, 0.16).name()
        fixed = blend(palette.frozen, palette.surface, 0.42).name()
        for node in nodes:
            x, y, (width, height) = node.x(), node.y(), node.size
            outline = node.outline(1.0).color().name()
            self._cards[node.fill().name(), outline].append(QRectF(x, y, width, height))
            share = node.kept_share
            if share is None:
                continue
            left, top = x + CARD_PAD, y + CARD_PAD
            width, height = width - 2 * CARD_PAD, height - 2 * CARD_PAD
            gone = height * (1 - share) if node.is_prunable else 0.0
            colour = palette.kept if node.is_prunable else fixed
            self._bars[colour].append(QRectF(left, top + gone, width, height - gone))
            if gone:
                self._bars[removed].append(QRectF(left, top, width, gone))

    def paint(self, painter: QPainter) -> None:
        """Paint everything in the coordinates of the page."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for (fill, outline), cards in self._cards.items():
            painter.setPen(QPen(QColor(outline), 0))  # as thin as a pixel
            painter.setBrush(QColor(fill))
            painter.drawRects(cards)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, bars in self._bars.items():
            painter.setBrush(QColor(colour))
            painter.drawRects(bars)
