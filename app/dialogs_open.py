"""The dialog that asks what to open."""

from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from app.dialog_parts import lay_out
from app.panels.source import SourceForm
from app.panels.source_fields import UnclearQuestion
from app.source import Source
from core.config import RunConfig
from core.errors import ConfigError


class OpenDialog(QDialog):
    """Asks for a network, its weights and images.

    unclear: a file among them that may be a whole network or weights; the dialog asks.
    """

    def __init__(
        self, source: Source, choices: SourceForm, parent: QWidget, unclear: Path | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Open a network"))
        self.form = SourceForm()
        self.form.set_choices(choices.networks, choices.datasets)
        self.form.set_source(source)
        self.form.consent.setChecked(choices.consent.isChecked())
        self.question: UnclearQuestion | None = None
        self.error = QLabel()
        self.error.setProperty("role", "error")
        self.error.setTextFormat(Qt.TextFormat.PlainText)
        self.error.setWordWrap(True)
        self.open_button = QPushButton(self.tr("Open"))
        self.open_button.setDefault(True)
        self._questions = QVBoxLayout()
        lay_out(self, [self.form, self._questions, self.error], self.open_button)
        self.form.changed.connect(self._on_changed)
        self.form.refused.connect(self._show_error)
        self.form.is_unclear.connect(self._ask)
        self._on_changed()
        if unclear is not None:
            self._ask(unclear)

    def event(self, event: QEvent) -> bool:
        is_done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:  # lines came, went or wrap otherwise
            height = self.layout().totalHeightForWidth(self.width())
            self.setMinimumHeight(height)
            self.resize(self.width(), height)
        return is_done

    def _ask(self, path: Path) -> None:
        """Ask what a file holds that was taken as weights."""
        self._forget_question()
        before = self.form.source
        self.question = UnclearQuestion(path)
        self._questions.addWidget(self.question)
        self.question.answered.connect(lambda: self._on_answered(path, before))

    def _on_answered(self, path: Path, before: Source) -> None:
        assert self.question is not None
        is_network = self.question.network.isChecked()
        self.form.set_source(before.with_network(path) if is_network else before)

    def _on_changed(self) -> None:
        source = self.form.source
        if self.question is not None and str(self.question.path) not in (
            source.network,
            source.checkpoint,
        ):
            self._forget_question()
        problem = ""
        try:
            source.put_into(RunConfig())
        except ConfigError as error:
            problem = str(error)
        # An empty field shows by itself that it has to be filled.
        self._show_error(problem if source.network and source.data else "")
        self.open_button.setEnabled(not problem and not self.form.needs_choice)

    def _forget_question(self) -> None:
        if self.question is not None:
            self._questions.removeWidget(self.question)
            self.question.deleteLater()
            self.question = None

    def _show_error(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
