"""Attention loses whole heads, and is what it was as long as it has them all."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.maxvit import RelativePositionalMultiHeadAttention
from torchvision.models.swin_transformer import (
    ShiftedWindowAttention,
    ShiftedWindowAttentionV2,
)
from torchvision.models.vision_transformer import VisionTransformer

from core.graph.attention import HeadAttention, allow_head_cuts
from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network, soft_prune_network
from core.pruning.verification import analyse_exactly, random_keep, relative_difference
from tests.networks import build, example_images
from tests.unusual_networks import UNUSUAL

PADDING = torch.tensor([[False, False, True], [False, False, False]])
AHEAD = torch.ones(3, 3).triu(1).bool()


def replaced(module: nn.Module) -> nn.Module:
    twin = copy.deepcopy(module)
    assert allow_head_cuts(twin)
    return twin


def random_weights(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return module.eval()


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "masks",
    [
        {},
        {"attn_mask": AHEAD},
        {"attn_mask": torch.zeros(3, 3).masked_fill(AHEAD, float("-inf"))},
        {"key_padding_mask": PADDING},
        {"key_padding_mask": PADDING, "attn_mask": AHEAD},
        {"attn_mask": AHEAD.expand(8, 3, 3)},
    ],
)
def test_multi_head_attention_with_all_heads_is_pytorchs(batch_first, need_weights, masks):
    attention = random_weights(nn.MultiheadAttention(8, 4, batch_first=batch_first))
    x, memory = torch.randn(2, 3, 8), torch.randn(2, 3, 8)
    for key in (x, memory):
        words = (x, key, key) if batch_first else (x.transpose(0, 1), *[key.transpose(0, 1)] * 2)
        if key is x and not batch_first:
            words = (words[0],) * 3
        expected = attention(*words, need_weights=need_weights, **masks)
        actual = replaced(attention)(*words, need_weights=need_weights, **masks)
        assert torch.allclose(actual[0], expected[0], atol=1e-6)
        assert (actual[1] is None) == (expected[1] is None)
        if need_weights:
            assert torch.allclose(actual[1], expected[1], atol=1e-6)


def test_a_single_sequence_without_a_batch_is_pytorchs():
    attention, x = random_weights(nn.MultiheadAttention(8, 2)), torch.randn(5, 8)
    for expected, actual in zip(attention(x, x, x), replaced(attention)(x, x, x), strict=True):
        assert torch.allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("kind", [ShiftedWindowAttention, ShiftedWindowAttentionV2])
@pytest.mark.parametrize("shift", [[0, 0], [1, 1], [0, 2]])
@pytest.mark.parametrize("size", [(8, 8), (6, 9), (4, 4)])
def test_windows_with_all_heads_are_torchvisions(kind, shift, size):
    attention = random_weights(kind(8, [4, 4], shift, 2))
    x = torch.randn(2, *size, 8)
    with torch.no_grad():
        assert torch.allclose(replaced(attention)(x), attention(x), atol=1e-5)


def test_grids_with_all_heads_are_torchvisions():
    attention = random_weights(RelativePositionalMultiHeadAttention(8, 4, 9))
    x = torch.randn(2, 5, 9, 8)
    with torch.no_grad():
        assert torch.allclose(replaced(attention)(x), attention(x), atol=1e-6)


class Windows(nn.Module):
    """Two blocks of one kind of torchvision's attention, between a stem and a head."""

    def __init__(self, attentions: list[nn.Module]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.blocks = nn.ModuleList(attentions)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x.mean((1, 2)))


def window_network(kind: type[nn.Module]) -> nn.Module:
    return random_weights(Windows([kind(8, [4, 4], [0, 0], 4), kind(8, [4, 4], [2, 2], 4)]))


def grid_network() -> nn.Module:
    return random_weights(
        Windows([RelativePositionalMultiHeadAttention(8, 2, 64) for _ in range(2)])
    )


def vision_transformer() -> nn.Module:
    module = VisionTransformer(8, 4, 2, 4, 8, 16, num_classes=4)
    return random_weights(module)


NETWORKS = {
    "window": lambda: window_network(ShiftedWindowAttention),
    "cosine": lambda: window_network(ShiftedWindowAttentionV2),
    "vit": vision_transformer,
    "own": lambda: build(UNUSUAL["EncoderLayer"]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_heads_go_exactly(name):
    module, x = NETWORKS[name](), example_images()
    analysis = analyse_exactly(module, x)
    heads = [group for group in analysis.groups.groups if len(group) == 4]
    assert len(heads) == (1 if name == "own" else 2)
    assert not any(group.is_stream or group.approximate for group in heads)
    assert [f.layer for f in analysis.groups.frozen] == ["heads.head" if name == "vit" else "head"]
    keep = random_keep(analysis, groups=heads, share=0.25)
    pruned = prune_network(module, analysis.plan, keep).eval()
    masked = soft_prune_network(module, analysis.plan, keep).eval()
    with torch.no_grad():
        assert relative_difference(masked(x), pruned(x)) < 1e-5
        assert relative_difference(module(x), pruned(x)) > 1e-4
    # torch knows what its fused kernels cost on some machines only
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        pruned(x[:1])
    macs = MacsModel(analysis, module)
    assert float(macs.macs(keep)) == counter.get_total_flops() / 2
    assert float(macs.params(keep)) == sum(p.numel() for p in pruned.parameters())


def test_a_layer_that_reads_a_constant_is_pruned_too():
    module, x = window_network(ShiftedWindowAttentionV2), example_images()
    analysis = analyse_exactly(module, x)
    positions = [group for group in analysis.groups.groups if len(group) == 512]
    assert [g.name for g in positions] == ["blocks.0.cpb_mlp.0", "blocks.1.cpb_mlp.0"]
    assert analysis.warnings == ()
    # 49 relative positions, 2 coordinates, 512 hidden, 4 heads; the same for every image
    layers = [layer for layer in analysis.graph.layers if "cpb_mlp" in layer.name]
    assert [layer.macs for layer in layers] == [49 * 2 * 512, 49 * 512 * 4] * 2


def test_removing_a_head_removes_its_rows_and_columns():
    module = build(UNUSUAL["Transformer"])  # 2 heads of 4 channels
    analysis = analyse_exactly(module, example_images())
    heads = next(g for g in analysis.groups.groups if g.name == "attention.in_proj_weight")
    keep = np.ones(analysis.groups.channel_count, dtype=np.bool_)
    keep[heads.start] = False
    attention = prune_network(module, analysis.plan, keep).attention
    second = torch.tensor([4, 5, 6, 7])
    rows = torch.cat([second, second + 8, second + 16])
    assert torch.equal(attention.in_proj_weight, module.attention.in_proj_weight[rows])
    assert torch.equal(attention.in_proj_bias, module.attention.in_proj_bias[rows])
    assert torch.equal(attention.out_proj.weight, module.attention.out_proj.weight[:, second])
    assert (attention.num_heads, attention.embed_dim) == (1, 8)
    assert isinstance(attention, HeadAttention)


def test_macs_of_a_head_are_its_products_and_projections():
    module = build(UNUSUAL["Transformer"])
    analysis = analyse_exactly(module, example_images())
    heads = next(g for g in analysis.groups.groups if g.name == "attention.in_proj_weight")
    keep = np.ones(analysis.groups.channel_count, dtype=np.bool_)
    keep[heads.start] = False
    macs = MacsModel(analysis, module)
    # 5 tokens, 8 channels, 4 a head: 3 projections in, one out, and two products
    assert macs.total - float(macs.macs(keep)) == 5 * 8 * 4 * 3 + 5 * 4 * 8 + 2 * 5 * 5 * 4


def test_channels_of_written_heads_go_from_all_heads_together():
    analysis = analyse_exactly(build(UNUSUAL["HeadsByHand"]), example_images())
    sizes = {group.name: len(group) for group in analysis.groups.groups}
    # 12 query and key channels are 6 of each of 2 heads; 6 value channels are 3
    assert sizes == {"patches": 8, "query": 6, "value": 3}
    query = next(group for group in analysis.groups.groups if group.name == "query")
    assert query.producers == ("query", "key")


def test_attention_is_left_as_it_was_after_the_analysis():
    module = build(UNUSUAL["Transformer"])
    analyse_exactly(module, example_images())
    assert type(module.attention) is nn.MultiheadAttention
    assert module.attention._qkv_same_embed_dim


def test_attention_with_other_widths_of_keys_stays_pytorchs():
    attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=6)
    assert allow_head_cuts(attention) == []
