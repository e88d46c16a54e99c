"""The proof by trial that an analysis is right: cut at random, compare with the masked network.

What the one-pass analysis cannot see (a width written into the code, say) shows here; the
groups that break are frozen by name instead of ever giving a wrong network.
"""

from collections.abc import Callable, Collection, Generator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from core.errors import GraphError
from core.events import NoticeRaised, StageAdvanced, StageStarted
from core.graph.assembly import Analysis, freeze_groups
from core.graph.coupling import CouplingGroup, PruningPlan
from core.graph.trace import analyse_network
from core.memory import ImagesAtOnce, is_out_of_memory, reason_of
from core.pruning.surgery import NetworkShell, State, mask_state, network_state, slice_state

TRIAL_SHARES = 0.3, 0.7  # what groups keep in the proof, at least and at most
TOLERANCE = 1e-4  # float32 sums in another order; wrong couplings differ by tenths


def analyse_exactly(module: nn.Module, example: Tensor) -> Analysis:
    """Run `analysis_events` to its end; for callers who show no progress."""
    events = analysis_events(module, example)
    while True:
        try:
            next(events)
        except StopIteration as end:
            analysis: Analysis = end.value
            return analysis


def analysis_events(
    module: nn.Module, example: Tensor
) -> Generator[StageStarted | StageAdvanced | NoticeRaised, None, Analysis]:
    """Analyse `module` and freeze every group whose cut does not equal its mask.

    Approximate groups (LayerNorm, GroupNorm) must run; their small difference is known.
    Yields: the progress of the trial, after each forward pass or two.
    Raises: GraphError if the network cannot be traced, or nothing of it can be pruned;
        MemoryShortage if it cannot be run on a single image.
    """
    at_once = ImagesAtOnce("proving that cut equals masked")
    while True:
        try:
            return (yield from _analyse(module, example))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            reason = reason_of(error)
        at_once.halve(len(example), reason)
        example = example[: at_once.most]
        yield from at_once.take_notices()


def _analyse(
    module: nn.Module, example: Tensor
) -> Generator[StageStarted | StageAdvanced, None, Analysis]:
    yield StageStarted("Reading the layers")
    analysis = analyse_network(module, example)
    trial = _Trial(module, example)
    # once more with what is left, cut at other places, until all of it is right together
    while broken := (yield from _broken_groups(trial, analysis)):
        analysis = freeze_groups(analysis, broken)
    if not analysis.groups.groups:
        reasons = sorted({frozen.reason for frozen in analysis.groups.frozen})
        remedy = "Choose a network with hidden convolutions or linear layers."
        if any("computed on the fly" in reason for reason in reasons):
            remedy = (
                "Fold what computes it, a parametrization of your own say, into the weights first: "
                "torch.nn.utils.parametrize.remove_parametrizations."
            )
        raise GraphError(
            "Nothing in this network can be pruned: "
            f"{'; '.join(reasons) or 'it has no convolution or linear layer inside'}. {remedy}"
        )
    return analysis


def _broken_groups(
    trial: "_Trial", analysis: Analysis
) -> Generator[StageStarted | StageAdvanced, None, dict[int, str]]:
    """Find the groups whose cut is wrong by halving; those of a kind stand side by side.

    Each trial cuts what is proved so far too, so that what is left is right together.
    """
    groups = sorted(analysis.groups.groups, key=lambda group: group.is_stream)
    yield StageStarted("Proving that cut equals masked", total=len(groups))
    waiting, proved = [groups], list[CouplingGroup]()
    broken: dict[int, str] = {}
    while waiting:
        groups = waiting.pop()
        reason = trial.why_broken(analysis, [*proved, *groups]) if groups else None
        if reason is None:
            proved += groups
        elif len(groups) > 1:
            half = len(groups) // 2
            waiting += [groups[half:], groups[:half]]
        else:
            broken[groups[0].id] = reason
        yield StageAdvanced(len(proved) + len(broken))
    return dict(sorted(broken.items()))


def relative_difference(a: Tensor, b: Tensor) -> float:
    """Greatest difference of `b` from `a` as a share of a's greatest magnitude."""
    scale = float(a.abs().max())
    return float((a - b).abs().max()) / max(scale, 1e-12)


class _Trial:
    """Cuts and masks a network on one example, again and again, in one reused copy."""

    def __init__(self, module: nn.Module, example: Tensor) -> None:
        self._state = network_state(module)
        self._shell = NetworkShell(module)
        self._example = example

    def why_broken(self, analysis: Analysis, groups: Collection[CouplingGroup]) -> str | None:
        """Cut about half of these groups: why the result is wrong, None if it is right."""
        exact = [group for group in groups if group.approximate is None]
        if len(exact) < len(groups):  # approximate ones need only run
            error = self._run(slice_state, analysis, groups)
            if isinstance(error, Exception):
                return _width_in_code(error)
        hard = self._run(slice_state, analysis, exact)
        if isinstance(hard, Exception):
            return _width_in_code(hard)
        soft = self._run(mask_state, analysis, exact)
        if isinstance(soft, Exception):
            raise soft
        if all(relative_difference(a, b) <= TOLERANCE for a, b in zip(soft, hard, strict=True)):
            return None
        return "the cut network does not equal the masked one"

    def _run(
        self,
        change: Callable[[PruningPlan, State, NDArray[np.bool_]], State],
        analysis: Analysis,
        groups: Collection[CouplingGroup],
    ) -> list[Tensor] | Exception:
        keep = trial_keep(analysis, groups)
        network = self._shell.install(change(analysis.plan, self._state, keep))
        try:
            with torch.no_grad():
                return [x for x in tree_leaves(network(self._example)) if isinstance(x, Tensor)]
        except (RuntimeError, ValueError, IndexError, AssertionError) as error:
            if is_out_of_memory(error):
                raise
            return error


def _width_in_code(error: Exception) -> str:
    return f"its width is written into the code ({' '.join(str(error).split())[:90]})"


def random_keep(
    analysis: Analysis,
    *,
    groups: Collection[CouplingGroup] | None = None,
    share: float = 0.5,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Keep a random `share` of the channels of `groups` (default: all) and at least one a layer.

    Returns: bool (channels,).
    """
    chosen = analysis.groups.groups if groups is None else groups
    widths = {group.id: len(group) - round((1 - share) * len(group)) for group in chosen}
    return _keep_of_widths(analysis, chosen, widths, np.random.default_rng(seed))


def trial_keep(analysis: Analysis, groups: Collection[CouplingGroup]) -> NDArray[np.bool_]:
    """Keep about half of the channels of `groups`, each group a share of its own.

    A width that the code takes from another layer, or from twice another one, must not fit by
    chance. As far as there are numbers enough, no two groups of one size keep as many.

    Returns: bool (channels,).
    """
    rng = np.random.default_rng(0)
    widths: dict[int, int] = {}
    taken: set[tuple[int, int]] = set()
    for group in analysis.groups.groups:  # of all, so that a group's width is always the same
        size = len(group)
        wanted = round(size * rng.uniform(*TRIAL_SHARES))
        possible = range(1, max(2, size))
        free = [width for width in possible if (size, width) not in taken]
        widths[group.id] = min(free or possible, key=lambda width: abs(width - wanted))
        taken.add((size, widths[group.id]))
    return _keep_of_widths(analysis, groups, widths, rng)


def _keep_of_widths(
    analysis: Analysis,
    groups: Collection[CouplingGroup],
    widths: Mapping[int, int],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Keep so many channels of each group, by its id, and at least one of each layer."""
    keep = np.ones(analysis.groups.channel_count, dtype=np.bool_)
    for group in groups:
        removed = rng.permutation(len(group))[: len(group) - widths[group.id]]
        keep[group.start + removed] = False
    for layer in analysis.graph.layers:
        owners = layer.channels
        if layer.weight_key is not None and (owners >= 0).all() and not keep[owners].any():
            keep[rng.choice(owners)] = True
    return keep
