"""One pass over images that gathers what activation- and gradient-based criteria need."""

import copy
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from core.data import ImagePart
from core.errors import NetworkError
from core.evaluation import class_logits
from core.events import SearchEvent, StageAdvanced, StageStarted
from core.graph.assembly import Analysis
from core.graph.coupling import MacOperation, PruningPlan
from core.layout import TRIED_IMAGES, place_images
from core.memory import ImagesAtOnce
from core.pruning.covariance import InputCovariance

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChannelRead:
    """What one layer reads: a value for each of its input channels."""

    layer: str
    owners: NDArray[np.int64]  # (inputs,) channel ids, -1 = always kept
    variance: Float64Array  # (inputs,) of the activations, over images and positions
    squared_weight: Float64Array  # (inputs,) squared norm of the scaled weights on it
    loss: Float64Array  # (inputs,) of the scaled outputs' variance, see core.pruning.elimination
    output_variance: float  # summed over the scaled outputs


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """All reads of a network, and what the gradients of the loss say about each channel."""

    reads: tuple[ChannelRead, ...]
    taylor: Float64Array  # (C,) squared first-order change of the loss without the channel
    gradient: Float64Array  # (C,) squared norm of the gradient of the filters that make it


def collect_statistics(
    module: nn.Module,
    analysis: Analysis,
    part: ImagePart,
    *,
    device: torch.device,
    images: int = 512,
    batch_size: int = 0,
    seed: int = 0,
) -> Generator[SearchEvent, None, ChannelStatistics]:
    """Run a copy of `module` forward and backward over some images of a part.

    Where memory runs out it begins anew with half as large batches, which is said.

    Args:
        batch_size: 0 chooses one whose gradients fit into an ordinary memory.

    Yields: StageStarted, then StageAdvanced after each batch; the same for each layer.
    Raises: MemoryShortage if not even one image fits.
    """
    indices = np.random.default_rng(seed).permutation(len(part))[:images]
    at_once = ImagesAtOnce(
        "measuring the channels",
        effect="Criteria that square gradients of a batch change a little by that.",
    )
    size = batch_size or affordable_batch(part)

    def collect(
        batches: Sequence[NDArray[np.int64]],
    ) -> Generator[SearchEvent, None, ChannelStatistics]:
        return _collect(module, analysis, part, batches, device)

    return (yield from at_once.over_batches(collect, indices, size))


def _collect(
    module: nn.Module,
    analysis: Analysis,
    part: ImagePart,
    batches: Sequence[NDArray[np.int64]],
    device: torch.device,
) -> Generator[SearchEvent, None, ChannelStatistics]:
    network = copy.deepcopy(module).to(device).eval()
    if batches:  # tried before the hooks are there
        place_images(part.batch(batches[0][:TRIED_IMAGES])[0], network, device, is_learning=True)
    watches = [*_watched_operations(network, analysis)]
    hooks = [watch.reader.register_forward_hook(watch) for watch in watches]
    gates = _Gates(network, analysis.plan)
    yield StageStarted("Measuring the channels", total=len(batches))
    for done, batch in enumerate(batches, start=1):
        inputs, labels = part.batch(batch)
        placed = place_images(inputs, network, device, is_learning=True)
        with torch.enable_grad():
            logits = class_logits(network(placed))
            loss = F.cross_entropy(logits.float(), labels.to(device))
            gates.add(_gradients(loss, gates.parameters))
        yield StageAdvanced(done)
    for hook in hooks:
        hook.remove()
    reads = []
    yield StageStarted("Weighing the channels", total=len(watches))
    for done, watch in enumerate(watches, start=1):
        reads += [watch.read()] if watch.inputs.count else []
        yield StageAdvanced(done)
    return ChannelStatistics(
        reads=tuple(reads),
        taylor=gates.squared / len(batches),
        gradient=gates.gradient / len(batches),
    )


def affordable_batch(part: ImagePart) -> int:
    """64 small images; 8 of ImageNet's size, whose activations all stay for the gradient."""
    numbers = part.batch(np.zeros(1, dtype=np.int64))[0].numel()
    return max(8, min(64, 3 * 64**3 // numbers))


def scatter_add(
    totals: Float64Array, owners: NDArray[np.int64], values: Float64Array | NDArray[np.float32]
) -> None:
    """Add each value to its owner's total, in place; owner -1 is left out."""
    owned = owners >= 0
    np.add.at(totals, owners[owned], values[owned])


@dataclass
class _Moments:
    """Running sums for a variance per channel."""

    count: int = 0
    first: Float64Array | float = 0.0
    second: Float64Array | float = 0.0

    def add(self, values: Tensor, dim: int) -> None:
        rows = values.detach().float().movedim(dim, 0).flatten(1)  # (channels, rest)
        self.count += rows.shape[1]
        self.first = self.first + rows.sum(dim=1).double().cpu().numpy()
        self.second = self.second + (rows**2).sum(dim=1).double().cpu().numpy()

    def variance(self) -> Float64Array:
        mean = np.asarray(self.first) / self.count
        return np.maximum(np.asarray(self.second) / self.count - mean**2, 0.0)


@dataclass(eq=False)
class _WatchedOperation:
    """A forward hook on one convolution or linear layer."""

    operation: MacOperation
    reader: nn.Module
    norm: _BatchNorm | None
    covariance: InputCovariance | None
    inputs: _Moments = field(default_factory=_Moments)
    outputs: _Moments = field(default_factory=_Moments)

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        is_convolution = isinstance(module, _ConvNd)
        if self.covariance is not None:
            self.covariance.add(inputs[0])
        self.inputs.add(inputs[0], 1 if is_convolution else -1)
        if self.norm is None:
            self.outputs.add(output, 1 if is_convolution else -1)

    def read(self) -> ChannelRead:
        variance = self.inputs.variance()
        owners = self.operation.inputs
        if owners is None:  # depthwise: each input makes its own output or outputs
            owners = self.operation.outputs[:: len(self.operation.outputs) // len(variance)]
        scale = self._output_scale()
        squared_weight = _squared_weight(self.reader, scale)
        # without a covariance: what is lost if nothing makes up for it
        loss, output_variance = variance * squared_weight, float((variance * squared_weight).sum())
        if self.covariance is not None:
            eliminated = self.covariance.losses(owners, scale)
            loss, output_variance = eliminated or (loss, output_variance)
        return ChannelRead(
            self.operation.layer, owners, variance, squared_weight, loss, output_variance
        )

    def _output_scale(self) -> Float64Array:
        """How much one unit of each output counts, (outputs,)."""
        if self.norm is None:
            variance = self.outputs.variance()
            return np.full(len(variance), 1.0 / np.sqrt(variance.mean() + 1e-12))
        sigma = np.ones(self.norm.num_features)
        if self.norm.running_var is not None:
            sigma = np.sqrt(_as_array(self.norm.running_var) + self.norm.eps)
        gamma = np.ones(len(sigma)) if self.norm.weight is None else _as_array(self.norm.weight)
        return gamma / sigma


def _gradients(loss: Tensor, parameters: Sequence[nn.Parameter]) -> tuple[Tensor | None, ...]:
    try:
        return torch.autograd.grad(loss, parameters, allow_unused=True)
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise NetworkError(
            "Cannot differentiate the network: it calls torch.utils.checkpoint with "
            "use_reentrant=True. Write use_reentrant=False.",
            str(error),
        ) from error


class _Gates:
    """Accumulates squares for each batch: of the loss change of a channel's gates, and of the
    gradient of its filters.
    """

    def __init__(self, network: nn.Module, plan: PruningPlan) -> None:
        behind_norm = _normed_channels(network, plan)
        self.squared = np.zeros(plan.channel_count)
        self.gradient = np.zeros(plan.channel_count)
        self.parameters: list[nn.Parameter] = []
        self._owners: list[tuple[int, NDArray[np.int64]]] = []
        self._filters: list[NDArray[np.int64] | None] = []  # owners of filters, None: a vector's
        norm_names = _norm_prefixes(network)
        parameters = dict(network.named_parameters())
        for key, dim in sorted(plan.producers & {(k, d) for k in parameters for d in range(3)}):
            owners = plan.owners[key][dim]
            self._filters.append(owners if parameters[key].dim() > 1 else None)
            if key.rpartition(".")[0] not in norm_names:
                # silencing what the norm gives out also silences the filters in front of it
                owners = np.where(np.append(behind_norm, False)[owners], -1, owners)
            parameters[key].requires_grad_()
            self.parameters.append(parameters[key])
            self._owners.append((dim, owners))

    def add(self, gradients: tuple[Tensor | None, ...]) -> None:
        change = np.zeros_like(self.squared)
        for parameter, gradient, (dim, owners), filters in zip(
            self.parameters, gradients, self._owners, self._filters, strict=True
        ):
            if gradient is not None:
                if filters is not None:
                    squares = gradient.movedim(dim, 0).flatten(1).square().sum(1)
                    scatter_add(self.gradient, filters, _as_array(squares))
                product = (parameter.detach() * gradient).movedim(dim, 0)
                scatter_add(
                    change,
                    owners,
                    _as_array(product.flatten(1).sum(1) if product.dim() > 1 else product),
                )
        self.squared += change**2


def _watched_operations(network: nn.Module, analysis: Analysis) -> Iterator[_WatchedOperation]:
    """Find the modules whose inputs can be watched; weights used functionally are passed over."""
    modules = dict(network.named_modules())
    for operation in analysis.operations:
        layer = analysis.graph.layer(operation.layer)
        reader = modules.get((layer.weight_key or "").rpartition(".")[0])
        if isinstance(reader, (_ConvNd, nn.Linear)):
            norms = (modules.get(name) for name in layer.folded)
            norm = next((norm for norm in norms if isinstance(norm, _BatchNorm)), None)
            # a depthwise layer mixes nothing, whatever its type
            mixes = operation.inputs is not None
            covariance = InputCovariance.of(reader) if mixes else None
            yield _WatchedOperation(operation, reader, norm, covariance)


def _squared_weight(reader: nn.Module, output_scale: Float64Array) -> Float64Array:
    """Squared norm of the weights on each input channel, outputs scaled; (inputs,)."""
    weight: Tensor = reader.get_parameter("weight").detach().double().cpu()
    groups = reader.groups if isinstance(reader, _ConvNd) else 1
    first, second = weight.shape[:2]
    if isinstance(reader, _ConvTransposeNd):  # (in, out / groups, ...)
        weight = weight.reshape(groups, first // groups, second, -1).transpose(1, 2)
    else:  # (out, in / groups, ...)
        weight = weight.reshape(groups, first // groups, second, -1)
    # weight: (groups, out / groups, in / groups, positions)
    scale = torch.from_numpy(output_scale).reshape(groups, -1, 1, 1)
    return _as_array((weight * scale).square().sum(dim=(1, 3)).flatten())


def _normed_channels(network: nn.Module, plan: PruningPlan) -> NDArray[np.bool_]:
    normed = np.zeros(plan.channel_count, dtype=np.bool_)
    prefixes = _norm_prefixes(network)
    for key, dim in plan.producers:
        if key.rpartition(".")[0] in prefixes:
            owners = plan.owners[key][dim]
            normed[owners[owners >= 0]] = True
    return normed


def _norm_prefixes(network: nn.Module) -> set[str]:
    norms = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)
    return {name for name, part in network.named_modules() if isinstance(part, norms)}


def _as_array(values: Tensor) -> Float64Array:
    array: Float64Array = values.detach().double().cpu().numpy()
    return array
