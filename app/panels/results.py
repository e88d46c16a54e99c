"""What came out of a run, in one strip of numbers."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.budgets import budget_title
from app.panels.graph_text import count_text
from app.theme import LIGHT, RADIUS, SPACE_L, SPACE_M, SPACE_XS, Palette
from app.words import percent_text, tiny_text
from core.events import Event, FinetuneReported, NetworkOpened, RunReported, SearchStarted
from core.runs.finetune_file import FinetuneFile, parse_finetune_file, read_finetune_file

MOST_IN_ROW = 7  # more would push the docks beside it out of a small window
# Blanks at which no line ends: before what a number counts, and before a number at the end,
# which would be left alone in the last line.
UNBROKEN = re.compile(r"(?<=\d) (?=%|[^\W\d])| (?=[\d.,]+$)")


@dataclass(frozen=True)
class Figure:
    """One number of the strip: what it is, the number, what to compare it with."""

    title: str
    value: str
    note: str
    details: str = ""  # shown where the pointer rests


class ResultsPanel(QFrame):
    """Shown when a run's report is there; a new search hides it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figures: list[Figure] = []
        self.setObjectName("results")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE_L, SPACE_M, SPACE_L, SPACE_M)
        layout.setSpacing(SPACE_L)
        self._tiles: list[QWidget] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(SPACE_L)
        self._grid.setVerticalSpacing(SPACE_M)
        self._buttons = QVBoxLayout()
        self._buttons.setSpacing(SPACE_XS)
        layout.addLayout(self._grid)
        layout.addStretch(1)
        layout.addLayout(self._buttons)
        self.use_palette(LIGHT)
        self.hide()

    def add_button(self, button: QWidget) -> None:
        """Put a button at the end of the strip."""
        self._buttons.addWidget(button)

    def show_event(self, event: Event) -> None:
        """Show a report; hide it when something new begins."""
        match event:
            case RunReported():
                self._show_figures(self._figures(event.report))
                # of a run that is opened again
                self._add_finetuned(read_finetune_file(Path(event.folder)))
                self.show()
            case FinetuneReported():
                self._add_finetuned(parse_finetune_file(event.report))
            case NetworkOpened() | SearchStarted():
                self.hide()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self.setStyleSheet(
            f"#results {{ background: {palette.surface}; border: 1px solid {palette.outline};"
            f" border-left: 4px solid {palette.kept}; border-radius: {RADIUS}px; }}"
        )

    def _show_figures(self, figures: list[Figure]) -> None:
        for tile in self._tiles:
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self.figures = figures
        self._tiles = [_tile(figure) for figure in figures]
        rows = math.ceil(len(figures) / MOST_IN_ROW)
        columns = math.ceil(len(figures) / rows)
        for place, tile in enumerate(self._tiles):
            self._grid.addWidget(tile, place // columns, place % columns)

    def _add_finetuned(self, file: FinetuneFile | None) -> None:
        learned = None if file is None else file.find("learned")
        if learned is None or learned.after.accuracy is None:
            return
        title = self.tr("Fine-tuned")
        figure = Figure(
            title,
            percent_text(learned.after.accuracy),
            self.tr("test accuracy, epoch {:,}").format(learned.best_epoch or 0),
        )
        self._show_figures([*(one for one in self.figures if one.title != title), figure])

    def _accuracy_words(self, report: Mapping[str, Any]) -> str:
        """What the accuracy was before the cut, and before the refit where there was one."""
        unpruned = percent_text(report["baseline"]["accuracy"])
        cut = report.get("before_refit", {}).get("pruned")
        if cut is None:
            return self.tr("unpruned {}").format(unpruned)
        return self.tr("unpruned {}, {} before the refit").format(
            unpruned, percent_text(cut["accuracy"])
        )

    def _figures(self, report: Mapping[str, Any]) -> list[Figure]:
        before, after = report["baseline"], report["pruned"]
        return [
            Figure(
                self.tr("Test accuracy"),
                percent_text(after["accuracy"]),
                self._accuracy_words(report),
            ),
            Figure(
                self.tr("MACs kept"),
                percent_text(after["macs_kept"]),
                f"{count_text(before['macs'])} → {count_text(after['macs'])}",
            ),
            Figure(
                self.tr("Parameters"),
                count_text(after["params"]),
                self.tr("before {}").format(count_text(before["params"])),
            ),
            self._criterion_figure(report["criteria"]),
            self._parity_figure(report["parity"], is_exact=not report.get("approximate")),
            *self._latency_figures(report),
            *self._budget_figures(report),
        ]

    def _latency_figures(self, report: Mapping[str, Any]) -> list[Figure]:
        rows = report.get("latency") or []
        if not rows:
            return []
        first = rows[0]
        lines = [
            self.tr("{}, batch {}: {} ms (p95 {})").format(
                row["runtime"],
                row["batch"],
                _arrow(row["before_p50_ms"], row["after_p50_ms"]),
                _arrow(row["before_p95_ms"], row["after_p95_ms"]),
            )
            for row in rows
        ]
        where = (
            self.tr("{}, 1 thread, batch {}")
            if first["threads"] == 1
            else self.tr("{}, {threads} threads, batch {}")
        )
        return [
            Figure(
                self.tr("Latency"),
                self.tr("{} ms").format(_arrow(first["before_p50_ms"], first["after_p50_ms"])),
                where.format(first["runtime"], first["batch"], threads=first["threads"]),
                "\n".join([*lines, *filter(None, [report.get("latency_note")])]),
            )
        ]

    def _budget_figures(self, report: Mapping[str, Any]) -> list[Figure]:
        """What is kept of everything that was budgeted beside the MACs."""
        prediction = report.get("latency_prediction") or {}
        figures = []
        for name, entry in (report.get("further_budgets") or {}).items():
            value, details = percent_text(entry["kept"]), ""
            note = self.tr("budget {}").format(percent_text(entry["budget"]))
            if name == "latency" and prediction:
                details = prediction["note"]
                measured = prediction["measured_kept"]
                if measured is None:
                    note = self.tr("predicted, {}").format(note)
                else:
                    note = self.tr("measured; predicted {}, {}").format(value, note)
                    value = percent_text(measured)
            figures.append(Figure(budget_title(name), value, note, details))
        return figures

    def _criterion_figure(self, criteria: Mapping[str, Any]) -> Figure:
        known = {
            name: entry["accuracy"]
            for name, entry in criteria.items()
            if entry["accuracy"] is not None
        }
        title = self.tr("Best criterion")
        if not known:
            return Figure(title, "–", self.tr("not read"))
        best = max(known, key=lambda name: known[name])
        return Figure(title, percent_text(known[best]), best.replace("_", " "))

    def _parity_figure(self, parity: Mapping[str, float | None], *, is_exact: bool) -> Figure:
        # cut and masked network differ by nature where channels of approximate groups went
        checks = parity if is_exact else parity.keys() - {"hard_vs_soft"}
        known = [value for check in checks if (value := parity[check]) is not None]
        title = self.tr("Same network")
        if not known:
            return Figure(title, "–", self.tr("not exported"))
        note = self.tr("greatest difference of the files")
        return Figure(title, "≤ " + tiny_text(max(known)), note)


def _arrow(before: float, after: float) -> str:
    """Two numbers of milliseconds with as many digits as tell them apart."""
    digits = 0 if before >= 100 else 1 if before >= 1 else 3
    return f"{before:.{digits}f} → {after:.{digits}f}"


def _tile(figure: Figure) -> QWidget:
    tile = QWidget()
    tile.setToolTip(escape(figure.details).replace("\n", "<br>"))
    layout = QVBoxLayout(tile)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(SPACE_XS)
    note = QLabel(UNBROKEN.sub("\N{NO-BREAK SPACE}", figure.note))
    for label, role in (
        (QLabel(figure.title), "caption"),
        (QLabel(figure.value), "title"),
        (note, "caption"),
    ):
        label.setProperty("role", role)
        layout.addWidget(label)
    note.setTextFormat(Qt.TextFormat.PlainText)
    # In several lines: the buttons beside it are higher, and docks keep their width.
    note.setWordWrap(True)
    layout.addStretch(1)  # so that all begin at the same height
    tile.setAccessibleName(f"{figure.title}: {figure.value}, {figure.note}")
    return tile
