"""Does it look right on images: a layer's filters, its activations, and what the cut changes."""

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.panels.filters_answers import Answers
from app.panels.filters_board import FiltersBoard
from app.panels.filters_words import changed_table, channel_words, layer_table, say_changes
from app.panels.panel import Panel, Table
from app.selection import NO_CHANNEL, LoadedMask, Selection
from app.session_state import SessionState
from app.theme import SPACE_M, SPACE_S, Palette
from core.events import BoolArray, ChangedImagesFound, Event, LayerLookedInto, NetworkOpened
from core.graph.layers import LayerNode
from core.pruning.masks import kept_channels

WITH_FILTERS = ("conv", "depthwise", "linear")
LAYER_VIEW, CHANGED_VIEW = 0, 1


class FiltersPanel(Panel):
    """The selected layer's filters on real images, and the images whose class changed.

    Asks for what it shows only while it is seen and nothing else runs.

    Signals:
        look_requested(str): a layer is to be looked into; LayerLookedInto answers.
        changes_requested(object): a LoadedMask whose changed images are to be found;
            ChangedImagesFound answers.
    """

    NAME = "filters"
    look_requested = Signal(str)
    changes_requested = Signal(object)

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._opened: NetworkOpened | None = None
        self._state = SessionState.EMPTY
        self.answers = Answers()
        self._pointed = -1
        self.view = QComboBox()
        self.board = FiltersBoard()
        self.canvas, self.changed = self.board.canvas, self.board.changed
        self.caption = self.board.caption
        self.readout = QLabel()
        self._build()
        self.view.currentIndexChanged.connect(self.redraw_soon)
        self.canvas.chosen.connect(self._on_chosen)
        self.canvas.pointed.connect(self._on_pointed)
        selection.layer_changed.connect(self.redraw_soon)
        selection.channel_changed.connect(self._show_channel)
        selection.mask_changed.connect(self.redraw_soon)

    def title(self) -> str:
        return self.tr("Filters")

    def show_event(self, event: Event) -> None:
        """Take the answers to what was asked."""
        if isinstance(event, NetworkOpened):
            self._opened = event
        if self.answers.take(event):
            self.redraw_soon()

    def show_state(self, state: SessionState) -> None:
        """Follow what goes on: nothing is asked for while anything else runs."""
        self._state = state
        if not self._is_idle:
            self.answers.withdraw()
        self.redraw_soon()

    def forget_request(self) -> None:
        """What was asked for failed: say so, and do not ask for it again."""
        self.answers.fail()
        self.redraw_soon()

    def redraw(self) -> None:
        """Show what is known of the selection, and ask for the rest."""
        is_layer_view = self.view.currentIndex() == LAYER_VIEW
        self.board.show_view(is_layer=is_layer_view)
        invitation = self._draw_layer() if is_layer_view else self._draw_changes()
        self._empty.setText(invitation)
        self._contents.setCurrentIndex(1 if invitation else 0)
        if invitation:
            self.caption.clear()
        self._show_channel()

    def table(self) -> Table | None:
        """The view as rows: a channel or an image each."""
        if self.view.currentIndex() == CHANGED_VIEW:
            found = self._found
            return None if found is None else changed_table(found)
        layer, seen = self._layer, self._seen
        if layer is None or seen is None:
            return None
        return layer_table(seen, layer.channels, self._kept(layer))

    def picture_widget(self) -> QWidget:
        """The view with its caption and scales."""
        return self if self._is_empty else self.board

    def picture_size(self) -> QSize:
        return super().picture_size() if self._is_empty else self.board.picture_size()

    def paint_picture(self, painter: QPainter) -> None:
        if self._is_empty:
            super().paint_picture(painter)
        else:
            self.board.paint_picture(painter)

    def use_palette(self, palette: Palette) -> None:
        self.board.use_palette(palette)
        super().use_palette(palette)

    @property
    def _is_empty(self) -> bool:
        return self._contents.currentIndex() == 1

    @property
    def _is_idle(self) -> bool:
        return self._state in (SessionState.READY, SessionState.FINISHED)

    @property
    def _layer(self) -> LayerNode | None:
        name = self.selection.layer
        known = self._opened is not None and name in self._opened.graph
        return self._opened.graph.layer(name) if known and self._opened else None

    @property
    def _seen(self) -> LayerLookedInto | None:
        return self.answers.look_of(self.selection.layer)

    @property
    def _found(self) -> ChangedImagesFound | None:
        return self.answers.changes_of(self.selection.mask)

    def _kept(self, layer: LayerNode) -> BoolArray:
        mask = self.selection.mask
        if mask is None:
            return np.ones(len(layer.channels), dtype=np.bool_)
        return kept_channels(mask.keep, layer.channels)

    def _draw_layer(self) -> str:
        """Show the selected layer; returns what to say instead."""
        layer, seen = self._layer, self._seen
        if layer is None:
            return self.tr(
                "The filters of the selected layer and its activations on\n"
                "held-out images appear here. Select a layer."
            )
        if layer.kind not in WITH_FILTERS or layer.weight_key is None:
            return self.tr(
                "{} has no filters of its own.\nSelect a convolution or a linear layer."
            ).format(layer.name)
        if seen is None:
            return self._ask_for_layer(layer.name)
        kept = self._kept(layer)
        self.canvas.show_layer(seen, kept, layer.channels < 0)
        mask = self.selection.mask
        name = self.tr("no mask") if mask is None else mask.name
        self.caption.setText(
            self.tr("{}: {} of {} channels kept ({}). Held-out images, unpruned network.").format(
                layer.name, int(kept.sum()), len(kept), name
            )
        )
        is_mean = len(layer.kernel) > 0 and max(layer.kernel) > 1
        weights = (
            self.tr("mean weight over inputs") if is_mean else self.tr("weight, input by input")
        )
        self.board.scales[0].show_scale(weights, self.canvas.filters.limit)
        self.board.scales[1].show_scale(
            self.tr("activation behind the norm") if layer.folded else self.tr("activation"),
            self.canvas.activations.limit,
        )
        return ""

    def _draw_changes(self) -> str:
        found, mask = self._found, self.selection.mask
        if self._opened is None or mask is None:
            return self.tr(
                "The held-out images of which the pruned network says another class\n"
                "appear here as soon as there is a mask."
            )
        if found is None:
            return self._ask_for_changes(mask)
        self.changed.show_images(found)
        self.caption.setText(say_changes(found, mask.name))
        return ""

    def _ask_for_layer(self, name: str) -> str:
        if not self._is_idle:
            return self._say_busy()
        if self.answers.has_failed(name):
            return self.tr("{} could not be looked into.").format(name)
        if self.answers.layer != name and self.isVisible():
            self.answers.layer = name
            self.look_requested.emit(name)
        return self.tr("Looking into {} …").format(name)

    def _ask_for_changes(self, mask: LoadedMask) -> str:
        if not self._is_idle:
            return self._say_busy()
        if self.answers.has_failed(mask):
            return self.tr("The networks could not be compared.")
        if self.answers.mask is None and self.isVisible():
            self.answers.mask = mask
            self.changes_requested.emit(mask)
        return self.tr("Comparing both networks on held-out images …")

    def _say_busy(self) -> str:
        if self._state is SessionState.PAUSED:
            return self.tr("A search is paused. Images are looked at when it has ended.")
        return self.tr("Something else runs now. Images are looked at when it has ended.")

    def _on_chosen(self, place: int) -> None:
        layer = self._layer
        if layer is not None and layer.channels[place] >= 0:
            self.selection.select_channel(layer.name, int(layer.channels[place]))

    def _on_pointed(self, place: int) -> None:
        self._pointed = place
        self._show_channel()

    def _show_channel(self) -> None:
        """Outline the selected channel, and say what is known of it or of the pointed one."""
        layer, seen = self._layer, self._seen
        self.readout.clear()
        if layer is None or seen is None or self.view.currentIndex() != LAYER_VIEW:
            return
        if self.canvas.seen is not seen:  # it is drawn in a moment
            return
        channel = self.selection.channel
        places = np.flatnonzero(layer.channels == channel) if channel != NO_CHANNEL else []
        self.canvas.select(frozenset(int(place) for place in places))
        place = self._pointed if self._pointed >= 0 else int(next(iter(places), -1))
        if 0 <= place < len(layer.channels):
            self.readout.setText(channel_words(seen, place, layer.channels, self._kept(layer)))
        self.canvas.setAccessibleDescription(self.readout.text())

    def _build(self) -> None:
        self.view.addItems([self.tr("Filters and activations"), self.tr("Changed images")])
        self.view.setToolTip(self.tr("The selected layer, or the images whose class changed"))
        self.view.setAccessibleName(self.tr("View"))
        self.readout.setProperty("role", "caption")
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("role", "caption")
        self._contents = QStackedLayout()
        self._contents.addWidget(self.board)
        self._contents.addWidget(self._empty)
        tools = QHBoxLayout()
        tools.setSpacing(SPACE_S)
        tools.addWidget(QLabel(self.tr("Show")))
        tools.addWidget(self.view)
        tools.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addLayout(tools)
        layout.addLayout(self._contents, 1)
        layout.addWidget(self.readout)
