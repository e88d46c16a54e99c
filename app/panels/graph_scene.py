"""The scene of one layer graph: items, where they stand, what is selected, which mask is shown."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsScene, QGraphicsSceneHelpEvent, QToolTip

from app.graph_layout import Arrangement, GraphLayout, arrange, lay_out
from app.panels.graph_card import CardItem
from app.panels.graph_items import LayerItem, PillItem, SymbolItem
from app.panels.graph_strip import StripState
from app.panels.graph_style import GraphStyle
from app.panels.graph_text import group_letters, layer_tooltip
from app.panels.graph_wires import WireItem
from app.theme import Palette
from core.graph.coupling import CouplingGroup, CouplingGroups
from core.graph.layers import LayerGraph, LayerNode
from core.pruning.masks import kept_channels

Direction = Literal["left", "right", "up", "down"]

_CARD_KINDS = {"conv", "depthwise", "linear"}
_SYMBOL_KINDS = {"add", "multiply", "concat"}
_MOST_LETTERS = 2


class GraphScene(QGraphicsScene):
    """All layers of a network.

    Signals:
        layer_selected(str): the user or the program chose a layer.
    """

    layer_selected = Signal(str)

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.layers: dict[str, LayerItem] = {}
        self.wires: dict[str, WireItem] = {}
        self.selected = ""
        self.hovered = ""
        self.page = GraphLayout({}, {}, 0.0, 0.0, 0)
        self._graph = LayerGraph()
        self._groups = CouplingGroups(())
        self._groups_of: dict[str, frozenset[int]] = {}
        self._frozen: dict[str, str] = {}
        self._states: dict[str, StripState] = {}
        self._arrangement: Arrangement | None = None
        self._style = GraphStyle.of(palette)
        self.use_palette(palette)

    def show_network(self, graph: LayerGraph, groups: CouplingGroups) -> None:
        """Build items for every layer; nothing is selected and everything is kept."""
        self.clear_network()
        self._graph, self._groups = graph, groups
        self._frozen = {entry.layer: entry.reason for entry in groups.frozen}
        of_channel = groups.group_of_channel
        for layer in graph.layers:
            ids = of_channel[layer.channels[layer.channels >= 0]]
            self._groups_of[layer.name] = frozenset(ids.tolist())
            item = _make_item(layer, self._style, is_frozen=layer.name in self._frozen)
            self.layers[layer.name] = item
            self.addItem(item)
        for name in graph.nodes:
            if graph.out_degree(name):
                self.wires[name] = WireItem(name, self._style)
                self.addItem(self.wires[name])
        self._label_groups()
        self._arrange()

    def clear_network(self) -> None:
        """Remove everything."""
        self.clear()
        for known in (self.layers, self.wires, self._groups_of, self._frozen, self._states):
            known.clear()
        self.selected = self.hovered = ""
        self._graph, self._groups = LayerGraph(), CouplingGroups(())
        self._arrangement = None
        self.page = GraphLayout({}, {}, 0.0, 0.0, 0)
        self._repaint_wires()

    def use_palette(self, palette: Palette) -> None:
        """Recolour; fonts are taken anew, so sizes may change."""
        self._style = GraphStyle.of(palette)
        self.setBackgroundBrush(QColor(palette.window))
        for item in (*self.layers.values(), *self.wires.values()):
            item.use_style(self._style)
        if self.layers:
            self._arrange()
        self._repaint_wires()

    def fit_page(self, width: float, height: float) -> QRectF:
        """Place everything so that it is largest in a view of that size; returns the page."""
        if self._arrangement is None:
            return QRectF()
        self.page = lay_out(self._arrangement, (width, height))
        for name, box in self.page.boxes.items():
            self.layers[name].setPos(box.x, box.y)
        for source, wire in self.wires.items():
            readers = self._graph.successors(source)
            wire.set_routes([self.page.routes[source, reader] for reader in readers])
        rect = QRectF(0, 0, self.page.width, self.page.height)
        self._repaint_wires()
        # Room round the page, so that every corner can be moved to the middle.
        self.setSceneRect(rect.adjusted(-rect.width(), -rect.height(), rect.width(), rect.height()))
        return rect

    def show_mask(
        self, keep: NDArray[np.bool_], probability: NDArray[np.float32] | None = None
    ) -> None:
        """Show keep decisions (channels,) and the policy's keep probabilities as shade."""
        shade = keep.astype(np.float32) if probability is None else probability
        padded = np.append(shade, np.float32(1.0))
        for name, item in self.layers.items():
            owners = item.layer.channels
            state = StripState(kept_channels(keep, owners), padded[owners], owners < 0)
            known = self._states.get(name)
            if known is None or not _equal(known, state):
                self._states[name] = state
                item.show_channels(state)

    def select(self, name: str) -> None:
        """Select a layer and light up those that are coupled to it; unknown names do nothing."""
        if name in self.layers and name != self.selected:
            self.selected = name
            self._mark()
            self.layer_selected.emit(name)

    def hover(self, name: str) -> None:
        """Light up what is coupled to the layer under the mouse, "" for none."""
        if name != self.hovered:
            self.hovered = name
            self._mark()

    def neighbour(self, name: str, direction: Direction) -> str:
        """The layer to go to: along the wires sideways, by position up and down."""
        if name not in self.layers:
            return next(iter(self.layers), "")
        boxes, here = self.page.boxes, self.page.boxes[name]
        x, y = here.centre
        if direction in ("left", "right"):
            ways = self._graph.successors if direction == "right" else self._graph.predecessors
            return min(
                ways(name),
                key=lambda n: (abs(boxes[n].rank - here.rank), abs(boxes[n].centre[1] - y)),
                default=name,
            )
        sign = 1 if direction == "down" else -1
        beyond = {
            n: (abs(box.centre[0] - x), sign * (box.centre[1] - y)) for n, box in boxes.items()
        }
        there = [n for n, (_, dy) in beyond.items() if dy > 1 and n != name]
        # Nearest in height counts double, so that the next row wins over the one after it.
        return min(there, key=lambda n: beyond[n][0] + 2 * beyond[n][1], default=name)

    def tooltip(self, name: str) -> str:
        """All about a layer, as rich text."""
        item = self.layers[name]
        groups = tuple(self._groups.groups[group] for group in sorted(self._groups_of[name]))
        return layer_tooltip(item.layer, item.kept, groups, self._frozen.get(name))

    def helpEvent(self, event: QGraphicsSceneHelpEvent) -> None:
        for item in self.items(event.scenePos()):
            if isinstance(item, LayerItem):
                QToolTip.showText(event.screenPos(), self.tooltip(item.layer.name), event.widget())
                return
        QToolTip.hideText()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        super().drawBackground(painter, rect)
        scale = painter.worldTransform().m11()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for wire in self.wires.values():
            if wire.boundingRect().intersects(rect):
                wire.paint_quiet(painter, scale)

    def _arrange(self) -> None:
        sizes = {name: item.size for name, item in self.layers.items()}
        self._arrangement = arrange(self._graph, sizes)

    def _repaint_wires(self) -> None:
        self.invalidate(QRectF(), QGraphicsScene.SceneLayer.BackgroundLayer)

    def _label_groups(self) -> None:
        shared = [group for group in self._groups.groups if self._is_shared(group)]
        letters = {group.id: group_letters(index) for index, group in enumerate(shared)}
        for name, item in self.layers.items():
            mine = [letters[group] for group in sorted(self._groups_of[name]) if group in letters]
            more = "+" if len(mine) > _MOST_LETTERS else ""
            item.group_label = "".join(mine[: 1 if more else _MOST_LETTERS]) + more

    def _is_shared(self, group: CouplingGroup) -> bool:
        return sum(isinstance(self.layers.get(name), CardItem) for name in group.producers) > 1

    def _mark(self) -> None:
        focus = self._groups_of.get(self.hovered or self.selected, frozenset())
        for name, item in self.layers.items():
            is_lit = bool(focus & self._groups_of[name])
            item.set_marks(is_selected=name == self.selected, is_lit=is_lit)
            if name in self.wires:
                self.wires[name].set_lit(is_lit)


def _make_item(layer: LayerNode, style: GraphStyle, *, is_frozen: bool) -> LayerItem:
    item: LayerItem
    if layer.kind in _CARD_KINDS:
        item = CardItem(layer, style, is_frozen=is_frozen)
    elif layer.kind in _SYMBOL_KINDS:
        item = SymbolItem(layer, style, is_frozen=is_frozen)
    else:
        item = PillItem(layer, style, is_frozen=is_frozen)
    item.use_style(style)
    return item


def _equal(first: StripState, second: StripState) -> bool:
    return np.array_equal(first.keep, second.keep) and np.array_equal(
        first.probability, second.probability
    )
