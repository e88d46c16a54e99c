"""What could I have instead? Every scored mask as accuracy against kept MACs; a click loads it."""

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.growing import FloatVector, RowsByNeed
from app.panels.panel import Panel, Table
from app.panels.parts import scrolled
from app.panels.plot_parts import PER_CENT, range_within
from app.panels.tradeoff_board import TradeoffBoard
from app.panels.tradeoff_points import (
    EvaluatedMasks,
    Kind,
    ScoredEvent,
    scored_point,
    unpruned_point,
)
from app.panels.tradeoff_values import PlottedValues
from app.panels.tradeoff_words import (
    images_words,
    legend_words,
    name_words,
    point_row,
    point_words,
)
from app.selection import LoadedMask, Selection
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.events import (
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    CriterionEvaluated,
    Event,
    NetworkOpened,
    SearchFinished,
    SearchStarted,
)

CROSS_ENTROPY = 1  # the second entry of the choice
HEADER = ("name", "kind", "macs_kept", "accuracy", "cross_entropy_nats", "meets_budget", "in_front")


class TradeoffPanel(Panel):
    """Masks and criteria as points, their Pareto front, the budget and the unpruned network."""

    NAME = "tradeoff"

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._board = TradeoffBoard()
        self.plot, self.legend = self._board.plot, self._board.legend
        self.readout = self._board.readout
        self.value = QComboBox()
        self.show_all = QCheckBox(self.tr("Show all"))
        self.follow = QPushButton(self.tr("Follow the search"))
        self.empty = QLabel(
            self.tr("Every mask that is scored appears here\nas accuracy against kept MACs."),
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        self._pages = QStackedWidget()
        self._image_counts: dict[str, int] = {}
        self._clear()
        self._build()
        self._connect()
        self.use_palette(LIGHT)

    def title(self) -> str:
        return self.tr("Trade-off")

    @property
    def point_count(self) -> int:
        """How many masks are known, the unpruned network and the winner included."""
        return len(self._masks)

    @property
    def front(self) -> tuple[int, ...]:
        """The points that no other one beats, by rising MACs."""
        return tuple(int(index) for index in self._front)

    def show_event(self, event: Event) -> None:
        """Remember every mask that was scored."""
        match event:
            case NetworkOpened():
                self._clear()
                self._image_counts = dict(event.image_counts)
            case SearchStarted():
                self._clear()
                self._started = event
            case CriterionEvaluated() | CandidateEvaluated() | SearchFinished():
                self._add(event)
            case BestChanged():
                self._best = event.keep
            case _:
                return
        self.redraw_soon()

    def redraw(self) -> None:
        """Draw all points, and fit the axes unless the person has moved them."""
        self._pages.setCurrentIndex(0 if len(self._masks) else 1)
        self._values = PlottedValues(self._masks, is_accuracy=self._is_accuracy)
        self._front = self._values.front()
        self._hand_points()
        self._draw_lines()
        loaded = self.selection.mask
        self.plot.mark(self._best_point(), self._point_of(loaded) if loaded else None)
        if self.plot.is_untouched:
            self._fit()
        self._write_edges()
        self._write_legend()
        self._write_readout()
        self.follow.setEnabled(loaded is not None and loaded.is_chosen)

    def table(self) -> Table | None:
        """Every point, in the order in which it was scored."""
        if not len(self._masks):
            return None
        masks, front = self._masks, set(self.front)
        rows = RowsByNeed(len(masks), lambda i: point_row(masks[i], is_in_front=i in front))
        return Table(HEADER, rows)

    def picture_widget(self) -> QWidget:
        """Legend, plot and the line about the images; no buttons."""
        return self._board

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        fill_background(self.empty, palette.window, palette.muted_text)
        self._board.use_palette(palette)
        super().use_palette(palette)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        controls = self.value.height() + 2 * SPACE_S
        self._board.fit_into(event.size() - QSize(0, controls))

    def load(self, index: int) -> None:
        """Show the mask of a point in all panels."""
        one = self._masks[index]
        self.selection.choose_mask(
            LoadedMask(
                name_words(one),
                self._masks.keep(index),
                one.macs_kept,
                one.accuracy,
                one.cross_entropy,
                is_chosen=True,
            )
        )

    @property
    def _is_accuracy(self) -> bool:
        return self.value.currentIndex() != CROSS_ENTROPY

    def _clear(self) -> None:
        self._masks = EvaluatedMasks()
        self._values = PlottedValues(self._masks, is_accuracy=True)
        self._front = self._values.front()
        self._started: SearchStarted | None = None
        self._best: BoolArray | None = None
        self._hand_points()  # at once: the mouse may find the points before they are redrawn
        self.plot.set_current(-1)
        self._forget_ranges()

    def _hand_points(self) -> None:
        values = self._values
        self.plot.set_points(values.x, values.y, values.kinds, self._masks.meets_budget)
        self.plot.set_front(self._front)

    def _forget_ranges(self) -> None:
        limits = PER_CENT if self._is_accuracy else (0.0, float("inf"))
        self.plot.limit_values(limits)
        self._ranges = range_within(PER_CENT), range_within(limits)
        self.plot.is_untouched = True

    def _add(self, event: ScoredEvent) -> None:
        if self._started is not None and not len(self._masks):
            # The first mask says how many channels the unpruned network has.
            everything = np.ones(len(event.keep), dtype=np.bool_)
            self._masks.add(unpruned_point(self._started), everything)
        self._masks.add(scored_point(event), event.keep)

    def _build(self) -> None:
        self.value.addItems([self.tr("Accuracy"), self.tr("Cross-entropy")])
        self.value.setToolTip(self.tr("What is drawn upwards"))
        self.value.setAccessibleName(self.tr("Vertical axis"))
        self.show_all.setToolTip(
            self.tr("Make room for the unpruned network and for criteria far below the masks")
        )
        self.follow.setToolTip(self.tr("Show the search's best mask in all panels again"))
        self.plot.setAccessibleName(self.tr("Accuracy against kept MACs; arrow keys step"))
        controls = QHBoxLayout()
        controls.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, SPACE_S)
        controls.setSpacing(SPACE_M)
        for control in (self.value, self.show_all):
            controls.addWidget(control)
        controls.addStretch(1)
        controls.addWidget(self.follow)
        self._scroll = scrolled(self._board, self.title())
        work = QWidget()
        layout = QVBoxLayout(work)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(controls)
        layout.addWidget(self._scroll, 1)
        self._pages.addWidget(work)
        self._pages.addWidget(self.empty)
        self._pages.setCurrentIndex(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.follow.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def _connect(self) -> None:
        self.value.currentIndexChanged.connect(self._on_value_changed)
        self.show_all.toggled.connect(self._on_value_changed)
        self.follow.clicked.connect(lambda: self.selection.choose_mask(None))
        self.plot.point_chosen.connect(self.load)
        self.plot.point_hovered.connect(self._on_point_hovered)
        self.plot.fit_requested.connect(self._on_value_changed)
        self.plot.box.sigRangeChanged.connect(self._write_edges)
        self.selection.mask_changed.connect(self.redraw_soon)

    def _on_value_changed(self) -> None:
        self._forget_ranges()
        self.redraw_soon()

    def _on_point_hovered(self, index: int) -> None:
        if index >= 0:
            self.plot.name_current(name_words(self._masks[index]))
        self._write_readout()

    def _best_point(self) -> int | None:
        if self._best is None:
            return None
        return self._masks.find(self._best, (Kind.CANDIDATE, Kind.CRITERION))

    def _point_of(self, mask: LoadedMask) -> int | None:
        # Of the points with this mask the one that is called so: the same mask may come twice.
        index = self._masks.find(mask.keep, (Kind.CANDIDATE, Kind.CRITERION, Kind.UNPRUNED))
        winner = self._masks.find(mask.keep, (Kind.WINNER,))
        if winner is not None and mask.name == name_words(self._masks[winner]):
            return winner
        return winner if index is None else index

    def _draw_lines(self) -> None:
        started = self._started
        if started is None:
            self.plot.set_lines(None, None)
            return
        unpruned = (
            100 * started.baseline_accuracy if self._is_accuracy else started.baseline_cross_entropy
        )
        self.plot.set_lines(100 * started.macs_budget, unpruned)

    def _fit(self) -> None:
        values = self._values
        is_shown = values.worth_fitting(is_all=self.show_all.isChecked())
        if not is_shown.any():
            return
        budget = [100 * self._started.macs_budget] if self._started else []
        x, y = self._ranges
        self.plot.fit(
            x.include(*_ends(values.x[is_shown]), *budget), y.include(*_ends(values.y[is_shown]))
        )

    def _write_edges(self) -> None:
        above, below, beside = self._values.outside(*self.plot.box.viewRange())
        notes = {"top": "", "bottom": "", "right": ""}
        if above:
            notes["top"] = self.tr("▲ {:,} higher").format(above)
        if below:
            notes["bottom"] = self.tr("▼ {:,} lower").format(below)
        if beside:
            notes["right"] = self.tr("{:,} with more MACs ▶").format(beside)
        for edge, words in notes.items():
            self.plot.edges.show(edge, words)

    def _write_legend(self) -> None:
        self.legend.setText(
            legend_words(self._masks, self._started, self.colours, self._is_accuracy)
        )

    def _write_readout(self) -> None:
        index = self.plot.current
        if 0 <= index < len(self._masks):
            words = point_words(self._masks[index])
            self.plot.setAccessibleDescription(words)
            self.readout.setText(words)
            return
        self.readout.setText(images_words(self._image_counts))


def _ends(values: FloatVector) -> tuple[float, float]:
    return float(values.min()), float(values.max())
