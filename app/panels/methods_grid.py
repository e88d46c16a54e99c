"""Methods compared over seeds, as a table: a row for every method."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.panels.parts import make_table_to_read
from core.runs.comparing import MEASURES, ComparedMethod, Comparison
from core.runs.comparison_table import PERCENT, kept_texts, mean_text, p_text
from core.runs.paired import PairedTest

UNKNOWN = "–"


class MethodsGrid(QTableWidget):
    """Means and standard errors, and against which numbers the paired tests decide."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        make_table_to_read(self)
        self.setAccessibleName(self.tr("Methods compared over seeds"))

    def show_comparison(self, comparison: Comparison) -> None:
        """Show other numbers."""
        measures = [
            name for name in MEASURES if comparison.is_finetuned or not name.endswith("_after")
        ]
        titles = self._titles(measures, comparison)
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)
        self.setRowCount(len(comparison.methods))
        for place, method in enumerate(comparison.methods):
            is_bold = method.method == comparison.plan.reference
            for column, text in enumerate(self._texts(method, measures)):
                self.setItem(place, column, _cell(text, column, is_bold=is_bold))
        self.resizeColumnsToContents()

    def _titles(self, measures: list[str], comparison: Comparison) -> list[str]:
        words = {
            "accuracy": self.tr("Accuracy\nbefore, %"),
            "cross_entropy": self.tr("Cross-entropy\nbefore, nats"),
            "accuracy_after": self.tr("Accuracy\nafter, %"),
            "cross_entropy_after": self.tr("Cross-entropy\nafter, nats"),
            "kl_after": self.tr("KL\nafter, nats"),
        }
        titles = [self.tr("Method"), self.tr("Seeds")]
        for name in measures:
            titles += [words[name], self.tr("against\n{}").format(comparison.plan.reference)]
        kept = {
            "macs": self.tr("MACs\nkept, %"),
            "params": self.tr("Parameters\nkept, %"),
            "size": self.tr("Weights' file\nkept, %"),
            "latency": self.tr("Predicted latency\nkept, %"),
        }
        titles += [kept[name] for name in ("macs", *comparison.plan.further_budgets)]
        return [*titles, self.tr("Evaluations"), self.tr("CPU\nseconds")]

    def _texts(self, method: ComparedMethod, measures: list[str]) -> list[str]:
        cells = [method.method, str(len(method.seeds))]
        for name in measures:
            scale, digits = (100.0, 2) if name in PERCENT else (1.0, 3)
            cells.append(mean_text(method.means[name], scale, digits))
            cells.append(self._say(method.tests.get(name)))
        return [
            *cells,
            *kept_texts(method),
            mean_text(method.evaluations, 1.0, 0, with_error=False),
            mean_text(method.cpu_seconds, 1.0, 1),
        ]

    def _say(self, test: PairedTest | None) -> str:
        if test is None or test.outcome == "untested":
            return UNKNOWN
        words = {
            "better": self.tr("▲ better"),
            "worse": self.tr("▼ worse"),
            "tie": self.tr("= tie"),
        }[test.outcome]
        if test.p is None:
            return words
        return self.tr("{}, p {}").format(words, p_text(test.p))


def _cell(text: str, column: int, *, is_bold: bool) -> QTableWidgetItem:
    cell = QTableWidgetItem(text)
    if column:
        cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    font = cell.font()
    font.setBold(is_bold)
    cell.setFont(font)
    return cell
