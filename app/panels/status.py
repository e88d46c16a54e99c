"""The status bar: what is going on, how far it is, how long it takes, the best mask so far."""

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from app.progress import ProgressTracker
from app.session_state import SessionState
from app.theme import SPACE_L, SPACE_S, Palette
from app.words import duration_text, percent_text
from core.events import (
    ComparisonReported,
    Event,
    ExportFinished,
    FinetuneReported,
    NetworkOpened,
    SearchFinished,
    SearchStarted,
)

REDRAW_MS = 100
SAID_MS = 4000
BAR_PX = (180, 10)


class StatusPanel(QWidget):
    """One line of facts; the bar shows only while something runs."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._tracker = ProgressTracker()
        self._state = SessionState.EMPTY
        self._is_exporting = False  # by itself; a search exports too before it ends
        self._ended = ""  # what the last job came to
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self._said = ""  # a short message, for SAID_MS
        self._said_timer = QTimer(self, singleShot=True, interval=SAID_MS)
        self._said_timer.timeout.connect(self._forget_said)
        self.stage = QLabel()
        self.bar = QProgressBar()
        self.bar.setFixedWidth(BAR_PX[0])
        self.bar.setFixedHeight(BAR_PX[1])
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.steps = QLabel()
        self.time_left = QLabel()
        self.best = QLabel()
        self.best.setToolTip(
            self.tr("The best mask so far by the reward images; at the end, by the held-out ones.")
        )
        # A layout of the panel itself would lay out the whole window again at every new number.
        self._line = QWidget(self)
        layout = QHBoxLayout(self._line)
        layout.setContentsMargins(SPACE_S, 0, SPACE_L, 0)
        layout.setSpacing(SPACE_L)
        for part in (self.stage, self.bar, self.steps, self.time_left):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self.best)
        self._redraw()

    def show_event(self, event: Event) -> None:
        """Follow the progress of whatever runs."""
        self._tracker.show_event(event, self._clock())
        self._remember_end(event)
        if not self._timer.isActive():
            self._timer.start()

    def show_state(self, state: SessionState) -> None:
        """Say what can be done when nothing runs, and that a pause or a stop was heard."""
        self._state = state
        if state is not SessionState.STOPPING:
            self._is_exporting = state is SessionState.EXPORTING
        self._redraw()

    def say(self, words: str) -> None:
        """Show a short message for some seconds."""
        self._said = words
        self._said_timer.start()
        self._redraw()

    def use_palette(self, palette: Palette) -> None:
        """Nothing here paints by itself."""

    def sizeHint(self) -> QSize:
        return self._line.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._line.minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._line.resize(self.size())

    def _redraw(self) -> None:
        self._timer.stop()
        tracker, is_busy = self._tracker, self._state.is_busy
        is_counted = is_busy and tracker.total > 0
        self.stage.setText(self._say_stage())
        self.bar.setVisible(is_busy)
        # A bar without steps moves to and fro, which says that something is going on.
        self.bar.setRange(0, tracker.total if is_counted else 0)
        self.bar.setValue(tracker.done)
        self.steps.setText(f"{tracker.done:,} / {tracker.total:,}" if is_counted else "")
        self.time_left.setText(self._say_time_left())
        self.best.setText(self._say_best())

    def _forget_said(self) -> None:
        self._said = ""
        self._redraw()

    def _remember_end(self, event: Event) -> None:
        match event:
            case NetworkOpened() | SearchStarted():
                self._ended = self.tr("Search broken off")  # unless more comes
            case SearchFinished():
                self._ended = self.tr("Search finished")
            case FinetuneReported():
                self._ended = self.tr("Fine-tuning finished")
            case ExportFinished() if self._is_exporting:
                self._ended = self.tr("Export finished")
            case ComparisonReported() if self._state.is_busy:  # else an earlier one was opened
                self._ended = self.tr("Comparison finished")

    def _say_stage(self) -> str:
        if self._said:
            return self._said
        match self._state:
            case SessionState.EMPTY:
                return self.tr("Nothing is open yet")
            case SessionState.READY:
                return self.tr("Ready to search")
            case SessionState.PAUSED:
                return self.tr("Paused")
            case SessionState.STOPPING:
                return self.tr("Stopping: {}").format(self._tracker.stage or self.tr("one moment"))
            case SessionState.FINISHED:
                return self._ended
            case _:
                return self._tracker.stage or self.tr("Preparing")

    def _say_time_left(self) -> str:
        left = self._tracker.seconds_left
        is_held = self._state in (SessionState.PAUSED, SessionState.STOPPING)
        is_running = self._state.is_busy and not is_held
        if left is None or not is_running:
            return ""
        return self.tr("{} left").format(duration_text(left))

    def _say_best(self) -> str:
        kept, accuracy = self._tracker.macs_kept, self._tracker.accuracy
        if kept is None or accuracy is None:
            return ""
        return self.tr("Best: {} accuracy at {} of the MACs").format(
            percent_text(accuracy), percent_text(kept)
        )
