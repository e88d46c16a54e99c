"""agent.pt: what an agent has learned, without what fits one network only."""

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.config import PolicyConfig
from core.config.learning import AGENT_FILE
from core.errors import ConfigError, readable
from core.graph.features import FEATURES_VERSION
from core.rl.policy import ActorCritic

FORMAT = "espalier.agent"
FORMAT_VERSION = 1
VERSION = f"{FORMAT_VERSION}.{FEATURES_VERSION}"
OF_ONE_NETWORK = ("layer_offset", "channel_offset")  # a free number for each layer and channel
DEVIATION = "layers.log_deviation"  # of each layer, or one for all
FEATURES_WEIGHT = "head.linear.weight"  # (1, features of a channel)
BROKEN = (
    *(OSError, EOFError, LookupError, TypeError, ValueError, AttributeError, RuntimeError),
    *(AssertionError, ArithmeticError, pickle.UnpicklingError),
)


def agent_bytes(weights: Mapping[str, Tensor], config: PolicyConfig) -> bytes | None:
    """Write what of a policy's weights fits any network; None if nothing does."""
    if config.embedding == "global":
        return None  # its last layer has an output for each channel
    kept = {name: one.clone() for name, one in weights.items() if name not in OF_ONE_NETWORK}
    if DEVIATION in kept:
        kept[DEVIATION] = kept[DEVIATION].mean().reshape(1)
    content = _saved(
        {
            "architecture": config.architecture,
            "has_graph": config.encoder != "none",
            "weights": kept,
        }
    )
    return _saved(
        {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "features_version": FEATURES_VERSION,
            # torch.load reads changed numbers without a word
            "sha256": hashlib.sha256(content).hexdigest(),
            "content": torch.frombuffer(bytearray(content), dtype=torch.uint8),
        }
    )


def _saved(values: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    torch.save(values, file)
    return file.getvalue()


def load_agent(place: str, config: PolicyConfig, channel_features: int) -> dict[str, Tensor]:
    """Read the weights of an agent from a run's folder, or from its file.

    channel_features: how many the network's channels have here.
    Raises: ConfigError if there is none, or none that fits the settings.
    """
    path = Path(place).expanduser()
    path = path / AGENT_FILE if path.is_dir() else path
    stored = _read(path)
    has_graph = config.encoder != "none"
    if (stored.architecture, stored.has_graph) != (config.architecture, has_graph):
        remedy = "trained" if stored.has_graph else "none"
        raise ConfigError(
            f"The agent in {readable(path)} has another policy than the settings. Set "
            f"policy.architecture = {stored.architecture} and policy.encoder = {remedy}."
        )
    if config.embedding == "global":
        raise ConfigError(
            "Setting 'start_from' must be empty where 'embedding' is global: such a policy fits "
            "one network only."
        )
    width = stored.weights[FEATURES_WEIGHT].shape[1]
    if width != channel_features:
        raise ConfigError(
            f"The agent in {readable(path)} knows {width} features of a channel, here are "
            f"{channel_features}. Choose one that was trained with the same criteria."
        )
    return stored.weights


def take_over(policy: ActorCritic, weights: Mapping[str, Tensor]) -> None:
    """Start from an agent's weights; offsets stay at 0.

    Raises: ConfigError if a weight is missing or of another shape.
    """
    own = policy.state_dict()
    needed = {name: one for name, one in own.items() if name not in OF_ONE_NETWORK}
    given = dict(weights)
    if DEVIATION in given and DEVIATION in needed and given[DEVIATION].shape == (1,):
        given[DEVIATION] = given[DEVIATION].expand_as(needed[DEVIATION]).clone()
    fits = given.keys() == needed.keys() and all(
        given[name].shape == one.shape and bool(given[name].isfinite().all())
        for name, one in needed.items()
    )
    if not fits:
        raise ConfigError(
            "The agent to start from has other weights than the settings ask for. Choose another "
            "one, or start without."
        )
    policy.load_state_dict(given, strict=False)


@dataclass(frozen=True, eq=False)
class _StoredAgent:
    architecture: str
    has_graph: bool
    weights: dict[str, Tensor]


def _read(path: Path) -> _StoredAgent:
    if not path.is_file():
        raise ConfigError(
            f"There is no agent to start from in {readable(path)}. Name the folder of a finished "
            f"run that was searched by an agent, or its {AGENT_FILE}."
        )
    try:
        outer: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if outer["format"] != FORMAT:
            raise ValueError("another format")
        version = f"{int(outer['version'])}.{int(outer['features_version'])}"
        if version == VERSION:
            content = outer["content"].numpy().tobytes()
            if hashlib.sha256(content).hexdigest() != outer["sha256"]:
                raise ValueError("another hash")
            values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            weights = {str(name): one.float() for name, one in values["weights"].items()}
            if weights[FEATURES_WEIGHT].dim() != 2:
                raise ValueError("another shape")
            return _StoredAgent(str(values["architecture"]), bool(values["has_graph"]), weights)
    except BROKEN as error:
        raise ConfigError(
            f"Cannot read the agent in {readable(path)}: it is damaged, or no agent of Espalier. "
            "Choose another one, or start without.",
            str(error),
        ) from error
    raise ConfigError(
        f"The agent in {readable(path)} was made by another version of Espalier (format {version}, "
        f"this one reads {VERSION}). Choose another one, or start without."
    )
