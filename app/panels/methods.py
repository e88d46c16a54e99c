"""Which method finds the best masks: runs with several methods and seeds, in one table."""

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from app.panels.methods_grid import MethodsGrid
from app.panels.panel import Panel, Table
from app.panels.parts import text_label
from app.selection import Selection
from app.theme import SPACE_M, Palette, fill_background
from core.events import ComparisonReported, Event
from core.runs.comparing import MEASURES, Comparison
from core.runs.comparison_table import notes

NOTES_FROM_PX = 300


class MethodsPanel(Panel):
    """The comparison that was made or opened last.

    Signals:
        compare_requested(): the person wants to compare methods.
        open_requested(): the person wants to see a comparison that was made before.
    """

    NAME = "methods"

    compare_requested = Signal()
    open_requested = Signal()

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self.comparison: Comparison | None = None
        self.grid = MethodsGrid()
        self.notes = text_label("caption")
        self.compare = QPushButton(self.tr("Compare methods…"))
        self.open = QPushButton(self.tr("Open a comparison…"))
        self.compare.clicked.connect(self.compare_requested)
        self.open.clicked.connect(self.open_requested)
        self.empty = QLabel(
            self.tr("Here stands what methods come to over several seeds, with paired tests."),
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        self.empty.setWordWrap(True)
        self.empty.setProperty("role", "caption")
        self._board = QWidget()
        self._build()

    def title(self) -> str:
        return self.tr("Methods")

    def show_event(self, event: Event) -> None:
        """Take a comparison, whatever network it is of."""
        if isinstance(event, ComparisonReported):
            self.comparison = event.handle
            self.redraw_soon()

    def redraw(self) -> None:
        """Show the table and what must be known of its numbers."""
        self._pages.setCurrentIndex(0 if self.comparison is None else 1)
        if self.comparison is not None:
            self.grid.show_comparison(self.comparison)
            said = "\n".join(notes(self.comparison))
            self.notes.setText(said)
            self.grid.setToolTip(f"<qt>{escape(said).replace(chr(10), '<br>')}</qt>")

    def table(self) -> Table | None:
        """A row for every method: the mean, standard error and test of every number."""
        if self.comparison is None:
            return None
        columns = ("mean", "standard_error", "difference", "p", "outcome")
        header = [f"{name}_{column}" for name in MEASURES for column in columns]
        rows = []
        for method in self.comparison.methods:
            evaluations, cpu = method.evaluations, method.cpu_seconds
            cells: list[str | int | float | None] = [
                method.method,
                len(method.seeds),
                None if evaluations is None else evaluations.value,
                None if cpu is None else cpu.value,
            ]
            for name in MEASURES:
                mean, test = method.means[name], method.tests.get(name)
                cells += [None] * 2 if mean is None else [mean.value, mean.standard_error]
                cells += [None] * 3 if test is None else [test.difference, test.p, test.outcome]
            rows.append(tuple(cells))
        return Table(("method", "seeds", "evaluations", "cpu_seconds", *header), rows)

    def picture_widget(self) -> QWidget:
        """The table with its notes."""
        return self if self.comparison is None else self._board

    def use_palette(self, palette: Palette) -> None:
        fill_background(self._board, palette.surface, palette.text)
        super().use_palette(palette)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # where there is little room the table goes first; its notes are in the tooltip
        self.notes.setVisible(event.size().height() >= NOTES_FROM_PX)

    def _build(self) -> None:
        board = QVBoxLayout(self._board)
        board.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        board.setSpacing(SPACE_M)
        board.addWidget(self.grid, 1)
        board.addWidget(self.notes)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._board)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        buttons.setSpacing(SPACE_M)
        buttons.addStretch(1)
        buttons.addWidget(self.open)
        buttons.addWidget(self.compare)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(pages, 1)
        layout.addLayout(buttons)
