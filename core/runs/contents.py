"""What a run's .npz files hold."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.events import BestChanged, BoolArray, CandidateEvaluated, PolicyUpdated, SearchFinished
from core.graph.coupling import CouplingGroups

COLUMNS = ("macs_kept", "accuracy", "cross_entropy", "reward", "seconds")


def mask_arrays(
    best: BestChanged | SearchFinished,
    last: BoolArray | None,
    policy: PolicyUpdated | None,
    groups: CouplingGroups,
) -> dict[str, Any]:
    """The best, the last and the criteria's masks: bool, (channels,) and (K, channels).

    `last` is the policy's most likely mask at the end, `keep_probability` what it is made of.
    Both are the best mask where there is no policy yet.
    """
    criteria: Mapping[str, BoolArray] = best.criteria if isinstance(best, SearchFinished) else {}
    shown = best.keep if last is None else last
    probability = best.keep.astype(np.float32)
    if policy is not None:
        shown, probability = policy.keep, policy.keep_probability
    names = list(criteria)
    return {
        "best": best.keep,
        "last": shown,
        "keep_probability": probability,
        "criteria": np.array([criteria[name] for name in names], np.bool_).reshape(
            len(names), len(best.keep)
        ),
        "criteria_names": np.array(names, dtype=np.str_),
        "macs_kept": np.float64(best.macs_kept),
        "accuracy": np.float64(best.accuracy),
        "is_final": np.bool_(isinstance(best, SearchFinished)),
        "group_of_channel": groups.group_of_channel,
        "group_names": np.array([g.name for g in groups.groups], dtype=np.str_),
    }


def candidate_arrays(candidates: Iterable[CandidateEvaluated], channels: int) -> dict[str, Any]:
    """Every evaluated mask: `keep` packed by np.packbits, (K, channels / 8), and its numbers, (K,).

    np.unpackbits(keep, axis=1, count=channels) gives the masks again.
    """
    packed: list[NDArray[np.uint8]] = []
    rows: list[tuple[float, ...]] = []
    for one in candidates:  # of a long search they do not fit into memory as they are
        packed.append(np.packbits(one.keep))
        rows.append((one.evaluation, one.update, one.meets_budget, *_numbers(one)))
    table = np.array(rows, np.float64).reshape(len(rows), 3 + len(COLUMNS)).T
    return {
        "keep": np.array(packed, np.uint8).reshape(len(packed), -(-channels // 8)),
        "channels": np.int64(channels),
        "evaluation": table[0].astype(np.int64),
        "update": table[1].astype(np.int64),
        "meets_budget": table[2].astype(np.bool_),
        **dict(zip(COLUMNS, table[3:], strict=True)),
    }


def _numbers(candidate: CandidateEvaluated) -> tuple[float, ...]:
    return tuple(float(getattr(candidate, name)) for name in COLUMNS)
