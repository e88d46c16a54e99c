"""The course of a search: MACs kept, accuracy and reward over evaluations, live."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.panels.panel import Panel, Table
from app.panels.trajectory_plots import GrowingRange, GrowingTable, TrajectoryPlot, set_line
from app.selection import Selection
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.events import (
    BestChanged,
    CandidateEvaluated,
    CriterionEvaluated,
    Event,
    NetworkOpened,
    SearchFinished,
    SearchStarted,
)

_REDRAW_MS = 100
_TOP = 103  # per cent: a point at 100 is seen whole
_EVALUATION, _MACS, _ACCURACY, _EMA, _REWARD = range(5)  # columns of the table
_TOOLTIPS = (
    "FLOPs (MACs) that a mask keeps, as a share of the unpruned network",
    "Masks, EMA and criteria: reward images. Unpruned: held-out images.",
    "What the policy is trained with",
)
_EMPTY = "Every evaluated mask appears here as a point\nwhile a search runs."


@dataclass(frozen=True)
class Finish:
    """How a search ended."""

    accuracy: float  # held-out, 0-1
    macs_kept: float
    is_stopped: bool


class TrajectoryPanel(Panel):
    """Three plots over the evaluations of one search, with one cursor."""

    NAME = "trajectory"

    def __init__(
        self, selection: Selection, parent: QWidget | None = None, palette: Palette = LIGHT
    ) -> None:
        super().__init__(selection, parent)
        self._palette = palette
        self._macs = TrajectoryPlot(palette, is_lowest=False)
        self._accuracy = TrajectoryPlot(palette, is_lowest=False)
        self._reward = TrajectoryPlot(palette, is_lowest=True)
        self.headers = [QLabel() for _ in self.plots]
        self.readout = QLabel()
        self._empty = QLabel(_EMPTY, alignment=Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        self._add_curves()
        self._build()
        self._redraw_timer = QTimer(self, interval=_REDRAW_MS, singleShot=True)
        self._redraw_timer.timeout.connect(self.redraw)
        self.clear()
        self.use_palette(palette)

    def title(self) -> str:
        """What the panel is called."""
        return self.tr("Trajectory")

    def table(self) -> Table | None:
        """Nothing yet."""
        return None

    @property
    def plots(self) -> tuple[TrajectoryPlot, TrajectoryPlot, TrajectoryPlot]:
        """MACs, accuracy, reward."""
        return self._macs, self._accuracy, self._reward

    @property
    def point_count(self) -> int:
        """How many evaluations are stored."""
        return len(self._points)

    def show_event(self, event: Event) -> None:
        """Append what the event tells; drawn at most ten times a second."""
        match event:
            case NetworkOpened():
                self.clear()
                return
            case SearchStarted():
                self.clear()
                self._started = event
                self._pages.setCurrentIndex(0)
            case CriterionEvaluated():
                self._criteria.append(event)
            case CandidateEvaluated():
                self._points.append(
                    event.evaluation,
                    100 * event.macs_kept,
                    100 * event.accuracy,
                    100 * event.ema_accuracy,
                    event.reward,
                )
                self._pages.setCurrentIndex(0)
            case BestChanged():
                self._best.append(event.evaluation, 100 * event.macs_kept, 100 * event.accuracy)
            case SearchFinished():
                self._finish = Finish(event.accuracy, event.macs_kept, event.is_stopped)
            case _:
                return
        if not self._redraw_timer.isActive():
            self._redraw_timer.start()

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        self._palette = palette
        fill_background(self._empty, palette.window, palette.muted_text)
        fill_background(self._board, palette.surface, palette.text)
        for plot in self.plots:
            plot.use_palette(palette)
        self.redraw()

    def clear(self) -> None:
        """Forget the search and show the invitation."""
        self._redraw_timer.stop()
        self._points, self._best = GrowingTable(5), GrowingTable(3)
        self._criteria: list[CriterionEvaluated] = []
        self._started: SearchStarted | None = None
        self._finish: Finish | None = None
        self._hovered: int | None = None
        self._x_end = 0.0
        self._ranges = GrowingRange(0, _TOP), GrowingRange(0, _TOP), GrowingRange()
        self._pages.setCurrentIndex(1)
        self.redraw()

    def redraw(self) -> None:
        """Draw all that is known now."""
        self._redraw_timer.stop()
        self._fit_ranges()
        x = self._points.column(_EVALUATION)
        self._macs.set_data(self._macs_points, x, self._points.column(_MACS))
        self._accuracy.set_data(self._accuracy_points, x, self._points.column(_ACCURACY))
        self._accuracy.set_data(self._ema_curve, x, self._points.column(_EMA))
        self._reward.set_data(self._reward_points, x, self._points.column(_REWARD))
        self._best_rings.setData(self._best.column(0), self._best.column(2))
        zeros = np.zeros(len(self._criteria))
        self._criteria_marks.setData(zeros, [100 * c.accuracy for c in self._criteria])
        self._draw_lines()
        self._write_headers()
        self._write_readout()

    def show_evaluation(self, x: float | None) -> None:
        """Put the cursor on the evaluation nearest to `x` and read it out; None removes it."""
        self._hovered = None
        if x is not None and len(self._points):
            known = self._points.column(_EVALUATION)
            self._hovered = int(np.abs(known - x).argmin())
        for plot in self.plots:
            set_line(plot.cursor, None if self._hovered is None else known[self._hovered])
        self._write_readout()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self.show_evaluation(None)
        elif event.type() == QEvent.Type.MouseButtonDblClick:
            self._x_end = 0.0
            self._fit_ranges()
        return super().eventFilter(watched, event)

    def _add_curves(self) -> None:
        dashed, dotted = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
        self._macs_points = self._macs.add_points("macs")
        self._budget_line = self._macs.add_line("budget", dashed)
        self._accuracy_points = self._accuracy.add_points("accuracy")
        self._ema_curve = self._accuracy.add_curve("ema")
        self._criteria_marks = self._accuracy.add_marks("criteria")
        self._best_rings = self._accuracy.add_points("best", ringed=True)
        self._baseline_line = self._accuracy.add_line("baseline", dashed)
        self._criterion_line = self._accuracy.add_line("criteria", dotted)
        self._reward_points = self._reward.add_points("reward")

    def _build(self) -> None:
        self._board = QWidget()
        layout = QVBoxLayout(self._board)
        layout.setContentsMargins(0, SPACE_S, 0, 0)
        layout.setSpacing(0)
        for header, plot, share, tip in zip(
            self.headers, self.plots, (3, 7, 3), _TOOLTIPS, strict=True
        ):
            header.setTextFormat(Qt.TextFormat.RichText)
            header.setToolTip(tip)
            header.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, 0)
            header.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            layout.addWidget(header)
            layout.addWidget(plot, share)
            plot.setXLink(self._reward)
            plot.scene().sigMouseMoved.connect(lambda at, plot=plot: self._on_mouse(plot, at))
            plot.viewport().installEventFilter(self)
        self._reward.setXLink(None)
        self.readout.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, SPACE_S)
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout.addWidget(self.readout)
        self._pages.addWidget(self._board)
        self._pages.addWidget(self._empty)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.setMinimumSize(180, 160)

    def _on_mouse(self, plot: TrajectoryPlot, at: QPointF) -> None:
        box = plot.getPlotItem().getViewBox()
        self.show_evaluation(box.mapSceneToView(at).x())

    def _draw_lines(self) -> None:
        started = self._started
        set_line(self._budget_line, 100 * started.macs_budget if started else None)
        set_line(self._baseline_line, 100 * started.baseline_accuracy if started else None)
        best = self._best_criterion()
        set_line(self._criterion_line, 100 * best.accuracy if best else None)

    def _fit_ranges(self) -> None:
        x = self._points.column(_EVALUATION)
        planned = self._started.evaluations if self._started else 0
        needed = max(planned, x[-1] if len(x) else 0, 1)
        if needed > self._x_end:
            # Room for what is planned; past that, a quarter more at a time.
            self._x_end = needed if self._x_end == 0 or needed <= planned else 1.25 * needed
            self._reward.setXRange(-0.015 * self._x_end, 1.015 * self._x_end, padding=0)
        macs = [100 * self._started.macs_budget] if self._started else []
        accuracy = [100 * criterion.accuracy for criterion in self._criteria]
        accuracy += [100 * self._started.baseline_accuracy] if self._started else []
        columns = (_MACS, _ACCURACY, _REWARD)
        for plot, column, extent, lines in zip(
            self.plots, columns, self._ranges, (macs, accuracy, []), strict=True
        ):
            values = self._points.column(column)
            values = values[np.isfinite(values)]
            ends = [float(values.min()), float(values.max())] if len(values) else []
            plot.setYRange(*extent.include(*ends, *lines), padding=0)

    def _best_criterion(self) -> CriterionEvaluated | None:
        # By cross-entropy, as the search judges: it is finer than accuracy.
        return min(self._criteria, key=lambda c: c.cross_entropy, default=None)

    def _write_headers(self) -> None:
        colours, started = self._palette, self._started
        macs = [_key("●", colours.macs, "mask")]
        accuracy = [_key("●", colours.accuracy, "mask"), _key("━", colours.ema, "EMA")]
        if len(self._best):
            accuracy.append(_key("○", colours.best, "best so far"))
        if started:
            macs.append(_key("╌╌", colours.budget, f"budget {_share(started.macs_budget)}"))
            words = f"unpruned {_share(started.baseline_accuracy)}"
            accuracy.append(_key("╌╌", colours.baseline, words))
        best = self._best_criterion()
        if best:
            words = f"one-shot, best {_share(best.accuracy)} ({best.criterion})"
            accuracy.append(_key("◆┄", colours.criteria, words))
        reward = [_key("●", colours.reward, "mask")]
        titles = ("MACs kept, %", "Accuracy, %", "Reward")
        for header, title, keys in zip(self.headers, titles, (macs, accuracy, reward), strict=True):
            gap = "&nbsp;&nbsp;&nbsp; "
            muted = f"<span style='color:{colours.muted_text}'>{gap.join(keys)}</span>"
            header.setText(f"<b>{title}</b>{gap}{muted}")

    def _write_readout(self) -> None:
        if self._hovered is not None and self._hovered < len(self._points):
            at = self._hovered
            evaluation, macs, accuracy, ema, reward = (
                float(self._points.column(column)[at]) for column in range(5)
            )
            self.readout.setText(
                f"Evaluation {evaluation:.0f}: {macs:.1f} % of MACs · accuracy {accuracy:.1f} % "
                f"(EMA {ema:.1f} %) · reward {reward:.3f}".replace("-", "−")
            )
            return
        words = []
        if self._started:
            words.append(f"{self.point_count} of {self._started.evaluations} evaluations")
        if len(self._best):
            evaluation, _, accuracy = (float(self._best.column(i)[-1]) for i in range(3))
            words.append(f"best: evaluation {evaluation:.0f}, accuracy {accuracy:.1f} %")
        if self._finish:
            verb = "stopped" if self._finish.is_stopped else "finished"
            words.append(f"{verb}: {_share(self._finish.accuracy)} on held-out images")
        self.readout.setText(" · ".join(words))


def _key(glyph: str, colour: str, words: str) -> str:
    return f"<span style='color:{colour}'>{glyph}</span>&nbsp;{words}"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
