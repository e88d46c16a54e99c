"""Pre-training of the encoder: a graph autoencoder tells layers and their edges back."""

from collections.abc import Generator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.graph.features import GraphData
from core.rl.encoder import GATEncoder, LayerEncoder

LEARNING_RATE = 3e-3
NOISE = 0.1  # on the features, so that they are not just copied
SHARPNESS = 4.0  # of a pair's logit: from 2 x SHARPNESS - 2 for the same down to the opposite


@dataclass(frozen=True)
class PretrainingLoss:
    """The two losses of one epoch, before its step."""

    edge: float  # cross-entropy in nats per pair of layers, edges and no edges weighing alike
    feature: float  # mean squared error of the node features


class GraphAutoencoder(nn.Module):
    """An encoder, and two decoders that tell from its vectors what it was given.

    edge: a pair of layers is an edge if their vectors point the same way (inner product).
    feature: a linear layer tells each node's features.
    Source: Kipf and Welling, "Variational Graph Auto-Encoders", 2016, the non-probabilistic one.
    """

    def __init__(self, encoder: GATEncoder | LayerEncoder, features: int, hidden: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = nn.Linear(hidden, features)

    def losses(self, graph: GraphData, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return edge loss and feature loss of one graph under noise on its features."""
        z = self.encoder(graph.x + noise, graph.edge_index)  # (nodes, hidden)
        return edge_loss(z, graph.edge_index), F.mse_loss(self.decoder(z), graph.x)


def edge_loss(z: Tensor, edge_index: Tensor) -> Tensor:
    """Cross-entropy of all pairs of nodes, each being an edge or none; z (nodes, hidden).

    Every node counts as its own neighbour. Edges are few, so that they weigh as much together
    as all that are none.
    """
    nodes = len(z)
    is_edge = torch.eye(nodes)
    is_edge[edge_index[0], edge_index[1]] = 1.0
    if bool(is_edge.all()):
        return z.sum() * 0.0  # a network of one or two layers has nothing else
    direction = F.normalize(z, dim=1)
    logits = 2.0 * SHARPNESS * (direction @ direction.T) - 2.0
    weight = (is_edge == 0).sum() / is_edge.sum()
    return F.binary_cross_entropy_with_logits(logits, is_edge, pos_weight=weight)


def pretrain_encoder(
    encoder: GATEncoder | LayerEncoder, graph: GraphData, epochs: int, seed: int, hidden: int = 64
) -> Generator[PretrainingLoss, None, None]:
    """Train an encoder in place on the layer graph; yields the losses of each epoch.

    A frozen encoder is frozen again at the end.
    """
    is_trained = [weight.requires_grad for weight in encoder.parameters()]
    encoder.requires_grad_(True)
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        autoencoder = GraphAutoencoder(encoder, graph.x.shape[1], hidden)
    optimizer = torch.optim.Adam(autoencoder.parameters(), LEARNING_RATE)
    try:
        for _ in range(epochs):
            noise = NOISE * torch.randn(graph.x.shape, generator=random)
            edge, feature = autoencoder.losses(graph, noise)
            optimizer.zero_grad()
            torch.autograd.backward(edge + feature)
            optimizer.step()
            yield PretrainingLoss(edge.item(), feature.item())
    finally:
        optimizer.zero_grad()
        for weight, is_free in zip(encoder.parameters(), is_trained, strict=True):
            weight.requires_grad_(is_free)
