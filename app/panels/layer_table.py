"""Every layer of a network with its channels under a mask, as rows."""

from app.panels.panel import Table
from core.events import BoolArray, NetworkOpened
from core.graph.layers import LayerNode
from core.pruning.masks import kept_channels


def kept_of_layer(layer: LayerNode, keep: BoolArray) -> int:
    """How many output channels of the layer a mask (channels,) keeps; fixed ones stay."""
    return int(kept_channels(keep, layer.channels).sum())


def layer_table(opened: NetworkOpened, keep: BoolArray) -> Table:
    """A row for each layer: its kind, shapes, channels kept and in all, MACs and parameters."""
    rows = [
        (
            layer.name,
            layer.kind,
            "x".join(map(str, layer.output_shape)),
            kept_of_layer(layer, keep),
            len(layer.channels),
            layer.macs,
            layer.params,
        )
        for layer in opened.graph.layers
    ]
    header = ("layer", "kind", "output_shape", "kept", "channels", "macs", "params")
    return Table(header, rows)
