"""Settings that few people change, folded away: a row that unfolds them, table by table."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.panels.explanations import explanation, table_heading
from app.panels.fields import add_explained, narrow_form
from app.panels.parts import heading_label
from app.panels.setting_fields import SettingField, make_field
from app.theme import SPACE_M, SPACE_S
from core.config.settings import Setting

LABEL_WIDTH_PX = 126  # wider than elsewhere: names are longer here, and numbers are short


class Disclosure(QToolButton):
    """A row with an arrow that shows and hides what stands below it."""

    def __init__(self, text: str, body: QWidget) -> None:
        super().__init__()
        self._text, self._body = text, body
        self.setCheckable(True)
        self.setProperty("role", "disclosure")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        font = self.font()
        font.setBold(True)
        self.setFont(font)
        self.toggled.connect(self._on_toggled)
        self._on_toggled(False)
        self.set_note("")

    def set_note(self, note: str) -> None:
        """Say something about what is hidden behind the row's text."""
        self.setText(f"{self._text} – {note}" if note else self._text)

    def _on_toggled(self, is_open: bool) -> None:
        self._body.setVisible(is_open)
        self.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        words = self.tr("Shown below; press to hide.") if is_open else self.tr("Press to show.")
        self.setAccessibleDescription(words)


class AdvancedSettings(QWidget):
    """A control for each of some settings, under the headings of their tables, folded at first.

    Signals:
        changed(): a setting is another one.
    """

    changed = Signal()

    def __init__(self, settings: Iterable[Setting], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = tuple(settings)
        self.fields: dict[str, SettingField] = {}
        self.body = QWidget()
        self.disclosure = Disclosure(self.tr("Advanced"), self.body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_S)
        layout.addWidget(self.disclosure)
        layout.addWidget(self.body)
        self._fill_body()

    def values(self) -> dict[str, Any]:
        """Every setting's value by its name."""
        return {name: field.value() for name, field in self.fields.items()}

    def show_changes(self) -> None:
        """Say on the row how many settings are not at their defaults."""
        values = self.values()
        count = sum(values[one.name] != one.default for one in self._settings)
        self.disclosure.set_note(self.tr("{} changed").format(count) if count else "")

    def _fill_body(self) -> None:
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_S)
        for table, settings in groupby(self._settings, key=lambda one: one.table):
            layout.addSpacing(SPACE_M)
            layout.addWidget(heading_label(table_heading(table)))
            form = narrow_form()
            layout.addLayout(form)
            for setting in settings:
                field = make_field(setting, explanation(setting.name).label)
                add_explained(form, setting.name, field, LABEL_WIDTH_PX)
                self.fields[setting.name] = field
                field.changed.connect(self.show_changes)
                field.changed.connect(self.changed)
