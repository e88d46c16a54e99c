"""Which channels go, layer by layer: the matrix of all layers and channels."""

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.panels.compare_words import criterion_words
from app.panels.masks_cells import cell_codes
from app.panels.masks_facts import BY_PROBABILITY, NETWORK_ORDER, MaskFacts, View
from app.panels.masks_legend import MasksLegend
from app.panels.masks_matrix import MaskMatrix
from app.panels.masks_picture import StackedPicture
from app.panels.masks_words import (
    channel_tip,
    channel_words,
    row_labels,
    row_tip,
    say_mask,
    say_sharing,
)
from app.panels.panel import Panel, Table
from app.panels.parts import ElidedLabel, tool_row
from app.pins import Pins
from app.selection import NO_CHANNEL, Selection
from app.theme import SPACE_M, SPACE_S, Palette
from core.events import Event, NetworkOpened
from core.graph.rows import ChannelRow
from core.pruning.pins import NO_PIN, PIN_KEEP, PIN_REMOVE
from core.pruning.pins import Pins as PinnedChannels

LEGEND_FROM_PX = 190  # of height; lower panels show cells instead


class MasksPanel(Panel):
    """All channels of all layers; pins are set here, and `pins` holds them."""

    NAME = "masks"

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self.pins = Pins(self)
        self.facts = MaskFacts()
        self.matrix = MaskMatrix(
            lambda channel: channel_tip(self.facts, channel, *self._shown),
            lambda row: row_tip(self.facts, row, self._view),
        )
        self.legend = MasksLegend()
        self.caption = ElidedLabel("caption")
        self.readout = ElidedLabel("caption")
        self.view, self.sort = QComboBox(), QComboBox()
        self._pointed = NO_CHANNEL
        self._refusal = ""
        self._build()
        self._connect()
        self.facts.take_mask(selection.mask)

    def title(self) -> str:
        return self.tr("Masks")

    def show_event(self, event: Event) -> None:
        """Follow the network, the policy and the scores; masks come from the selection."""
        if not self.facts.take_event(event):
            return
        if isinstance(event, NetworkOpened):
            self._pointed, self._refusal = NO_CHANNEL, ""
            counts = [len(row) for row in self.facts.rows]
            self.matrix.show_rows(row_labels(self.facts, self._view), counts)
            self.facts.take_mask(self.selection.mask)
        self.pins.show_event(event)
        self._list_sorts()
        self.redraw_soon()

    def redraw(self) -> None:
        """Draw the mask of the view, and say which it is."""
        has_rows = bool(self.facts.rows)
        self._pages.setCurrentIndex(1 if has_rows else 0)
        self._invite()
        if not has_rows:
            return
        decision = self.facts.decision(self._view)
        is_policy = self._view == "policy"
        probability = self.facts.probability if is_policy else None
        codes = cell_codes(decision.keep, probability, decision.has_flipped, self.pins.pinned)
        self.matrix.show_cells(
            row_labels(self.facts, self._view), self.facts.order(self._sort), codes
        )
        self.legend.show_shade(probability is not None)
        self.caption.setText(say_mask(self.facts, self._view))
        self._show_selection()
        self._write_readout()

    def table(self) -> Table | None:
        """A row for each channel: what the view decides, its probability, pin and scores."""
        if not self.facts.rows:
            return None
        return self.facts.table(self._view, self.pins.pinned)

    def picture_size(self) -> QSize:
        return self._picture().size

    def paint_picture(self, painter: QPainter) -> None:
        """Paint all rows, with the mask's name above and the legend below."""
        self._picture().paint(painter)

    def _picture(self) -> StackedPicture:
        picture = StackedPicture(self.matrix.viewport().width())
        if self.facts.rows:
            caption = say_mask(self.facts, self._view)
            picture.add_words(caption, self.colours.text, "body")
            picture.add(self.matrix.whole_height, self.matrix.paint_all)
            picture.add_legend(self.legend)
            picture.add_words(say_sharing(self.facts), self.colours.muted_text, "caption")
        return picture

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.legend.setVisible(self.height() >= LEGEND_FROM_PX)

    def use_palette(self, palette: Palette) -> None:
        self.matrix.use_palette(palette)
        self.legend.use_palette(palette)
        super().use_palette(palette)

    def pin(self, kind: int) -> None:
        """Pin what is marked: PIN_KEEP, PIN_REMOVE, or NO_PIN to unpin."""
        marked = self.matrix.marked()
        if marked:
            self._pin_row(self._row_of(marked[0]), marked, kind)

    @property
    def _view(self) -> View:
        return "policy" if self.view.currentIndex() == 1 else "mask"

    @property
    def _sort(self) -> str:
        return str(self.sort.currentData())

    @property
    def _shown(self) -> tuple[View, str, PinnedChannels]:
        return self._view, self._sort, self.pins.pinned

    def _row_of(self, channel: int) -> ChannelRow:
        return self.facts.rows[self.facts.row_of(channel)]

    def _connect(self) -> None:
        self.view.currentIndexChanged.connect(self.redraw_soon)
        self.sort.currentIndexChanged.connect(self.redraw_soon)
        self.matrix.pointed.connect(self._on_pointed)
        self.matrix.chosen.connect(self._on_chosen)
        self.matrix.row_chosen.connect(self._on_row_chosen)
        self.matrix.pin_requested.connect(self.pin)
        self.matrix.menu_requested.connect(self._show_menu)
        self.selection.layer_changed.connect(self._show_selection)
        self.selection.channel_changed.connect(self._show_selection)
        self.selection.mask_changed.connect(self._on_mask_changed)
        self.pins.changed.connect(self._on_pins_changed)
        self.pins.refused.connect(self._on_refused)

    def _on_mask_changed(self) -> None:
        self.facts.take_mask(self.selection.mask)
        self.redraw_soon()

    def _on_pins_changed(self) -> None:
        self._refusal = ""
        self.redraw_soon()

    def _on_refused(self, message: str) -> None:
        self._refusal = message
        self._write_readout()

    def _on_pointed(self, channel: int) -> None:
        self._pointed, self._refusal = channel, ""
        self._write_readout()

    def _on_chosen(self, channel: int) -> None:
        self.selection.select_channel(self._row_of(channel).layer, channel)

    def _on_row_chosen(self, row: int) -> None:
        self.selection.select_layer(self.facts.rows[row].layer)

    def _show_selection(self) -> None:
        rows = self.facts.rows_of_layer(self.selection.layer)
        channel = self.selection.channel if rows else NO_CHANNEL
        self.matrix.select(rows, channel)
        self._write_readout()

    def _pin_row(self, row: ChannelRow, channels: list[int], kind: int) -> None:
        self._refusal = ""
        self.pins.pin(row.layer, channels, kind)

    def _show_menu(self, point: QPoint) -> None:
        menu = self.make_menu()
        if not menu.isEmpty():
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(point)

    def make_menu(self) -> QMenu:
        """What can be pinned: the marked channels, and their whole row."""
        menu = QMenu(self)
        marked = self.matrix.marked()
        if not marked:
            return menu
        row = self._row_of(marked[0])
        whole = row.channels.tolist()
        place = self.facts.place_of(marked[0])
        one = self.tr("channel {} of {}").format(place, row.layer)
        few = self.tr("{} channels of {}").format(len(marked), row.layer)
        all_words = self.tr("all {} channels of {}").format(len(whole), row.layer)
        for words, channels in ((one if len(marked) == 1 else few, marked), (all_words, whole)):
            menu.addSection(words)
            for text, kind, key in (
                (self.tr("Pin to stay"), PIN_KEEP, "K"),
                (self.tr("Pin to go"), PIN_REMOVE, "R"),
                (self.tr("Unpin"), NO_PIN, "U"),
            ):
                shown = f"{text}\t{key}" if channels is marked else text
                action = menu.addAction(shown)
                action.setEnabled(bool((self.pins.pinned[channels] != kind).any()))
                action.triggered.connect(lambda _, c=channels, k=kind: self._pin_row(row, c, k))
        return menu

    def _list_sorts(self) -> None:
        """Offer every order that is known now; the chosen one stays if it is still known."""
        names = [NETWORK_ORDER, BY_PROBABILITY, *self.facts.scores]
        if names == [self.sort.itemData(i) for i in range(self.sort.count())]:
            return
        chosen = self.sort.currentData()
        self.sort.blockSignals(True)
        self.sort.clear()
        self.sort.addItem(self.tr("network order"), NETWORK_ORDER)
        self.sort.addItem(self.tr("keep probability"), BY_PROBABILITY)
        for name in self.facts.scores:
            self.sort.addItem(self.tr("{} score").format(criterion_words(name)), name)
        self.sort.setCurrentIndex(max(0, names.index(chosen) if chosen in names else 0))
        self.sort.blockSignals(False)

    def _write_readout(self) -> None:
        channel = self._pointed if self._pointed != NO_CHANNEL else self.selection.channel
        text = self._refusal
        if not text and 0 <= channel < len(self.facts.flat):
            text = " · ".join(channel_words(self.facts, channel, *self._shown))
        self.readout.setText(text or say_sharing(self.facts))
        self.matrix.setAccessibleDescription(self.readout.text())

    def _invite(self) -> None:
        if self.facts.opened is not None and not self.facts.rows:
            self._empty.setText(self.tr("No channel of this network can be removed."))
        else:
            self._empty.setText(
                self.tr("Every channel of every layer appears here\nwhen a network is open.")
            )

    def _build(self) -> None:
        self.view.addItems([self.tr("Mask"), self.tr("Policy")])
        self.view.setToolTip(self.tr("The mask that all panels show, or what the policy would do"))
        self.view.setAccessibleName(self.tr("View"))
        self.sort.setToolTip(self.tr("The order of the channels within each layer"))
        self.sort.setAccessibleName(self.tr("Channels in order of"))
        self._list_sorts()
        choices = ((self.tr("Show"), self.view), (self.tr("sorted by"), self.sort))
        work = QWidget()
        layout = QVBoxLayout(work)
        layout.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addLayout(tool_row(choices, self.caption))
        layout.addWidget(self.matrix, 1)
        layout.addWidget(self.legend)
        layout.addWidget(self.readout)
        self._empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("role", "caption")
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(work)
        self._invite()
