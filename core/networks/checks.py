"""Is a network one that can be pruned: real float32 weights, layers that are known, and it runs."""

import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import NetworkError
from core.networks.facts import (
    InputShape,
    NetworkFacts,
    count_words,
    expectation,
    shape_words,
    shorten,
)
from core.networks.folding import fold_masks, fold_norms
from core.networks.module_facts import image_channels

RECURRENT = (nn.RNNBase, nn.RNNCellBase)
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
QUANTISED_MODULES = re.compile(r"torch\.(ao\.)?nn\..*quantized|torchao\.|bitsandbytes\.")
CONVERTED = (torch.float16, torch.bfloat16, torch.float64)


def prepare_network(module: nn.Module, label: str) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a network in eval mode, on the CPU, in float32, and what was changed for that.

    Raises: NetworkError naming the layer or weight that cannot be pruned.
    """
    module = _unwrapped(module)
    for path, part in module.named_modules():
        _refuse_layer(part, path or type(part).__name__, label)
    for key, tensor in _tensors(module):
        _refuse_tensor(tensor, key, label)
    masked = fold_masks(module)
    found = {tensor.dtype for _, tensor in _tensors(module)}
    dtypes = [dtype for dtype in CONVERTED if dtype in found]
    notices = tuple(
        f"The weights of {label} are {str(dtype).removeprefix('torch.')}; float32 is used instead."
        for dtype in dtypes
    )
    if masked:
        notices += (
            f"The masks of torch.nn.utils.prune are folded into {masked} weights of {label}. "
            "Fine-tuning may fill their zeros again.",
        )
    try:
        module = module.to("cpu")
        if dtypes:
            module = module.to(torch.float32)
    except (NotImplementedError, RuntimeError) as error:
        raise NetworkError(
            f"Cannot bring {label} to the CPU as float32: {shorten(error)}. Save it from there.",
            str(error),
        ) from error
    normed = fold_norms(module.eval())
    if normed:
        notices += (
            f"weight_norm, spectral_norm and their like are folded into {normed} weights of "
            f"{label}. Load what is exported into a network without them.",
        )
    return module, notices


def check_channels(module: nn.Module, label: str, input_shape: InputShape) -> None:
    """Raise NetworkError if the first convolution reads another number of channels."""
    expected = image_channels(module)
    if expected is not None and expected != input_shape[0]:
        raise channel_error(label, expected, input_shape[0])


def channel_error(label: str, expected: int, channels: int) -> NetworkError:
    """Say that the images have another number of channels."""
    return NetworkError(
        f"Network '{label}' expects {count_words(expected, 'channel')}, but the images have "
        f"{channels}. Choose images with {count_words(expected, 'channel')}."
    )


def check_output(
    module: nn.Module, facts: NetworkFacts, class_count: int, input_shape: InputShape
) -> None:
    """Run a network on blank images and check what it gives.

    Raises: NetworkError with the network's own error, or with what does not fit.
    """
    # what comes from a file may be made for single images, or for anything but these
    for count in (2, 1) if facts.size_bytes else (1,):
        _check_answers(module, facts, class_count, input_shape, count)


def _check_answers(
    module: nn.Module,
    facts: NetworkFacts,
    class_count: int,
    input_shape: InputShape,
    count: int,
) -> None:
    label = facts.label
    what = "a single image" if count == 1 and facts.size_bytes else "images"
    try:
        with torch.no_grad():
            output = first_tensor(module(torch.zeros(count, *input_shape)))
    except (Exception, SystemExit) as error:
        # A user's own code may raise anything.
        raise NetworkError(
            f"Cannot run {label} on {what} of {shape_words(input_shape)}: "
            f"{shorten(error)}. {expectation(facts)}".rstrip(),
            "".join(traceback.format_exception(error)),
        ) from error
    if output is None or tuple(output.shape) != (count, class_count):
        shape = "no tensor" if output is None else str(tuple(output.shape))
        remedy = "Choose a classifier for these classes."
        if output is not None and count == 1 and tuple(output.shape) == (class_count,):
            remedy = "A squeeze() of all dimensions does that: write flatten(1) in its place."
        raise NetworkError(
            f"Network '{label}' gives {shape} for {count_words(count, 'image')}, but the images "
            f"have {class_count} classes, so ({count}, {class_count}) is needed. {remedy}"
        )
    if not torch.isfinite(output).all():
        raise NetworkError(
            f"Network '{label}' gives NaN or infinite values for a blank image of "
            f"{shape_words(input_shape)}. Choose a checkpoint from before the training broke down."
        )


def drop_watching_hooks(module: nn.Module, input_shape: InputShape) -> tuple[str, ...]:
    """Take off forward hooks that only look, in place; returns what to say of them.

    One that keeps activations, as for Grad-CAM, would keep those of the network's copies too, and
    what tracing leaves in them cannot be copied. Hooks that change the answer stay.
    """
    hooked = {name: part for name, part in module.named_modules() if part._forward_hooks}
    if not hooked:
        return ()
    images = torch.randn(2, *input_shape, generator=torch.Generator().manual_seed(0))
    kept = {name: dict(part._forward_hooks) for name, part in hooked.items()}
    with torch.no_grad():
        before = first_tensor(module(images))
        for part in hooked.values():
            part._forward_hooks.clear()
        after = first_tensor(module(images))
    if before is None or after is None or not torch.equal(before, after):
        for name, part in hooked.items():
            part._forward_hooks.update(kept[name])
        return ()
    names = ", ".join(f"'{name}'" if name else "the network" for name in hooked)
    return (f"The forward hooks of {names} are taken off: they only watch.",)


def first_tensor(output: object) -> Tensor | None:
    """The tensor of a network's output that is scored: the first of a tuple or dict."""
    while not isinstance(output, Tensor):
        values = output.values() if isinstance(output, Mapping) else output
        # a text holds texts without end
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            return None
        output = next(iter(values), None)
    return output


def _unwrapped(module: nn.Module) -> nn.Module:
    """Take off what training puts round a network."""
    while True:
        inner: Any = getattr(module, "_orig_mod", None)  # torch.compile
        if isinstance(module, WRAPPERS):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _refuse_layer(part: nn.Module, path: str, label: str) -> None:
    kind = type(part).__name__
    if isinstance(part, RECURRENT):
        raise NetworkError(
            f"Cannot prune {label}: layer '{path}' is recurrent ({kind}). "
            "Choose a convolutional network."
        )
    if isinstance(part, torch.jit.ScriptModule):
        raise NetworkError(
            f"Cannot prune {label}: layer '{path}' is TorchScript, whose layers cannot change "
            "their width. Choose the network that it was made from."
        )
    if QUANTISED_MODULES.match(type(part).__module__):
        raise NetworkError(
            f"Cannot prune {label}: layer '{path}' is quantised ({kind}). "
            "Prune the network first and quantise what is left."
        )


def _refuse_tensor(tensor: Tensor, key: str, label: str) -> None:
    if nn.parameter.is_lazy(tensor):
        what, remedy = "has no shape yet", "Run it once on an image before saving it"
    elif tensor.is_meta:
        what, remedy = "has no values (it is on the meta device)", "Load its weights before"
    elif tensor.is_quantized:
        what, remedy = "is quantised", "Prune the network first and quantise what is left"
    elif tensor.is_complex():
        what, remedy = f"is complex ({tensor.dtype})", "Choose a network of real numbers"
    elif tensor.layout != torch.strided:
        what, remedy = f"is sparse ({tensor.layout})", "Save it with dense weights: to_dense()"
    else:
        return
    raise NetworkError(f"Cannot prune {label}: its weight '{key}' {what}. {remedy}.")
