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

from core.archives import check_weights
from core.config import PolicyConfig
from core.config.learning import AGENT_FILE
from core.errors import ConfigError, readable
from core.graph.features import FEATURES_VERSION
from core.rl.generalist import GeneralistPolicy
from core.rl.network_view import VIEW_VERSION
from core.rl.policy import ActorCritic

FORMAT = "espalier.agent"
FORMAT_VERSION = 1
VERSIONS = {False: FEATURES_VERSION, True: VIEW_VERSION}  # whether it is a generalist
GENERALIST = "generalist"  # the architecture that is trained on several networks
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
    return _agent_file(config.architecture, config.encoder != "none", kept)


def generalist_bytes(weights: Mapping[str, Tensor]) -> bytes:
    """Write the weights of a policy for many networks."""
    kept = {name: one.clone() for name, one in weights.items()}
    return _agent_file(GENERALIST, has_graph=True, weights=kept)


def _agent_file(architecture: str, has_graph: bool, weights: dict[str, Tensor]) -> bytes:
    content = _saved({"architecture": architecture, "has_graph": has_graph, "weights": weights})
    is_generalist = architecture == GENERALIST
    return _saved(
        {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "features_version": VERSIONS[is_generalist],
            "is_generalist": is_generalist,
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
    path = _agent_path(place)
    stored = _read(path)
    if stored.architecture == GENERALIST:
        raise ConfigError(
            f"The agent in {readable(path)} was trained on several networks: it proposes masks and "
            "does not go on learning as a policy of the settings."
        )
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
    width = stored.weights[FEATURES_WEIGHT].shape[-1] if FEATURES_WEIGHT in stored.weights else 0
    if width != channel_features:
        raise ConfigError(
            f"The agent in {readable(path)} knows {width} features of a channel, here are "
            f"{channel_features}. Choose one that was trained with the same criteria."
        )
    return stored.weights


def load_generalist(place: str) -> GeneralistPolicy | None:
    """Read a policy for many networks from its file; None if the agent there is another kind.

    Raises: ConfigError if there is no agent, or one of another version.
    """
    path = _agent_path(place)
    stored = _read(path)
    if stored.architecture != GENERALIST:
        return None
    with torch.random.fork_rng(devices=[]):
        policy = GeneralistPolicy()
    needed = policy.state_dict()
    if stored.weights.keys() != needed.keys() or any(
        stored.weights[name].shape != one.shape or not bool(stored.weights[name].isfinite().all())
        for name, one in needed.items()
    ):
        raise _damaged(path, "other weights")
    policy.load_state_dict(stored.weights)
    return policy.eval()


def _agent_path(place: str) -> Path:
    path = Path(place).expanduser()
    return path / AGENT_FILE if path.is_dir() else path


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
        check_weights(path)
        outer: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if outer["format"] != FORMAT:
            raise ValueError("another format")
        version = f"{int(outer['version'])}.{int(outer['features_version'])}"
        readable_version = f"{FORMAT_VERSION}.{VERSIONS[bool(outer.get('is_generalist', False))]}"
        if version == readable_version:
            content = outer["content"].numpy().tobytes()
            if hashlib.sha256(content).hexdigest() != outer["sha256"]:
                raise ValueError("another hash")
            check_weights(content)
            values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            weights = {str(name): one.float() for name, one in values["weights"].items()}
            return _StoredAgent(str(values["architecture"]), bool(values["has_graph"]), weights)
    except BROKEN as error:
        raise _damaged(path, str(error)) from error
    raise ConfigError(
        f"The agent in {readable(path)} was made by another version of Espalier (format {version}, "
        f"this one reads {readable_version}). Choose another one, or start without."
    )


def _damaged(path: Path, details: str) -> ConfigError:
    return ConfigError(
        f"Cannot read the agent in {readable(path)}: it is damaged, or no agent of Espalier. "
        "Choose another one, or start without.",
        details,
    )
