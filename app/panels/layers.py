"""The graph as a tree of words: modules, layers, kept channels; for keys and screen readers."""

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHeaderView, QLabel, QStackedLayout, QTreeView, QWidget

from app.panels.graph_text import KIND_WORDS, shape_text
from app.panels.layer_table import kept_of_layer, layer_table
from app.panels.panel import Panel, Table
from app.selection import Selection
from app.theme import SPACE_M, Palette, fill_background
from core.events import BoolArray, Event, NetworkOpened
from core.graph.layers import LayerNode
from core.pruning.masks import ChannelMasks

LAYER_ROLE = Qt.ItemDataRole.UserRole  # the name of a row's layer, "" for a module
INDENTATION_PX = 14  # of a level; modules may be five levels deep, and the panel is narrow


class LayerTree(QTreeView):
    """A tree of three columns; where it is narrow, names give way to the numbers beside them."""

    def __init__(self) -> None:
        super().__init__()
        self._needed = 0, 0  # px of the names and of the numbers
        self._fitted = 0  # px that the names were given; others are a person's choice
        self.setIndentation(INDENTATION_PX)
        self.header().setResizeContentsPrecision(-1)  # of all rows, not only those in sight

    def measure(self) -> None:
        """Take the room that names and numbers need; to be called with other rows."""
        names, numbers = (
            max(self.sizeHintForColumn(column), self.header().sectionSizeHint(column))
            for column in range(2)
        )
        self._needed = names, numbers
        self.header().resizeSection(1, numbers)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.header().sectionSize(0) == self._fitted:
            self._fit()

    def _fit(self) -> None:
        names, numbers = self._needed
        room = max(self.viewport().width() - numbers, self.header().minimumSectionSize())
        self._fitted = min(names, room)
        self.header().resizeSection(0, self._fitted)


class LayersPanel(Panel):
    """A row for each layer under its modules: kept and all channels, kind, output shape."""

    NAME = "layers"
    REDRAW_MS = 250  # numbers that change faster cannot be read

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._opened: NetworkOpened | None = None
        self._rows: dict[str, QStandardItem] = {}  # layer -> first item of its row
        self._counts: dict[str, QStandardItem] = {}  # layer -> the item that says what it keeps
        self._modules: dict[str, QStandardItem] = {}
        self.model = QStandardItemModel(0, 3, self)
        self.view = self._make_view()
        self._empty = QLabel(self.tr("The network's modules and layers are listed here as words."))
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.view)
        self.setFocusProxy(self.view)
        self.view.selectionModel().selectionChanged.connect(self._on_row_selected)
        selection.layer_changed.connect(self._follow_layer)
        selection.mask_changed.connect(self.redraw_soon)

    def title(self) -> str:
        """What the panel is called."""
        return self.tr("Layers")

    def show_event(self, event: Event) -> None:
        """List the layers of another network."""
        if isinstance(event, NetworkOpened):
            self._opened = event
            self._fill(event)
            self.redraw_soon()

    def redraw(self) -> None:
        """Say of every row how many channels it keeps."""
        opened = self._opened
        self._pages.setCurrentIndex(int(opened is not None))
        if opened is None:
            return
        keep, is_changed = self._keep(opened), False
        with QSignalBlocker(self.model):  # else the view would measure its columns at every word
            for name, item in self._rows.items():
                layer, count = opened.graph.layer(name), self._counts[name]
                words = self._say_count(layer, keep)
                if not item.accessibleText() or count.text() != words:
                    is_changed = True
                    count.setText(words)
                    item.setAccessibleText(self._say_row(layer, words))
        if is_changed:
            self.view.viewport().update()

    def table(self) -> Table | None:
        """Every layer with its channels, kept and in all."""
        return layer_table(self._opened, self._keep(self._opened)) if self._opened else None

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        fill_background(self._empty, palette.window, palette.muted_text)
        super().use_palette(palette)

    def row_text(self, layer: str) -> tuple[str, ...]:
        """What is written in a layer's row; KeyError if there is none."""
        index = self._rows[layer].index()
        return tuple(str(index.siblingAtColumn(column).data()) for column in range(3))

    def _make_view(self) -> LayerTree:
        view = LayerTree()
        view.setModel(self.model)
        view.setAccessibleName(self.tr("Layers of the network"))
        view.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        view.setUniformRowHeights(True)
        view.setAllColumnsShowFocus(True)
        view.setFrameShape(QTreeView.Shape.NoFrame)
        view.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        view.header().setStretchLastSection(True)
        return view

    def _fill(self, opened: NetworkOpened) -> None:
        with QSignalBlocker(self.view.selectionModel()):
            # Not clear(): PySide then keeps every item that hung on the invisible root.
            self.model.removeRows(0, self.model.rowCount())
        self.model.setHorizontalHeaderLabels([self.tr("Layer"), self.tr("Kept"), self.tr("What")])
        self._rows, self._counts, self._modules = {}, {}, {}
        for layer in opened.graph.layers:
            home, _, last = layer.name.rpartition(".")
            widest = f"{len(layer.channels)} / {len(layer.channels)}"
            row = [QStandardItem(text) for text in (last, widest, self._describe(layer))]
            row[0].setData(layer.name, LAYER_ROLE)
            row[0].setToolTip(layer.name)
            self._parent_item(home).appendRow(row)
            self._rows[layer.name], self._counts[layer.name] = row[0], row[1]
        self.view.expandAll()
        self.view.measure()

    def _parent_item(self, module: str) -> QStandardItem:
        if not module:
            return self.model.invisibleRootItem()
        if module not in self._modules:
            home, _, last = module.rpartition(".")
            item = QStandardItem(last)
            item.setData("", LAYER_ROLE)
            item.setAccessibleText(self.tr("module {}").format(module))
            self._parent_item(home).appendRow([item, QStandardItem(), QStandardItem()])
            self._modules[module] = item
        return self._modules[module]

    def _keep(self, opened: NetworkOpened) -> BoolArray:
        everything = ChannelMasks.keep_all(opened.groups).keep
        mask = self.selection.mask
        return everything if mask is None or len(mask.keep) != len(everything) else mask.keep

    def _describe(self, layer: LayerNode) -> str:
        return f"{KIND_WORDS[layer.kind]}, {shape_text(layer.output_shape)}"

    def _say_count(self, layer: LayerNode, keep: BoolArray) -> str:
        return f"{kept_of_layer(layer, keep)} / {len(layer.channels)}"

    def _say_row(self, layer: LayerNode, count: str) -> str:
        words = self.tr("{}: {} channels kept, {}")
        return words.format(layer.name, count, self._describe(layer))

    def _on_row_selected(self) -> None:
        # Not the current row: that is the first one as soon as the list has the keys.
        for index in self.view.selectionModel().selectedRows():
            if name := index.data(LAYER_ROLE):  # a module is no layer; what was selected stays so
                self.selection.select_layer(name)

    def _follow_layer(self, name: str) -> None:
        item = self._rows.get(name)
        model = self.view.selectionModel()
        if item is None:
            model.clearSelection()
        elif model.currentIndex().siblingAtColumn(0) != item.index():
            flags = QItemSelectionModel.SelectionFlag
            model.setCurrentIndex(item.index(), flags.ClearAndSelect | flags.Rows)
            self.view.scrollTo(item.index())
