"""The control of every kind of setting, made from what the setting declares."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from PySide6.QtCore import QCoreApplication, QLocale, QSignalBlocker, Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QFocusEvent, QFontMetrics, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QPlainTextEdit,
)

from app.panels.fields import BrowseField, PatientSpinBox, select_word, turn_if_focused
from core.config.settings import Setting

DECIMALS = 10
FIRST_STEP = 0.001  # from 0, which has no magnitude
LINES_SHOWN = 3
WITH_EXPONENT = re.compile(r"-?(\d+\.?\d*|\.\d+)[eE][+-]?\d*")
MOST_WHOLE = 2**31 - 1  # of a QSpinBox


class SettingField(Protocol):
    """A control that holds the value of one setting."""

    changed: SignalInstance

    def value(self) -> Any:
        """The value as settings have it."""

    def set_value(self, value: Any) -> None:
        """Show another value."""


class ChoiceField(QComboBox):
    """One of some values; texts of a table that is not read yet are added as they come.

    Signals:
        changed(): another one is chosen.
    """

    changed = Signal()

    def __init__(self, values: Iterable[Any] = (), *, is_editable: bool = False) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setEditable(is_editable)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.set_values(values)
        self.currentTextChanged.connect(self.changed)

    def value(self) -> Any:
        if self.isEditable():
            return self.currentText().strip()
        return self.currentData()

    def set_value(self, value: Any) -> None:
        """Choose a value, adding it if it is not offered."""
        if self.isEditable():
            self.setEditText(str(value))
            return
        if self.findData(value) < 0:
            self.addItem(str(value), value)
        self.setCurrentIndex(self.findData(value))

    def set_values(self, values: Iterable[Any]) -> None:
        """Offer other values; what is chosen stays."""
        chosen = self.value() if self.count() else None
        with QSignalBlocker(self):
            self.clear()
            for value in values:
                self.addItem(str(value), value)
            if chosen is not None:
                self.set_value(chosen)

    def name_values(self, words: Mapping[Any, str]) -> None:
        """Show values by names of the window's language."""
        for place in range(self.count()):
            self.setItemText(place, words.get(self.itemData(place), self.itemText(place)))

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn_if_focused(self, event, super().wheelEvent)


class SwitchField(QCheckBox):
    """Yes or no.

    Signals:
        changed(): it is the other one.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.toggled.connect(self.changed)

    def value(self) -> bool:
        return self.isChecked()

    def set_value(self, value: Any) -> None:
        self.setChecked(bool(value))


class WholeField(PatientSpinBox):
    """A whole number in its range.

    Signals:
        changed(): it is another one.
    """

    changed = Signal()

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.setRange(int(low), min(int(high), MOST_WHOLE))
        self.setGroupSeparatorShown(True)
        self.valueChanged.connect(self.changed)

    def set_value(self, value: Any) -> None:
        self.setValue(value)


class RealField(QDoubleSpinBox):
    """A number in its range; one that was loaded stays to the last bit until it is changed.

    Signals:
        changed(): it is another one.
    """

    changed = Signal()

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setLocale(QLocale.c())  # as in files: 0.05
        self.setDecimals(DECIMALS)
        self.setRange(low, high)
        self._loaded = self._seen = super().value()
        self.valueChanged.connect(self.changed)

    def value(self) -> float:
        shown = super().value()
        return self._loaded if shown == self._seen else shown

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self):
            self.setValue(value)
        self._loaded, self._seen = float(value), super().value()
        self.changed.emit()

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        """Let 1e-3 be typed, which Qt would read as 1, and the word for the least value."""
        states, word = QValidator.State, self.specialValueText()
        if word and word.startswith(text):
            return (states.Acceptable if text == word else states.Intermediate), text, at
        if not WITH_EXPONENT.fullmatch(text):
            return super().validate(text, at)
        value = _number(text)
        is_inside = value is not None and self.minimum() <= value <= self.maximum()
        return (states.Acceptable if is_inside else states.Intermediate), text, at

    def valueFromText(self, text: str) -> float:
        value = _number(text) if WITH_EXPONENT.fullmatch(text) else None
        return super().valueFromText(text) if value is None else round(value, DECIMALS)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        select_word(self)

    def textFromValue(self, value: float) -> str:
        return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")

    def stepBy(self, steps: int) -> None:
        """Step by a tenth of the number's magnitude."""
        now = abs(super().value())
        step = 10.0 ** (math.floor(math.log10(now)) - 1) if now else FIRST_STEP
        self.setSingleStep(max(step, 10.0**-DECIMALS))
        super().stepBy(steps)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn_if_focused(self, event, super().wheelEvent)


def _number(text: str) -> float | None:
    """The number that is written, None as long as it is not whole."""
    try:
        return float(text)
    except ValueError:
        return None


class TextField(QLineEdit):
    """A text.

    Signals:
        changed(): it is another one.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.textChanged.connect(self.changed)

    def value(self) -> str:
        return self.text().strip()

    def set_value(self, value: Any) -> None:
        self.setText(value)


class PathField(BrowseField):
    """A path, with a button to choose a file or a folder."""

    def __init__(self, label: str) -> None:
        super().__init__(QLineEdit())
        self._label = label
        file = QAction(QCoreApplication.translate("PathField", "Choose a file…"), self)
        folder = QAction(QCoreApplication.translate("PathField", "Choose a folder…"), self)
        file.triggered.connect(self._browse_file)
        folder.triggered.connect(self._browse_folder)
        self.add_browsing([file, folder])

    def value(self) -> str:
        return self.text

    def set_value(self, value: Any) -> None:
        self.set_text(value)

    def _browse_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self._label, self.text)
        if path:
            self.set_text(path)

    def _browse_folder(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, self._label, self.text):
            self.set_text(path)


class LinesField(QPlainTextEdit):
    """Some texts, each on a line of its own; Tab goes on to the next control.

    Signals:
        changed(): they are others.
        finished(): the person went on to something else.
    """

    changed = Signal()
    finished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        height = QFontMetrics(self.font()).lineSpacing() * LINES_SHOWN
        self.setFixedHeight(height + 2 * round(self.document().documentMargin()) + 4)
        self.textChanged.connect(self.changed)

    def value(self) -> tuple[str, ...]:
        lines = (line.strip() for line in self.toPlainText().splitlines())
        return tuple(line for line in lines if line)

    def set_value(self, value: Any) -> None:
        if tuple(value) != self.value():
            self.setPlainText("\n".join(value))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.finished.emit()


def make_field(setting: Setting, label: str) -> Any:
    """Make the control of a setting, at its default; `label` is what it is called."""
    field = _make(setting, label)
    field.set_value(setting.default)
    return field


def _make(setting: Setting, label: str) -> Any:
    if setting.registry is not None:
        return ChoiceField((setting.default,), is_editable=setting.registry == "devices")
    if setting.choices:
        return ChoiceField(setting.choices)
    if setting.kind is bool:
        return SwitchField()
    if setting.kind is tuple:
        return LinesField()
    if setting.is_path:
        return PathField(label)
    if setting.range is not None:
        return (WholeField if setting.kind is int else RealField)(*setting.range)
    return TextField()
