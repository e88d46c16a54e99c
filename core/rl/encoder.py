"""The graph-attention encoder: every layer of the network becomes a vector."""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

with warnings.catch_warnings():
    # torch_geometric still scripts a helper on import; nothing of ours uses it
    warnings.simplefilter("ignore", FutureWarning)
    from torch_geometric.nn import GATv2Conv


class GATEncoder(nn.Module):
    """Two GATv2 layers with residual connections and layer norms.

    Source: Brody et al., "How Attentive are Graph Attention Networks?", ICLR 2022.
    """

    def __init__(self, in_features: int, hidden: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.attention1 = GATv2Conv(in_features, hidden // heads, heads=heads)
        self.attention2 = GATv2Conv(hidden, hidden // heads, heads=heads)
        self.skip = nn.Linear(in_features, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.norm2 = nn.LayerNorm(hidden)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Encode layers (nodes, in_features) along edges (2, edges) as (nodes, hidden)."""
        z = F.elu(self.norm1(self.attention1(x, edge_index) + self.skip(x)))
        encoded: Tensor = F.elu(self.norm2(self.attention2(z, edge_index) + z))
        return encoded

    @torch.no_grad()
    def attention(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        """Say how much of a node's new state comes from each neighbour.

        Returns: the edges that are attended to, int64 (2, edges + nodes), from and to, with one
        of every node to itself; weights (encoder layers, heads, edges + nodes), which sum to 1
        over the edges into a node.
        """
        message, (edges, first) = self.attention1(x, edge_index, return_attention_weights=True)
        z = F.elu(self.norm1(message + self.skip(x)))
        _, (_, second) = self.attention2(z, edge_index, return_attention_weights=True)
        return edges, torch.stack([first, second]).transpose(1, 2)
