"""One plot of the trajectory: any number of points, of which the screen's worth is drawn."""

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF

from app.panels.growing import FloatVector
from app.panels.plot_parts import (
    EdgeNotes,
    Limits,
    RoomyAxis,
    UniformScatter,
    label_axis,
    line_pen,
    paint_axes,
    quieten,
)
from app.panels.trajectory_thinning import ThinnedCurve, curve_extremes, visible_extremes
from app.theme import Palette, text_font

Series = ThinnedCurve | UniformScatter

_AXIS_WIDTH = 52
_TOP_PX = 4  # above the data
_BINS = 300  # for a view; more points cannot be told apart
_WINDOW_VIEWS = 3  # so many views' points are drawn at once
_ZOOM_STEP = 1.6  # how far the view may change before other points are chosen


class TrajectoryPlot(pg.PlotWidget):
    """A plot over evaluations with points, lines and a cursor; the user zooms along x only."""

    def __init__(self, palette: Palette, limits: Limits, *, least_height: int = 34) -> None:
        axis = RoomyAxis("left", limits)
        super().__init__(background=palette.surface, enableMenu=False, axisItems={"left": axis})
        quieten(self)
        plot = self.getPlotItem()
        plot.setMouseEnabled(x=True, y=False)
        plot.setContentsMargins(0, _TOP_PX, 8, 0)
        left = plot.getAxis("left")
        left.setWidth(_AXIS_WIDTH)
        left.setTickDensity(0.6)
        self.edges = EdgeNotes(self)
        self._palette = palette
        self._x_words = ""
        self._is_lowest = False
        self._least_height = least_height  # of the data, in pixels
        self._window: tuple[float, float] | None = None
        self._series: list[tuple[Series, str, str]] = []  # item, colour name, style
        self._data: dict[Series, tuple[FloatVector, FloatVector]] = {}
        self._lines: list[tuple[pg.InfiniteLine, str, Qt.PenStyle]] = []
        self.cursor = self.add_line("muted_text", Qt.PenStyle.SolidLine, angle=90)
        plot.sigXRangeChanged.connect(self._on_x_range_changed)
        self.set_lowest(is_lowest=False, x_words="")

    def set_data(self, item: Series, x: FloatVector, y: FloatVector) -> None:
        """Show all of a series; only what is drawn is thinned out, the data stay whole."""
        self._data[item] = x, y
        low, high = self._window or self._wide_window()
        bins = _BINS * _WINDOW_VIEWS
        if isinstance(item, ThinnedCurve):
            item.show_points(*curve_extremes(x, y, low, high, bins))
        else:
            item.setData(*visible_extremes(x, y, low, high, bins))

    def _wide_window(self) -> tuple[float, float]:
        """What is drawn: the view and as much to both sides, so that panning draws nothing new."""
        (low, high), _ = self.getPlotItem().getViewBox().viewRange()
        margin = (high - low) * (_WINDOW_VIEWS - 1) / 2
        self._window = low - margin, high + margin
        return self._window

    def _on_x_range_changed(self) -> None:
        (low, high), _ = self.getPlotItem().getViewBox().viewRange()
        if self._window is not None:
            width = (self._window[1] - self._window[0]) / _WINDOW_VIEWS
            is_inside = self._window[0] <= low and high <= self._window[1]
            if is_inside and width / _ZOOM_STEP < high - low < width * _ZOOM_STEP:
                return
        self._wide_window()
        for item, (x, y) in self._data.items():
            self.set_data(item, x, y)

    def add_points(self, colour: str, *, ringed: bool = False) -> Series:
        """Add a cloud of points; ringed ones are larger and hollow."""
        return self._add(colour, "rings" if ringed else "points")

    def add_crosses(self, colour: str) -> Series:
        """Add points that stand out by their form too."""
        return self._add(colour, "crosses")

    def add_diamonds(self, colour: str) -> Series:
        """Add points that were measured on other images."""
        return self._add(colour, "diamonds")

    def add_curve(self, colour: str) -> Series:
        """Add a solid curve."""
        return self._add(colour, "curve")

    def add_marks(self, colour: str) -> Series:
        """Add short ticks, for values that belong to no evaluation."""
        return self._add(colour, "marks")

    def add_line(self, colour: str, style: Qt.PenStyle, angle: float = 0) -> pg.InfiniteLine:
        """Add a straight line across the plot, hidden until it has a value."""
        line = pg.InfiniteLine(angle=angle, movable=False)
        line.setVisible(False)
        line.setZValue(5)
        self.getPlotItem().addItem(line, ignoreBounds=True)
        self._lines.append((line, colour, style))
        return line

    def set_lowest(self, *, is_lowest: bool, x_words: str) -> None:
        """Write the x axis under this plot, or leave that to a plot below it."""
        self._is_lowest, self._x_words = is_lowest, x_words
        bottom = self.getPlotItem().getAxis("bottom")
        bottom.setStyle(showValues=is_lowest)
        if is_lowest:
            label_axis(self, "bottom", x_words, self._palette)
            height = round(2.6 * QFontMetricsF(text_font("caption")).height())
        else:
            bottom.showLabel(False)
            height = 6
        bottom.setHeight(height)
        self.setMinimumHeight(self._least_height + height + _TOP_PX)

    def use_palette(self, palette: Palette) -> None:
        """Recolour axes, points and lines."""
        self._palette = palette
        paint_axes(self, palette)
        self.edges.use_palette(palette, "criteria")
        self.set_lowest(is_lowest=self._is_lowest, x_words=self._x_words)
        for item, colour, style in self._series:
            _paint_item(item, getattr(palette, colour), palette.surface, style)
        for line, colour, style in self._lines:
            width = 1.0 if line is self.cursor else 1.6
            line.setPen(line_pen(getattr(palette, colour), width=width, style=style))

    def _add(self, colour: str, style: str) -> Series:
        item = ThinnedCurve() if style == "curve" else UniformScatter()
        item.setZValue(_HEIGHTS[style])
        self.getPlotItem().addItem(item)
        self._series.append((item, colour, style))
        return item


def set_line(line: pg.InfiniteLine, value: float | None) -> None:
    """Move a line to a value, or hide it."""
    line.setVisible(value is not None)
    if value is not None:
        line.setValue(value)


def _paint_item(item: Series, colour: str, surface: str, style: str) -> None:
    if isinstance(item, ThinnedCurve):
        item.paint_as(colour)
        return
    symbol, size, opacity = _SYMBOLS[style]
    brush = QColor(surface if style == "rings" else colour)
    brush.setAlpha(opacity)
    outlines = {"rings": (colour, 2.0), "marks": (colour, 1.0), "diamonds": (surface, 1.0)}
    item.paint_as(symbol, size, brush, *outlines.get(style, (None, 1.0)))


_HEIGHTS = {"points": 1, "crosses": 2, "marks": 3, "curve": 6, "diamonds": 7, "rings": 8}
# Symbol, size in pixels, opacity of 255: dense clouds of points stay readable.
_SYMBOLS = {
    "points": ("o", 5, 150),
    "crosses": ("x", 7, 255),
    "marks": ("d", 7, 90),
    "diamonds": ("d", 10, 255),
    "rings": ("o", 9, 255),
}
