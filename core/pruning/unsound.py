"""Importances that say nothing: no numbers, or the same one for all channels of a layer."""

from collections.abc import Mapping

import numpy as np

from core.events import FloatArray
from core.graph.coupling import CouplingGroups

LARGEST = np.finfo(np.float32).max
BY_ORDER = "so that the order of the channels decides which of them go by it."


def mend_importances(
    importances: Mapping[str, FloatArray], groups: CouplingGroups
) -> tuple[dict[str, FloatArray], list[str]]:
    """Make all numbers finite, and say of which criteria not to expect much.

    A channel of which a criterion says nothing counts as much as its most important one: a
    ranking full of what are no numbers would fill the policy with them too.

    importances: criterion -> (C,). Returns: the same, finite; a sentence for each weak criterion.
    """
    mended, words = dict[str, FloatArray](), list[str]()
    for name, scores in importances.items():
        unknown = np.isnan(scores)
        known = np.clip(scores[~unknown], -LARGEST, LARGEST)
        mended[name] = np.full(scores.shape, known.max(initial=0.0), dtype=np.float32)
        mended[name][~unknown] = known
        if unknown.all():
            words.append(f"Criterion {name} is no number for any channel, {BY_ORDER}")
        elif unknown.any():
            words.append(
                f"Criterion {name} is no number for {unknown.sum()} of {len(scores)} channels, "
                "which it keeps as long as any."
            )
        elif _tells_nothing_apart(scores, groups):
            words.append(f"Criterion {name} is the same for all channels of each layer, {BY_ORDER}")
    return mended, words


def _tells_nothing_apart(scores: FloatArray, groups: CouplingGroups) -> bool:
    """Whether all channels (C,) of each group have one score."""
    parts = [scores[group.start : group.stop] for group in groups.groups]
    return all((part == part[0]).all() for part in parts) and any(len(part) > 1 for part in parts)
