"""The line that offers to go on with a search that was broken off."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.theme import LIGHT, RADIUS, SPACE_L, SPACE_M, SPACE_S, Palette, text_font
from core.runs.unfinished import UnfinishedRun


class UnfinishedOffer(QWidget):
    """What was broken off, and a button that goes on with it; hidden while there is nothing.

    Signals:
        resume_requested(Path): go on with the run in this folder.
    """

    resume_requested = Signal(object)

    def __init__(self, width_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel(self.tr("The last search was broken off"))
        self._title.setFont(text_font(bold=True))
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)  # names come from files
        self.button = QPushButton(self.tr("Go on"))
        self.button.setToolTip(self.tr("Open its network and go on after its last update"))
        self.button.clicked.connect(self._on_clicked)
        self._folder: Path | None = None
        self._colours = LIGHT
        self.setFixedWidth(width_px)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE_L, SPACE_M, SPACE_M, SPACE_M)
        layout.setSpacing(SPACE_L)
        lines = QVBoxLayout()
        lines.setSpacing(SPACE_S)
        lines.addWidget(self._title)
        lines.addWidget(self.words)
        layout.addLayout(lines, 1)
        layout.addWidget(self.button)
        self.hide()

    def show_run(self, run: UnfinishedRun | None) -> None:
        """Offer a run, or nothing."""
        self._folder = None if run is None else run.folder
        if run is not None:
            words = self.tr("{network} on {images}, after {done:,} of {total:,} evaluations")
            words = words.format(
                network=Path(run.network).name,
                images=Path(run.dataset).name,
                done=run.evaluations,
                total=run.total,
            )
            self._show_words(words)
            self.button.setAccessibleName(self.tr("Go on with the search that was broken off"))
            self.button.setAccessibleDescription(words)
        self.setVisible(run is not None)

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._colours = palette
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._colours.accent), 1.0))
        painter.setBrush(QColor(self._colours.accent_soft))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 2 * RADIUS, 2 * RADIUS)

    def _show_words(self, words: str) -> None:
        """Show a line that fits; names may be of any length."""
        room = self.width() - self.button.sizeHint().width() - 3 * SPACE_L
        metrics = self.words.fontMetrics()
        self.words.setText(metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, room))
        self.words.setToolTip(words if self.words.text() != words else "")

    def _on_clicked(self) -> None:
        if self._folder is not None:
            self.resume_requested.emit(self._folder)
