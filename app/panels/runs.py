"""Which run was better? All runs of a folder, their curves over each other, two masks compared."""

from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDesktopServices, QPainter, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.panel import Panel, Table
from app.panels.run_reader import RunReader
from app.panels.runs_cells import HEADER, run_cells
from app.panels.runs_model import NOTES, RunsModel
from app.panels.runs_pictures import RunsPictures
from app.panels.runs_table import RunsTable
from app.panels.table_picture import paint_whole, whole_size
from app.selection import Selection
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.events import Event, RunReported
from core.runs.files import default_runs_folder
from core.runs.history import RunSummary, read_summary

TABLE_PX, PICTURES_PX = 760, 400  # of the width, in proportion


class RunsPanel(Panel):
    """A table of runs, and beside it what the checked or selected ones have to say.

    Signals:
        run_requested(object): the Path of a run to open in all panels.
        resume_requested(object): the Path of a run that was broken off and is to go on.
        run_chosen(object): the Path of the run that the person looks at.
        failed(str, str): something could not be read or written; a sentence and its details.
    """

    NAME = "runs"
    run_requested = Signal(object)
    resume_requested = Signal(object)
    run_chosen = Signal(object)
    failed = Signal(str, str)

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self.folder = default_runs_folder()
        self.reader = RunReader(self)
        self.model = RunsModel(self)
        self.view = RunsTable(self.model)
        self.pictures = RunsPictures()
        self.search, self.status = QLineEdit(), QLabel()
        self.open_run = QPushButton(self.tr("Open this run"))
        self.resume_run = QPushButton(self.tr("Go on"))
        self.show_folder_button = QPushButton(self.tr("Show folder"))
        self.empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._buttons = (self.open_run, self.resume_run, self.show_folder_button)
        self._pages = QStackedWidget()
        self._has_read = False
        self._fitted = 0  # so many runs' words have made the columns as wide as they are
        self._build()
        self._connect()
        self.use_palette(LIGHT)

    def title(self) -> str:
        return self.tr("Runs")

    def show_event(self, event: Event) -> None:
        """Add a run that has just ended, wherever its folder is."""
        if isinstance(event, RunReported):
            folder = Path(event.folder)
            self.pictures.forget(folder)
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
        self.pictures.forget()
        self.model.clear()
        self.reader.read(self.folder)
        self.redraw_soon()

    def redraw(self) -> None:
        """Draw the curves of the checked runs and the difference of two masks."""
        has_any = bool(self.model.runs) or self.reader.is_reading
        self._pages.setCurrentIndex(0 if has_any else 1)
        if len(self.model.runs) > 0 == self._fitted:
            self.view.fit_columns()  # the first words; then the person may have moved them
        self._fitted = len(self.model.runs)
        words = self.tr("No runs in {}.\nEvery search leaves one here.")
        self.empty.setText(words.format(self.folder))
        checked, selected = self.model.checked, self.view.selected
        self.pictures.draw_curves(checked, self.colours)
        self.pictures.draw_difference(selected if len(selected) == 2 else checked, self.colours)
        self._write_status()

    def table(self) -> Table | None:
        """Every run that is listed, in the order of the screen."""
        if not self.model.runs:
            return None
        return Table(HEADER, [run_cells(run) for run in self.view.shown])

    def picture_size(self) -> QSize:
        """All rows and columns of the table, and what the chosen runs have to say beside it."""
        if not self.model.runs:
            return super().picture_size()
        table, pictures = whole_size(self.view), self.pictures.size()
        width = table.width() + pictures.width() + 2 * SPACE_M
        return QSize(width, max(table.height(), pictures.height()) + 2 * SPACE_M)

    def paint_picture(self, painter: QPainter) -> None:
        """Paint what the panel would show if it were large enough."""
        if not self.model.runs:
            super().paint_picture(painter)
            return
        painter.fillRect(QRect(QPoint(), self.picture_size()), QColor(self.colours.surface))
        at = QPoint(whole_size(self.view).width() + 2 * SPACE_M, SPACE_M)
        self.pictures.render(painter, at)
        painter.translate(SPACE_M, SPACE_M)
        paint_whole(self.view, painter, self.colours)

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
        self.search.setPlaceholderText(self.tr("Search runs"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Search runs"))
        again, choose = QPushButton(self.tr("Refresh")), QPushButton(self.tr("Folder…"))
        again.setToolTip(self.tr("Read the folder of runs again"))
        choose.setToolTip(self.tr("List the runs of another folder"))
        again.clicked.connect(self.refresh)
        choose.clicked.connect(self._on_choose_folder)
        self.open_run.setToolTip(self.tr("Show this run in all panels"))
        self.resume_run.setToolTip(self.tr("Go on with this run where it was broken off"))
        self.show_folder_button.setToolTip(self.tr("Show the run's files"))
        left = QWidget()
        layout = QVBoxLayout(left)
        layout.setContentsMargins(SPACE_M, SPACE_M, 0, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addLayout(_row(self.search, again, choose))
        layout.addWidget(self.view, 1)
        layout.addLayout(_row(self.status, *self._buttons))
        self.status.setProperty("role", "caption")
        splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(self.pictures)
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

    def _connect(self) -> None:
        self.search.textChanged.connect(self.view.proxy.setFilterFixedString)
        self.search.textChanged.connect(self.redraw_soon)
        self.reader.run_read.connect(self._on_run_read)
        self.reader.finished.connect(self._on_read)
        self.reader.failed.connect(self._on_reading_failed)
        self.model.checked_changed.connect(self.redraw_soon)
        self.model.failed.connect(self.failed)
        self.pictures.axis_changed.connect(self.redraw_soon)
        self.view.selectionModel().selectionChanged.connect(self._on_selected)
        self.view.activated.connect(self._on_activated)
        self.open_run.clicked.connect(self._on_open)
        self.resume_run.clicked.connect(self._on_resume)
        self.show_folder_button.clicked.connect(self._on_show_folder)

    def _write_status(self) -> None:
        count, shown = len(self.model.runs), self.view.proxy.rowCount()
        words = self.tr("1 run") if count == 1 else self.tr("{:,} runs").format(count)
        if shown != count:
            words = self.tr("{:,} of {:,} runs").format(shown, count)
        if self.reader.is_reading:
            words += self.tr(" · reading")
        self.status.setText(words)
        self.status.setToolTip(str(self.folder))
        run = self.view.current
        self.open_run.setEnabled(run is not None and not run.problem)
        self.resume_run.setEnabled(_can_go_on(run))
        self.show_folder_button.setEnabled(run is not None)

    def _on_run_read(self, run: RunSummary) -> None:
        self.model.add(run)
        self.redraw_soon()

    def _on_read(self) -> None:
        self.view.fit_columns()
        self.redraw_soon()

    def _on_reading_failed(self, message: str, details: str) -> None:
        self.failed.emit(message, details)
        self.redraw_soon()

    def _on_selected(self) -> None:
        if (run := self.view.current) is not None and run.is_finished:
            self.run_chosen.emit(run.folder)
        self.redraw_soon()

    def _on_activated(self) -> None:
        if self.view.currentIndex().column() != NOTES:
            self._on_open()

    def _on_open(self) -> None:
        if (run := self.view.current) is not None and not run.problem:
            self.run_requested.emit(run.folder)

    def _on_resume(self) -> None:
        if (run := self.view.current) is not None and _can_go_on(run):
            self.resume_requested.emit(run.folder)

    def _on_show_folder(self) -> None:
        run = self.view.current
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


def _can_go_on(run: RunSummary | None) -> bool:
    return run is not None and not run.is_finished and not run.problem
