"""The settings of a fine-tuning, and the button that starts or stops it."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.panels.advanced import AdvancedSettings
from app.panels.explanations import explanation
from app.panels.fields import PercentField, add_explained, narrow_form
from app.panels.parts import scrolled
from app.panels.setting_fields import make_field
from app.session_state import SessionState
from app.theme import SPACE_M, SPACE_S
from core.config import FinetuneConfig
from core.config.settings import all_settings, setting_named
from core.errors import ConfigError

TABLE = "finetune"
BASIC = tuple(
    f"{TABLE}.{name}" for name in ("epochs", "learning_rate", "distillation", "compare", "data")
)


class FinetuneForm(QWidget):
    """What a person most often changes, and the rest folded below it.

    `fields` has a control for every setting by its name, such as finetune.epochs.

    Signals:
        changed(): the person chose another value.
        start_requested(): fine-tune with `config()`.
        stop_requested(): end the training and keep the best epoch.
    """

    changed = Signal()
    start_requested = Signal()
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config = FinetuneConfig()
        self._state = SessionState.EMPTY
        shown = [setting_named(name) for name in BASIC]
        rest = [one for one in all_settings() if one.table == TABLE and one not in shown]
        self.advanced = AdvancedSettings(rest)
        self.fields: dict[str, Any] = {
            one.name: make_field(one, explanation(one.name).label) for one in shown
        }
        self.fields["finetune.learning_rate"].setSpecialValueText(self.tr("auto"))
        self.fields["finetune.distillation"] = PercentField(0, 100)
        self.fields |= self.advanced.fields
        self.epochs = self.fields["finetune.epochs"]
        words = {
            "none": self.tr("nothing"),
            "best": self.tr("best, L1, chance"),
            "all": self.tr("every criterion"),
        }
        self.fields["finetune.compare"].name_values(words)
        self.fields["finetune.data"].field.setPlaceholderText(self.tr("the reward images"))
        self.button = QPushButton()
        self.button.clicked.connect(self._on_clicked)
        self.reason = QLabel()
        self.reason.setProperty("role", "caption")
        self.reason.setWordWrap(True)
        self._build()
        self.set_config(self._config)
        self.show_state(SessionState.EMPTY)

    def config(self) -> FinetuneConfig:
        """The settings as they are on the screen; ConfigError if they do not fit together."""
        values = {
            name.removeprefix(f"{TABLE}."): field.value() for name, field in self.fields.items()
        }
        return replace(self._config, **values)

    def set_config(self, config: FinetuneConfig) -> None:
        """Show other settings; nobody is told that they changed."""
        self._config = config
        with QSignalBlocker(self):
            for name, field in self.fields.items():
                field.set_value(getattr(config, name.removeprefix(f"{TABLE}.")))

    def show_state(self, state: SessionState) -> None:
        """Offer what can be done now: to start, to stop, or neither and why."""
        self._state = state
        is_running = state is SessionState.FINETUNING
        is_ready = state is SessionState.FINISHED
        for part in (self._fields, self.advanced.body):
            part.setEnabled(not state.is_busy)
        self.button.setText(self.tr("Stop") if is_running else self.tr("Fine-tune"))
        self.button.setEnabled(is_running or is_ready)
        self.button.setProperty("primary", not is_running)
        self.button.style().unpolish(self.button)  # the style sheet looks at the property
        self.button.style().polish(self.button)
        self._say(self._say_reason())

    def _say(self, reason: str) -> None:
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))

    def _say_reason(self) -> str:
        match self._state:
            case SessionState.EMPTY | SessionState.READY:
                return self.tr("Search first: it is the learned network that is trained.")
            case SessionState.FINISHED:
                return ""
            case SessionState.FINETUNING:
                return self.tr("Stop keeps the best epoch.")
            case _:
                return self.tr("Wait until the work is done.")

    def _on_clicked(self) -> None:
        if self._state is SessionState.FINETUNING:
            self.stop_requested.emit()
        else:
            self.start_requested.emit()

    def _on_changed(self) -> None:
        try:
            self.config()
        except ConfigError as error:
            self._say(str(error))
        else:
            self._say(self._say_reason())
        self.changed.emit()

    def _build(self) -> None:
        self._fields = QWidget()
        form = narrow_form()
        for name in BASIC:
            add_explained(form, name, self.fields[name])
        self._fields.setLayout(form)
        for field in self.fields.values():
            field.changed.connect(self._on_changed)
        settings = QWidget()
        column = QVBoxLayout(settings)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_M)
        column.addWidget(self._fields)
        column.addWidget(self.advanced)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addWidget(scrolled(settings, self.tr("Settings of the fine-tuning")), 1)
        layout.addWidget(self.reason)
        layout.addWidget(self.button)  # below what scrolls, so that it is always in sight
