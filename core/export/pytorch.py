"""PyTorch files: a state dict with its description, and a program that needs none of our code."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import CheckpointError, readable
from core.export.conversion import write_saved
from core.export.loading_file import LOADER_FILE, fitting_modules, loading_text, read_loader
from core.export.pruned import PrunedNetwork, owned_state
from core.export.verify import Reader, module_reader
from core.networks.checkpoints import read_checkpoint
from core.pruning.masks import kept_channels
from core.pruning.surgery import NetworkShell, network_state

STATE_FILE = "pruned.pt"
DESCRIPTION_FILE = "pruned.json"
PROGRAM_FILE = "pruned.pt2"
FORMAT = "espalier.pruned"
FORMAT_VERSION = 1
NAMED_KEYS = 3  # how many differing keys an error names

State = dict[str, Tensor]


def load_pruned(module: nn.Module, folder_or_json: Path | str) -> nn.Module:
    """Return `module`'s pruned form, read from pruned.json and the pruned.pt beside it.

    module: a freshly built network of the name that pruned.json gives, for example
        `build_network("cifar_resnet20", class_count=10, input_shape=(3, 32, 32))`.
        It stays as it is.
    folder_or_json: the folder that holds both files, or the path of the JSON file.
    Returns: a new network in eval mode on the CPU.
    Raises: CheckpointError if a file is missing, broken, or of another network.
    """
    path = Path(folder_or_json)
    path = path / DESCRIPTION_FILE if path.is_dir() else path
    description = read_description(path)
    state = read_checkpoint(path.with_name(description["weights"]))
    _check_fit(description, network_state(module), state)
    return NetworkShell(module).install(state, trainable=True).eval()


def read_description(path: Path) -> dict[str, Any]:
    """Read and check pruned.json; CheckpointError if it is not one of ours."""
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise CheckpointError(
            f"Cannot read {readable(path)}: {reason}. Choose a folder with {DESCRIPTION_FILE}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"Cannot read {readable(path)}: it is not JSON ({readable(str(error))}). "
            "Export the network again."
        ) from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise CheckpointError(
            f"{readable(path)} does not describe a pruned network. Choose a "
            f"{DESCRIPTION_FILE} that Espalier has written."
        )
    if description.get("version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{readable(path)} has format version {str(description.get('version'))[:20]!r}, this "
            "Espalier reads "
            f"{FORMAT_VERSION}. Use the Espalier that wrote it."
        )
    _check_description(description, path)
    return description


def _check_description(description: Mapping[str, Any], path: Path) -> None:
    kept = description.get("kept_channels")
    weights = description.get("weights")
    # beside the description and nowhere else, whatever a stranger has written there
    is_sound = isinstance(weights, str) and weights not in ("", ".", "..")
    is_sound = is_sound and not set(str(weights)) & set("/\\\0") and isinstance(kept, dict)
    is_sound = is_sound and all(
        isinstance(dims, dict)
        and all(
            dim.isdecimal() and len(dim) < 3 and _is_ascending(indices)
            for dim, indices in dims.items()
        )
        for dims in (kept or {}).values()
    )
    if not is_sound:
        raise CheckpointError(
            f"{readable(path)} is damaged: 'weights' or 'kept_channels' is not as written. "
            f"Export the network again."
        )


def _is_ascending(indices: object) -> bool:
    if not isinstance(indices, list) or not all(type(index) is int for index in indices):
        return False
    return all(a < b for a, b in zip([-1, *indices], indices, strict=False))


def _check_fit(description: Mapping[str, Any], full: State, state: State) -> None:
    name = description.get("network")
    absent = [key for key in full if key not in state]
    strange = [key for key in [*state, *description["kept_channels"]] if key not in full]
    if absent or strange:
        raise CheckpointError(
            f"The files are of network '{name}' and do not fit this one: "
            f"{_named('missing', absent)}{_named('unknown', strange)}Build '{name}' first."
        )
    for key, value in full.items():
        expected = _sliced_shape(value.shape, description["kept_channels"].get(key, {}))
        if expected != tuple(state[key].shape):
            raise CheckpointError(
                f"The files are of network '{name}' and do not fit this one: '{key}' should be "
                f"{expected} and is {tuple(state[key].shape)}. Build '{name}' with "
                f"class_count={description.get('class_count')} and "
                f"input_shape={description.get('input_shape')}."
            )


def _named(what: str, keys: Sequence[str]) -> str:
    if not keys:
        return ""
    rest = f" and {len(keys) - NAMED_KEYS} more" if len(keys) > NAMED_KEYS else ""
    return f"{what} {', '.join(repr(key) for key in keys[:NAMED_KEYS])}{rest}. "


def _sliced_shape(
    shape: Sequence[int], kept: Mapping[str, Sequence[int]]
) -> tuple[int, ...] | None:
    """The shape after slicing; None where the indices do not fit the shape at all."""
    sliced = list(shape)
    for dim, indices in kept.items():
        if int(dim) >= len(shape) or (indices and indices[-1] >= shape[int(dim)]):
            return None
        sliced[int(dim)] = len(indices)
    return tuple(sliced)


def write_state(pruned: PrunedNetwork, folder: Path) -> None:
    """Write pruned.pt, pruned.json and load_pruned.py into `folder`."""
    write_saved(owned_state(pruned.module), folder / STATE_FILE)
    (folder / DESCRIPTION_FILE).write_text(describe(pruned), encoding="utf-8")
    (folder / LOADER_FILE).write_text(loading_text(pruned.module), encoding="utf-8")


def convert_to_program(program: torch.export.ExportedProgram, folder: Path) -> None:
    """Write pruned.pt2 into `folder`."""
    saved = io.BytesIO()  # by way of memory: a full disk shall be an OSError
    torch.export.save(program, saved)
    (folder / PROGRAM_FILE).write_bytes(saved.getbuffer())


def pytorch_readers(pruned: PrunedNetwork, folder: Path) -> Iterator[Reader]:
    """Read the files back as a stranger would: a fresh build, and the program alone."""
    full = pruned.build()
    yield module_reader(load_pruned(full, folder))
    yield module_reader(read_loader(folder / LOADER_FILE).load_pruned(full, folder))
    program = torch.export.load(folder / PROGRAM_FILE)
    yield module_reader(program.module())


def describe(pruned: PrunedNetwork) -> str:
    """pruned.json: what the weights are, one line of indices per sliced dimension."""
    network, images = pruned.network, pruned.images
    head = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "weights": STATE_FILE,
        "network": network.name,
        "checkpoint": Path(network.checkpoint).name,
        "class_count": network.class_count,
        "input_shape": list(network.input_shape),
        "dataset": images.name,
        "class_names": list(images.class_names),
        "mean": list(images.mean),
        "std": list(images.std),
        "macs": pruned.macs,
        "macs_kept": pruned.macs_kept,
        "accuracy": pruned.accuracy,
        "fitting": fitting_modules(pruned.module),
    }
    kept = kept_indices(pruned)
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = [f"    {json.dumps(key)}: {json.dumps(dims)}" for key, dims in kept.items()]
    body = "{\n" + ",\n".join(rows) + "\n  }" if rows else "{}"
    return "{\n" + ",\n".join([*lines, f'  "kept_channels": {body}']) + "\n}\n"


def kept_indices(pruned: PrunedNetwork) -> dict[str, dict[str, list[int]]]:
    """Kept indices per state-dict key and dimension; only dimensions that lost channels."""
    kept: dict[str, dict[str, list[int]]] = {}
    for key, dims in pruned.plan.owners.items():
        for dim, owners in dims.items():
            keep = kept_channels(pruned.keep, owners)
            if not keep.all():
                kept.setdefault(key, {})[str(dim)] = np.flatnonzero(keep).tolist()
    return kept


def state_bytes(module: nn.Module) -> int:
    """How large the network's weights are as a file, in bytes."""
    buffer = io.BytesIO()
    torch.save(owned_state(module), buffer)
    return buffer.tell()
