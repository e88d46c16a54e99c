"""Attention that may lose heads: the same arithmetic, with the widths read off the weights.

PyTorch's and torchvision's attention modules write the number of heads and the width of the
stream into their forward pass, so that no smaller weight fits. These classes compute the same
from the same parameters under the same names; only the width of a head is fixed. A network is
analysed, cut, reloaded and exported with them in the places of the originals.
"""

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.graph.following import LosesHeads


class HeadAttention(LosesHeads, nn.MultiheadAttention):
    """nn.MultiheadAttention with as many heads as its weights have."""

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; shapes and meaning as in nn.MultiheadAttention.forward."""
        is_self = query is key and key is value
        is_single = query.dim() == 2
        query, key, value = (self._batch_first(x) for x in (query, key, value))
        # each (N, heads, tokens, head_dim)
        q, k, v = (x.transpose(1, 2) for x in self._project(query, key, value, is_self))
        mask = _joined_mask(attn_mask, key_padding_mask, q)
        weights = None
        if need_weights:
            logits = (q * self.head_dim**-0.5) @ k.transpose(2, 3)
            logits = logits if mask is None else logits + mask
            weights = F.dropout(logits.softmax(-1), self.dropout, self.training)
            attended = weights @ v
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            dropout = self.dropout if self.training else 0.0
            attended = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        attended = attended.transpose(1, 2).flatten(2)
        out = F.linear(attended, self.out_proj.weight, self.out_proj.bias)
        if is_single:
            return out.squeeze(0), None if weights is None else weights.squeeze(0)
        return out if self.batch_first else out.transpose(0, 1), weights

    def _batch_first(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def _project(
        self, query: Tensor, key: Tensor, value: Tensor, is_self: bool
    ) -> tuple[Tensor, ...]:
        """Queries, keys and values, each (N, tokens, heads, head_dim)."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if is_self:
            packed = F.linear(query, weight, bias)
            return torch.unflatten(packed, -1, (3, -1, self.head_dim)).unbind(-3)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        parts = zip((query, key, value), weight.chunk(3), biases, strict=True)
        return tuple(
            torch.unflatten(F.linear(x, w, b), -1, (-1, self.head_dim)) for x, w, b in parts
        )

    def fit(self) -> None:
        """Read the head count and the stream's width off the weights."""
        rows, self.embed_dim = self.in_proj_weight.shape
        self.num_heads = rows // 3 // self.head_dim
        self.kdim = self.vdim = self.embed_dim
        # nn.TransformerEncoderLayer's fused path knows nothing of heads that are gone
        self._qkv_same_embed_dim = False


def _joined_mask(mask: Tensor | None, padding: Tensor | None, query: Tensor) -> Tensor | None:
    """One additive mask (..., tokens, tokens) of both kinds, each boolean or additive."""
    joined = None if mask is None else _additive(mask, query)
    if joined is not None and joined.dim() == 3:
        joined = torch.unflatten(joined, 0, (query.shape[0], -1))
    if padding is None:
        return joined
    padded = _additive(padding, query)[..., None, None, :]
    return padded if joined is None else joined + padded


def _additive(mask: Tensor, query: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(query.dtype)
    return torch.zeros_like(mask, dtype=query.dtype).masked_fill(mask, float("-inf"))


def _replacement(part: nn.Module) -> type[nn.Module] | None:
    """The class that fits its weights and computes the same as `part`; None if there is none."""
    kind = type(part)
    if kind is nn.MultiheadAttention:
        is_plain = part._qkv_same_embed_dim and part.bias_k is None and not part.add_zero_attn
        return HeadAttention if is_plain else None
    if kind.__module__ in TORCHVISION:
        from core.graph.torchvision_attention import REPLACEMENTS

        return REPLACEMENTS.get(kind)
    return None


def allow_head_cuts(module: nn.Module) -> list[nn.Module]:
    """Put classes that fit their weights into their places; returns the modules that changed."""
    changed = []
    for part in module.modules():
        kind = _replacement(part)
        if kind is not None:
            part.__class__ = kind  # parameters, buffers, hooks and names all stay
            changed.append(part)
    return changed


@contextlib.contextmanager
def head_cuts_allowed(module: nn.Module) -> Iterator[None]:
    """Analyse `module` as it will be cut, and leave it as it was."""
    kinds = {id(part): type(part) for part in module.modules()}
    changed = allow_head_cuts(module)
    try:
        yield
    finally:
        for part in changed:
            part.__class__ = kinds[id(part)]


TORCHVISION = (
    "torchvision.models.maxvit",
    "torchvision.models.swin_transformer",
    "torchvision.models.vision_transformer",
)
