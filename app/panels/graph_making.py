"""Choose the item that shows a node of the graph."""

from app.graph_shown import WEIGHTED_KINDS, BlockChannels, ShownGraph
from app.panels.graph_block import BlockItem
from app.panels.graph_card import CardItem
from app.panels.graph_items import NodeItem, PillItem, SymbolItem
from app.panels.graph_style import GraphStyle

_SYMBOL_KINDS = {"add", "multiply", "concat"}


def make_item(shown: ShownGraph, node: str, style: GraphStyle) -> NodeItem:
    """Make a card for a block or a layer with weights, a symbol or a pill for the others."""
    block, is_frozen = shown.block(node), shown.is_frozen(node)
    if block is not None:
        channels = BlockChannels(shown.weighted_layers(node))
        return BlockItem(block, channels, len(block.layers), style, is_frozen=is_frozen)
    layer = shown.network.layer(node)
    if layer.kind in WEIGHTED_KINDS:
        return CardItem(layer, style, is_frozen=is_frozen)
    if layer.kind in _SYMBOL_KINDS:
        return SymbolItem(layer, style, is_frozen=is_frozen)
    return PillItem(layer, style, is_frozen=is_frozen)
