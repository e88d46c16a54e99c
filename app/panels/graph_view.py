"""Look at a graph: zoom, drag, fit, fold and unfold blocks, walk with the arrow keys."""

import time
from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsView

from app.graph_layout import LARGEST_FITTED_ZOOM
from app.graph_shown import ShownGraph
from app.graph_walk import Direction
from app.panels.graph_block import BlockItem
from app.panels.graph_items import NodeItem
from app.panels.graph_overview import is_crowded
from app.panels.graph_scene import GraphScene

_ZOOM_STEP = 1.2
_LARGEST_ZOOM = 8.0
_FIT_MARGIN = 14
_DRAG_START = 4  # pixels

_DIRECTIONS: dict[int, Direction] = {
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
}


class GraphView(QGraphicsView):
    """Shows a GraphScene. While it is fitted it stays so when it is resized.

    Signals:
        find_requested(): the user wants to search a layer by name.
        menu_requested(QPoint, str, str): a context menu at this point of the screen, for a node
            ("" for none) and the unfolded block round it ("" for none).
    """

    find_requested = Signal()
    menu_requested = Signal(QPoint, str, str)

    def __init__(self, scene: GraphScene) -> None:
        super().__init__(scene)
        self.graph_scene = scene
        self.is_fitted = True
        self.paint_ms = 0.0  # that the last repaint took
        self._pressed_at: QPoint | None = None
        self._is_dragging = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        # Measured: one full repaint is cheaper than many small ones while strips change.
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheBackground)  # the wires
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 150)
        self.setAccessibleName("Layer graph")

    @property
    def zoom(self) -> float:
        """Screen pixels per pixel of the page."""
        return self.transform().m11()

    def fit(self) -> None:
        """Show the whole network as large as possible."""
        self.is_fitted = True
        page = self.graph_scene.fit_page(*self._page_room())
        if page.isEmpty():
            return
        width, height = self._page_room()
        zoom = min(width / page.width(), height / page.height(), LARGEST_FITTED_ZOOM)
        self.resetTransform()
        self.scale(zoom, zoom)
        self.centerOn(page.center())

    def zoom_by(self, factor: float, anchor: QPoint | None = None) -> None:
        """Zoom round a point of the viewport, its middle if there is none."""
        if not self.graph_scene.nodes:
            return
        point = anchor or self.viewport().rect().center()
        page = self.graph_scene.page
        smallest = 0.5 * min(
            self.viewport().width() / page.width, self.viewport().height() / page.height, 1.0
        )
        factor = min(max(self.zoom * factor, smallest), _LARGEST_ZOOM) / self.zoom
        before = self.mapToScene(point)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.scale(factor, factor)
        moved = self.mapToScene(point) - before
        self.translate(moved.x(), moved.y())
        self.is_fitted = False

    def pan_by(self, x: int, y: int) -> None:
        """Move to the right and down, in pixels of the screen."""
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() + x)
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + y)

    def reveal(self, name: str) -> None:
        """Move as little as needed for a node to be in sight."""
        item = self.graph_scene.nodes.get(name)
        if item is not None and not self.is_fitted:
            self.ensureVisible(item, 24, 24)

    def centre(self, name: str) -> None:
        """Bring a node to the middle, large enough to be read; what fits the view stays so."""
        item = self.graph_scene.nodes.get(name)
        if item is None:
            return
        if self.is_fitted and item.style.is_legible(self.zoom):
            return
        if not item.style.is_legible(self.zoom):
            self.zoom_by(1 / self.zoom)
        self.is_fitted = False
        self.centerOn(item)

    def change_folding(self, change: Callable[[ShownGraph], bool], anchor: str = "") -> bool:
        """Fold or unfold blocks; what shows the layer or block `anchor` stays where it is.

        Returns: whether that changed what is seen.
        """
        scene = self.graph_scene
        before = self._point_of(anchor)
        if not scene.change_folding(change):
            return False
        if self.is_fitted:
            self.fit()
            return True
        scene.fit_page(*self._page_room())
        after = self._point_of(anchor)
        if before is None or after is None:
            self.centerOn(QPointF(scene.page.width / 2, scene.page.height / 2))
        else:
            self.pan_by(after.x() - before.x(), after.y() - before.y())
        return True

    def unfold(self, block: str) -> bool:
        """Show what is in a folded block."""
        return self.change_folding(lambda shown: shown.unfold(block), block)

    def fold(self, block: str) -> bool:
        """Show a block as one card and select it; one that cannot be folded stays open."""
        changed = self.change_folding(lambda shown: shown.fold(block), block)
        self.graph_scene.select(block)
        return changed

    def paintEvent(self, event: QPaintEvent) -> None:
        start = time.perf_counter()
        exposed = self.mapToScene(self.viewport().rect()).boundingRect()
        if is_crowded(self.graph_scene.page, exposed, self.zoom):
            self._paint_overview(exposed)
        else:
            super().paintEvent(event)
        self.paint_ms = 1000 * (time.perf_counter() - start)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.is_fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        self.zoom_by(_ZOOM_STEP**steps, event.position().toPoint())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed_at = event.position().toPoint()
            self._is_dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        here = event.position().toPoint()
        if self._pressed_at is None:
            self.graph_scene.hover(self._node_at(here))
            super().mouseMoveEvent(event)
            return
        moved = here - self._pressed_at
        if self._is_dragging or moved.manhattanLength() >= _DRAG_START:
            self._is_dragging = True
            self.is_fitted = False
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self.pan_by(-moved.x(), -moved.y())
            self._pressed_at = here

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is not None and not self._is_dragging:
            here = event.position().toPoint()
            name = self._node_at(here)
            self.graph_scene.select(name)
            if self._is_on_sign(name, here):
                self.unfold(name)
        self._pressed_at = None
        self.viewport().unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        here = event.position().toPoint()
        node, block = self._node_at(here), self._frame_at(here)
        if self.graph_scene.shown.block(node):
            self.unfold(node)
        elif block and not node:
            self.fold(block)
        elif not node:
            self.fit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            node = self._node_at(event.pos())
            self.menu_requested.emit(event.globalPos(), node, self._frame_at(event.pos()))
            return
        node = self.graph_scene.selected
        point = self._point_of(node) or self.viewport().rect().center()
        self.menu_requested.emit(self.viewport().mapToGlobal(point), node, "")

    def leaveEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        self.graph_scene.hover("")
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        scene, key = self.graph_scene, event.key()
        if key in _DIRECTIONS:
            scene.select(scene.neighbour(scene.selected, _DIRECTIONS[key]))
            self.reveal(scene.selected)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and scene.nodes:
            scene.select(list(scene.nodes)[0 if key == Qt.Key.Key_Home else -1])
            self.reveal(scene.selected)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(_ZOOM_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / _ZOOM_STEP)
        elif key == Qt.Key.Key_F and not event.modifiers():
            self.fit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and scene.shown.block(scene.selected):
            self.unfold(scene.selected)
            self.reveal(scene.selected)
        elif key == Qt.Key.Key_Backspace and scene.selected:
            self._fold_around(scene.selected)
        elif event.matches(QKeySequence.StandardKey.Find):
            self.find_requested.emit()
        else:
            super().keyPressEvent(event)

    def _paint_overview(self, exposed: QRectF) -> None:
        painter = QPainter(self.viewport())
        painter.setWorldTransform(self.viewportTransform())
        self.graph_scene.drawBackground(painter, exposed)
        self.graph_scene.paint_overview(painter)
        painter.end()

    def _fold_around(self, node: str) -> None:
        for block in reversed(self.graph_scene.shown.unfolded_around(node)):
            if self.fold(block):
                self.reveal(block)
                return

    def _node_at(self, point: QPoint) -> str:
        for item in self.items(point):
            if isinstance(item, NodeItem):
                return item.name
        return ""

    def _frame_at(self, point: QPoint) -> str:
        there = self.mapToScene(point)
        return self.graph_scene.block_at(there.x(), there.y())

    def _is_on_sign(self, name: str, point: QPoint) -> bool:
        item = self.graph_scene.nodes.get(name)
        if not isinstance(item, BlockItem) or not item.style.is_legible(self.zoom):
            return False
        near = item.sign_rect.adjusted(-4, -4, 4, 4)
        return near.contains(item.mapFromScene(self.mapToScene(point)))

    def _point_of(self, name: str) -> QPoint | None:
        """Where in the viewport the node is that shows a layer, or the first one of a block."""
        shown = self.graph_scene.shown
        block = shown.block(name)
        node = shown.node_of(block.layers[0] if block else name)
        box = self.graph_scene.page.boxes.get(node)
        return None if box is None else self.mapFromScene(QPointF(*box.centre))

    def _page_room(self) -> tuple[int, int]:
        width, height = self.viewport().width(), self.viewport().height()
        return max(1, width - 2 * _FIT_MARGIN), max(1, height - 2 * _FIT_MARGIN)
