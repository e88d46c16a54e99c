"""The encoder: every layer of the network becomes a vector, by the graph or by itself."""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config import PolicyConfig

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


class LayerEncoder(nn.Module):
    """As deep as the GATEncoder, but every layer is seen by itself: what the graph is worth."""

    def __init__(self, in_features: int, hidden: int = 64) -> None:
        super().__init__()
        self.first = nn.Linear(in_features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.norm2 = nn.LayerNorm(hidden)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Encode layers (nodes, in_features) as (nodes, hidden); edges are not looked at."""
        del edge_index
        z = F.elu(self.norm1(self.first(x)))
        encoded: Tensor = F.elu(self.norm2(self.second(z) + z))
        return encoded


def make_encoder(in_features: int, config: PolicyConfig, hidden: int) -> GATEncoder | LayerEncoder:
    """Make the encoder that the settings name; a frozen one takes no gradient."""
    if config.encoder == "none":
        return LayerEncoder(in_features, hidden)
    return GATEncoder(in_features, hidden).requires_grad_(config.encoder == "trained")


def encode_states(encoder: nn.Module, x: Tensor, edge_index: Tensor) -> Tensor:
    """Encode several states of one network, (states, nodes, features) -> (states, nodes, hidden).

    The states are one graph of so many parts, so that they take one pass.
    """
    states, nodes, features = x.shape
    parts = nodes * torch.arange(states)[:, None]  # (states, 1)
    edges = torch.stack([(row + parts).flatten() for row in edge_index])
    z: Tensor = encoder(x.reshape(states * nodes, features), edges)
    return z.reshape(states, nodes, -1)
