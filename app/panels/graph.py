"""The layer graph with its channels, live while a search runs."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import (
    QPoint,
    QRectF,
    QSettings,
    QSignalBlocker,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.graph_find import FindBar
from app.panels.graph_legend import GraphLegend
from app.panels.graph_masks import LOADED, VIEWS, KnownMasks, ShownMask
from app.panels.graph_menu import folding_menu
from app.panels.graph_picture import picture_area, write_picture
from app.panels.graph_scene import GraphScene
from app.panels.graph_view import GraphView
from app.panels.layer_table import layer_table
from app.panels.panel import Panel, Table
from app.selection import LoadedMask, Selection
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background
from core.events import Event, NetworkOpened
from core.pruning.pins import Pins

VERTICAL_SETTING = "graph/is_vertical"

_REDRAW_MS = 50
_ZOOM_STEP = 1.2
_EMPTY = "The network's layers and channels appear here\nas soon as a network is open."
_UNTOUCHED = "all channels kept"


class GraphPanel(Panel):
    """Draws the open network and the masks that the search finds.

    Signals:
        layer_selected(str): a layer was chosen with mouse, keys or `select_layer`; "" for a
            folded block.
        picture_requested(): the user wants to save the graph as a picture; `export_picture`.
        menu_made(QMenu): a context menu is about to be shown; more can be added to it.
    """

    NAME = "graph"
    layer_selected = Signal(str)
    picture_requested = Signal()
    menu_made = Signal(object)

    def __init__(
        self,
        selection: Selection,
        parent: QWidget | None = None,
        palette: Palette = LIGHT,
        settings: QSettings | None = None,
    ) -> None:
        super().__init__(selection, parent)
        self.scene = GraphScene(palette)
        self.view = GraphView(self.scene)
        self.find = FindBar(self.view)
        self.legend = GraphLegend(palette)
        self.caption = QLabel()
        self.choice = QComboBox()
        self._settings = QSettings() if settings is None else settings
        self._network = ""
        self._opened: NetworkOpened | None = None
        self._channel_count = 0
        self._pinned = np.zeros(0, np.int8)
        self._masks = KnownMasks()
        self._matches: tuple[str, ...] = ()
        self._loaded: LoadedMask | None = None
        self._view_before = "newest"  # the loaded mask was chosen
        self._redraw_timer = QTimer(self, interval=_REDRAW_MS, singleShot=True)
        self._redraw_timer.timeout.connect(self.redraw)
        self._build()
        self.scene.set_vertical(self._settings.value(VERTICAL_SETTING, False, bool))
        self.scene.layer_selected.connect(self.layer_selected)
        self.view.find_requested.connect(self.open_find)
        self.view.menu_requested.connect(self._show_menu)
        self.find.text_changed.connect(self._on_search)
        self.find.step_requested.connect(self.step_match)
        self.find.closed.connect(self.view.setFocus)
        self.choice.currentIndexChanged.connect(self.redraw)
        self.choice.activated.connect(self._on_choice)
        self.scene.layer_selected.connect(self._on_layer_selected)
        selection.layer_changed.connect(self._follow_layer)
        selection.mask_changed.connect(self._follow_mask)
        self.use_palette(palette)
        self.clear()

    @property
    def is_vertical(self) -> bool:
        """Whether the data flows from top to bottom."""
        return self.scene.is_vertical

    def show_event(self, event: Event) -> None:
        """Take what the event says about masks; drawn at most 20 times a second."""
        if isinstance(event, NetworkOpened):
            self._show_network(event)
        elif not self._masks.take_event(event):
            return
        if not self._redraw_timer.isActive():
            # A network so large that painting takes long is drawn less often.
            self._redraw_timer.start(max(_REDRAW_MS, round(3 * self.view.paint_ms)))

    def title(self) -> str:
        """What the panel is called."""
        return self.tr("Graph")

    def picture_size(self) -> QSize:
        """The whole graph, or the invitation."""
        if self._opened is None:
            return super().picture_size()
        return picture_area(self.scene).size().toSize()

    def paint_picture(self, painter: QPainter) -> None:
        """Paint the whole graph as it is folded and coloured now."""
        if self._opened is None:
            super().paint_picture(painter)
            return
        area = picture_area(self.scene)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing
        )
        target = QRectF(0, 0, area.width(), area.height())
        painter.fillRect(target, self.scene.backgroundBrush())
        self.scene.render(painter, target, area)

    def table(self) -> Table | None:
        """Every layer with its channels, kept and in all."""
        return layer_table(self._opened, self._shown_mask().keep) if self._opened else None

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        self.colours = palette
        self.scene.use_palette(palette)
        self.legend.use_palette(palette)
        self.find.use_palette(palette)
        fill_background(self._empty, palette.window, palette.muted_text)
        if self.view.is_fitted:
            self.view.fit()

    def select_layer(self, name: str) -> None:
        """Select a layer by name, unfold what hides it and bring it in sight."""
        self.view.change_folding(lambda shown: shown.show_layer(name), name)
        self.scene.select(name)
        self.view.centre(name)

    def fold_all(self) -> None:
        """Show as few cards as possible."""
        self.view.change_folding(lambda shown: shown.fold_all(), self.scene.selected)

    def unfold_all(self) -> None:
        """Show every layer."""
        self.view.change_folding(lambda shown: shown.unfold_all(), self.scene.selected)

    def set_vertical(self, is_vertical: bool) -> None:
        """Let the data flow from top to bottom or from left to right, and remember it."""
        self._settings.setValue(VERTICAL_SETTING, is_vertical)
        self.scene.set_vertical(is_vertical)
        self.view.fit()

    def turn(self) -> None:
        """Let the data flow the other way."""
        self.set_vertical(not self.is_vertical)

    def export_picture(self, path: Path) -> None:
        """Write the whole graph as it is to be seen now into an SVG, PNG or PDF file.

        Raises: ExportError if the format is unknown, there is no graph, or it cannot be written.
        """
        write_picture(self.scene, path)

    def show_pins(self, pinned: Pins) -> None:
        """Mark other pinned channels, (channels,) of the network that is open or opens next."""
        self._pinned = pinned
        self.redraw()

    def open_find(self) -> None:
        """Show the bar that searches layers by name."""
        if self._network:
            self.find.open()

    def step_match(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) layer that was searched."""
        if not self._matches:
            return
        try:
            place = (self._matches.index(self.scene.selected) + step) % len(self._matches)
        except ValueError:  # something else is selected
            place = 0 if step > 0 else len(self._matches) - 1
        self.select_layer(self._matches[place])
        self.find.show_count(place + 1, len(self._matches))

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
        self._network, self._channel_count, self._opened = "", 0, None
        self._masks.clear()
        self._forget_loaded()
        self._matches = ()
        self.find.dismiss()
        self.scene.clear_network()
        self._pages.setCurrentWidget(self._empty)
        self._set_header_visible(False)

    def redraw(self) -> None:
        """Draw the newest state now."""
        self._redraw_timer.stop()
        if not self._network:
            return
        mask = self._shown_mask()
        is_of_network = len(self._pinned) == self._channel_count
        pinned = self._pinned if is_of_network else None
        self.scene.show_mask(mask.keep, mask.probability, pinned)
        self.legend.show_pins(is_of_network and bool(self._pinned.any()))
        self.caption.setText(f"{self._network} · {mask.caption}")

    def _shown_mask(self) -> ShownMask:
        untouched = ShownMask(_UNTOUCHED, np.ones(self._channel_count, np.bool_))
        return self._masks[self.choice.currentData()] or untouched

    def _forget_loaded(self) -> None:
        self._loaded = None
        if (place := self.choice.findData(LOADED)) >= 0:
            self.choice.removeItem(place)

    def _show_network(self, event: NetworkOpened) -> None:
        self.clear()
        self._opened = event
        self._network, self._channel_count = event.network, event.groups.channel_count
        # The view gets its final size while the scene is empty: it is fitted only once.
        self._pages.setCurrentWidget(self.view)
        self._set_header_visible(True)
        self.layout().activate()
        self.scene.show_network(event.graph, event.groups)
        self.view.fit()
        self.redraw()

    def _on_layer_selected(self, name: str) -> None:
        self.selection.select_layer(name)

    def _follow_layer(self, name: str) -> None:
        selected = self.scene.selected
        if not self._network or name == selected:
            return
        if name:
            self.select_layer(name)
        elif self.scene.shown.block(selected) is None:  # a selected block is no layer
            self.scene.select("")

    def _on_choice(self) -> None:
        view = self.choice.currentData()
        if view != LOADED:
            self._view_before = view
        self.selection.choose_mask(self._loaded if view == LOADED else None)

    def _follow_mask(self, mask: LoadedMask | None) -> None:
        """Show the mask that the person loaded in some panel, until another one is wanted."""
        if mask is None or not mask.is_chosen:
            if self.choice.currentData() == LOADED:
                self._show_view(self._view_before)
            return
        self._loaded = mask
        self._masks.load(mask)
        if self.choice.findData(LOADED) < 0:
            self.choice.addItem(self.tr("Loaded mask"), LOADED)
        self._show_view(LOADED)

    def _show_view(self, view: str) -> None:
        with QSignalBlocker(self.choice):
            self.choice.setCurrentIndex(self.choice.findData(view))
        self.redraw()

    def _on_search(self, text: str) -> None:
        self._matches = self.scene.shown.find(text)
        self.scene.show_matches(self._matches)
        selected = self.scene.selected
        place = self._matches.index(selected) + 1 if selected in self._matches else 0
        self.find.show_count(place, len(self._matches))

    def _show_menu(self, point: QPoint, node: str, frame: str) -> None:
        if self._network:
            self.make_menu(node, frame).popup(point)

    def make_menu(self, node: str = "", frame: str = "") -> QMenu:
        """Make the context menu for a node and the unfolded block round it, "" for none."""
        menu = folding_menu(self.view, node, frame)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Collapse all"), self.fold_all)
        menu.addAction(self.tr("Unfold all"), self.unfold_all)
        menu.addSeparator()
        menu.addAction(self.tr("Fit"), self.fit)
        flow = menu.addAction(self.tr("Top to bottom"))
        flow.setCheckable(True)
        flow.setChecked(self.is_vertical)
        flow.toggled.connect(self.set_vertical)
        menu.addSeparator()
        menu.addAction(self.tr("Find a layer…"), self.open_find)
        menu.addAction(self.tr("Save as a picture…"), self.picture_requested.emit)
        self.menu_made.emit(menu)
        return menu

    def _build(self) -> None:
        for key, words in VIEWS.items():
            self.choice.addItem(words, key)
        self.choice.setToolTip("Which mask the channels show")
        self.choice.setAccessibleName("Mask to show")
        self.choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.caption.setTextFormat(Qt.TextFormat.PlainText)
        self.caption.setMinimumWidth(60)
        self._empty = QLabel(_EMPTY, alignment=Qt.AlignmentFlag.AlignCenter)
        over_view = QVBoxLayout(self.view)
        over_view.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        over_view.addWidget(self.find, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
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

    def _set_header_visible(self, is_visible: bool) -> None:
        for widget in (self.caption, self.choice, self.legend):
            widget.setVisible(is_visible)
