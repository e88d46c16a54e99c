"""Is something going wrong: the known failure signatures of a search, each with its evidence."""

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QLabel,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.panels.health_list import SignatureList
from app.panels.health_plot import HealthPlot
from app.panels.health_words import (
    AXES,
    GLYPHS,
    MEANINGS,
    NAMES,
    PER_CENT,
    STATES,
    state_colour,
    translated,
)
from app.panels.panel import Panel, Table
from app.panels.parts import scrolled, text_label
from app.panels.plot_parts import key_words, legend_text
from app.selection import Selection
from app.theme import SPACE_L, SPACE_M, SPACE_S, Palette, fill_background
from core.events import Event, HealthRaised, NetworkOpened, SearchStarted
from core.health import SIGNATURES, SearchHistory, Verdict

LIST_PX = 250
QWIDGETSIZE_MAX = 16_777_215  # Qt's own name for no limit
WIDE_PX = 560  # the list beside its evidence


class HealthPanel(Panel):
    """A line for each signature: fine, raised or not enough data; the chosen one's evidence."""

    NAME = "health"
    REDRAW_MS = 250  # verdicts change with an update, not with a mask

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._history = SearchHistory()
        self._raised_at: dict[str, int] = {}  # kind -> evaluation at which it was last raised
        self._has_search = False
        self._is_chosen = False  # by the person; else the first that is raised is shown
        self.verdicts: dict[str, Verdict] = {}
        self.list = SignatureList(list(SIGNATURES))
        self.heading = text_label("title")
        self.meaning = text_label("caption")
        self.evidence = text_label()
        self.advice = text_label()
        self.key = text_label("caption")
        self.plot = HealthPlot()
        self._build()
        self.list.itemPressed.connect(self._on_chosen)
        self.list.currentRowChanged.connect(self._show_chosen)

    def title(self) -> str:
        return self.tr("Health")

    def show_event(self, event: Event) -> None:
        """Take what the search tells; the verdicts are made when they are drawn."""
        match event:
            case NetworkOpened():
                self._has_search = self._is_chosen = False
                self._raised_at = {}
            case SearchStarted():
                self._has_search, self._is_chosen = True, False
                self._raised_at = {}
                self._history.take(event)
            case HealthRaised():
                self._raised_at[event.kind] = event.evaluation
            case _:
                if not self._history.take(event):
                    return
        self.redraw_soon()

    def redraw(self) -> None:
        """Judge the search anew, and show every signature's state."""
        self._pages.setCurrentIndex(1 if self._has_search else 0)
        if not self._has_search:
            return
        self.verdicts = {kind: sign(self._history) for kind, sign in SIGNATURES.items()}
        for row, (kind, verdict) in enumerate(self.verdicts.items()):
            self.list.show_state(row, verdict.state, self._say(kind))
        if not self._is_chosen:
            states = [verdict.state for verdict in self.verdicts.values()]
            self.list.setCurrentRow(states.index("raised") if "raised" in states else 0)
        self._show_chosen()

    def table(self) -> Table | None:
        """A row for each signature: its state, its evidence and what to change."""
        if not self._has_search:
            return None
        verdicts = {kind: sign(self._history) for kind, sign in SIGNATURES.items()}
        header = ("signature", "state", "raised_at_evaluation", "evidence", "advice")
        return Table(
            header,
            [
                (kind, verdict.state, self._raised_at.get(kind), verdict.evidence, verdict.advice)
                for kind, verdict in verdicts.items()
            ],
        )

    def picture_widget(self) -> QWidget:
        """The list and the chosen one's evidence."""
        return self._board if self._has_search else self

    def use_palette(self, palette: Palette) -> None:
        fill_background(self._board, palette.surface, palette.text)
        self.plot.use_palette(palette)
        self.list.use_palette(palette)
        super().use_palette(palette)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = event.size().width() >= WIDE_PX
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._layout.setDirection(across if is_wide else down)
        self.list.setMaximumWidth(LIST_PX if is_wide else QWIDGETSIZE_MAX)
        self.list.setMaximumHeight(QWIDGETSIZE_MAX if is_wide else self.list.minimumHeight())

    def _say(self, kind: str) -> str:
        """The state of a signature, and whether it was another before."""
        verdict, at = self.verdicts[kind], self._raised_at.get(kind)
        if verdict.state == "raised" and at is not None:
            return self.tr("raised at evaluation {:,}").format(at)
        words = translated(STATES[verdict.state])
        if at is not None:
            words = self.tr("{}, was raised at evaluation {:,}").format(words, at)
        return words

    def _on_chosen(self) -> None:
        self._is_chosen = True

    def _show_chosen(self) -> None:
        kinds = list(self.verdicts)
        row = self.list.currentRow()
        if not 0 <= row < len(kinds):
            return
        kind = kinds[row]
        verdict = self.verdicts[kind]
        self.heading.setText(translated(NAMES[kind]))
        self.meaning.setText(translated(MEANINGS[kind]))
        colour = state_colour(verdict.state, self.colours)
        self.evidence.setText(
            f"<b style='color:{colour}'>{GLYPHS[verdict.state]} {escape(self._say(kind))}.</b> "
            f"{escape(verdict.evidence)}"
        )
        self.advice.setVisible(bool(verdict.advice))
        words = self.tr("What to change:")
        self.advice.setText(f"<b>{words}</b> {escape(verdict.advice)}")
        self._show_plot(kind, verdict)

    def _show_plot(self, kind: str, verdict: Verdict) -> None:
        colours, glyphs = (self.colours.accuracy, self.colours.budget), ("●", "▼")
        keys = [
            key_words(glyph, colour, series.name)
            for glyph, colour, series in zip(glyphs, colours, verdict.series, strict=False)
        ]
        keys = keys if len(keys) > 1 else []
        # Above the plot: beside a low plot the words of its axis would be cut.
        self.key.setText(legend_text(translated(AXES[kind]), keys, self.colours))
        self.plot.show_series(verdict.series, 100.0 if kind in PER_CENT else 1.0)

    def _build(self) -> None:
        self.plot.setAccessibleName(self.tr("Evidence over evaluations"))
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        facts = QWidget()
        right = QVBoxLayout(facts)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(SPACE_S)
        for part in (self.heading, self.meaning, self.evidence, self.advice, self.key):
            right.addWidget(part)
        right.addWidget(self.plot, 1)
        self._board = QWidget()
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._board)
        self._layout.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        self._layout.setSpacing(SPACE_L)
        self._layout.addWidget(self.list)
        self._layout.addWidget(facts, 1)
        empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("role", "caption")
        empty.setText(
            self.tr("Known ways in which a search goes wrong are watched for here\nwhile one runs.")
        )
        self._pages = QStackedLayout(self)
        self._pages.addWidget(empty)
        self._pages.addWidget(scrolled(self._board, self.tr("Health of the search")))
