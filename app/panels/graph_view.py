"""Look at a graph: zoom round the cursor, drag, fit, walk with the arrow keys."""

import time

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsView

from app.graph_layout import LARGEST_FITTED_ZOOM
from app.panels.graph_items import LayerItem
from app.panels.graph_scene import Direction, GraphScene

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
    """Shows a GraphScene. While it is fitted it stays so when it is resized."""

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
        self.setMinimumSize(160, 120)
        self.setAccessibleName("Layer graph")

    @property
    def zoom(self) -> float:
        """Screen pixels per pixel of the page."""
        return self.transform().m11()

    def fit(self) -> None:
        """Show the whole network as large as possible."""
        self.is_fitted = True
        width = max(1, self.viewport().width() - 2 * _FIT_MARGIN)
        height = max(1, self.viewport().height() - 2 * _FIT_MARGIN)
        page = self.graph_scene.fit_page(width, height)
        if page.isEmpty():
            return
        zoom = min(width / page.width(), height / page.height(), LARGEST_FITTED_ZOOM)
        self.resetTransform()
        self.scale(zoom, zoom)
        self.centerOn(page.center())

    def zoom_by(self, factor: float, anchor: QPoint | None = None) -> None:
        """Zoom round a point of the viewport, its middle if there is none."""
        if not self.graph_scene.layers:
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

    def reveal(self, name: str) -> None:
        """Move as little as needed for a layer to be in sight."""
        item = self.graph_scene.layers.get(name)
        if item is not None and not self.is_fitted:
            self.ensureVisible(item, 24, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        start = time.perf_counter()
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
            self.graph_scene.hover(self._layer_at(here))
            super().mouseMoveEvent(event)
            return
        moved = here - self._pressed_at
        if self._is_dragging or moved.manhattanLength() >= _DRAG_START:
            self._is_dragging = True
            self.is_fitted = False
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - moved.x())
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() - moved.y())
            self._pressed_at = here

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is not None and not self._is_dragging:
            self.graph_scene.select(self._layer_at(event.position().toPoint()))
        self._pressed_at = None
        self.viewport().unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self._layer_at(event.position().toPoint()):
            self.fit()

    def leaveEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        self.graph_scene.hover("")
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        scene, key = self.graph_scene, event.key()
        if key in _DIRECTIONS:
            scene.select(scene.neighbour(scene.selected, _DIRECTIONS[key]))
            self.reveal(scene.selected)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and scene.layers:
            scene.select(list(scene.layers)[0 if key == Qt.Key.Key_Home else -1])
            self.reveal(scene.selected)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(_ZOOM_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / _ZOOM_STEP)
        elif key == Qt.Key.Key_F and not event.modifiers():
            self.fit()
        else:
            super().keyPressEvent(event)

    def _layer_at(self, point: QPoint) -> str:
        for item in self.items(point):
            if isinstance(item, LayerItem):
                return item.layer.name
        return ""
