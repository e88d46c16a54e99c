"""What each ATen operation does to channel labels: RULES, one function per kind of operation.

A rule reads the labels of an operation's inputs, couples or freezes channels, binds them to
dimensions of weights, and puts labels on the outputs. An operation without a rule freezes all
channels that reach it. Rules that make a layer of their own return a LayerDraft.
"""

from collections.abc import Callable

import torch

from core.graph.operations import LayerDraft, Operation, Trace
from core.graph.rules import layers, products, shapes, values

Rule = Callable[[Trace, Operation], LayerDraft | None]


def rule_of(op: Operation) -> Rule | None:
    """Find an operation's rule; None if its channels must be frozen."""
    rule = RULES.get(op.name)
    if rule is None and torch.Tag.pointwise in op.func.tags:
        return values.pointwise
    return rule


def _with_rule(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_with_rule(layers.convolution, "convolution _convolution mkldnn_convolution"),
    **_with_rule(layers.deformable_convolution, "deform_conv2d"),
    **_with_rule(layers.linear, "addmm mm linear bmm matmul"),
    **_with_rule(products.product, "baddbmm"),
    **_with_rule(
        products.attention,
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention",
    ),
    **_with_rule(
        layers.batch_norm,
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training "
        "cudnn_batch_norm batch_norm _batch_norm_no_update",
    ),
    **_with_rule(layers.layer_norm, "native_layer_norm"),
    **_with_rule(layers.group_norm, "native_group_norm"),
    **_with_rule(
        layers.pool,
        "max_pool2d_with_indices max_pool2d avg_pool2d _adaptive_avg_pool2d "
        "adaptive_avg_pool2d adaptive_max_pool2d mkldnn_adaptive_avg_pool2d "
        "avg_pool1d max_pool1d max_pool3d_with_indices max_pool3d avg_pool3d "
        "_adaptive_avg_pool3d adaptive_avg_pool3d adaptive_max_pool3d",
    ),
    **_with_rule(
        layers.resize,
        "upsample_nearest2d upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa "
        "_upsample_nearest_exact2d upsample_nearest1d upsample_linear1d upsample_nearest3d "
        "upsample_trilinear3d reflection_pad1d replication_pad1d reflection_pad2d "
        "replication_pad2d reflection_pad3d replication_pad3d",
    ),
    **_with_rule(layers.grid_sample, "grid_sampler_2d grid_sampler_3d"),
    **_with_rule(layers.pixel_shuffle, "pixel_shuffle pixel_unshuffle"),
    **_with_rule(
        values.reduction,
        "mean sum amax amin max min var std var_mean std_mean logsumexp linalg_vector_norm",
    ),
    **_with_rule(values.softmax, "_softmax _safe_softmax _log_softmax cumsum"),
    **_with_rule(values.pointwise, "dropout copy prelu _prelu_kernel hardtanh hardswish"),
    **_with_rule(shapes.pad, "constant_pad_nd"),
    **_with_rule(shapes.reshape, "view _unsafe_view reshape _reshape_alias unflatten"),
    **_with_rule(
        shapes.same_on_labels, "permute transpose t squeeze unsqueeze expand repeat flip movedim"
    ),
    **_with_rule(shapes.as_strided, "as_strided"),
    **_with_rule(shapes.roll, "roll"),
    **_with_rule(shapes.identity, "clone detach alias contiguous _to_copy lift_fresh"),
    **_with_rule(
        shapes.identity,
        "native_dropout zeros_like ones_like empty_like full_like rand_like randn_like",
    ),
    **_with_rule(shapes.constant, "new_zeros new_ones new_full new_empty"),
    **_with_rule(shapes.split, "split split_with_sizes chunk unbind"),
    **_with_rule(shapes.glu, "glu"),
    **_with_rule(shapes.channel_shuffle, "channel_shuffle native_channel_shuffle"),
    **_with_rule(shapes.slice_channels, "slice select narrow"),
    **_with_rule(shapes.index, "index"),
    **_with_rule(shapes.concat, "cat stack"),
}
