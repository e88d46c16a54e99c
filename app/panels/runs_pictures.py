"""What the chosen runs have to say: their curves over each other, and how two masks differ."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.plot_parts import key_words, legend_label, legend_text
from app.panels.runs_model import run_name
from app.panels.runs_plot import MaskDifferenceView, RunsPlot
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette
from core.errors import RunError
from core.runs.curves import RunCurves, read_curves
from core.runs.history import RunSummary
from core.runs.stored_masks import compare_stored, read_stored_masks

MOST_CURVES = 24  # of a plot that can still be read


class RunsPictures(QTabWidget):
    """Two tabs: curves of the checked runs, and the difference of two masks.

    Signals:
        axis_changed(): the curves are wanted over something else.
    """

    axis_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.x_axis = QComboBox()
        self.plot = RunsPlot(LIGHT)
        self.plot_hint = QLabel()
        self.difference = MaskDifferenceView()
        self.difference_legend = legend_label(wraps=True)
        self._curves: dict[Path, RunCurves] = {}
        self.x_axis.addItems([self.tr("Evaluations"), self.tr("Seconds")])
        self.x_axis.setAccessibleName(self.tr("What the horizontal axis counts"))
        self.x_axis.currentIndexChanged.connect(self.axis_changed)
        self.plot_hint.setProperty("role", "caption")
        self.plot_hint.setWordWrap(True)
        self.setDocumentMode(True)
        self.addTab(self._curves_page(), self.tr("Curves"))
        self.addTab(self._masks_page(), self.tr("Difference of two masks"))

    def forget(self, folder: Path | None = None) -> None:
        """Read the curves of a run again, or of all."""
        if folder is None:
            self._curves.clear()
        else:
            self._curves.pop(folder, None)

    def draw_curves(self, runs: Sequence[RunSummary], colours: Palette) -> None:
        """Lay the curves of these runs over each other."""
        named = [
            (run_name(run), curves)
            for run in runs[:MOST_CURVES]
            if (curves := self._curves_of(run)) is not None
        ]
        self.plot.show_runs(named, colours, is_seconds=self.x_axis.currentIndex() == 1)
        self.plot_hint.setText(
            self.tr("Highest accuracy so far on reward images, of masks within the budget")
            if named
            else self.tr("Check runs in the table to lay their curves over each other.")
        )

    def draw_difference(self, pair: Sequence[RunSummary], colours: Palette) -> None:
        """Compare the best masks of two runs, or say why that cannot be done."""
        if len(pair) != 2:
            self._refuse(self.tr("Select or check two runs of one network."), colours)
            return
        try:
            layers = compare_stored(*(read_stored_masks(run.folder) for run in pair))
        except RunError as error:
            self._refuse(str(error), colours)
            return
        self.difference.show_layers(layers, colours)
        names = [run_name(run) for run in pair]
        words = (
            self.tr("kept by both"),
            self.tr("only by {}").format(names[0]),
            self.tr("only by {}").format(names[1]),
            self.tr("by neither"),
        )
        shades = self.difference.part_colours().values()
        keys = [key_words("■", colour, text) for colour, text in zip(shades, words, strict=True)]
        self.difference_legend.setText(legend_text("", keys, colours))

    def _curves_of(self, run: RunSummary) -> RunCurves | None:
        if run.folder not in self._curves:
            try:
                self._curves[run.folder] = read_curves(run.folder)
            except RunError:
                return None
        return self._curves[run.folder]

    def _refuse(self, reason: str, colours: Palette) -> None:
        self.difference.show_layers((), colours)
        self.difference_legend.setText(escape(reason))

    def _curves_page(self) -> QWidget:
        page, row = QWidget(), QHBoxLayout()
        row.addWidget(self.plot_hint, 1)
        row.addWidget(self.x_axis)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(SPACE_S, SPACE_S, SPACE_M, 0)
        layout.addLayout(row)
        layout.addWidget(self.plot, 1)
        return page

    def _masks_page(self) -> QWidget:
        page, scroll = QWidget(), QScrollArea(accessibleName=self.tr("Masks of two runs"))
        scroll.setWidget(self.difference)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, 0)
        layout.addWidget(self.difference_legend)
        layout.addWidget(scroll, 1)
        return page
