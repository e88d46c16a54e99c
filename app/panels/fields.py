"""Small parts that forms are made of."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFocusEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QCompleter,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)

from app.panels.explanations import explanation
from app.theme import SPACE_M, SPACE_S

LABEL_WIDTH_PX = 92  # so that the fields of several forms below each other align
LETTER_HEIGHT_PX = 14  # of the font that widths are meant for; larger letters need more

FIELD_LEAST_PX = 72  # by themselves, numbers want room for the largest in their range
FIELD_HEIGHT_PX = 26  # spin boxes are lower than combo boxes by nature


def add_explained(
    form: QFormLayout, setting: str, field: QWidget, label_width: int = LABEL_WIDTH_PX
) -> None:
    """Add a row whose label and field both answer "what is this?"."""
    words = explanation(setting)
    label = QLabel(words.label)
    label.setToolTip(words.sentence)
    label.setWhatsThis(words.sentence)
    label.setBuddy(field)
    scale = max(1.0, label.fontMetrics().height() / LETTER_HEIGHT_PX)
    label.setFixedWidth(round(label_width * scale))
    label.setWordWrap(True)
    field.setSizePolicy(QSizePolicy.Policy.Expanding, field.sizePolicy().verticalPolicy())
    field.setMinimumHeight(FIELD_HEIGHT_PX)
    if isinstance(field, QAbstractSpinBox | QComboBox):
        field.setMinimumWidth(FIELD_LEAST_PX)
    form.addRow(label, field)
    explain(field, setting)


def add_note(form: QFormLayout, note: QLabel) -> None:
    """Put a quiet line below the field that was added last."""
    form.setWidget(form.rowCount(), QFormLayout.ItemRole.FieldRole, note)


def add_wide_note(form: QFormLayout, note: QLabel) -> None:
    """Put a quiet line below the row that was added last, as wide as the form."""
    form.setWidget(form.rowCount(), QFormLayout.ItemRole.SpanningRole, note)


def explain(field: QWidget, setting: str) -> None:
    """Give a control its tooltip and its accessible name and description."""
    words = explanation(setting)
    # The control that takes the keys is the one that a screen reader reads.
    spoken = field.focusProxy() or field
    for control in (field, spoken):
        control.setToolTip(words.sentence)
        control.setWhatsThis(words.sentence)
    spoken.setAccessibleName(words.label)
    spoken.setAccessibleDescription(words.sentence)


def turn_if_focused(
    field: QWidget, event: QWheelEvent, turn: Callable[[QWheelEvent], None]
) -> None:
    """Let the wheel scroll the form past a control that nobody is at."""
    if field.hasFocus():
        turn(event)
    else:
        event.ignore()


def select_word(field: QAbstractSpinBox) -> None:
    """Let what is typed take the place of a word such as "auto", which no number can follow.

    To be called when the keys come to the field: a click would put the cursor into the word.
    """
    if field.specialValueText() and field.text() == field.specialValueText():
        QTimer.singleShot(0, field, field.selectAll)


def narrow_form() -> QFormLayout:
    """A form that fits a dock: fields grow, labels align at the left."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setHorizontalSpacing(SPACE_M)
    form.setVerticalSpacing(SPACE_S + 2)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return form


class NameField(QComboBox):
    """An editable list of names that finds a name by any part of it."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__()
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        completer = self.completer()
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.set_names(names)

    @property
    def text(self) -> str:
        """What is written in the field."""
        return self.currentText().strip()

    def set_names(self, names: Iterable[str]) -> None:
        """Offer other names; what is written stays."""
        written = self.currentText()
        with QSignalBlocker(self):
            self.clear()
            self.addItems(list(names))
            self.setEditText(written)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn_if_focused(self, event, super().wheelEvent)


class BrowseField(QWidget):
    """A line for a name or a path, with a button that offers ways to choose one.

    Signals:
        changed(): the text is another one.
    """

    changed = Signal()

    def __init__(self, field: QLineEdit | NameField) -> None:
        super().__init__()
        self.field = field
        # A list of names offers another one; a path has to be taken away.
        self._line.setClearButtonEnabled(self._line is field)
        self._line.textChanged.connect(self.changed)
        field.setMinimumHeight(FIELD_HEIGHT_PX)
        self.button = QToolButton()
        self.button.setMinimumHeight(FIELD_HEIGHT_PX)
        self.button.setText("…")
        self.button.setAccessibleName(QCoreApplication.translate("BrowseField", "Browse"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_S)
        layout.addWidget(field, 1)
        layout.addWidget(self.button)
        self.setFocusProxy(field)

    @property
    def _line(self) -> QLineEdit:
        # Asked for each time: PySide may let go of a line that Qt made, while Qt still has it.
        return self.field.lineEdit() if isinstance(self.field, NameField) else self.field

    @property
    def text(self) -> str:
        """The name or path that is written; blanks round it go, unless a file is called so."""
        written = self._line.text()
        bare = written.strip()
        return written if written != bare and os.path.exists(written) else bare

    def set_text(self, text: str) -> None:
        """Write another name or path; its end, the file's name, stays in sight."""
        self._line.setText(text)

    def add_browsing(self, actions: list[QAction]) -> None:
        """Let the button run the only action, or offer several in a menu."""
        if len(actions) == 1:
            self.button.clicked.connect(actions[0].trigger)
            self.button.setToolTip(actions[0].text())
        else:
            self.button.addActions(actions)
            self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            self.button.setStyleSheet("QToolButton::menu-indicator { image: none; }")


class PatientSpinBox(QSpinBox):
    """A number that the wheel turns only where the keys go."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        select_word(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn_if_focused(self, event, super().wheelEvent)


class PercentField(QWidget):
    """A slider and a number that show the same whole percentage.

    Signals:
        changed(): the percentage is another one.
    """

    changed = Signal()

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the number beside it takes the keys
        self.spin = PatientSpinBox()
        self.spin.setSuffix(" %")
        self.spin.setMinimumHeight(FIELD_HEIGHT_PX)
        for control in (self.slider, self.spin):
            control.setRange(low, high)
        self.slider.valueChanged.connect(self.spin.setValue)
        self.spin.valueChanged.connect(self._on_value_changed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_S)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.spin)
        self.setFocusProxy(self.spin)
        self._loaded = self.spin.value() / 100

    def value(self) -> float:
        """The percentage as a share, 0-1; one that was loaded, to the last bit until it moves."""
        percent = self.spin.value()
        return self._loaded if percent == round(100 * self._loaded) else percent / 100

    def set_value(self, share: Any) -> None:
        """Show a share (0-1), rounded to whole percents."""
        self._loaded = float(share)
        self.spin.setValue(round(100 * share))

    def _on_value_changed(self, percent: int) -> None:
        self.slider.setValue(percent)
        self.changed.emit()
