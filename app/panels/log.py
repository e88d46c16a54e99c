"""What happened, line by line, to read and to copy."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from html import escape
from pathlib import Path

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from app.budgets import shares_text
from app.panels.panel import Panel, Table
from app.selection import Selection
from app.theme import Palette
from app.words import percent_text
from core.events import (
    BestChanged,
    CriterionEvaluated,
    Event,
    ExportFinished,
    FinetuneFinished,
    FinetuneReported,
    FinetuneScored,
    HealthRaised,
    NetworkOpened,
    NoticeRaised,
    PolicyUpdated,
    RecordingFailed,
    RunReported,
    SearchFinished,
    SearchStarted,
    StageStarted,
)

MOST_LINES = 1000  # Qt takes about 4 kB for each


class LogPanel(Panel):
    """Lines with the time of day; what needs attention stands out by a word and a colour."""

    NAME = "log"

    def __init__(
        self,
        selection: Selection,
        parent: QWidget | None = None,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        super().__init__(selection, parent)
        self._clock = clock
        self._last_stage = ""
        # each: time of day, words, and the colour of the palette
        self._lines: deque[tuple[str, str, str]] = deque(maxlen=MOST_LINES)
        self.view = QPlainTextEdit()
        self.view.setReadOnly(True)
        self.view.setMaximumBlockCount(MOST_LINES)
        self.view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.view.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.view.setAccessibleName(self.tr("Log"))
        self.view.setPlaceholderText(self.tr("What happens is written here."))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.setFocusProxy(self.view)

    def title(self) -> str:
        """What the panel is called."""
        return self.tr("Log")

    def use_palette(self, palette: Palette) -> None:
        """Write all lines again: their colours are part of them."""
        super().use_palette(palette)
        self.view.clear()
        for line in self._lines:
            self._append(*line)

    def redraw(self) -> None:
        """Lines are written as they come."""

    def table(self) -> Table | None:
        """The lines and their time of day."""
        lines = (line.split("\u00a0\u00a0", 1) for line in self.view.toPlainText().splitlines())
        rows = [(moment, *words) for moment, *words in lines]
        return Table(("time", "line"), rows) if rows else None

    def show_event(self, event: Event) -> None:
        """Write a line about an event that a person would want to read later."""
        match event:
            case StageStarted():
                self._write_stage(event.stage)
            case NoticeRaised():
                self._write(self.tr("Notice: {}").format(event.message), "warning")
            case HealthRaised():
                words = self.tr("Health: {} {}").format(event.evidence, event.advice)
                self._write(words, "warning")
            case RecordingFailed():
                self.write_error(event.message)
            case _:
                if line := self._say(event):
                    self._write(line)

    def write_warning(self, message: str) -> None:
        """Write something that was not done, and why."""
        self._write(message, "warning")

    def write_error(self, message: str) -> None:
        """Write that something failed."""
        self._write(self.tr("Error: {}").format(message), "error")

    def _say(self, event: Event) -> str:
        match event:
            case NetworkOpened():
                return self._say_opened(event)
            case SearchStarted():
                return self.tr(
                    "Searching: {:,} evaluations, at most {} of the MACs{}; unpruned accuracy {}"
                ).format(
                    event.evaluations,
                    percent_text(event.macs_budget),
                    shares_text(event.further_budgets),
                    percent_text(event.baseline_accuracy),
                )
            case CriterionEvaluated():
                return self.tr("Criterion {}: {} accuracy at {} of the MACs").format(
                    event.criterion, percent_text(event.accuracy), percent_text(event.macs_kept)
                )
            case PolicyUpdated():
                return self._say_updated(event)
            case BestChanged():
                return self.tr("Best so far, evaluation {:,}: {} at {} of the MACs").format(
                    event.evaluation, percent_text(event.accuracy), percent_text(event.macs_kept)
                )
            case SearchFinished():
                return self._say_finished(event)
            case RunReported():
                return self.tr("The run is in {}").format(event.folder)
            case ExportFinished():
                return self._say_exported(event)
            case FinetuneScored() | FinetuneFinished() | FinetuneReported():
                return self._say_finetuned(event)
            case _:
                return ""

    def _say_updated(self, event: PolicyUpdated) -> str:
        said = []
        if event.policy_loss is not None:
            said.append(self.tr("policy loss {:.3f}").format(event.policy_loss))
        if event.approx_kl is not None:
            said.append(self.tr("KL {:.4f}").format(event.approx_kl))
        if event.clip_fraction is not None:
            said.append(self.tr("clipped {}").format(percent_text(event.clip_fraction, 0)))
        if not said:
            return self.tr("Update {}").format(event.update)
        return self.tr("Update {}: {}").format(event.update, ", ".join(said))

    def _say_finetuned(self, event: FinetuneScored | FinetuneFinished | FinetuneReported) -> str:
        match event:
            case FinetuneScored():
                words = (
                    self.tr("Fine-tuning {}, broken off at epoch {:,}: {} on held-out images")
                    if event.is_broken_off
                    else self.tr("Fine-tuning {}, epoch {:,}: {} on held-out images")
                )
                return words.format(event.name, event.epoch, percent_text(event.accuracy))
            case FinetuneFinished():
                words = self.tr("Fine-tuned {}: epoch {:,} is kept, {} on held-out images")
                return words.format(event.name, event.epoch, percent_text(event.accuracy))
            case FinetuneReported():
                return self.tr("The fine-tuned network is in {}").format(event.folder)

    def _say_opened(self, event: NetworkOpened) -> str:
        counts = ", ".join(
            f"{count:,} {name.replace('_', '-')}" for name, count in event.image_counts.items()
        )
        return self.tr("Opened {} with {}: {:,} MACs, {:,} parameters; images: {}").format(
            event.network, event.dataset, event.macs, event.params, counts
        )

    def _say_finished(self, event: SearchFinished) -> str:
        how = self.tr("Stopped") if event.is_stopped else self.tr("Finished")
        return self.tr(
            "{} after {:,} evaluations and {:.0f} s: {} held-out accuracy at {} of the MACs"
        ).format(
            how,
            event.evaluations,
            event.seconds["total"],
            percent_text(event.accuracy),
            percent_text(event.macs_kept),
        )

    def _say_exported(self, event: ExportFinished) -> str:
        parity = ", ".join(f"{name} {value:.1e}" for name, value in event.parity.items())
        names: dict[Path, list[str]] = {}  # by folder, which is long and as a rule the same
        for path in map(Path, event.files):
            names.setdefault(path.parent, []).append(path.name)
        files = "; ".join(f"{folder}: {', '.join(some)}" for folder, some in names.items())
        return self.tr("Exported to {}; greatest relative differences: {}").format(files, parity)

    def _write_stage(self, stage: str) -> None:
        # Stages that are split into several steps of one name are one line.
        if stage != self._last_stage:
            self._write(stage, "muted_text")
        self._last_stage = stage

    def _write(self, line: str, role: str = "text") -> None:
        self._last_stage = ""
        self._lines.append((f"{self._clock():%H:%M:%S}", line, role))
        self._append(*self._lines[-1])

    def _append(self, moment: str, line: str, role: str) -> None:
        self.view.appendHtml(
            f'<span style="color: {self.colours.muted_text}">{moment}</span>&nbsp;&nbsp;'
            f'<span style="color: {getattr(self.colours, role)}">{escape(line)}</span>'
        )
