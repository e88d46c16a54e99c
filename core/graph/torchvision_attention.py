"""torchvision's attention in windows and grids, with the head count read off the weights."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn, unflatten
from torchvision.models.maxvit import RelativePositionalMultiHeadAttention
from torchvision.models.swin_transformer import (
    ShiftedWindowAttention,
    ShiftedWindowAttentionV2,
)
from torchvision.models.vision_transformer import VisionTransformer

from core.graph.following import FollowsWeights, LosesHeads

BLOCKED = -100.0  # what the Swin papers add where two tokens of a window are no neighbours


class WindowAttention(LosesHeads, ShiftedWindowAttention):  # type: ignore[misc]
    """Swin's attention in shifted windows. Source: Liu et al. 2021, section 3.2."""

    def forward(self, x: Tensor) -> Tensor:
        """Attend within windows: (N, H, W, C) -> (N, H, W, C)."""
        height, width = x.shape[1:3]
        rows, columns = self.window_size
        x = F.pad(x, (0, 0, 0, -width % columns, 0, -height % rows))
        sides = x.shape[1:3]
        # a window as large as the image need not move
        shift = [
            0 if window >= side else step
            for window, side, step in zip(self.window_size, sides, self.shift_size, strict=True)
        ]
        is_shifted = sum(shift) > 0
        if is_shifted:
            x = torch.roll(x, (-shift[0], -shift[1]), (1, 2))
        windows = unflatten(unflatten(x, 1, (-1, rows)), 3, (-1, columns)).transpose(2, 3)
        counts = windows.shape[1:3]
        mask = self._mask(sides, shift, x) if is_shifted else None
        x = self._attend(windows.flatten(3, 4).flatten(1, 2), mask)
        x = unflatten(unflatten(x, 1, counts), 3, (rows, columns)).transpose(2, 3)
        x = x.flatten(3, 4).flatten(1, 2)
        if is_shifted:
            x = torch.roll(x, (shift[0], shift[1]), (1, 2))
        return x[:, :height, :width]

    def _attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(N, windows, tokens, C) -> (N, windows, tokens, C)."""
        qkv = F.linear(x, self.qkv.weight, self._qkv_bias())
        qkv = unflatten(qkv, -1, (3, -1, self.head_width)).transpose(2, 4)
        q, k, v = qkv.unbind(3)  # (N, windows, heads, tokens, head width)
        logits = self._logits(q, k) + self.get_relative_position_bias().unsqueeze(0)
        if mask is not None:
            logits = logits + mask[:, None]
        weights = F.dropout(logits.softmax(-1), self.attention_dropout, self.training)
        x = (weights @ v).transpose(2, 3).flatten(3)
        return F.dropout(F.linear(x, self.proj.weight, self.proj.bias), self.dropout, self.training)

    def _qkv_bias(self) -> Tensor | None:
        bias: Tensor | None = self.qkv.bias
        return bias

    def _logits(self, q: Tensor, k: Tensor) -> Tensor:
        scale: float = self.head_width**-0.5
        return (q * scale) @ k.transpose(-2, -1)

    def _mask(self, sides: torch.Size, shift: list[int], x: Tensor) -> Tensor:
        """What is added so that only tokens of one region attend to each other.

        Returns: (windows, tokens, tokens).
        """
        regions = torch.zeros(tuple(sides), device=x.device)
        bounds = [
            (slice(-window), slice(-window, -step or None), slice(-step, None) if step else None)
            for window, step in zip(self.window_size, shift, strict=True)
        ]
        count = 0
        for row in filter(None, bounds[0]):
            for column in filter(None, bounds[1]):
                regions[row, column] = count
                count += 1
        rows, columns = self.window_size
        tokens = unflatten(unflatten(regions, 0, (-1, rows)), 2, (-1, columns)).transpose(1, 2)
        tokens = tokens.flatten(2).flatten(0, 1)
        differ = tokens[:, None, :] != tokens[:, :, None]
        return torch.zeros_like(differ, dtype=x.dtype).masked_fill(differ, BLOCKED)

    @property
    def head_width(self) -> int:
        """Channels of one head; a cut takes whole heads."""
        width: int = self.qkv.weight.shape[0] // 3 // self.num_heads
        return width

    def fit(self) -> None:
        """Read the head count off the bias, which has a column for each head."""
        self.num_heads = self.relative_position_bias_table.shape[1]


class CosineWindowAttention(WindowAttention, ShiftedWindowAttentionV2):  # type: ignore[misc]
    """Swin V2's, with cosine attention. Source: Liu et al. 2022, section 3.2."""

    def _qkv_bias(self) -> Tensor | None:
        if self.qkv.bias is None:
            return None
        bias: Tensor = self.qkv.bias.clone()
        length = len(bias) // 3
        bias[length : 2 * length].zero_()  # keys have none
        return bias

    def _logits(self, q: Tensor, k: Tensor) -> Tensor:
        scale: Tensor = self.logit_scale.clamp(max=math.log(100.0)).exp()
        return F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * scale

    def fit(self) -> None:
        """Read the head count off the scale, which has one number for each head."""
        self.num_heads = len(self.logit_scale)


class GridAttention(LosesHeads, RelativePositionalMultiHeadAttention):  # type: ignore[misc]
    """MaxViT's attention in blocks and grids. Source: Tu et al. 2022, section 3.2."""

    def forward(self, x: Tensor) -> Tensor:
        """Attend within each group: (N, groups, tokens, C) -> (N, groups, tokens, C)."""
        qkv = unflatten(self.to_qkv(x), -1, (3, -1, self.head_dim)).transpose(2, 4)
        q, k, v = qkv.unbind(3)  # (N, groups, heads, tokens, head width)
        logits = q @ (k * self.scale_factor).transpose(-2, -1)
        weights = (logits + self.get_relative_positional_bias()).softmax(-1)
        merged: Tensor = self.merge((weights @ v).transpose(2, 3).flatten(3))
        return merged

    def fit(self) -> None:
        """Read the head count off the bias, which has a column for each head."""
        self.n_heads = self.relative_position_bias_table.shape[1]


class NarrowedVisionTransformer(FollowsWeights, VisionTransformer):  # type: ignore[misc]
    """A vision transformer whose stream may be narrower than it was made."""

    def fit(self) -> None:
        """Read the stream's width off the convolution that makes the patches."""
        self.hidden_dim = len(self.conv_proj.weight)


REPLACEMENTS: dict[type[nn.Module], type[nn.Module]] = {
    ShiftedWindowAttention: WindowAttention,
    ShiftedWindowAttentionV2: CosineWindowAttention,
    RelativePositionalMultiHeadAttention: GridAttention,
    VisionTransformer: NarrowedVisionTransformer,
}
