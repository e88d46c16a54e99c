"""The plane of accuracy against kept MACs, with a point for every mask."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication

from app.panels.growing import FloatVector
from app.panels.plot_parts import (
    PER_CENT,
    BoundedAxis,
    EdgeNotes,
    Limits,
    UniformScatter,
    label_axis,
    line_pen,
    paint_axes,
    quieten,
)
from app.panels.tradeoff_points import Kind, step_line, thinned
from app.theme import Palette, text_font

REACH_PX = 14  # from the pointer to the point that is meant
CELL_PX = 2.5  # points nearer than this cannot be told apart
POINT_OPACITY = 170  # of 255
LEFT_AXIS_PX = 52
LEAST_PX = 160, 120
LAYERS = ("masks", "over_budget", "criteria", "unpruned", "winner")


class TradeoffPlot(pg.PlotWidget):
    """Points in per cent (or nats) against per cent of MACs; draws, and says what is meant.

    Signals:
        point_hovered(int): the pointer or the arrow keys are on this point, -1 for none.
        point_chosen(int): this point was clicked, or Return was pressed on it.
        fit_requested(): a double click asks to see everything again.
    """

    point_hovered = Signal(int)
    point_chosen = Signal(int)
    fit_requested = Signal()

    def __init__(self, palette: Palette) -> None:
        axes = {side: BoundedAxis(side, PER_CENT) for side in ("left", "bottom")}
        super().__init__(background=palette.surface, enableMenu=False, axisItems=axes)
        quieten(self)
        self.getPlotItem().getAxis("left").setWidth(LEFT_AXIS_PX)
        self.getPlotItem().setContentsMargins(0, 4, 8, 0)
        self.box = self.getPlotItem().getViewBox()
        self.edges = EdgeNotes(self)
        self._x = self._y = np.empty(0)
        self._kinds = np.empty(0, dtype=np.int64)
        self._meets_budget = np.empty(0, dtype=np.bool_)
        self._current = -1
        self.is_untouched = True  # until the person zooms or pans
        self._add_items()
        self.use_palette(palette)
        self.box.sigRangeChanged.connect(self._draw_masks)
        self.box.sigRangeChangedManually.connect(self._on_moved)
        self.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(*LEAST_PX)

    def sizeHint(self) -> QSize:
        return QSize(*LEAST_PX)  # it grows with the panel, and asks for no more

    @property
    def current(self) -> int:
        """The point that the pointer or the keys are on, -1 for none."""
        return self._current

    def drawn(self, layer: str) -> tuple[FloatVector, FloatVector]:
        """What is drawn of one of LAYERS now."""
        x, y = self._scatters[layer].getData()
        return x, y

    def limit_values(self, limits: Limits) -> None:
        """Say between what the values that are drawn upwards can lie."""
        self.getPlotItem().getAxis("left").limits = limits

    def set_points(
        self,
        x: FloatVector,
        y: FloatVector,
        kinds: NDArray[np.int64],
        meets_budget: NDArray[np.bool_],
    ) -> None:
        """Show these points; all arrays have shape (points,)."""
        self._x, self._y, self._kinds, self._meets_budget = x, y, kinds, meets_budget
        for layer, kind in (
            ("criteria", Kind.CRITERION),
            ("unpruned", Kind.UNPRUNED),
            ("winner", Kind.WINNER),
        ):
            self._scatters[layer].setData(x[kinds == kind], y[kinds == kind])
        self._draw_masks()

    def set_front(self, front: NDArray[np.int64]) -> None:
        """Draw the stairs through these points."""
        x, y = self._x[front], self._y[front]
        right = float(self._x.max(initial=0.0))
        self._front.setData(*step_line(x, y, right))

    def set_lines(self, budget: float | None, unpruned: float | None) -> None:
        """Draw where the budget is, and what the unpruned network reaches."""
        for line, value in ((self._budget, budget), (self._unpruned, unpruned)):
            line.setVisible(value is not None)
            if value is not None:
                line.setValue(value)

    def mark(self, best: int | None, loaded: int | None) -> None:
        """Ring the best mask, and the one that all panels show."""
        for ring, index in ((self._best, best), (self._loaded, loaded)):
            some = [] if index is None else [index]
            ring.setData(self._x[some], self._y[some])

    def name_current(self, words: str) -> None:
        """Write what the current point is beside it."""
        self._name.setText(words)
        self._place_name()

    def set_current(self, index: int) -> None:
        """Put the cursor on a point, or on none with -1."""
        self._current = index
        some = [] if index < 0 else [index]
        self._cursor.setData(self._x[some], self._y[some])
        self._name.setVisible(index >= 0)
        self.point_hovered.emit(index)

    def fit(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show these ranges, until the person moves them."""
        self.is_untouched = True
        self.box.setRange(xRange=x, yRange=y, padding=0)

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        paint_axes(self, palette)
        label_axis(self, "bottom", self.tr("MACs kept, %"), palette)
        self.getPlotItem().getAxis("bottom").setHeight(
            2.6 * QFontMetricsF(text_font("caption")).height()
        )
        solid = {name: QColor(getattr(palette, name)) for name in ("accuracy", "budget")}
        for colour in solid.values():
            colour.setAlpha(POINT_OPACITY)
        self._scatters["masks"].paint_as("o", 6, solid["accuracy"])
        self._scatters["over_budget"].paint_as("x", 8, solid["budget"])
        self._scatters["criteria"].paint_as("d", 9, QColor(palette.criteria), palette.surface)
        self._scatters["unpruned"].paint_as("s", 9, QColor(palette.baseline), palette.surface)
        self._scatters["winner"].paint_as("star", 15, QColor(palette.best), palette.surface)
        for ring, colour, size in (
            (self._best, palette.best, 12),
            (self._loaded, palette.accent, 18),
            (self._cursor, palette.text, 14),
        ):
            ring.paint_as("o", size, None, colour, width=2.0)
        dashed = Qt.PenStyle.DashLine
        self._budget.setPen(line_pen(palette.budget, width=1.6, style=dashed))
        self._unpruned.setPen(line_pen(palette.baseline, width=1.6, style=dashed))
        self._front.setPen(line_pen(palette.ema, width=1.8))
        self._name.fill = pg.mkBrush(palette.raised)
        self._name.border = line_pen(palette.outline)
        self._name.setColor(palette.text)
        self._name.setFont(text_font("caption"))
        self.edges.use_palette(palette)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self._current >= 0:
                self.point_chosen.emit(self._current)
        elif (step := _STEPS.get(key)) is not None:
            self._step(*step)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.fit_requested.emit()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.set_current(-1)

    def _add_items(self) -> None:
        # Of points that are drawn over each other the rarer kind is above.
        self._scatters = {layer: UniformScatter() for layer in LAYERS}
        self._front = pg.PlotCurveItem(antialias=True)
        self._best, self._loaded, self._cursor = (UniformScatter() for _ in range(3))
        self._budget = pg.InfiniteLine(angle=90, movable=False)
        self._unpruned = pg.InfiniteLine(angle=0, movable=False)
        self._name = pg.TextItem(anchor=(0, 1))
        items = (
            self._budget,
            self._unpruned,
            self._front,
            *self._scatters.values(),
            self._best,
            self._loaded,
            self._cursor,
            self._name,
        )
        for height, item in enumerate(items):
            item.setZValue(height)
            self.getPlotItem().addItem(item, ignoreBounds=True)
        self._name.setVisible(False)
        self.getPlotItem().scene().sigMouseClicked.connect(self._on_clicked)

    def _draw_masks(self) -> None:
        """Draw the sampled masks that are in view, one for every place on the screen."""
        (left, right), (low, high) = self.box.viewRange()
        x_pixel, y_pixel = self.box.viewPixelSize()
        is_seen = (self._x >= left) & (self._x <= right) & (self._y >= low) & (self._y <= high)
        is_seen &= self._kinds == Kind.CANDIDATE
        for layer, chosen in (
            ("masks", is_seen & self._meets_budget),
            ("over_budget", is_seen & ~self._meets_budget),
        ):
            x, y = self._x[chosen], self._y[chosen]
            few = thinned(x, y, CELL_PX * x_pixel, CELL_PX * y_pixel)
            self._scatters[layer].setData(x[few], y[few])
        self._place_name()

    def _place_name(self) -> None:
        if self._current < 0:
            return
        x, y = self._x[self._current], self._y[self._current]
        (left, right), (low, high) = self.box.viewRange()
        # Towards the middle of the plot, so that the words are always whole.
        self._name.setAnchor((1.08 if x > (left + right) / 2 else -0.08, y > (low + high) / 2))
        self._name.setPos(x, y)

    def _nearest(self, at: QPointF) -> int:
        x_pixel, y_pixel = self.box.viewPixelSize()
        away = np.hypot((self._x - at.x()) / x_pixel, (self._y - at.y()) / y_pixel)
        if not len(away) or not (away <= REACH_PX).any():
            return -1
        return int(np.nanargmin(away))

    def _step(self, axis: int, direction: int) -> None:
        """Go to the next point to the right or left (axis 0), or up or down (axis 1)."""
        values = np.where(np.isfinite(self._x) & np.isfinite(self._y), (self._x, self._y)[axis], 0)
        order = np.lexsort(((self._y, self._x)[axis], values))
        if not len(order):
            return
        if self._current < 0:
            place = 0 if direction > 0 else len(order) - 1
        else:
            place = int(np.flatnonzero(order == self._current)[0]) + direction
        self.set_current(int(order[min(max(place, 0), len(order) - 1)]))

    def _on_mouse_moved(self, at: QPointF) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            return
        index = self._nearest(self.box.mapSceneToView(at))
        if index != self._current:
            self.set_current(index)

    def _on_clicked(self, click: object) -> None:
        if click.button() != Qt.MouseButton.LeftButton or click.double():  # type: ignore[attr-defined]
            return
        at = self.box.mapSceneToView(click.scenePos())  # type: ignore[attr-defined]
        index = self._nearest(at)
        if index >= 0:
            self.set_current(index)
            self.point_chosen.emit(index)

    def _on_moved(self) -> None:
        self.is_untouched = False


_STEPS = {
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Up: (1, 1),
    Qt.Key.Key_Down: (1, -1),
}
