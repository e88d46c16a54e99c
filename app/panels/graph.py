"""The layer graph with its channels, live while a search runs."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from app.panels.graph_legend import GraphLegend
from app.panels.graph_scene import GraphScene
from app.panels.graph_view import GraphView
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.events import (
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    CriterionEvaluated,
    Event,
    FloatArray,
    NetworkOpened,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
)

_REDRAW_MS = 50
_ZOOM_STEP = 1.2
_EMPTY = "The network's layers and channels appear here\nas soon as a network is open."
_UNTOUCHED = "all channels kept"

# What the user can choose to look at.
VIEWS = {"newest": "Newest mask", "policy": "Policy", "best": "Best mask"}


@dataclass(frozen=True, eq=False)
class ShownMask:
    """A mask with the policy's probabilities, and what to call it."""

    caption: str
    keep: BoolArray
    probability: FloatArray | None = None


class GraphPanel(QWidget):
    """Draws the open network and the masks that the search finds.

    Signals:
        layer_selected(str): a layer was chosen with mouse, keys or `select_layer`.
    """

    layer_selected = Signal(str)

    def __init__(self, palette: Palette = LIGHT) -> None:
        super().__init__()
        self.scene = GraphScene(palette)
        self.view = GraphView(self.scene)
        self.legend = GraphLegend(palette)
        self.caption = QLabel()
        self.choice = QComboBox()
        self._network = ""
        self._channel_count = 0
        self._evaluations = 0
        self._policy: tuple[int, FloatArray] | None = None  # update, keep probabilities
        self._masks: dict[str, ShownMask] = {}
        self._redraw_timer = QTimer(self, interval=_REDRAW_MS, singleShot=True)
        self._redraw_timer.timeout.connect(self.redraw)
        self._build()
        self.scene.layer_selected.connect(self.layer_selected)
        self.choice.currentIndexChanged.connect(self.redraw)
        self.use_palette(palette)
        self.clear()

    def show_event(self, event: Event) -> None:
        """Take what the event says about masks; drawn at most 20 times a second."""
        match event:
            case NetworkOpened():
                self._show_network(event)
            case SearchStarted():
                self._evaluations, self._policy = event.evaluations, None
                self._masks = {}
            case CriterionEvaluated():
                words = f"criterion {event.criterion} · {_percent(event.macs_kept)} of MACs"
                self._masks["newest"] = ShownMask(words, event.keep)
            case CandidateEvaluated():
                self._show_candidate(event)
            case PolicyUpdated():
                self._policy = event.update, event.keep_probability
                words = f"policy after update {event.update}"
                mask = ShownMask(words, event.keep, event.keep_probability)
                self._masks["policy"] = self._masks["newest"] = mask
            case BestChanged():
                words = (
                    f"best mask so far, evaluation {event.evaluation} · "
                    f"{_percent(event.macs_kept)} of MACs · {_percent(event.accuracy)} accuracy"
                )
                self._masks["best"] = ShownMask(words, event.keep)
            case SearchFinished():
                words = (
                    f"final mask · {_percent(event.macs_kept)} of MACs · "
                    f"{_percent(event.accuracy)} held-out accuracy"
                )
                self._masks["best"] = self._masks["newest"] = ShownMask(words, event.keep)
            case _:
                return
        if not self._redraw_timer.isActive():
            # A network so large that painting takes long is drawn less often.
            self._redraw_timer.start(max(_REDRAW_MS, round(3 * self.view.paint_ms)))

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        self.scene.use_palette(palette)
        self.legend.use_palette(palette)
        fill_background(self._empty, palette.window, palette.muted_text)
        if self.view.is_fitted:
            self.view.fit()

    def select_layer(self, name: str) -> None:
        """Select a layer by name and bring it in sight."""
        self.scene.select(name)
        self.view.reveal(name)

    def fit(self) -> None:
        """Show the whole network."""
        self.view.fit()

    def zoom_in(self) -> None:
        """Enlarge round the middle."""
        self.view.zoom_by(_ZOOM_STEP)

    def zoom_out(self) -> None:
        """Shrink round the middle."""
        self.view.zoom_by(1 / _ZOOM_STEP)

    def clear(self) -> None:
        """Show nothing but the invitation."""
        self._redraw_timer.stop()
        self._network, self._channel_count = "", 0
        self._masks, self._policy = {}, None
        self.scene.clear_network()
        self._pages.setCurrentWidget(self._empty)
        self._set_header_visible(False)

    def redraw(self) -> None:
        """Draw the newest state now."""
        self._redraw_timer.stop()
        if not self._network:
            return
        mask = self._masks.get(self.choice.currentData())
        if mask is None:
            mask = ShownMask(_UNTOUCHED, np.ones(self._channel_count, np.bool_))
        self.scene.show_mask(mask.keep, mask.probability)
        self.caption.setText(f"{self._network} · {mask.caption}")

    def _show_network(self, event: NetworkOpened) -> None:
        self.clear()
        self._network, self._channel_count = event.network, event.groups.channel_count
        # The view gets its final size while the scene is empty: it is fitted only once.
        self._pages.setCurrentWidget(self.view)
        self._set_header_visible(True)
        self.layout().activate()
        self.scene.show_network(event.graph, event.groups)
        self.view.fit()
        self.redraw()

    def _show_candidate(self, event: CandidateEvaluated) -> None:
        total = f" of {self._evaluations}" if self._evaluations else ""
        words = f"mask {event.evaluation}{total} · {_percent(event.macs_kept)} of MACs"
        probability = None
        if self._policy is not None:
            update, probability = self._policy
            words += f" · shade: policy after update {update}"
        self._masks["newest"] = ShownMask(words, event.keep, probability)

    def _build(self) -> None:
        for key, words in VIEWS.items():
            self.choice.addItem(words, key)
        self.choice.setToolTip("Which mask the channels show")
        self.choice.setAccessibleName("Mask to show")
        self.choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.caption.setTextFormat(Qt.TextFormat.PlainText)
        self.caption.setMinimumWidth(60)
        self._empty = QLabel(_EMPTY, alignment=Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self._empty)
        header = QHBoxLayout()
        header.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, SPACE_S)
        header.addWidget(self.caption, 1)
        header.addWidget(self.choice)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(header)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.legend)
        self.setFocusProxy(self.view)

    def _set_header_visible(self, is_visible: bool) -> None:
        for widget in (self.caption, self.choice, self.legend):
            widget.setVisible(is_visible)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
