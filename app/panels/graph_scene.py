"""The scene of one network: items, where they stand, what is selected, which mask is shown."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsScene, QGraphicsSceneHelpEvent, QToolTip

from app.graph_frames import Frame, block_frames
from app.graph_layout import Arrangement, GraphLayout, arrange, lay_out
from app.graph_shown import ShownGraph
from app.graph_walk import Direction, neighbour
from app.panels.graph_block import BlockItem
from app.panels.graph_items import LayerItem, NodeItem
from app.panels.graph_making import make_item
from app.panels.graph_overview import Overview
from app.panels.graph_strip import LayerChannels
from app.panels.graph_style import GraphStyle
from app.panels.graph_text import block_tooltip, layer_tooltip
from app.panels.graph_wires import QuietWires, WireItem
from app.theme import RADIUS, Palette
from core.graph.coupling import CouplingGroups
from core.graph.layers import LayerGraph

_FRAME_OPACITY = 0.045
_EMPTY_PAGE = GraphLayout({}, {}, 0.0, 0.0, 0)


class GraphScene(QGraphicsScene):
    """All that is to be seen of a network: layers, and folded blocks that stand for layers.

    `nodes` and `wires` hold what is seen now. After a fold, `fit_page` gives all a new place.

    Signals:
        layer_selected(str): the user or the program chose a layer, or with "" a folded block.
    """

    layer_selected = Signal(str)

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.nodes: dict[str, NodeItem] = {}
        self.wires: dict[str, WireItem] = {}
        self.selected = ""
        self.hovered = ""
        self.is_vertical = False
        self.page = _EMPTY_PAGE
        self.frames: list[Frame] = []
        self._quiet_wires: QuietWires | None = None
        self._overview: Overview | None = None  # None as long as nothing new was asked of it
        self.shown = ShownGraph(LayerGraph(), CouplingGroups(()))
        self._made: dict[str, NodeItem] = {}  # also what is hidden now
        self._made_wires: dict[str, WireItem] = {}
        self._matches: frozenset[str] = frozenset()
        self._mask: (
            tuple[NDArray[np.bool_], NDArray[np.float32] | None, NDArray[np.int8] | None] | None
        ) = None
        self._channels = LayerChannels(())
        self._arrangement: Arrangement | None = None
        self._style = GraphStyle.of(palette)
        self.use_palette(palette)

    def show_network(self, graph: LayerGraph, groups: CouplingGroups) -> None:
        """Show a network, folded so far that it can be read; everything is kept."""
        self.clear_network()
        self.shown = ShownGraph(graph, groups)
        self._show_nodes()

    def clear_network(self) -> None:
        """Remove everything."""
        self.clear()
        for known in (self.nodes, self.wires, self._made, self._made_wires):
            known.clear()
        self.selected = self.hovered = ""
        self._matches, self._mask, self._arrangement = frozenset(), None, None
        self.shown = ShownGraph(LayerGraph(), CouplingGroups(()))
        self.page, self.frames = _EMPTY_PAGE, []
        self._repaint_background()

    def use_palette(self, palette: Palette) -> None:
        """Recolour; fonts are taken anew, so sizes may change."""
        self._style = GraphStyle.of(palette, is_vertical=self.is_vertical)
        self.setBackgroundBrush(QColor(palette.window))
        for item in (*self._made.values(), *self._made_wires.values()):
            item.use_style(self._style)
        if self.nodes:
            self._arrange()
        self._repaint_background()

    def set_vertical(self, is_vertical: bool) -> None:
        """Let the data flow from top to bottom, or from left to right."""
        self.is_vertical = is_vertical
        self.use_palette(self._style.palette)

    def change_folding(self, change: Callable[[ShownGraph], bool]) -> bool:
        """Fold or unfold blocks of `shown`; whether that changed what is seen."""
        if not change(self.shown):
            return False
        chosen = self.shown.layers_of(self.selected)[0] if self.selected else ""
        self.hovered = ""
        self._show_nodes()
        self.select(self.shown.node_of(chosen))
        return True

    def fit_page(self, width: float, height: float) -> QRectF:
        """Place everything so that it is largest in a view of that size; returns the page."""
        if self._arrangement is None:
            return QRectF()
        self.page = lay_out(self._arrangement, (width, height))
        self.frames = block_frames(self.page, self.shown.tree)
        for name, box in self.page.boxes.items():
            self.nodes[name].setPos(box.x, box.y)
        for source, wire in self.wires.items():
            readers = self.shown.seen.graph.successors(source)
            wire.set_routes([self.page.routes[source, reader] for reader in readers])
        rect = QRectF(0, 0, self.page.width, self.page.height)
        self._repaint_background()
        # Room round the page, so that every corner can be moved to the middle.
        self.setSceneRect(rect.adjusted(-rect.width(), -rect.height(), rect.width(), rect.height()))
        return rect

    def show_mask(
        self,
        keep: NDArray[np.bool_],
        probability: NDArray[np.float32] | None = None,
        pinned: NDArray[np.int8] | None = None,
    ) -> None:
        """Show keep decisions, the policy's keep probabilities as shade, and pins; (channels,)."""
        self._mask = keep, probability, pinned
        self._overview = None
        for name, state in self._channels.states(keep, probability, pinned):
            card = self.nodes[name]
            assert isinstance(card, LayerItem)
            card.show_channels(state)
        for item in self.nodes.values():
            if isinstance(item, BlockItem):
                item.show_counts(item.channels.count(keep))

    def select(self, name: str) -> None:
        """Select a node and light up those that are coupled to it; "" selects none.

        Unknown names do nothing.
        """
        if name != self.selected and (not name or name in self.nodes):
            self.selected = name
            self._mark()
            self.layer_selected.emit("" if self.shown.block(name) else name)

    def hover(self, name: str) -> None:
        """Light up what is coupled to the node under the mouse, "" for none."""
        if name != self.hovered:
            self.hovered = name
            self._mark()

    def show_matches(self, layers: Collection[str]) -> None:
        """Make layers that were searched stand out, or the blocks that hide them."""
        self._matches = frozenset(layers)
        self._mark()

    def neighbour(self, name: str, direction: Direction) -> str:
        """The node to go to: along the wires, or by position across them."""
        graph = self.shown.seen.graph
        return neighbour(self.page, graph, name, direction, is_vertical=self.is_vertical)

    def block_at(self, x: float, y: float) -> str:
        """The innermost unfolded block whose frame holds a point, "" for none."""
        holding = [frame.block for frame in self.frames if frame.holds(x, y)]
        return max(holding, key=lambda block: len(self.shown.tree.around(block)), default="")

    def tooltip(self, name: str) -> str:
        """All about a node, as rich text."""
        item, reasons = self.nodes[name], self.shown.frozen_reasons(name)
        if isinstance(item, BlockItem):
            kept, total = int(item.counts.sum()), int(item.channels.totals.sum())
            return block_tooltip(item.block, kept, total, reasons)
        assert isinstance(item, LayerItem)
        ids = sorted(self.shown.groups_of(name))
        groups = tuple(self.shown.groups.groups[group] for group in ids)
        return layer_tooltip(item.layer, item.kept, groups, next(iter(reasons), None), item.pins)

    def helpEvent(self, event: QGraphicsSceneHelpEvent) -> None:
        for item in self.items(event.scenePos()):
            if isinstance(item, NodeItem):
                QToolTip.showText(event.screenPos(), self.tooltip(item.name), event.widget())
                return
        QToolTip.hideText()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        super().drawBackground(painter, rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tint = QColor(self._style.palette.text)
        tint.setAlphaF(_FRAME_OPACITY)  # adds up where blocks lie within one another
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint)
        for frame in self.frames:
            width, height = frame.right - frame.left, frame.bottom - frame.top
            painter.drawRoundedRect(
                QRectF(frame.left, frame.top, width, height), 2 * RADIUS, 2 * RADIUS
            )
        if self._quiet_wires is None:
            self._quiet_wires = QuietWires(self.wires.values(), self._style.palette)
        self._quiet_wires.paint(painter, QRectF(rect), painter.worldTransform().m11())

    def paint_overview(self, painter: QPainter) -> None:
        """Paint all nodes as simple and as fast as can be, for small zooms."""
        for wire in self.wires.values():
            if wire.is_lit:
                wire.paint_lit(painter, painter.worldTransform().m11())
        if self._overview is None:
            self._overview = Overview(self.nodes.values(), self._style.palette)
        self._overview.paint(painter)

    def _show_nodes(self) -> None:
        """Show an item for every node of the folded graph and a wire for every source."""
        graph = self.shown.seen.graph
        wanted = {name: self._made.get(name) or self._make(name) for name in graph.nodes}
        sources = [name for name in graph.nodes if graph.out_degree(name)]
        wires = {name: self._made_wires.get(name) or self._make_wire(name) for name in sources}
        for name, item in self.nodes.items():
            item.setVisible(name in wanted)
        for wire in self.wires.values():
            wire.set_lit(False)
        for item in wanted.values():
            item.setVisible(True)
        self.nodes, self.wires = wanted, wires
        self._channels = LayerChannels(
            item.layer for item in wanted.values() if isinstance(item, LayerItem)
        )
        self._arrange()
        if self._mask is not None:
            self.show_mask(*self._mask)
        self._mark()

    def _make(self, name: str) -> NodeItem:
        item = make_item(self.shown, name, self._style)
        item.group_label = self.shown.group_label(name)
        item.use_style(self._style)
        self._made[name] = item
        self.addItem(item)
        return item

    def _make_wire(self, source: str) -> WireItem:
        self._made_wires[source] = wire = WireItem(source, self._style)
        self.addItem(wire)
        return wire

    def _arrange(self) -> None:
        sizes = {name: item.size for name, item in self.nodes.items()}
        self._arrangement = arrange(self.shown.seen.graph, sizes, is_vertical=self.is_vertical)

    def _repaint_background(self) -> None:
        self._overview = self._quiet_wires = None
        self.invalidate(QRectF(), QGraphicsScene.SceneLayer.BackgroundLayer)

    def _mark(self) -> None:
        self._overview = None
        shown, marked = self.shown, self.hovered or self.selected
        focus = shown.groups_of(marked) if marked else frozenset()
        matches = {shown.node_of(layer) for layer in self._matches}
        for name, item in self.nodes.items():
            is_lit = bool(focus) and not focus.isdisjoint(shown.groups_of(name))
            item.set_marks(
                is_selected=name == self.selected, is_lit=is_lit, is_match=name in matches
            )
            if name in self.wires:
                is_lit = is_lit and not focus.isdisjoint(shown.groups_leaving(name))
                self.wires[name].set_lit(is_lit)
