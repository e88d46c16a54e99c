"""The settings of a fine-tuning, and the button that starts or stops it."""

import typing
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.panels.fields import BrowseField, PercentField, add_explained, narrow_form
from app.session_state import SessionState
from app.theme import SPACE_M
from core.config import Compare, FinetuneConfig

MOST_EPOCHS = 10_000


class FinetuneForm(QWidget):
    """What a person most often changes; the rest of the settings stays as it was set.

    Signals:
        start_requested(): fine-tune with `config()`.
        stop_requested(): end the training and keep the best epoch.
    """

    start_requested = Signal()
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config = FinetuneConfig()
        self._state = SessionState.EMPTY
        self.epochs = QSpinBox()
        self.epochs.setRange(1, MOST_EPOCHS)
        self.rate = QDoubleSpinBox()
        self.rate.setDecimals(4)
        self.rate.setRange(0.0001, 10.0)
        self.rate.setSingleStep(0.005)
        self.distillation = PercentField(0, 100)
        self.compare = QComboBox()
        words = {
            "none": self.tr("nothing"),
            "best": self.tr("best one-shot, L1, chance"),
            "all": self.tr("every criterion"),
        }
        for name in typing.get_args(Compare):
            self.compare.addItem(words[name], name)
        self.data = BrowseField(QLineEdit())
        self.data.field.setPlaceholderText(self.tr("the reward images"))
        browse = QAction(self.tr("Choose a folder…"), self)
        browse.triggered.connect(self._browse)
        self.data.add_browsing([browse])
        self.button = QPushButton()
        self.button.clicked.connect(self._on_clicked)
        self.reason = QLabel()
        self.reason.setProperty("role", "caption")
        self.reason.setWordWrap(True)
        self._build()
        self.set_config(self._config)
        self.show_state(SessionState.EMPTY)

    def config(self) -> FinetuneConfig:
        """The settings as they are on the screen."""
        return replace(
            self._config,
            epochs=self.epochs.value(),
            learning_rate=self.rate.value(),
            distillation=self.distillation.share,
            compare=self.compare.currentData(),
            data=self.data.text,
        )

    def set_config(self, config: FinetuneConfig) -> None:
        """Show other settings."""
        self._config = config
        self.epochs.setValue(config.epochs)
        self.rate.setValue(config.learning_rate)
        self.distillation.set_share(config.distillation)
        self.compare.setCurrentIndex(self.compare.findData(config.compare))
        self.data.set_text(config.data)

    def show_state(self, state: SessionState) -> None:
        """Offer what can be done now: to start, to stop, or neither and why."""
        self._state = state
        is_running = state is SessionState.FINETUNING
        is_ready = state is SessionState.FINISHED
        self._fields.setEnabled(not state.is_busy)
        self.button.setText(self.tr("Stop") if is_running else self.tr("Fine-tune"))
        self.button.setEnabled(is_running or is_ready)
        self.button.setProperty("primary", not is_running)
        self.button.style().unpolish(self.button)  # the style sheet looks at the property
        self.button.style().polish(self.button)
        self.reason.setText(self._say_reason())

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

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self, self.tr("Choose images to train on"), self.data.text
        )
        if path:
            self.data.set_text(path)

    def _build(self) -> None:
        self._fields = QWidget()
        form = narrow_form()
        for setting, field in (
            ("finetune_epochs", self.epochs),
            ("finetune_rate", self.rate),
            ("finetune_distillation", self.distillation),
            ("finetune_compare", self.compare),
            ("finetune_data", self.data),
        ):
            add_explained(form, setting, field)
        self._fields.setLayout(form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_M)
        layout.addWidget(self._fields)
        layout.addWidget(self.button)
        layout.addWidget(self.reason)
        layout.addStretch(1)
