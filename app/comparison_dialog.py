"""Asks which methods to compare, over how many seeds, and where."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from app.budgets import shares_text
from app.dialog_parts import caption, lay_out
from app.panels.fields import BrowseField, PatientSpinBox, add_note
from app.theme import SPACE_L, SPACE_M
from app.words import percent_text
from core.config import SearchConfig
from core.runs.comparing import USUAL_METHODS
from core.runs.variants import SEARCHES, VARIANTS

COLUMNS, COLUMN_PX = 3, 110  # names of variants are longer: two of them fit
USUAL_SEEDS = 5
MOST_SEEDS, MOST_EVALUATIONS, MOST_EPOCHS = 1000, 1_000_000, 10_000
WIDTH_PX = 520


class ComparisonDialog(QDialog):
    """The form of "Compare methods…"; accepted only with a method and a folder."""

    def __init__(
        self,
        methods: Sequence[str],
        search: SearchConfig,
        folder: Path,
        parent: QWidget,
        allocations: Sequence[str] = (),
    ) -> None:
        """allocations: what may stand behind a criterion's name in `methods`: "uniform"."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Compare methods"))
        self._allocated = {  # criterion -> by allocation, its name with it
            name: {one: f"{name}_{one}" for one in allocations if f"{name}_{one}" in methods}
            for name in methods
            if name not in SEARCHES
        }
        within = {name for by_one in self._allocated.values() for name in by_one.values()}
        self.methods = {name: QCheckBox(name) for name in methods if name not in within}
        self.best = QCheckBox(self.tr("the best"))
        self.best.setToolTip(self.tr("Whichever is best on the reward images"))
        self.allocations = {name: QCheckBox(name) for name in allocations}
        self.seeds = _number(USUAL_SEEDS, 1, MOST_SEEDS)
        self.budget = QLabel(
            self.tr("{} of the MACs").format(percent_text(search.macs_budget))
            + shares_text(search.further_budgets)
        )
        self.refusal = QLabel(alignment=Qt.AlignmentFlag.AlignTop)
        self.refusal.setProperty("role", "error")
        self.refusal.setTextFormat(Qt.TextFormat.PlainText)  # it names files
        self.refusal.setWordWrap(True)
        self.refusal.hide()
        self.evaluations = _number(search.evaluations, 1, MOST_EVALUATIONS)
        self.epochs = _number(0, 0, MOST_EPOCHS)
        self.epochs.setSpecialValueText(self.tr("none"))
        self.folder = BrowseField(QLineEdit(str(folder)))
        self.folder.setAccessibleName(self.tr("Folder"))
        self.folder.button.clicked.connect(self._browse)
        self.told = caption()
        self.compare_button = QPushButton(self.tr("Compare"))
        for name, box in self.methods.items():
            box.setChecked(name in USUAL_METHODS)
            box.toggled.connect(self._on_changed)
        self.best.setChecked(True)
        for box in (self.best, *self.allocations.values()):
            box.toggled.connect(self._on_changed)
        self.seeds.valueChanged.connect(self._on_changed)
        self.folder.changed.connect(self._on_changed)
        self._build()
        self._on_changed()

    @property
    def chosen_methods(self) -> tuple[str, ...]:
        """The names that are ticked, in the order of the table; criteria with each allocation."""
        is_best_wanted = self.best.isChecked() or not any(
            box.isChecked() for box in self.allocations.values()
        )
        chosen = list[str]()
        for name in (name for name, box in self.methods.items() if box.isChecked()):
            allocated = self._allocated.get(name, {})
            chosen += [name] if is_best_wanted or not allocated else []
            chosen += [full for one, full in allocated.items() if self.allocations[one].isChecked()]
        return tuple(chosen)

    @property
    def chosen_folder(self) -> Path:
        """Where the runs and the table go; what is finished there is not done again."""
        return Path(self.folder.text).expanduser()

    def say_refused(self, sentence: str) -> None:
        """Say below the budget why it cannot be met, and compare nothing; empty if it can be."""
        self.refusal.setText(sentence)
        self.refusal.setVisible(bool(sentence))
        if sentence:
            self.adjustSize()  # else it would press the boxes above it flat
        self._on_changed()

    def _build(self) -> None:
        form = QFormLayout()
        form.setSpacing(SPACE_M)
        searches = [self.methods[name] for name in SEARCHES if name in self.methods]
        variants = [self.methods[name] for name in VARIANTS if name in self.methods]
        criteria = [box for box in self.methods.values() if box not in (*searches, *variants)]
        form.addRow(self.tr("Searches"), _grid(searches))
        form.addRow(self.tr("Weights fixed\nor adapting"), _grid(variants, columns=2))
        form.addRow(self.tr("Criteria,\nno search"), _grid(criteria))
        form.addRow(
            self.tr("Allocation\nto the layers"), _grid([self.best, *self.allocations.values()])
        )
        form.addRow(self.tr("Budget"), self.budget)
        add_note(form, self.refusal)
        form.addRow(self.tr("Seeds"), self.seeds)
        form.addRow(self.tr("Evaluations"), self.evaluations)
        form.addRow(self.tr("Fine-tuning, epochs"), self.epochs)
        form.addRow(self.tr("Folder"), self.folder)
        lay_out(self, [form, self.told], self.compare_button, WIDTH_PX)

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self, self.tr("Choose a folder"), str(self.chosen_folder)
        )
        if path:
            self.folder.set_text(path)

    def _on_changed(self) -> None:
        methods, seeds = len(self.chosen_methods), self.seeds.value()
        is_possible = bool(methods and self.folder.text.strip()) and not self.refusal.text()
        self.compare_button.setEnabled(is_possible)
        words = self.tr(
            "{:,} runs, each in a folder of its own, with the settings on the right. The test "
            "images are read once for the report of each. Stop keeps what is finished; the same "
            "folder goes on with it."
        ).format(methods * seeds)
        if seeds < 3:
            words += " " + self.tr("Nothing is tested by fewer than three seeds.")
        self.told.setText(words)


def _number(value: int, low: int, high: int) -> PatientSpinBox:
    field = PatientSpinBox()
    field.setRange(low, high)
    field.setValue(value)
    field.setGroupSeparatorShown(True)
    return field


def _grid(boxes: Sequence[QCheckBox], columns: int = COLUMNS) -> QWidget:
    widget = QWidget()
    widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    layout = QGridLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(SPACE_L)
    for place, box in enumerate(boxes):
        layout.addWidget(box, place // columns, place % columns)
    for column in range(columns):
        layout.setColumnMinimumWidth(column, COLUMN_PX)
    layout.setColumnStretch(columns, 1)
    return widget
