"""Weights in a .safetensors file: a length, a JSON header, and raw numbers; nothing to run.

Source: the format's description, github.com/huggingface/safetensors.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import CheckpointError, readable

SUFFIX = ".safetensors"
LENGTH_BYTES = 8
MOST_HEADER_BYTES = 100 * 2**20
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file by name.

    Raises: CheckpointError if it cannot be read, is damaged, or has numbers of another kind.
    """
    try:
        content = _read_all(path)
        length = int.from_bytes(content[:LENGTH_BYTES], "little")
        start = LENGTH_BYTES + length
        if length > min(MOST_HEADER_BYTES, len(content)):
            raise ValueError(f"its header would be {length} bytes long")
        header = json.loads(content[LENGTH_BYTES:start])
        header.pop("__metadata__", None)
        spans = [entry["data_offsets"] for entry in header.values()]
        if sum(max(0, end - begin) for begin, end in spans) > len(content) - start:
            raise ValueError("its tensors overlap")  # a small file could hold one a million times
        return {key: _tensor(key, entry, content, start) for key, entry in header.items()}
    except OSError as error:
        raise CheckpointError(
            f"Cannot read checkpoint {readable(path)}: {error.strerror}. Allow reading it."
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"Checkpoint {readable(path)} is truncated or not a .safetensors file. "
            "Copy or download it again.",
            f"{type(error).__name__}: {error}",
        ) from error


def _read_all(path: Path) -> bytearray:
    """A file's bytes, once in memory."""
    with path.open("rb") as file:
        content = bytearray(path.stat().st_size)
        length = file.readinto(content)
    return content[:length] if length < len(content) else content


def _tensor(key: str, entry: Any, content: bytearray, start: int) -> Tensor:
    if entry["dtype"] not in DTYPES:
        raise CheckpointError(
            f"Weight '{key}' is {entry['dtype']}, which cannot be pruned. Choose a checkpoint of "
            "float32 or float16."
        )
    dtype, shape = DTYPES[entry["dtype"]], list(entry["shape"])
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(content) - start:
        raise ValueError(f"'{key}' lies outside the file")
    if begin == end:  # reshaped, so that no shape takes memory which the file has no numbers for
        return torch.empty(0, dtype=dtype).reshape(shape)
    raw = content[start + begin : start + end]
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)
