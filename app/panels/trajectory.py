"""Is it getting better, honestly? Every evaluation of a search as a point, live."""

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QSettings, QSignalBlocker, Qt
from PySide6.QtGui import QAction, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.growing import Cell, RowsByNeed
from app.panels.panel import Panel, Table
from app.panels.parts import scrolled
from app.panels.plot_parts import readout_label
from app.panels.trajectory_board import ChartBoard
from app.panels.trajectory_charts import Chart
from app.panels.trajectory_data import EVALUATION, MEETS_BUDGET, SECONDS, Trajectory
from app.panels.trajectory_measures import MEASURES
from app.panels.trajectory_plots import set_line
from app.panels.trajectory_words import point_words, state_words
from app.selection import Selection
from app.session_state import SessionState
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.events import Event, SearchStarted

SHOWN_FIRST = ("macs", "accuracy", "reward")
WINDOWS = (1, 10, 30, 100, 300)  # evaluations; 1 smoothes nothing
ROOM_WITHOUT_PLAN = 1.25  # more than is needed, so that the axis stands still for a while
X_SETTING, PLOTS_SETTING = "trajectory/x", "trajectory/plots"
HEADER = (
    *("evaluation", "seconds", "macs_kept", "accuracy", "cross_entropy_nats", "reward"),
    *("ema_accuracy", "meets_budget"),
)


class TrajectoryPanel(Panel):
    """Charts over the evaluations (or seconds) of one search, with one cursor."""

    NAME = "trajectory"
    REDRAW_MS = 100

    def __init__(
        self,
        selection: Selection,
        parent: QWidget | None = None,
        settings: QSettings | None = None,
    ) -> None:
        super().__init__(selection, parent)
        self._settings = QSettings() if settings is None else settings
        self.known = Trajectory()
        self._board = ChartBoard(self._watch)
        self.readout = readout_label()
        self.x_axis, self.smoothing = QComboBox(), QComboBox()
        self.choose_plots = QToolButton()
        self.plot_actions: dict[str, QAction] = {}
        self.empty = QLabel(
            self.tr("Every evaluated mask appears here as a point\nwhile a search runs."),
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        self._pages = QStackedWidget()
        self._hovered: int | None = None
        self._x_end = 0.0
        self._is_held = False  # by the person
        self._is_told_again = True  # an earlier search, of which nobody saw the pauses
        self._make_controls()
        self._build()
        self._restore()
        self.use_palette(LIGHT)

    def title(self) -> str:
        return self.tr("Trajectory")

    @property
    def point_count(self) -> int:
        """How many evaluations are stored."""
        return len(self.known.points)

    @property
    def charts(self) -> Mapping[str, Chart]:
        """The charts by name, as far as they were ever chosen."""
        return self._board.charts

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of the charts that are chosen, from above."""
        return tuple(name for name, action in self.plot_actions.items() if action.isChecked())

    def show_state(self, state: SessionState) -> None:
        """Follow when the search is held, and goes on."""
        if self._is_held and state is SessionState.SEARCHING:
            self.known.let_go_on()
            self.redraw_soon()
        self._is_held = state is SessionState.PAUSED
        if state in (SessionState.OPENING, SessionState.SEARCHING):
            self._is_told_again = state is SessionState.OPENING

    def show_event(self, event: Event) -> None:
        """Append what the event tells."""
        if isinstance(event, SearchStarted):
            self.known.is_watched = not self._is_told_again
        known_before = self.known.started
        if not self.known.take(event):
            return
        if self.known.started is not known_before:
            self._forget_view()
        self.redraw_soon()

    def redraw(self) -> None:
        """Draw all that is known now."""
        has_any = self.known.started is not None or len(self.known.points) > 0
        self._pages.setCurrentIndex(0 if has_any else 1)
        self._fit_x()
        for chart in self._board.shown_charts:
            chart.draw(self.known, self._x_column, self._window)
        self._write_readout()

    def table(self) -> Table | None:
        """Every evaluation; shares 0-1, seconds since the search began."""
        if not len(self.known.points):
            return None
        columns = [self.known.points.column(index) for index in range(len(HEADER))]
        whole = (EVALUATION, MEETS_BUDGET)

        def row(place: int) -> tuple[Cell, ...]:
            values = [float(column[place]) for column in columns]
            return tuple(int(v) if i in whole else v for i, v in enumerate(values))

        return Table(HEADER, RowsByNeed(self.point_count, row))

    def picture_widget(self) -> QWidget:
        """The charts without the controls."""
        return self._board

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        fill_background(self.empty, palette.window, palette.muted_text)
        fill_background(self._page, palette.surface, palette.text)
        self._board.use_palette(palette)
        super().use_palette(palette)

    def show_place(self, x: float | None) -> None:
        """Put the cursor on the evaluation nearest to `x` and read it out; None removes it."""
        known = self.known.points.column(self._x_column)
        self._hovered = int(np.abs(known - x).argmin()) if x is not None and len(known) else None
        at = None if self._hovered is None else float(known[self._hovered])
        for chart in self._board.over_search:
            set_line(chart.plot.cursor, at)
        self._write_readout()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if (place := self._place_of_key(Qt.Key(event.key()))) is not None:
                self.show_place(float(self.known.points.column(self._x_column)[place]))
                return True
        elif event.type() == QEvent.Type.Leave:
            self.show_place(None)
        elif event.type() == QEvent.Type.MouseButtonDblClick:
            self._x_end = 0.0
            self._fit_x()
        return super().eventFilter(watched, event)

    def _place_of_key(self, key: Qt.Key) -> int | None:
        """The point to which an arrow key, Home or End moves the cursor; None for other keys."""
        last = self.point_count - 1
        at = last if self._hovered is None else self._hovered
        places = {
            Qt.Key.Key_Left: at - 1,
            Qt.Key.Key_Right: at + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        return min(max(places[key], 0), last) if key in places and last >= 0 else None

    @property
    def _x_column(self) -> int:
        return SECONDS if self.x_axis.currentIndex() else EVALUATION

    @property
    def _window(self) -> int:
        return WINDOWS[self.smoothing.currentIndex()]

    def _make_controls(self) -> None:
        self.x_axis.addItems([self.tr("Evaluations"), self.tr("Seconds")])
        self._explain(self.x_axis, self.tr("What the horizontal axis counts"))
        self.smoothing.addItem(self.tr("No smoothing"))
        self.smoothing.addItems([self.tr("Mean of {:,}").format(size) for size in WINDOWS[1:]])
        self._explain(
            self.smoothing,
            self.tr("A line over the points: the mean of the last so many evaluations"),
        )
        self.choose_plots.setText(self.tr("Plots ▾"))
        # The style's own arrow is three pixels high and lies on the last letter.
        self.choose_plots.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.choose_plots.setFixedHeight(self.x_axis.sizeHint().height())
        self.choose_plots.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._explain(self.choose_plots, self.tr("Which plots are shown"))
        menu = QMenu(self.choose_plots)
        for name, measure in MEASURES.items():
            action = menu.addAction(self.tr(measure.name))
            action.setCheckable(True)
            self.plot_actions[name] = action
        self.choose_plots.setMenu(menu)

    def _explain(self, control: QWidget, words: str) -> None:
        control.setToolTip(words)
        control.setAccessibleName(words)

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, SPACE_M, SPACE_S)
        row.setSpacing(SPACE_M)
        row.addWidget(self.readout, 1)
        for control in (self.x_axis, self.smoothing, self.choose_plots):
            row.addWidget(control, 0, Qt.AlignmentFlag.AlignBottom)
        self._page = QWidget()
        page = QVBoxLayout(self._page)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        # Five plots need more height than a low dock has.
        page.addWidget(scrolled(self._board, self.title()), 1)
        page.addLayout(row)
        self._pages.addWidget(self._page)
        self._pages.addWidget(self.empty)
        self._pages.setCurrentIndex(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.setMinimumSize(180, 160)

    def _restore(self) -> None:
        """Show what was chosen last, then follow further choices."""
        wanted = str(self._settings.value(PLOTS_SETTING, "")).split(",")
        known = [name for name in wanted if name in MEASURES] or SHOWN_FIRST
        for name, action in self.plot_actions.items():
            action.setChecked(name in known)
            action.toggled.connect(self._on_plots_chosen)
        self.x_axis.setCurrentIndex(int(self._settings.value(X_SETTING, "") == "seconds"))
        self.x_axis.currentIndexChanged.connect(self._on_x_chosen)
        self.smoothing.currentIndexChanged.connect(self.redraw_soon)
        self._arrange()

    def _on_plots_chosen(self) -> None:
        if not self.shown:  # there is nothing to see without any
            sender = self.sender()
            if isinstance(sender, QAction):
                with QSignalBlocker(sender):
                    sender.setChecked(True)
        self._settings.setValue(PLOTS_SETTING, ",".join(self.shown))
        self._arrange()
        self.redraw_soon()

    def _on_x_chosen(self) -> None:
        words = "seconds" if self._x_column == SECONDS else "evaluations"
        self._settings.setValue(X_SETTING, words)
        self._arrange()
        self._forget_view()
        self.redraw_soon()

    def _arrange(self) -> None:
        """Show the chosen charts."""
        is_by_second = self._x_column == SECONDS
        x_words = self.tr("seconds of search") if is_by_second else self.tr("evaluations")
        self._board.show_charts(self.shown, x_words)
        self._x_end = 0.0
        self._share_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_height()
        self.redraw_soon()  # another width has room for other keys

    def _share_height(self) -> None:
        self._board.share_height(self.height() - self.readout.height())

    def _watch(self, chart: Chart) -> None:
        """Follow the mouse and the keys over a chart."""
        chart.plot.scene().sigMouseMoved.connect(lambda at: self._on_mouse(chart, at))
        chart.plot.viewport().installEventFilter(self)
        chart.plot.installEventFilter(self)  # it has the keys

    def _forget_view(self) -> None:
        self._x_end = 0.0
        self._hovered = None
        for chart in self.charts.values():
            chart.forget_range()
            set_line(chart.plot.cursor, None)

    def _fit_x(self) -> None:
        x, started = self.known.points.column(self._x_column), self.known.started
        planned = started.evaluations if started and self._x_column == EVALUATION else 0
        needed = max(planned, x[-1] if len(x) else 0, 1)
        if needed > self._x_end:
            has_room = needed <= planned or self._x_end == 0
            self._x_end = needed if has_room else ROOM_WITHOUT_PLAN * needed
            for chart in self._board.over_search[-1:]:
                chart.plot.setXRange(-0.015 * self._x_end, 1.015 * self._x_end, padding=0)

    def _on_mouse(self, chart: Chart, at: QPointF) -> None:
        if chart.measure.is_by_epoch:
            return
        box = chart.plot.getPlotItem().getViewBox()
        self.show_place(box.mapSceneToView(at).x())

    def _write_readout(self) -> None:
        if self._hovered is not None and self._hovered < self.point_count:
            self.readout.setText(point_words(self.known, self._hovered))
        else:
            self.readout.setText(state_words(self.known))
        self.readout.setToolTip(self.readout.text())
