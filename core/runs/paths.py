"""Settings that name the same files from anywhere."""

import dataclasses
from pathlib import Path

from core.config import RunConfig


def with_absolute_paths(config: RunConfig) -> RunConfig:
    """Make the paths of files that are there absolute; names of networks and images stay."""
    return dataclasses.replace(
        config,
        network=_network(config.network),
        checkpoint=_absolute(config.checkpoint),
        data=_absolute(config.data),
        search=dataclasses.replace(config.search, start_from=_folder(config.search.start_from)),
        finetune=dataclasses.replace(config.finetune, data=_absolute(config.finetune.data)),
    )


def _network(spec: str) -> str:
    """Make nets/mine.pt absolute, and nets/mine.py:make too."""
    if _is_path(spec):
        return _absolute(spec)
    file, colon, name = spec.rpartition(":")
    return f"{_absolute(file)}{colon}{name}" if _is_path(file) else spec


def _absolute(spec: str) -> str:
    return str(Path(spec).expanduser().absolute()) if _is_path(spec) else spec


def _folder(spec: str) -> str:
    """Make what can only be a path absolute, even if nothing is there."""
    return str(Path(spec).expanduser().absolute()) if spec else spec


def _is_path(spec: str) -> bool:
    """Whether a text is a path of something that is there, and no name such as digits."""
    try:
        path = Path(spec).expanduser()
        return bool(spec) and (len(path.parts) > 1 or bool(path.suffix)) and path.exists()
    except (OSError, RuntimeError, ValueError):
        return False
