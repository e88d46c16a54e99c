"""The charts of the trajectory: what each of them draws of a search."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QT_TRANSLATE_NOOP as NOOP
from PySide6.QtCore import QCoreApplication, Qt

from app.panels.growing import FloatVector, GrowingTable
from app.panels.plot_parts import key_words, legend_label, legend_text, range_within
from app.panels.trajectory_data import EMA, EVALUATION, Trajectory, broken_at, moving_mean
from app.panels.trajectory_measures import MEASURES, TableName
from app.panels.trajectory_plots import TrajectoryPlot, set_line
from app.theme import Palette
from app.words import percent_text
from core.events import CriterionEvaluated

PX_PER_HEIGHT = 9  # at least, so that a chart can be read; where they have less room they scroll
ENCODER_KEY = NOOP("TrajectoryPanel", "encoder, after an epoch")
POLICY_KEY = NOOP("TrajectoryPanel", "policy, after an update")
NO_ROWS: NDArray[np.int64] = np.empty(0, dtype=np.int64)


class Chart:
    """A measure's plot and the line over it."""

    def __init__(self, name: str, palette: Palette) -> None:
        self.name = name
        self.measure = measure = MEASURES[name]
        self.header = legend_label()
        self.header.setToolTip(_translate(measure.tip))
        self.plot = TrajectoryPlot(
            palette, measure.limits, least_height=measure.height * PX_PER_HEIGHT
        )
        self.plot.setAccessibleName(_translate(measure.title))
        self._palette = palette
        self._gap_lines: list[pg.InfiniteLine] = []
        self.forget_range()
        self._add_items()

    def forget_range(self) -> None:
        """Let the vertical axis begin anew."""
        self._extent = range_within(self.measure.limits)

    def draw(self, known: Trajectory, x_column: int, window: int) -> None:
        """Draw everything; `window` evaluations are averaged, 1 for none."""
        rows = np.array([gap.before for gap in known.gaps()], dtype=np.int64)
        if self.measure.is_by_epoch:
            x_column, rows = EVALUATION, NO_ROWS  # its first column counts epochs
            self._fit_epochs(known)
        self._draw_points(known, x_column)
        self._draw_curves(known, x_column, window, rows)
        self._draw_gaps(known.points.column(x_column), rows)
        if self.measure.has_criteria:
            self._draw_marks(known, x_column)
        self._draw_lines(known)
        self._fit(known)
        self._write_header(self._keys(known, window))

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        self._palette = palette
        self.plot.use_palette(palette)

    def _add_items(self) -> None:
        plot, colour = self.plot, self.measure.colour
        dashed, dotted = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
        self.points, self.crosses = plot.add_points(colour), plot.add_crosses("budget")
        self.smooth = plot.add_curve("text")
        self.ema = plot.add_curve("ema")
        self.marks = plot.add_marks("criteria")
        self.held_out = plot.add_diamonds("kept")
        self.rings = plot.add_points("best", ringed=True)
        self.budget_line = plot.add_line("budget", dashed)
        self.budget_curve = plot.add_curve("budget")  # where it falls
        self.baseline_line = plot.add_line("baseline", dashed)
        self.criterion_line = plot.add_line("criteria", dotted)

    def _table(self, known: Trajectory) -> GrowingTable:
        tables: dict[TableName, GrowingTable] = {
            "points": known.points,
            "updates": known.updates,
            "multipliers": known.multipliers,
            "pretraining": known.pretraining,
        }
        return tables[self.measure.table]

    @property
    def _is_by_update(self) -> bool:
        return self.measure.table != "points"

    def _values(self, known: Trajectory) -> FloatVector:
        return self.measure.scale * self._table(known).column(self.measure.column)

    def _draw_points(self, known: Trajectory, x_column: int) -> None:
        x, y = self._table(known).column(x_column), self._values(known)
        is_over = known.over_budget
        if self._is_by_update or not is_over.any():
            self.plot.set_data(self.points, x, y)
            self.plot.set_data(self.crosses, x[:0], y[:0])
            return
        self.plot.set_data(self.points, x[~is_over], y[~is_over])
        self.plot.set_data(self.crosses, x[is_over], y[is_over])

    def _draw_curves(
        self, known: Trajectory, x_column: int, window: int, rows: NDArray[np.int64]
    ) -> None:
        x, y = self._table(known).column(x_column), self._values(known)
        rows = NO_ROWS if self._is_by_update else rows
        mean = moving_mean(y, self._smoothed(window)) if self._smoothed(window) > 1 else y[:0]
        self.plot.set_data(self.smooth, *broken_at(x[: len(mean)], mean, rows[: len(mean)]))
        if self.name == "accuracy":
            ema = 100 * known.points.column(EMA)
            self.plot.set_data(self.ema, *broken_at(x, ema, rows))
        if self.name == "macs":
            budgets = 100 * known.budgets if known.is_annealed else y[:0]
            self.plot.set_data(self.budget_curve, x[: len(budgets)], budgets)

    def _smoothed(self, window: int) -> int:
        return 1 if self._is_by_update else window  # it has few points, and little noise

    def _draw_gaps(self, x: FloatVector, rows: NDArray[np.int64]) -> None:
        while len(self._gap_lines) < len(rows):
            self._gap_lines.append(self.plot.add_line("edge", Qt.PenStyle.DotLine, 90))
            self.plot.use_palette(self._palette)
        middles = [float(x[row] + x[row + 1]) / 2 for row in rows]
        for line in self._gap_lines[len(middles) :]:
            set_line(line, None)
        for line, at in zip(self._gap_lines, middles, strict=False):
            set_line(line, at)

    def _draw_marks(self, known: Trajectory, x_column: int) -> None:
        column, scale = self.measure.column, self.measure.scale
        best, held_out = known.best, known.held_out
        self.rings.setData(best.column(x_column), scale * best.column(column))
        self.held_out.setData(held_out.column(x_column), scale * held_out.column(column))
        scores = [self._score(one) for one in known.criteria]
        self.marks.setData(np.zeros(len(scores)), scores)

    def _score(self, criterion: CriterionEvaluated) -> float:
        is_accuracy = self.name == "accuracy"
        return 100 * criterion.accuracy if is_accuracy else criterion.cross_entropy

    def _baseline(self, known: Trajectory) -> float | None:
        if known.started is None or not self.measure.has_criteria:
            return None
        if self.name == "accuracy":
            return 100 * known.started.baseline_accuracy
        return known.started.baseline_cross_entropy

    def _draw_lines(self, known: Trajectory) -> None:
        budget = 100 * known.started.macs_budget if known.started else None
        set_line(self.budget_line, budget if self.name == "macs" else None)
        set_line(self.baseline_line, self._baseline(known))
        best = known.best_criterion if self.measure.has_criteria else None
        set_line(self.criterion_line, self._score(best) if best else None)

    def _fit(self, known: Trajectory) -> None:
        values = self._values(known)
        values = values[np.isfinite(values)]
        ends = [float(values.min()), float(values.max())] if len(values) else []
        # Of the criteria only the best: weak ones would press the agent's own points flat.
        lines = (self.budget_line, self.baseline_line, self.criterion_line)
        ends += [float(line.value()) for line in lines if line.isVisible()]
        if self.measure.has_criteria:
            ends += list(self.measure.scale * known.held_out.column(self.measure.column))
        low, high = self._extent.include(*ends)
        self.plot.setYRange(low, high, padding=0)
        below, above = self._outside(known)
        self.plot.edges.show("bottom", f"▼ {below:,}" if below else "")
        self.plot.edges.show("top", f"▲ {above:,}" if above else "")

    def _fit_epochs(self, known: Trajectory) -> None:
        epochs = known.pretraining.column(EVALUATION)
        last = float(epochs[-1]) if len(epochs) else 1.0
        self.plot.setXRange(-0.015 * last, 1.015 * last, padding=0)

    def _outside(self, known: Trajectory) -> tuple[int, int]:
        """How many one-shot criteria lie below and above the plot."""
        if not self.measure.has_criteria:
            return 0, 0
        low, high = self._extent.include()
        scores = [self._score(one) for one in known.criteria]
        return sum(score < low for score in scores), sum(score > high for score in scores)

    def _write_header(self, keys: list[str]) -> None:
        """As many keys as there is room for; an ellipsis stands for the others."""
        title, shown = _translate(self.measure.title), keys
        while True:
            rest = ["…"] if len(shown) < len(keys) else []
            self.header.setText(legend_text(title, [*shown, *rest], self._palette))
            is_cut = self.header.isVisible() and self.header.sizeHint().width() > self.plot.width()
            if not is_cut or len(shown) == 1:
                return
            shown = shown[:-1]

    def _keys(self, known: Trajectory, window: int) -> list[str]:
        colours, measure, started = self._palette, self.measure, known.started
        if self._is_by_update:
            colour = getattr(colours, measure.colour)
            said = ENCODER_KEY if measure.is_by_epoch else POLICY_KEY
            keys = [key_words("●", colour, _translate(said))]
        else:
            keys = [key_words("●", getattr(colours, measure.colour), _translate("mask"))]
        over = int(known.over_budget.sum())
        if over and not self._is_by_update:
            words = _translate("{:,} over budget").format(over)
            keys.append(key_words("✕", colours.budget, words))
        if self.name == "accuracy":
            keys.append(key_words("━", colours.ema, _translate("EMA")))
        if (window := self._smoothed(window)) > 1:
            words = _translate("mean of {:,}").format(window)
            keys.append(key_words("━", colours.text, words))
        if self.name == "macs" and started:
            words = _translate("budget {}").format(percent_text(started.macs_budget))
            keys.append(key_words("╌╌", colours.budget, words))
            if known.is_annealed and len(known.points):
                keys.append(key_words("━", colours.budget, _translate("as it falls")))
        return keys + (self._score_keys(known) if measure.has_criteria else [])

    def _score_keys(self, known: Trajectory) -> list[str]:
        colours, keys = self._palette, []
        if len(known.best):
            keys.append(key_words("○", colours.best, _translate("best so far")))
        if len(known.held_out):
            keys.append(key_words("◆", colours.kept, _translate("best, held out")))
        if (baseline := self._baseline(known)) is not None:
            words = _translate("unpruned {}").format(self._written(baseline))
            keys.append(key_words("╌╌", colours.baseline, words))
        if best := known.best_criterion:
            words = _translate("one-shot, best {} ({})").format(
                self._written(self._score(best)), best.criterion
            )
            keys.append(key_words("◆┄", colours.criteria, words))
        below, above = self._outside(known)
        if outside := below + above:
            words = _translate("{:,} weaker ones outside").format(outside)
            keys.append(key_words("▼" if below else "▲", colours.criteria, words))
        return keys

    def _written(self, value: float) -> str:
        return f"{value:.1f} %" if self.measure.scale == 100 else f"{value:.3f}"


def _translate(text: str) -> str:
    return QCoreApplication.translate("TrajectoryPanel", text)
