"""All that a search needs to go on: plain values and tensors, for a checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.events import BoolArray, FloatArray

STATE_VERSION = 1
WHOLE_BATCHES = MappingProxyType({"scored": 0, "asked": 0})


@dataclass(frozen=True, eq=False)
class Groundwork:
    """What the agent stands on: the criteria's scores, their masks, and the prior."""

    importances: Mapping[str, FloatArray]  # criterion -> (C,)
    prior: Tensor  # (C,) logits
    best_criterion: BoolArray  # (C,)
    criteria: Mapping[str, BoolArray]  # each criterion's best mask, and l1_uniform


@dataclass(frozen=True, eq=False)
class SearchState:
    """A search between two updates. Each `Mapping` is a state_dict of the part that it names."""

    update: int
    evaluations: int
    ground: Groundwork
    seconds: Mapping[str, float]
    images: Mapping[str, Any]
    agent: Mapping[str, Any]
    reward: Mapping[str, float]
    finalists: Mapping[str, Any]
    memory: Mapping[str, int] = field(default_factory=lambda: WHOLE_BATCHES)
    held_out: Mapping[str, Any] = field(default_factory=dict)  # HeldOutWatch's
    adapted: Mapping[str, Any] = field(default_factory=dict)  # SharedWeights'
    latency: Mapping[str, Any] = field(default_factory=dict)  # LatencyTable.as_dict(), or nothing

    def as_dict(self) -> dict[str, Any]:
        """Return what torch.save writes and torch.load(weights_only=True) reads."""
        ground = self.ground
        return {
            "version": STATE_VERSION,
            "update": self.update,
            "evaluations": self.evaluations,
            "importances": {name: _tensor(one) for name, one in ground.importances.items()},
            "prior": ground.prior,
            "best_criterion": _tensor(ground.best_criterion),
            "criteria": {name: _tensor(one) for name, one in ground.criteria.items()},
            "seconds": dict(self.seconds),
            "images": dict(self.images),
            "agent": dict(self.agent),
            "reward": dict(self.reward),
            "finalists": dict(self.finalists),
            "memory": dict(self.memory),
            "held_out": dict(self.held_out),
            "adapted": dict(self.adapted),
            "latency": dict(self.latency),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SearchState":
        """Read what `as_dict` gave; KeyError, TypeError or ValueError if it is something else."""
        if values["version"] != STATE_VERSION:
            raise ValueError(f"version {values['version']}, not {STATE_VERSION}")
        ground = Groundwork(
            importances={name: one.numpy() for name, one in values["importances"].items()},
            prior=values["prior"],
            best_criterion=values["best_criterion"].numpy(),
            criteria={name: one.numpy() for name, one in values["criteria"].items()},
        )
        parts = ("seconds", "images", "agent", "reward", "finalists")
        return cls(
            update=int(values["update"]),
            evaluations=int(values["evaluations"]),
            ground=ground,
            memory=values.get("memory", WHOLE_BATCHES),  # older ones knew of no halving
            held_out=values.get("held_out", {}),
            adapted=values.get("adapted", {}),
            latency=values.get("latency", {}),
            **{name: values[name] for name in parts},
        )


def _tensor(array: BoolArray | FloatArray) -> Tensor:
    return torch.from_numpy(np.array(array))
