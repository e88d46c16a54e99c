"""What all plots have in common: axes in the theme's colours, keys, notes about what is outside."""

from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QGuiApplication, QPainter, QPen
from PySide6.QtWidgets import QFrame, QGraphicsSimpleTextItem, QLabel, QSizePolicy, QWidget

from app.panels.growing import GrowingRange
from app.theme import SPACE_M, SPACE_S, Palette, text_font

TICK_PX = 4
NOTE_MARGIN_PX = 4
BACKDROP_OPACITY = 215  # of 255, behind notes

AXES = ("left", "bottom", "top")  # that a plot may show
Limits = tuple[float, float]
UNLIMITED: Limits = (-np.inf, np.inf)
PER_CENT: Limits = (0.0, 100.0)  # what an accuracy or a share can be
ROOM_SHARE = 0.1  # of a plot's height above 100 %, so that a point there is seen whole


def quieten(plot: pg.PlotWidget) -> None:
    """Take away what pyqtgraph adds to a plot: buttons, menus, automatic ranges, a frame."""
    item = plot.getPlotItem()
    item.hideButtons()
    # pyqtgraph makes the menu all the same; without a parent it would outlive the plot.
    item.ctrlMenu.setParent(plot, Qt.WindowType.Popup)
    item.disableAutoRange()
    for name in AXES:
        axis = item.getAxis(name)
        axis.enableAutoSIPrefix(False)
        axis.setStyle(maxTickLevel=0)  # finer lines say little and cost a third of a frame
        axis.setZValue(-1)  # the grid lies under the data
    plot.setFrameShape(QFrame.Shape.NoFrame)
    # Its one colour, once cached, would be a bitmap in a saved drawing.
    plot.setCacheMode(plot.CacheModeFlag.CacheNone)


def paint_axes(plot: pg.PlotWidget, palette: Palette) -> None:
    """Give a plot the theme's background, axes, tick labels and grid."""
    plot.setBackground(palette.surface)
    for name in AXES:
        axis = plot.getPlotItem().getAxis(name)
        axis.setPen(palette.outline)
        axis.setTextPen(palette.muted_text)
        axis.setTickFont(text_font("caption"))
        axis.setStyle(tickLength=-TICK_PX)
        axis.label.setFont(text_font("caption"))
    plot.getPlotItem().showGrid(x=True, y=True, alpha=0.5)


def label_axis(plot: pg.PlotWidget, name: str, words: str, palette: Palette) -> None:
    """Write what an axis shows, with its unit."""
    axis = plot.getPlotItem().getAxis(name)
    axis.setLabel(words, color=palette.muted_text)
    axis.label.setFont(text_font("caption"))


def line_pen(
    colour: str | QColor, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine
) -> QPen:
    """A pen of `width` logical pixels; pyqtgraph's own counts those of the screen."""
    return pg.mkPen(
        colour, width=width * QGuiApplication.instance().devicePixelRatio(), style=style
    )


def key_words(glyph: str, colour: str, words: str) -> str:
    """One entry of a legend in rich text; `words` may hold any characters."""
    unbroken = escape(words).replace(" ", "&nbsp;").replace("-", "\N{NON-BREAKING HYPHEN}")
    return f"<span style='color:{colour}'>{glyph}</span>&nbsp;{unbroken}"


def legend_text(title: str, keys: list[str], palette: Palette) -> str:
    """A bold title and its keys, in rich text."""
    gap = "&nbsp;&nbsp; "
    muted = f"<span style='color:{palette.muted_text}'>{gap.join(keys)}</span>"
    return f"<b>{escape(title)}</b>{gap}{muted}" if title else muted


def legend_label(*, wraps: bool = False) -> QLabel:
    """Rich text over or under a plot that never makes the panel wider."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(wraps)
    label.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, 0)
    height = QSizePolicy.Policy.Minimum if wraps else QSizePolicy.Policy.Fixed
    label.setSizePolicy(QSizePolicy.Policy.Ignored, height)
    return label


def note_label() -> QLabel:
    """Small plain text over or under a plot, in as many lines as it needs."""
    label = QLabel(alignment=Qt.AlignmentFlag.AlignTop)
    label.setTextFormat(Qt.TextFormat.PlainText)  # names of files and criteria stand in it
    label.setWordWrap(True)
    label.setFont(text_font("caption"))
    label.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, 0)
    # Its lines at this width, not those at the least: what lies below scrolls.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def readout_label() -> QLabel:
    """Two lines of small plain text under a plot; what is written never moves the plot."""
    label = note_label()
    label.setFixedHeight(round(2.3 * QFontMetricsF(label.font()).height()) + SPACE_S)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return label


def range_within(limits: Limits) -> GrowingRange:
    """A range for a plot whose values have these limits, with room for a point at the upper one."""
    return GrowingRange(*limits, ROOM_SHARE)


class BoundedAxis(pg.AxisItem):
    """An axis that has numbers and lines only where values can be: none at 101 %."""

    def __init__(self, orientation: str, limits: Limits = UNLIMITED) -> None:
        super().__init__(orientation)
        self.limits = limits

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        low, high = self.limits
        return [
            # pyqtgraph adds the steps up: the last one may be a hair more than 100
            (step, [at for at in values if low - step / 1e6 <= at <= high + step / 1e6])
            for step, values in super().tickValues(minVal, maxVal, size)
        ]


class RoomyAxis(BoundedAxis):
    """An upright axis whose numbers never touch, however low the plot is; true minus signs."""

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        levels: list[tuple[float, float]] = super().tickSpacing(minVal, maxVal, size)[:1]
        if not levels or size <= 0:
            return levels
        least = self._least_step(minVal, maxVal, size)
        if levels[0][0] >= least:
            return levels
        power = 10.0 ** np.floor(np.log10(least))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
        return [(float(step), 0.0)]

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        ticks = super().tickValues(minVal, maxVal, size)
        if size <= 0 or sum(len(values) for _, values in ticks) > 1:
            return ticks
        # a lone number says nothing of the scale: the outermost of finer steps, if they fit
        step = super().tickSpacing(minVal, maxVal, size)[0][0]
        low, high = max(minVal, self.limits[0]), min(maxVal, self.limits[1])
        first, last = np.ceil(low / step) * step, np.floor(high / step) * step
        if last - first >= self._least_step(minVal, maxVal, size):
            return [(float(last - first), [float(first), float(last)])]
        return ticks if any(values for _, values in ticks) else [(step, [float(last)])]

    def _least_step(self, low: float, high: float, size: float) -> float:
        font = self.style["tickFont"] or text_font("caption")
        return float(_LINES_PER_TICK * QFontMetricsF(font).height() / size * abs(high - low))

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        words: list[str] = super().tickStrings(values, scale, spacing)
        return [word.replace("-", "\N{MINUS SIGN}") for word in words]

    def boundingRect(self) -> QRectF:
        # Under a grid pyqtgraph leaves out numbers that stick out; these are moved in below.
        line = QFontMetricsF(self.style["tickFont"] or text_font("caption")).height()
        rect: QRectF = super().boundingRect()
        return rect.adjusted(0, -line, 0, line)

    def generateDrawSpecs(self, p: Any) -> Any:
        specs = super().generateDrawSpecs(p)
        if specs is None:
            return None
        pen, lines, words = specs
        room = self.mapRectFromParent(self.geometry())
        inside = []
        for rect, flags, word in words:  # one at the edge moves in, instead of being cut
            shift = max(room.top() - rect.top(), 0.0) - max(rect.bottom() - room.bottom(), 0.0)
            inside.append((rect.translated(0, shift), flags, word))
        return pen, lines, inside


_LINES_PER_TICK = 1.4  # so many lines of text from number to number


class UniformScatter(pg.ScatterPlotItem):
    """Points that all look the same, so that thousands of them are set in a millisecond."""

    def __init__(self) -> None:
        super().__init__(antialias=True)

    def paint_as(
        self,
        symbol: str,
        size: float,
        fill: QColor | None,
        outline: str | None = None,
        width: float = 1.0,
    ) -> None:
        """Give all points a form, a size in pixels and colours; None is transparent."""
        self.setSymbol(symbol)
        self.setSize(size)
        self.setPen(pg.mkPen(None) if outline is None else line_pen(outline, width))
        self.setBrush(pg.mkBrush(None) if fill is None else pg.mkBrush(fill))

    def updateSpots(self, dataSet: Any = None) -> None:
        # pyqtgraph looks up the picture of every single point; that of the first is enough.
        points = self.data if dataSet is None else dataSet
        is_new = len(points) > 1 and bool((points["sourceRect"]["w"] == 0).any())
        if is_new:
            points["sourceRect"][0] = 0
        super().updateSpots(points[:1] if is_new else points)
        if is_new:
            points["sourceRect"] = points["sourceRect"][0]


class Note(QGraphicsSimpleTextItem):
    """A line of text that stays readable over lines and points."""

    backdrop = QColor("transparent")

    def paint(self, painter: QPainter, option: Any, widget: QWidget | None = None) -> None:
        if self.text():
            painter.fillRect(self.boundingRect(), self.backdrop)
        super().paint(painter, option, widget)


class EdgeNotes:
    """Small texts at the edges of a plot that say what lies outside it: "▼ 3 criteria lower"."""

    def __init__(self, plot: pg.PlotWidget) -> None:
        self._box = plot.getPlotItem().getViewBox()
        self._notes = {edge: Note(self._box) for edge in ("top", "bottom")}
        self._notes["right"] = Note(self._box)
        for note in self._notes.values():
            note.setZValue(20)
        self._box.sigResized.connect(self._place)

    @property
    def texts(self) -> dict[str, str]:
        """What stands at each edge, "" for nothing."""
        return {edge: note.text() for edge, note in self._notes.items()}

    def show(self, edge: str, words: str) -> None:
        """Write at the "top", "bottom" or "right" edge; "" removes the note."""
        self._notes[edge].setText(words)
        self._place()

    def use_palette(self, palette: Palette, colour: str = "muted_text") -> None:
        """Write in the palette's `colour`."""
        for note in self._notes.values():
            note.setFont(text_font("caption"))
            note.setBrush(QColor(getattr(palette, colour)))
            note.backdrop = QColor(palette.surface)
            note.backdrop.setAlpha(BACKDROP_OPACITY)
        self._place()

    def _place(self) -> None:
        room = self._box.boundingRect().adjusted(
            NOTE_MARGIN_PX, NOTE_MARGIN_PX, -NOTE_MARGIN_PX, -NOTE_MARGIN_PX
        )
        top, bottom, right = (self._notes[edge] for edge in ("top", "bottom", "right"))
        top.setPos(room.topLeft())
        bottom.setPos(room.left(), room.bottom() - bottom.boundingRect().height())
        size = right.boundingRect()
        right.setPos(room.right() - size.width(), room.center().y() - size.height() / 2)
