"""The trajectory's charts one below the other, with one x axis."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.panels.trajectory_charts import Chart
from app.panels.trajectory_measures import MEASURES
from app.theme import LIGHT, SPACE_S, Palette, fill_background


class ChartBoard(QWidget):
    """The charts that are chosen; each is made when it is chosen for the first time."""

    def __init__(self, on_made: Callable[[Chart], None]) -> None:
        """on_made: is given each chart once, as soon as it is there."""
        super().__init__()
        self.charts: dict[str, Chart] = {}  # all that were ever chosen
        self.shown: tuple[str, ...] = ()  # from above
        self._on_made = on_made
        self._palette = LIGHT
        self._stack = QVBoxLayout(self)
        self._stack.setContentsMargins(0, SPACE_S, 0, 0)
        self._stack.setSpacing(0)

    @property
    def shown_charts(self) -> list[Chart]:
        """The chosen charts, from above."""
        return [self.charts[name] for name in self.shown]

    @property
    def over_search(self) -> list[Chart]:
        """The chosen charts that share the x axis, from above."""
        return [chart for chart in self.shown_charts if not chart.measure.is_by_epoch]

    def show_charts(self, names: Sequence[str], x_words: str) -> None:
        """Show these charts; the lowest has the x axis, and the others follow it."""
        self.shown = tuple(name for name in MEASURES if name in names)
        for name in self.shown:
            if name not in self.charts:
                self._make(name)
        lowest = self.over_search[-1].plot if self.over_search else None
        for name, chart in self.charts.items():
            is_shown, plot = name in self.shown, chart.plot
            chart.header.setVisible(is_shown)
            plot.setVisible(is_shown)
            if chart.measure.is_by_epoch:
                plot.set_lowest(is_lowest=True, x_words=self.tr("epochs of pre-training"))
                continue
            is_lowest = plot is lowest
            plot.setXLink(lowest if is_shown and not is_lowest else None)
            plot.set_lowest(is_lowest=is_lowest, x_words=x_words)

    def share_height(self, height: int) -> None:
        """Give every plot's data their share; the axis of the lowest has its height besides."""
        shown = self.shown_charts
        axes = [chart.plot.getPlotItem().getAxis("bottom").height() for chart in shown]
        headers = sum(chart.header.sizeHint().height() for chart in shown)
        room = height - headers - sum(axes)
        whole = sum(chart.measure.height for chart in shown)
        for chart, axis in zip(shown, axes, strict=True):
            share = max(room, 0) * chart.measure.height / whole
            self._stack.setStretchFactor(chart.plot, max(1, round(share + axis)))

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        self._palette = palette
        fill_background(self, palette.surface, palette.text)
        for chart in self.charts.values():
            chart.use_palette(palette)

    def _make(self, name: str) -> None:
        """Make a chart at its place: the order is that of MEASURES, whatever was chosen first."""
        names = list(MEASURES)
        above = [other for other in self.charts if names.index(other) < names.index(name)]
        chart = self.charts[name] = Chart(name, self._palette)
        self._stack.insertWidget(2 * len(above), chart.header)
        self._stack.insertWidget(2 * len(above) + 1, chart.plot, chart.measure.height)
        chart.use_palette(self._palette)
        self._on_made(chart)
