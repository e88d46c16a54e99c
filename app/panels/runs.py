"""Which run was better? All runs of a folder, their curves over each other, two masks compared."""

from html import escape
from pathlib import Path

from PySide6.QtCore import QSortFilterProxyModel, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.panel import Cell, Panel, Table
from app.panels.plot_parts import key_words, legend_label, legend_text
from app.panels.run_reader import RunReader
from app.panels.runs_model import NOTES, SORT_ROLE, RunsModel, run_name
from app.panels.runs_plot import MaskDifferenceView, RunsPlot
from app.selection import Selection
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.errors import RunError
from core.events import Event, RunReported
from core.runs.curves import RunCurves, read_curves
from core.runs.files import default_runs_folder
from core.runs.history import RunSummary, read_summary
from core.runs.stored_masks import compare_stored, read_stored_masks

MOST_CURVES = 24  # of a plot that can still be read
MOST_NOTES_PX = 260
TABLE_PX, PICTURES_PX = 760, 400  # of the width, in proportion
HEADER = (
    *("folder", "date", "network", "data", "macs_budget", "reward", "seed", "evaluations"),
    *("test_accuracy", "macs_kept", "best_criterion", "best_criterion_accuracy"),
    *("finished", "notes", "problem"),
)


class RunsPanel(Panel):
    """A table of runs, and beside it what the checked or selected ones have to say.

    Signals:
        run_requested(object): the Path of a run to open in all panels.
        run_chosen(object): the Path of the run that the person looks at.
        failed(str, str): something could not be read or written; a sentence and its details.
    """

    NAME = "runs"
    run_requested = Signal(object)
    run_chosen = Signal(object)
    failed = Signal(str, str)

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self.folder = default_runs_folder()
        self.reader = RunReader(self)
        self.model = RunsModel(self)
        self.proxy = QSortFilterProxyModel(self)
        self.view = QTableView()
        self.search = QLineEdit()
        self.x_axis = QComboBox()
        self.plot = RunsPlot(LIGHT)
        self.difference = MaskDifferenceView()
        self.difference_legend = legend_label(wraps=True)
        self.plot_hint, self.status = QLabel(), QLabel()
        self.open_run = QPushButton(self.tr("Open this run"))
        self.show_folder_button = QPushButton(self.tr("Show folder"))
        self.empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        self._curves: dict[Path, RunCurves] = {}
        self._has_read = False
        self._build()
        self._connect()
        self.use_palette(LIGHT)

    def title(self) -> str:
        return self.tr("Runs")

    @property
    def current(self) -> RunSummary | None:
        """The run that the keys and the buttons are about."""
        index = self.proxy.mapToSource(self.view.currentIndex())
        return self.model.runs[index.row()] if index.isValid() else None

    @property
    def selected(self) -> list[RunSummary]:
        """The selected runs, from above."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return [
            self.model.runs[self.proxy.mapToSource(self.proxy.index(row, 0)).row()] for row in rows
        ]

    def show_event(self, event: Event) -> None:
        """Add a run that has just ended, wherever its folder is."""
        if isinstance(event, RunReported):
            folder = Path(event.folder)
            self._curves.pop(folder, None)
            self.model.add(read_summary(folder))
            self.redraw_soon()

    def show_runs_folder(self, folder: Path | None) -> None:
        """List the runs of another folder; None is the usual one."""
        self.folder = folder or default_runs_folder()
        self._has_read = False
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Read the folder again."""
        self._has_read = True
        self._curves.clear()
        self.model.clear()
        self.reader.read(self.folder)
        self.redraw_soon()

    def redraw(self) -> None:
        """Draw the curves of the checked runs and the difference of two masks."""
        has_any = bool(self.model.runs) or self.reader.is_reading
        self._pages.setCurrentIndex(0 if has_any else 1)
        words = self.tr("No runs in {}.\nEvery search leaves one here.")
        self.empty.setText(words.format(self.folder))
        self._draw_curves()
        self._draw_difference()
        self._write_status()

    def table(self) -> Table | None:
        """Every run that is listed, in the order of the screen."""
        if not self.model.runs:
            return None
        rows = [self.proxy.index(row, 0) for row in range(self.proxy.rowCount())]
        runs = [self.model.runs[self.proxy.mapToSource(index).row()] for index in rows]
        return Table(HEADER, [_cells(run) for run in runs])

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        fill_background(self.empty, palette.window, palette.muted_text)
        self.model.use_palette(palette)
        super().use_palette(palette)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._has_read:
            self.refresh()

    def _build(self) -> None:
        self._build_table()
        self.search.setPlaceholderText(self.tr("Search runs"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Search runs"))
        again, choose = QPushButton(self.tr("Refresh")), QPushButton(self.tr("Folder…"))
        again.setToolTip(self.tr("Read the folder of runs again"))
        choose.setToolTip(self.tr("List the runs of another folder"))
        again.clicked.connect(self.refresh)
        choose.clicked.connect(self._on_choose_folder)
        self.open_run.setToolTip(self.tr("Show this run in all panels"))
        self.show_folder_button.setToolTip(self.tr("Show the run's files"))
        left = QWidget()
        layout = QVBoxLayout(left)
        layout.setContentsMargins(SPACE_M, SPACE_M, 0, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addLayout(_row(self.search, again, choose))
        layout.addWidget(self.view, 1)
        layout.addLayout(_row(self.status, self.open_run, self.show_folder_button))
        self.status.setProperty("role", "caption")
        splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(self._right())
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([TABLE_PX, PICTURES_PX])
        splitter.setChildrenCollapsible(False)
        nothing = QWidget()
        middle = QVBoxLayout(nothing)
        middle.addWidget(self.empty, 1)
        other = QPushButton(self.tr("Look in another folder…"))
        other.clicked.connect(self._on_choose_folder)
        middle.addWidget(other, 0, Qt.AlignmentFlag.AlignHCenter)
        self._pages.addWidget(splitter)
        self._pages.addWidget(nothing)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.setMinimumSize(180, 160)  # a low dock may cut it, but not the window

    def _build_table(self) -> None:
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT_ROLE)
        self.proxy.setFilterKeyColumn(-1)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        view = self.view
        view.setModel(self.proxy)
        view.setSortingEnabled(True)
        view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
        )
        view.setShowGrid(False)
        view.setStyleSheet(f"QTableView::item {{ padding: 0 {SPACE_S}px; }}")
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + SPACE_M)
        view.horizontalHeader().setStretchLastSection(True)
        view.horizontalHeader().setHighlightSections(False)
        view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        view.setAccessibleName(self.tr("Runs"))
        view.setToolTip(self.tr("Check runs to see their curves; select two to compare masks"))

    def _right(self) -> QWidget:
        self.x_axis.addItems([self.tr("Evaluations"), self.tr("Seconds")])
        self.x_axis.setAccessibleName(self.tr("What the horizontal axis counts"))
        self.plot_hint.setProperty("role", "caption")
        self.plot_hint.setWordWrap(True)
        curves = QWidget()
        layout = QVBoxLayout(curves)
        layout.setContentsMargins(0, SPACE_S, 0, 0)
        layout.addLayout(_row(self.plot_hint, self.x_axis))
        layout.addWidget(self.plot, 1)
        scroll = QScrollArea()
        scroll.setWidget(self.difference)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        masks = QWidget()
        layout = QVBoxLayout(masks)
        layout.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, 0)
        layout.addWidget(self.difference_legend)
        layout.addWidget(scroll, 1)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(curves, self.tr("Curves"))
        self.tabs.addTab(masks, self.tr("Difference of two masks"))
        return self.tabs

    def _connect(self) -> None:
        self.search.textChanged.connect(self.proxy.setFilterFixedString)
        self.search.textChanged.connect(self.redraw_soon)
        self.reader.run_read.connect(self._on_run_read)
        self.reader.finished.connect(self._on_read)
        self.reader.failed.connect(self._on_reading_failed)
        self.model.checked_changed.connect(self.redraw_soon)
        self.model.failed.connect(self.failed)
        self.x_axis.currentIndexChanged.connect(self.redraw_soon)
        self.view.selectionModel().selectionChanged.connect(self._on_selected)
        self.view.activated.connect(self._on_activated)
        self.open_run.clicked.connect(self._on_open)
        self.show_folder_button.clicked.connect(self._on_show_folder)

    def _draw_curves(self) -> None:
        named = []
        for run in self.model.checked[:MOST_CURVES]:
            if (curves := self._curves_of(run)) is not None:
                named.append((run_name(run), curves))
        self.plot.show_runs(named, self.colours, is_seconds=self.x_axis.currentIndex() == 1)
        hint = (
            self.tr("Highest accuracy so far on reward images, of masks within the budget")
            if named
            else self.tr("Check runs in the table to lay their curves over each other.")
        )
        self.plot_hint.setText(hint)

    def _curves_of(self, run: RunSummary) -> RunCurves | None:
        if run.folder not in self._curves:
            try:
                self._curves[run.folder] = read_curves(run.folder)
            except RunError:
                return None
        return self._curves[run.folder]

    def _draw_difference(self) -> None:
        pair = self.selected if len(self.selected) == 2 else self.model.checked
        if len(pair) != 2:
            self._refuse_difference(self.tr("Select or check two runs of one network."))
            return
        try:
            layers = compare_stored(*(read_stored_masks(run.folder) for run in pair))
        except RunError as error:
            self._refuse_difference(str(error))
            return
        self.difference.show_layers(layers, self.colours)
        colours = self.difference.part_colours()
        names = [run_name(run) for run in pair]
        words = (
            self.tr("kept by both"),
            self.tr("only by {}").format(names[0]),
            self.tr("only by {}").format(names[1]),
            self.tr("by neither"),
        )
        keys = [
            key_words("■", colour, text)
            for colour, text in zip(colours.values(), words, strict=True)
        ]
        self.difference_legend.setText(legend_text("", keys, self.colours))

    def _refuse_difference(self, reason: str) -> None:
        self.difference.show_layers((), self.colours)
        self.difference_legend.setText(escape(reason))

    def _write_status(self) -> None:
        count, shown = len(self.model.runs), self.proxy.rowCount()
        words = self.tr("{:,} runs").format(count)
        if shown != count:
            words = self.tr("{:,} of {:,} runs").format(shown, count)
        if self.reader.is_reading:
            words += self.tr(" · reading")
        self.status.setText(words)
        self.status.setToolTip(str(self.folder))
        run = self.current
        self.open_run.setEnabled(run is not None and not run.problem)
        self.show_folder_button.setEnabled(run is not None)

    def _on_run_read(self, run: RunSummary) -> None:
        self.model.add(run)
        self.redraw_soon()

    def _on_read(self) -> None:
        self.view.resizeColumnsToContents()
        if self.view.columnWidth(NOTES) > MOST_NOTES_PX:
            self.view.setColumnWidth(NOTES, MOST_NOTES_PX)
        self.redraw_soon()

    def _on_reading_failed(self, message: str, details: str) -> None:
        self.failed.emit(message, details)
        self.redraw_soon()

    def _on_selected(self) -> None:
        if (run := self.current) is not None and run.is_finished:
            self.run_chosen.emit(run.folder)
        self.redraw_soon()

    def _on_activated(self) -> None:
        if self.view.currentIndex().column() != NOTES:
            self._on_open()

    def _on_open(self) -> None:
        if (run := self.current) is not None and not run.problem:
            self.run_requested.emit(run.folder)

    def _on_show_folder(self) -> None:
        run = self.current
        if run is None or QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.folder))):
            return
        words = self.tr("Cannot show {}. Open it in a file manager.").format(run.folder)
        self.failed.emit(words, "")

    def _on_choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self.tr("Runs"), str(self.folder))
        if path:
            self.show_runs_folder(Path(path))


def _row(*widgets: QWidget) -> QHBoxLayout:
    """Widgets side by side, the first as wide as there is room."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(SPACE_S)
    for place, widget in enumerate(widgets):
        layout.addWidget(widget, 0 if place else 1)
    return layout


def _cells(run: RunSummary) -> tuple[Cell, ...]:
    return (
        str(run.folder),
        run.started.isoformat(sep=" "),
        run.network,
        run.dataset,
        run.macs_budget,
        run.reward,
        run.seed,
        run.evaluations,
        run.accuracy,
        run.macs_kept,
        run.best_criterion,
        run.best_criterion_accuracy,
        int(run.is_finished),
        run.notes,
        run.problem,
    )
