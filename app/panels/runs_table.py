"""The table of runs: sorted, searched, with several rows selected at once."""

from PySide6.QtCore import QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from app.panels.runs_model import NOTES, SORT_ROLE, RunsModel
from app.theme import SPACE_M, SPACE_S
from core.runs.history import RunSummary

MOST_NOTES_PX = 260


class RunsTable(QTableView):
    """Shows a RunsModel; the newest run is above until the person sorts otherwise."""

    def __init__(self, model: RunsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs = model
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(model)
        self.proxy.setSortRole(SORT_ROLE)
        self.proxy.setFilterKeyColumn(-1)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self.proxy)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self._set_behaviour()
        self._set_looks()

    @property
    def current(self) -> RunSummary | None:
        """The run that the keys are on."""
        index = self.proxy.mapToSource(self.currentIndex())
        return self._runs.runs[index.row()] if index.isValid() else None

    @property
    def selected(self) -> list[RunSummary]:
        """The selected runs, from above."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._run(row) for row in rows]

    @property
    def shown(self) -> list[RunSummary]:
        """All runs that the search leaves, from above."""
        return [self._run(row) for row in range(self.proxy.rowCount())]

    def fit_columns(self) -> None:
        """Make every column as wide as its words; notes not without limit."""
        self.resizeColumnsToContents()
        if self.columnWidth(NOTES) > MOST_NOTES_PX:
            self.setColumnWidth(NOTES, MOST_NOTES_PX)

    def _run(self, row: int) -> RunSummary:
        return self._runs.runs[self.proxy.mapToSource(self.proxy.index(row, 0)).row()]

    def _set_behaviour(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.setTabKeyNavigation(False)
        self.setAccessibleName(self.tr("Runs"))
        self.setToolTip(self.tr("Check runs to see their curves; select two to compare masks"))

    def _set_looks(self) -> None:
        self.setShowGrid(False)
        self.setStyleSheet(f"QTableView::item {{ padding: 0 {SPACE_S}px; }}")
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + SPACE_M)
        self.horizontalHeader().setStretchLastSection(True)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionsMovable(True)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
