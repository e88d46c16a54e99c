"""checkpoint.pt: where a search stands, written after every update and read without pickles."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.archives import check_weights
from core.config import RunConfig, begun_config_from_toml, to_toml
from core.errors import ConfigError, RunError, readable
from core.opening import Opened
from core.rl.transfer import agent_bytes
from core.runs.files import CHECKPOINT_FILE
from core.runs.fingerprint import images_sha256, network_sha256
from core.search import SearchState

FORMAT = "espalier.checkpoint"
FORMAT_VERSION = 2  # the policy and what it sees of a network


@dataclass(frozen=True)
class RunIdentity:
    """What must be the same for a search to go on."""

    config: str  # TOML
    network_sha256: str
    images_sha256: str

    @classmethod
    def of(cls, opened: Opened, config: RunConfig) -> "RunIdentity":
        """Describe what is open."""
        return cls(
            to_toml(config), network_sha256(opened.network.module), images_sha256(opened.images)
        )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A search between two updates, whose it is, and how long its event log was."""

    identity: RunIdentity
    log_bytes: int
    state: SearchState


def checkpoint_bytes(identity: RunIdentity, log_bytes: int, state: Any) -> bytes:
    """Write a checkpoint; `state` is that of a CheckpointReached event.

    It carries its own hash, for torch.load reads changed numbers without a word.
    """
    content = _saved(
        {
            "config": identity.config,
            "network_sha256": identity.network_sha256,
            "images_sha256": identity.images_sha256,
            "log_bytes": log_bytes,
            "search": state,
        }
    )
    return _saved(
        {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "sha256": hashlib.sha256(content).hexdigest(),
            "content": torch.frombuffer(bytearray(content), dtype=torch.uint8),
        }
    )


def agent_file(state: Mapping[str, Any], config: RunConfig) -> bytes:
    """Write agent.pt from a checkpoint's state; empty if no agent searches, or none for others."""
    if config.search.method != "agent":
        return b""
    return agent_bytes(state["agent"]["policy"], config.search.agent_policy) or b""


def _saved(values: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    torch.save(values, file)
    return file.getvalue()


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """Read the checkpoint in a run's folder; None if there is none.

    Raises: RunError if it is damaged, or of another version.
    """
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    try:
        check_weights(path)
        outer = torch.load(path, map_location="cpu", weights_only=True)
        if outer["format"] != FORMAT:
            raise ValueError("another format")
        version = outer["version"]
        if version == FORMAT_VERSION:
            content = outer["content"].numpy().tobytes()
            if hashlib.sha256(content).hexdigest() != outer["sha256"]:
                raise ValueError("another hash")
            check_weights(content)
            values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            names = ("config", "network_sha256", "images_sha256")
            return Checkpoint(
                identity=RunIdentity(*(str(values[name]) for name in names)),
                log_bytes=int(values["log_bytes"]),
                state=SearchState.from_dict(values["search"]),
            )
    except Exception as error:  # torch.load raises almost anything on a broken file
        raise RunError(
            f"Cannot go on with the run in {readable(folder)}: {CHECKPOINT_FILE} is damaged. "
            "Its best mask is in masks.npz; start a new run with its config.toml.",
            str(error),
        ) from error
    raise RunError(
        f"The run in {readable(folder)} was made by another version of Espalier (checkpoint "
        f"format {version!r}, this one reads {FORMAT_VERSION}). Go on with that version."
    )


def check_identity(folder: Path, stored: RunIdentity, opened: Opened, config: RunConfig) -> None:
    """Raise RunError unless settings, network and images are those the run began with."""
    try:
        is_same_config = begun_config_from_toml(stored.config) == config
    except ConfigError:
        is_same_config = False
    now = RunIdentity.of(opened, config)
    changed = [
        what
        for what, is_same in (
            ("the settings in config.toml", is_same_config),
            ("the network's weights", stored.network_sha256 == now.network_sha256),
            ("the images", stored.images_sha256 == now.images_sha256),
        )
        if not is_same
    ]
    if changed:
        raise RunError(
            f"Cannot go on with the run in {readable(folder)}: {' and '.join(changed)} changed "
            "since it began. Put them back, or start a new run."
        )
