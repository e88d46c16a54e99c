"""Was the agent worth it? The learned mask against every criterion, with what chance can do."""

from html import escape
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QRegion
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.panel import Cell, Panel, Table
from app.panels.parts import scrolled
from app.panels.plot_parts import legend_label, note_label
from app.panels.run_reader import RunReader
from app.panels.table_picture import paint_whole, whole_size
from app.panels.verdict_grid import VerdictGrid
from app.panels.verdict_plot import VerdictPlot
from app.panels.verdict_words import (
    basis_words,
    key_text,
    sentence_words,
)
from app.selection import Selection
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.events import Event, FinetuneReported, NetworkOpened, RunReported, SearchStarted
from core.runs.finetune_file import read_finetune_file
from core.runs.history import RunSummary, read_report, read_summary
from core.runs.verdict import Estimate, MethodRow, Outcome, Verdict, judge, read_outcome

SIGHT_PX = 270  # of table and plot, more scrolls in them; in a lower panel the page scrolls
HEADER = (
    *("method", "macs_kept", "runs", "accuracy_before", "before_low", "before_high"),
    *("lead_before", "lead_before_low", "lead_before_high"),
    *("accuracy_after", "after_low", "after_high"),
    *("lead_after", "lead_after_low", "lead_after_high"),
)


class VerdictPanel(Panel):
    """A sentence, a table and a dot plot about one run and those that differ in their seed."""

    NAME = "verdict"

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self.reader = RunReader(self)
        self.sentence, self.basis = QLabel(), note_label()
        self.grid = VerdictGrid()
        self.plot, self.legend = VerdictPlot(LIGHT), legend_label(wraps=True)
        self.all_seeds = QCheckBox(self.tr("All seeds"))
        self.empty = QLabel(
            self.tr(
                "When a run has ended, the learned mask is compared here\n"
                "with every criterion on the test images."
            ),
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        self.verdict: Verdict | None = None
        self._pages = QStackedWidget()
        self._is_width_chosen = False
        self._run: RunSummary | None = None
        self._own: Outcome | None = None
        self._kin: dict[Path, Outcome] = {}
        self._build()
        self.reader.run_read.connect(self._on_run_read)
        self.all_seeds.toggled.connect(self._judge)
        self.use_palette(LIGHT)

    def title(self) -> str:
        return self.tr("Verdict")

    def show_event(self, event: Event) -> None:
        """Follow the run that has just ended, and its fine-tuning."""
        match event:
            case RunReported():
                self.show_run(Path(event.folder))
            case FinetuneReported() if self._run is not None:
                self.show_run(self._run.folder)
            case NetworkOpened() | SearchStarted():
                self._forget()

    def show_run(self, folder: Path) -> None:
        """Judge the run in a folder, and those beside it that differ in their seed alone."""
        self._forget()
        self._run = read_summary(folder)
        self._own = read_outcome(read_report(folder), read_finetune_file(folder))
        if self._own is not None and self._run.kinship:
            self.reader.read(folder.parent)
        self._judge()

    def redraw(self) -> None:
        """Write the sentence, the table and the plot."""
        verdict = self.verdict
        self._pages.setCurrentIndex(1 if verdict is None else 0)
        if verdict is None or self._run is None:
            return
        self.sentence.setText(escape(sentence_words(verdict)))
        self.basis.setText(basis_words(verdict, self._run))
        self.all_seeds.setText(
            self.tr("{:,} seeds").format(1 + len(self._kin)) if self._kin else self.tr("One seed")
        )
        self.all_seeds.setVisible(bool(self._kin))
        self.grid.show_verdict(verdict)
        self._share_width()
        self.plot.show_verdict(verdict, self.colours)
        whole = max(whole_size(self.grid).height(), self.plot.minimumHeight()) + SPACE_M
        self._splitter.setMinimumHeight(min(whole, SIGHT_PX))
        has_after = any(row.after for row in verdict.rows)
        self.legend.setText(key_text(self.colours, has_after=has_after))

    def table(self) -> Table | None:
        """Every method; shares 0-1, leads are learned minus the method, intervals of 95 %."""
        if self.verdict is None:
            return None
        return Table(HEADER, [_cells(row) for row in self.verdict.rows])

    def picture_size(self) -> QSize:
        """The sentence and what it stands on, and below them all rows and all of the plot."""
        if self.verdict is None:
            return super().picture_size()
        grid, parts = whole_size(self.grid), (self.sentence, self.basis, self.legend)
        width = max(self.sentence.width(), grid.width() + self.plot.width() + 3 * SPACE_M)
        height = max(grid.height(), self.plot.height())
        return QSize(width, sum(part.height() for part in parts) + height + 2 * SPACE_M)

    def paint_picture(self, painter: QPainter) -> None:
        """Paint what the panel would show if it were large enough."""
        if self.verdict is None:
            super().paint_picture(painter)
            return
        whole = self.picture_size()
        painter.fillRect(QRect(QPoint(), whole), QColor(self.colours.surface))
        words = self.sentence.height() + self.basis.height()
        top = words + self.legend.height() + SPACE_M
        right = whole_size(self.grid).width() + 2 * SPACE_M
        for part, at in (
            (self.sentence, QPoint(0, 0)),
            (self.basis, QPoint(0, self.sentence.height())),
            (self.legend, QPoint(whole.width() - self.legend.width(), words)),
            (self.plot, QPoint(right, top)),
        ):
            # A plot has another `render` of its own; and no part brings its own background.
            QWidget.render(part, painter, at, QRegion(), QWidget.RenderFlag.DrawChildren)
        painter.translate(SPACE_M, top)
        paint_whole(self.grid, painter, self.colours)

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        fill_background(self.empty, palette.window, palette.muted_text)
        fill_background(self._page, palette.surface, palette.text)
        self.plot.use_palette(palette)
        super().use_palette(palette)

    def _forget(self) -> None:
        self.reader.stop()
        self.verdict = self._run = self._own = None
        self._kin = {}
        self.redraw_soon()

    def _build(self) -> None:
        self.sentence.setWordWrap(True)
        self.sentence.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, 0)
        self.sentence.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        font = self.sentence.font()
        font.setBold(True)
        self.sentence.setFont(font)
        self.all_seeds.setChecked(True)
        self.all_seeds.setToolTip(
            self.tr("Judge together with the runs beside it that differ in their seed alone")
        )
        self._splitter = splitter = QSplitter()
        splitter.splitterMoved.connect(self._on_splitter_moved)
        scroll = scrolled(self.plot, self.plot.accessibleName())  # twenty criteria are high
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(self.plot.minimumWidth() + bar)
        splitter.addWidget(self.grid)
        splitter.addWidget(scroll)
        splitter.setContentsMargins(SPACE_M, 0, SPACE_S, SPACE_S)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        self._page = QWidget()
        page = QVBoxLayout(self._page)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(SPACE_S)
        page.addWidget(self.sentence)
        page.addWidget(self.basis)
        row = QHBoxLayout()
        row.setContentsMargins(SPACE_M, 0, 0, 0)
        row.addWidget(self.all_seeds)
        row.addWidget(self.legend, 1)
        page.addLayout(row)
        page.addWidget(splitter, 1)
        # Its lines at this width, not those at the least: the page scrolls.
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend.setAlignment(Qt.AlignmentFlag.AlignRight)  # near the plot
        self._pages.addWidget(scrolled(self._page, self.title()))
        self._pages.addWidget(self.empty)
        self._pages.setCurrentIndex(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.setMinimumSize(180, 160)  # a low dock may cut it, but not the window

    def _share_width(self) -> None:
        """Give the table what its words need and the plot the rest, until the person decides."""
        if not self._is_width_chosen:
            bar = self.grid.verticalScrollBar().sizeHint().width()
            table = whole_size(self.grid).width() + bar + SPACE_S
            self._splitter.setSizes([table, max(self._splitter.width() - table, table // 2)])

    def _on_splitter_moved(self) -> None:
        self._is_width_chosen = True

    def _judge(self) -> None:
        if self._own is None:
            self.verdict = None
        else:
            others = list(self._kin.values()) if self.all_seeds.isChecked() else []
            self.verdict = judge([self._own, *others])
        self.redraw_soon()

    def _on_run_read(self, run: RunSummary) -> None:
        """Take in a run of the same settings and another seed; of each seed the newest one."""
        own, known = self._run, self._own
        if own is None or known is None or run.kinship != own.kinship:
            return
        if run.folder == own.folder or not run.is_finished:
            return
        outcome = read_outcome(read_report(run.folder), read_finetune_file(run.folder))
        seeds = {known.seed, *(one.seed for one in self._kin.values())}
        if outcome is not None and outcome.seed not in seeds:
            self._kin[run.folder] = outcome
            self._judge()


def _cells(row: MethodRow) -> tuple[Cell, ...]:
    known = row.before or row.after
    runs = known.runs if known else None
    parts = (row.before, row.lead_before, row.after, row.lead_after)
    return (row.name, row.macs_kept, runs, *(cell for part in parts for cell in _ends(part)))


def _ends(estimate: Estimate | None) -> tuple[Cell, Cell, Cell]:
    if estimate is None:
        return None, None, None
    return estimate.mean, estimate.low, estimate.high
