"""Runs as rows of a table: what each column says, sorts by, and lets a person change."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP as NOOP
from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor

from app.budgets import budgets_text
from app.theme import LIGHT, Palette
from app.words import percent_text
from core.errors import RunError
from core.runs.history import RunSummary, write_notes

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
SORT_ROLE = Role.UserRole
UNKNOWN = "–"


@dataclass(frozen=True)
class Column:
    """One column: its title, what it writes, and what it sorts by."""

    title: str  # to be translated in "RunsPanel"
    write: Callable[[RunSummary], str]
    key: Callable[[RunSummary], Any]
    is_number: bool = True
    help: str = ""  # to be translated, too


class RunsModel(QAbstractTableModel):
    """All runs that were read; the first column has a check box, the last one can be edited.

    Signals:
        checked_changed(): other runs are checked.
        failed(str, str): notes could not be written.
    """

    checked_changed = Signal()
    failed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs: list[RunSummary] = []
        self._rows: dict[Path, int] = {}
        self._checked: dict[Path, None] = {}  # in the order in which they were checked
        self._colours: Palette = LIGHT

    @property
    def checked(self) -> list[RunSummary]:
        """The checked runs, in the order in which they were checked."""
        return [self.runs[self._rows[folder]] for folder in self._checked if folder in self._rows]

    def clear(self) -> None:
        """Forget all runs; what is checked is remembered for when they come back."""
        self.beginResetModel()
        self.runs, self._rows = [], {}
        self.endResetModel()

    def add(self, run: RunSummary) -> None:
        """Add a run, or say what is new about one that is known."""
        row = self._rows.get(run.folder)
        if row is not None:
            self.runs[row] = run
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))
            return
        row = len(self.runs)
        self.beginInsertRows(QModelIndex(), row, row)
        self.runs.append(run)
        self._rows[run.folder] = row
        self.endInsertRows()

    def use_palette(self, palette: Palette) -> None:
        """Write in other colours."""
        self._colours = palette
        if self.runs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.runs) - 1, NOTES))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.runs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return _translate(COLUMNS[section].title)
        if orientation == Qt.Orientation.Horizontal and role == Role.ToolTipRole:
            return _translate(COLUMNS[section].help) if COLUMNS[section].help else None
        if orientation == Qt.Orientation.Horizontal and role == Role.TextAlignmentRole:
            return _alignment(COLUMNS[section])
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        run, column = self.runs[index.row()], COLUMNS[index.column()]
        if role in (Role.DisplayRole, Role.EditRole):
            return column.write(run)
        if role == SORT_ROLE:
            return column.key(run)
        if role == Role.TextAlignmentRole:
            return _alignment(column)
        if role == Role.CheckStateRole and index.column() == 0:
            is_checked = run.folder in self._checked
            return Qt.CheckState.Checked if is_checked else Qt.CheckState.Unchecked
        if role == Role.ForegroundRole and run.problem:
            return QColor(self._colours.warning)
        if role == Role.ToolTipRole:
            return run.problem or (run.notes if index.column() == NOTES else str(run.folder))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == 0:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        if index.column() == NOTES:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = 0) -> bool:
        run = self.runs[index.row()]
        if role == Role.CheckStateRole and index.column() == 0:
            self._check(run.folder, is_checked=Qt.CheckState(value) == Qt.CheckState.Checked)
        elif role == Role.EditRole and index.column() == NOTES:
            notes = str(value).strip()
            if notes == run.notes:
                return True
            try:
                write_notes(run.folder, notes)
            except RunError as error:
                self.failed.emit(str(error), error.details)
                return False
            self.runs[index.row()] = replace(run, notes=notes)
        else:
            return False
        self.dataChanged.emit(index, index)
        return True

    def _check(self, folder: Path, *, is_checked: bool) -> None:
        if is_checked:
            self._checked[folder] = None
        else:
            self._checked.pop(folder, None)
        self.checked_changed.emit()


def run_name(run: RunSummary) -> str:
    """A run in a few words, for a legend: "resnet20 · 50 % · seed 3"."""
    parts = [run.network.rsplit("/", 1)[-1] or run.folder.name]
    if run.macs_budget is not None:
        parts.append(budgets_text(run.macs_budget, run.further_budgets))
    if run.seed is not None:
        parts.append(_translate("seed {}").format(run.seed))
    return " · ".join(parts)


def verdict_text(run: RunSummary) -> str:
    """How many points above the best criterion a run ended, or why that is not known."""
    if run.problem:
        return run.problem
    if run.lead is not None:
        return f"{100 * run.lead:+.1f}".replace("-", "−")
    return UNKNOWN if run.is_finished else _translate("unfinished")


def _date(run: RunSummary) -> str:
    return UNKNOWN if run.started == datetime.min else f"{run.started:%Y-%m-%d %H:%M}"


def _count_text(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _known(value: float | None) -> float:
    return -1.0 if value is None else float(value)


def _alignment(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.is_number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _translate(text: str) -> str:
    return QCoreApplication.translate("RunsPanel", text)


# What tells runs apart comes first: in a low dock the last columns are out of sight.
COLUMNS = (
    Column(NOOP("RunsPanel", "Date"), _date, lambda run: run.started.isoformat(), False),
    Column(
        NOOP("RunsPanel", "Network"),
        lambda run: run.network.rsplit("/", 1)[-1],
        lambda run: run.network,
        False,
    ),
    Column(
        NOOP("RunsPanel", "Budget"),
        lambda run: budgets_text(run.macs_budget, run.further_budgets),
        lambda run: _known(run.macs_budget),
    ),
    Column(
        NOOP("RunsPanel", "Seed"), lambda run: _count_text(run.seed), lambda run: _known(run.seed)
    ),
    Column(
        NOOP("RunsPanel", "Test accuracy"),
        lambda run: percent_text(run.accuracy),
        lambda run: _known(run.accuracy),
    ),
    Column(
        NOOP("RunsPanel", "Lead, points"),
        verdict_text,
        lambda run: -2.0 if run.lead is None else run.lead,
        help=NOOP("RunsPanel", "Test accuracy above that of the best criterion"),
    ),
    Column(
        NOOP("RunsPanel", "MACs kept"),
        lambda run: percent_text(run.macs_kept),
        lambda run: _known(run.macs_kept),
    ),
    Column(
        NOOP("RunsPanel", "Evaluations"),
        lambda run: _count_text(run.evaluations),
        lambda run: _known(run.evaluations),
    ),
    Column(
        NOOP("RunsPanel", "Reward"),
        lambda run: run.reward.replace("_", " "),
        lambda run: run.reward,
        False,
    ),
    Column(
        NOOP("RunsPanel", "Data"),
        lambda run: run.dataset.rsplit("/", 1)[-1],
        lambda run: run.dataset,
        False,
    ),
    Column(
        NOOP("RunsPanel", "Notes"), lambda run: run.notes, lambda run: run.notes.casefold(), False
    ),
)
NOTES = len(COLUMNS) - 1
