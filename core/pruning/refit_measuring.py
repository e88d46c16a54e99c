"""What a refit needs to know of a network: how the inputs of its layers hang together."""

import copy
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from core.data import ImagePart
from core.events import BoolArray, NoticeRaised, StageAdvanced, StageStarted
from core.graph.assembly import Analysis
from core.graph.coupling import MacOperation
from core.memory import ImagesAtOnce
from core.pruning.covariance import InputCovariance, Reader, mixes_all
from core.pruning.refit import ReaderFit, Refit

Told = StageStarted | StageAdvanced | NoticeRaised

IMAGES = 512
BATCH = 64
ROWS_PER_WEIGHT = 32  # read for a covariance, for each weight of an output
ROWS_LEAST, ROWS_MOST = 8192, 32768
WEIGHTS_MOST = 1152  # of one output with a full covariance: 3x3 over 128 channels
CHANNELS_MOST = 4096
COVARIANCE_BYTES = 1 << 30  # of all layers together


def measure_refit(
    module: nn.Module,
    analysis: Analysis,
    part: ImagePart,
    *,
    device: torch.device,
    removable: BoolArray | None = None,
    images: int = IMAGES,
    seed: int = 0,
) -> Generator[Told, None, Refit]:
    """Measure what the readers of removable channels (C,) read; None: of all channels.

    Layers that cannot be refitted are named with the reason in `left_alone`.
    Yields: StageStarted, then StageAdvanced after each batch; a notice where memory runs out and
        it begins anew with smaller batches, of which other places are read.
    """
    indices = np.random.default_rng(seed).permutation(len(part))[:images]

    def measure(batches: Sequence[NDArray[np.int64]]) -> Generator[Told, None, Refit]:
        return _measure(module, analysis, part, batches, device, removable)

    at_once = ImagesAtOnce("measuring what layers read")
    return (yield from at_once.over_batches(measure, indices, BATCH))


def _measure(
    module: nn.Module,
    analysis: Analysis,
    part: ImagePart,
    batches: Sequence[NDArray[np.int64]],
    device: torch.device,
    removable: BoolArray | None,
) -> Generator[Told, None, Refit]:
    network = copy.deepcopy(module).to(device).eval()
    left_alone: dict[str, str] = {}
    count = sum(map(len, batches))
    watched = list(_watch(network, analysis, removable, left_alone, count))
    hooks = [
        watch.covariance.reader.register_forward_hook(
            lambda _, inputs, __, covariance=watch.covariance: covariance.add(inputs[0])
        )
        for watch in watched
    ]
    batches = batches if watched else []
    yield StageStarted("Measuring what layers read, for the refit", total=len(batches))
    for done, batch in enumerate(batches, start=1):
        with torch.inference_mode():
            network(part.batch(batch)[0].to(device))
        yield StageAdvanced(done)
    for hook in hooks:
        hook.remove()
    readers = list(_readers(watched, network, left_alone))
    biases = {
        reader.bias_key: network.get_parameter(reader.bias_key).detach().float()
        for reader in readers
        if reader.bias_key is not None
    }
    return Refit(readers, biases, left_alone)


@dataclass(frozen=True, eq=False)
class _Watched:
    """A layer while what it reads is measured."""

    layer: str
    key: str
    owners: NDArray[np.int64]
    outputs: NDArray[np.int64]
    norm: _BatchNorm | None
    covariance: InputCovariance


def _watch(
    network: nn.Module,
    analysis: Analysis,
    removable: BoolArray | None,
    left_alone: dict[str, str],
    images: int,
) -> Iterator[_Watched]:
    """Choose what can be refitted within the memory; the other layers go into `left_alone`."""
    modules = dict(network.named_modules())
    shared = Counter(id(p) for _, p in network.named_parameters(remove_duplicate=False))
    left = COVARIANCE_BYTES
    for operation in {one.layer: one for one in analysis.operations}.values():
        layer = analysis.graph.layer(operation.layer)
        key = layer.weight_key or ""
        owners = analysis.plan.owners.get(key, {}).get(1)
        if owners is None and key:
            owners = operation.inputs  # of a weight that lies the other way round
        if owners is None or not _can_lose(owners, removable):
            continue
        reader = modules.get(key.rpartition(".")[0])
        reason = _why_not(reader, operation, shared)
        if reason is None and isinstance(reader, Reader):
            covariance = _covariance(reader, left, images)
            if covariance is not None:
                left -= _bytes(covariance)
                norms = (modules.get(name) for name in layer.folded)
                norm = next((one for one in norms if isinstance(one, _BatchNorm)), None)
                yield _Watched(layer.name, key, owners, operation.outputs, norm, covariance)
                continue
            reason = f"the covariance of its {reader.weight[0].numel():,} inputs is too large"
        left_alone[layer.name] = reason or "it is no convolution or linear layer"


def _can_lose(owners: NDArray[np.int64], removable: BoolArray | None) -> bool:
    own = owners[owners >= 0]
    return bool(len(own)) and (removable is None or bool(removable[own].any()))


def _why_not(
    reader: nn.Module | None, operation: MacOperation, shared: Mapping[int, int]
) -> str | None:
    if not isinstance(reader, Reader):
        return "it is no convolution or linear layer"
    if operation.inputs is None or not mixes_all(reader):
        return "each of its outputs reads only a part of its inputs"
    if shared[id(reader.weight)] > 1:
        return "it shares its weights with another layer"
    return None


def _covariance(reader: Reader, left: int, images: int) -> InputCovariance | None:
    """Begin to measure within `left` bytes, by channels where all weights would be too many."""
    weights, channels = reader.weight[0].numel(), reader.weight.shape[1]
    for is_shared in (False, True):
        size = channels if is_shared else weights
        limit = WEIGHTS_MOST if size > channels else CHANNELS_MOST
        if size > limit or (is_shared and weights == channels):
            continue
        rows = min(max(ROWS_PER_WEIGHT * size, ROWS_LEAST), ROWS_MOST)
        covariance = InputCovariance(reader, is_shared, places=max(1, -(-rows // max(1, images))))
        if _bytes(covariance) <= left:
            return covariance
    return None


def _bytes(covariance: InputCovariance) -> int:
    weight = covariance.reader.weight
    size = weight.shape[1] if covariance.has_shared_taps else weight[0].numel()
    return 8 * size * (size + 2 * weight.numel() // size)  # with the weights and their answers


def _readers(
    watched: Iterable[_Watched], network: nn.Module, left_alone: dict[str, str]
) -> Iterator[ReaderFit]:
    for watch in watched:
        covariance, reader = watch.covariance, watch.covariance.reader
        if not covariance.count:
            left_alone[watch.layer] = "its inputs were not seen"
            continue
        mean, products = covariance.moments()
        has_mean = reader.bias is not None or watch.norm is not None
        if has_mean:
            products = products - torch.outer(mean, mean)
        if not bool(products.isfinite().all()):
            left_alone[watch.layer] = "what it reads are no numbers"
            continue
        yield _prepare(watch, mean, products)


def _prepare(watch: _Watched, mean: Tensor, products: Tensor) -> ReaderFit:
    reader = watch.covariance.reader
    weight = (
        reader.weight.detach().double().flatten(2)
        if reader.weight.dim() > 2
        else (reader.weight.detach().double()[:, :, None])
    )  # (outputs, inputs, taps)
    outputs, taps = weight.shape[0], weight.shape[2]
    is_shared = watch.covariance.has_shared_taps
    rows = weight.transpose(1, 2).flatten(0, 1) if is_shared else weight.flatten(1)
    answers = rows @ products
    variance = (answers * rows).sum(dim=1).reshape(outputs, -1).sum(dim=1)
    scale = _output_scale(watch.norm, outputs, rows.device, variance)
    prefix = watch.key.rpartition(".")[0]
    bias = None if reader.bias is None else f"{prefix}.bias" if prefix else "bias"
    return ReaderFit(
        key=watch.key,
        bias_key=bias,
        owners=watch.owners,
        outputs=watch.outputs,
        weight=rows,
        taps=1 if is_shared else taps,
        rows_per_output=taps if is_shared else 1,
        shape=tuple(reader.kernel_size) if isinstance(reader, _ConvNd) else (),
        mean=mean,
        products=products,
        answers=answers,
        scale=scale,
        variance=float(scale @ variance),
    )


def _output_scale(
    norm: _BatchNorm | None, outputs: int, device: torch.device, variance: Tensor
) -> Tensor:
    """What one unit of each output counts, squared: the norm's (scale / deviation)^2."""
    if norm is None:
        return torch.full_like(variance, 1.0 / max(float(variance.mean()), 1e-12))
    scale = torch.ones(outputs, dtype=torch.float64, device=device)
    if norm.running_var is not None:
        scale = scale / (norm.running_var.double() + norm.eps)
    return scale if norm.weight is None else scale * norm.weight.detach().double().square()
