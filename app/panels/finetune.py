"""Fine-tuning: its settings, its course while it runs, and what came out of it."""

import contextlib
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.finetune_curves import FinetuneCurve, FinetuneCurves
from app.panels.finetune_form import FinetuneForm
from app.panels.finetune_plot import EpochPlot, style_of
from app.panels.finetune_result import ResultGrid
from app.panels.panel import Panel, Table
from app.panels.parts import scrolled
from app.panels.plot_parts import PER_CENT, key_words, legend_label, legend_text
from app.selection import Selection
from app.session_state import SessionState
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from app.words import duration_text, percent_text
from core.config import FinetuneConfig
from core.errors import ConfigError
from core.events import Event, NetworkOpened, RunReported, SearchStarted
from core.runs.finetune_file import read_finetune_file

FORM_PX, FORM_LEAST_PX, FORM_SHARE = 290, 236, 0.31  # where it stands at the side
WIDE_PX = 700
QWIDGETSIZE_MAX = 16_777_215  # of Qt, which PySide does not give
FORM_LOW_PX = 150  # where the panel is narrow, and the settings stand above


class FinetunePanel(Panel):
    """Settings at the left; loss and held-out accuracy per epoch; the table of the result.

    Signals:
        finetune_requested(): fine-tune the learned network with `config()`.
        stop_requested(): end the training and keep the best epoch.
        changed(): a setting is another one.
    """

    NAME = "finetune"
    REDRAW_MS = 100

    finetune_requested = Signal()
    stop_requested = Signal()
    changed = Signal()

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self.form = FinetuneForm()
        self.curves = FinetuneCurves()
        self.loss = EpochPlot(self.tr("loss (nats)"), (0.0, float("inf")))
        self.loss.setToolTip(self.tr("Mean loss on the images that are trained on"))
        self.accuracy = EpochPlot(self.tr("accuracy (%)"), PER_CENT)
        self.accuracy.setToolTip(
            self.tr("Accuracy on the held-out images, which choose the epoch that is kept")
        )
        self.legend = legend_label(wraps=True)
        self.readout = QLabel()
        self.readout.setProperty("role", "caption")
        self.readout.setWordWrap(True)
        self.result = ResultGrid()
        self._unpruned: float | None = None
        self._build()
        self.form.start_requested.connect(self.finetune_requested)
        self.form.stop_requested.connect(self.stop_requested)
        self.form.changed.connect(self.changed)
        self.use_palette(LIGHT)

    def title(self) -> str:
        return self.tr("Fine-tune")

    def config(self) -> FinetuneConfig:
        """The settings as they are on the screen."""
        return self.form.config()

    def follow(self, config: FinetuneConfig) -> None:
        """Show settings that were loaded elsewhere."""
        with contextlib.suppress(ConfigError):  # half of a change; shown below the settings
            if config == self.form.config():
                return
        self.form.set_config(config)

    def show_state(self, state: SessionState) -> None:
        """Follow what can be done."""
        self.form.show_state(state)

    def show_event(self, event: Event) -> None:
        match event:
            case NetworkOpened():
                self._forget()
                self._unpruned = None
            case SearchStarted():
                self._forget()
                self._unpruned = event.baseline_accuracy
            case RunReported() if not self.curves.by_name:
                file = read_finetune_file(Path(event.folder))  # of a run that is opened again
                if file is None:
                    return
                self.curves.load(file)
            case _:
                before = len(self.curves.by_name)
                if not self.curves.take(event):
                    return
                if len(self.curves.by_name) < before:
                    self._forget_ranges()
        self.redraw_soon()

    def redraw(self) -> None:
        curves = list(self.curves.by_name.values())
        self._pages.setCurrentIndex(1 if curves else 0)
        self.loss.show_loss(curves)
        self.accuracy.show_accuracy(curves, self._unpruned)
        self.legend.setText(self._say_legend(curves))
        self.readout.setText(self._say_course())
        self.result.show_file(self.curves.report)

    def table(self) -> Table | None:
        """A row for each scored epoch of each network."""
        if not self.curves.by_name:
            return None
        header = ("network", "epoch", "held_out_accuracy", "held_out_cross_entropy")
        return Table(
            header,
            [
                (curve.name, epoch, accuracy, cross_entropy)
                for curve in self.curves.by_name.values()
                for epoch, accuracy, cross_entropy in zip(
                    curve.scored_epochs, curve.accuracies, curve.cross_entropies, strict=True
                )
            ],
        )

    def picture_widget(self) -> QWidget:
        """The plots and the result, without the settings."""
        return self._board

    def use_palette(self, palette: Palette) -> None:
        fill_background(self._board, palette.surface, palette.text)
        for plot in (self.loss, self.accuracy):
            plot.use_palette(palette)
        super().use_palette(palette)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = event.size().width() >= WIDE_PX
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._layout.setDirection(across if is_wide else down)
        self._plots.setDirection(across if is_wide else down)
        share = max(FORM_LEAST_PX, min(FORM_PX, round(FORM_SHARE * event.size().width())))
        self.form.setMinimumWidth(share if is_wide else 0)
        self.form.setMaximumWidth(share if is_wide else QWIDGETSIZE_MAX)
        self.form.setMinimumHeight(0 if is_wide else FORM_LOW_PX)

    def _forget(self) -> None:
        self.curves.clear()
        self._forget_ranges()

    def _forget_ranges(self) -> None:
        for plot in (self.loss, self.accuracy):
            plot.forget_range()

    def _say_legend(self, curves: list[FinetuneCurve]) -> str:
        keys = []
        for place, curve in enumerate(curves):
            style = style_of(place)
            name = self._call(curve.name)
            keys.append(key_words(style.glyph, getattr(self.colours, style.colour), name))
        if self._unpruned is not None:
            words = self.tr("unpruned {}").format(percent_text(self._unpruned))
            keys.append(key_words("╌", self.colours.baseline, words))
        return legend_text("", keys, self.colours)

    def _say_course(self) -> str:
        curve = self.curves.current
        if curve is None:
            return ""
        if self.curves.report is not None:
            return self._say_end()
        name = self._call(curve.name)
        # of one that was taken up again, the epochs before have scores only
        done = max((0.0, *curve.loss_epochs[-1:], *curve.scored_epochs[-1:]))
        words = self.tr("{}: epoch {:.1f} of {:,}").format(name, done, curve.epochs)
        if curve.losses:
            words += self.tr(", loss {:.3f}").format(curve.losses[-1])
        best = self.tr("best so far: epoch {:,}, {} on held-out images").format(
            curve.best_epoch, percent_text(curve.best_accuracy())
        )
        return f"{words} · {best} · {duration_text(curve.seconds)}"

    def _say_end(self) -> str:
        report = self.curves.report
        assert report is not None
        if report.export_error:
            return report.export_error
        if self.curves.is_loaded:
            words = self.tr(
                "On {:,} test images, read once; cross-entropy, and KL to the unpruned network, in "
                "nats. The fine-tuned network is in the run's folder."
            )
            return words.format(report.test_images or 0)
        words = self.tr(
            "On {:,} test images, read once; cross-entropy, and KL to the unpruned network, in "
            "nats. Export now writes the fine-tuned network."
        )
        return words.format(report.test_images or 0)

    def _call(self, name: str) -> str:
        return self.tr("learned") if name == "learned" else name.replace("_", " ")

    def _build(self) -> None:
        self._board = QWidget()
        board = QVBoxLayout(self._board)
        board.setContentsMargins(0, SPACE_S, SPACE_S, SPACE_S)
        board.setSpacing(SPACE_S)
        self._plots = QHBoxLayout()
        self._plots.setSpacing(SPACE_M)
        self._plots.addWidget(self.loss)
        self._plots.addWidget(self.accuracy)
        # Its lines at this width, not those at the least: what lies below scrolls.
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        board.addWidget(self.legend)
        board.addLayout(self._plots, 1)
        board.addWidget(self.result)
        board.addWidget(self.readout)
        self.readout.setContentsMargins(SPACE_M, 0, SPACE_M, 0)
        empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("role", "caption")
        empty.setText(
            self.tr(
                "While the pruned network is trained, its loss and its accuracy\n"
                "after each epoch appear here, beside those of the criteria."
            )
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(empty)
        self._pages.addWidget(scrolled(self._board, self.tr("Course and result")))
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(SPACE_M, SPACE_M, 0, 0)
        self._layout.setSpacing(SPACE_M)
        self._layout.addWidget(self.form)
        self._layout.addWidget(self._pages, 1)
