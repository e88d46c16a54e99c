"""Read a state-dict file without running any code from it, and fit it to a network.

Real checkpoints nest ({'state_dict': ...}), prefix (`module.`), and carry counters that other
tools left behind (thop's total_ops); all of these load as they are.
"""

import argparse
import pickle
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import CheckpointError, readable
from core.memory import is_out_of_memory
from core.networks.files import find_file, reading_whole
from core.networks.folding import State, fold_state
from core.networks.safetensors_file import SUFFIX, read_safetensors

NESTS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "state_dict_ema",
    "model_ema",
    "ema",
)
WRAPPERS = ("_orig_mod.", "module.")  # left by torch.compile and DataParallel, at any depth
LEFT_BEHIND = ("total_ops", "total_params", "n_averaged")  # counters of thop, of averages
# The auxiliary classifiers of GoogLeNet and Inception only serve training and are not built.
TRAINING_ONLY = re.compile(r"(aux1|aux2|AuxLogits)\.")
# DenseNet files from before 2018 have dots that module names may no longer have.
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")
BATCH_COUNTER = "num_batches_tracked"
SHOWN_KEYS = 3


def read_checkpoint(path: Path) -> State:
    """Read the tensors of a state-dict file, un-nested, on the CPU, with its own key names.

    Of several in one file it is the first by NESTS.
    Raises: CheckpointError if the file is missing, truncated, not a checkpoint, holds no
    tensors, or is a pickle that would run code.
    """
    return next(iter(read_states(path).values()))


def read_states(path: Path) -> dict[str, State]:
    """Read all state dicts of a file, by the place where they lie in it: "" or "model_ema".

    Raises: CheckpointError as `read_checkpoint`.
    """
    content = _load_file(path)
    states = _find_states(content)
    if not states:
        raise CheckpointError(
            f"Checkpoint {readable(path)} holds no state dict: it has {_describe(content)}. "
            "Save one with torch.save(network.state_dict(), path)."
        )
    return states


def fit_states(
    states: Mapping[str, State], own: Mapping[str, Tensor], source: str
) -> tuple[State, str]:
    """Return weights under a network's `own` keys: prefixes and leftovers are taken off.

    states: of one file, as `read_states` gives them; the first that is whole is taken.
    Returns: the weights, and what to say where the file has others for the whole network; "".
    """
    copies: dict[str, State] = {}
    for place, state in states.items():
        for prefix, copy in _copies(_renamed(state, own), own).items():
            copies[".".join(filter(None, (place, prefix.removesuffix("."))))] = copy
    whole = [name for name, copy in copies.items() if not compare_state(own, copy)]
    taken = whole[0] if whole else next(iter(copies))
    others = [name for name in whole[1:] if not _are_same(copies[name], copies[taken], own)]
    if not others:
        return copies[taken], ""
    here = f"under '{readable(taken)}'" if taken else "without a prefix"
    return copies[taken], (
        f"Checkpoint {source} holds weights of this network {here} and others under "
        f"{_first([repr(name) for name in others])}. Those {here} are used; to use others, save "
        "them in a file of their own."
    )


def _renamed(state: Mapping[str, Tensor], own: Collection[str]) -> State:
    renamed: State = {}
    for key, value in state.items():
        for wrapper in WRAPPERS if key not in own else ():
            key = re.sub(rf"(^|\.){re.escape(wrapper)}", r"\1", key)
        key = OLD_DENSENET.sub(r"\1\2.", key)
        if key.rsplit(".", 1)[-1] not in LEFT_BEHIND and not TRAINING_ONLY.match(key):
            renamed[key] = value
    fold_state(renamed, own)
    return renamed


def _are_same(one: State, other: State, own: Iterable[str]) -> bool:
    """Whether two copies give the network the same weights, of whatever width of numbers."""
    pairs = [(one[key], other[key]) for key in own if key in one and key in other]
    return all(_has_values(a) and _has_values(b) and torch.equal(a, b) for a, b in pairs)


def _has_values(value: Tensor) -> bool:
    """Whether a tensor can be compared; load_state refuses one that cannot."""
    return not value.is_meta and value.layout == torch.strided


def load_state(
    module: nn.Module, state: Mapping[str, Tensor], *, network: str, source: str
) -> None:
    """Copy the tensors of `state` into `module`, as float32 where the module is.

    Raises: CheckpointError naming the first keys
    that are missing, unexpected or of another shape, or that hold NaN, infinite, complex or
    quantised values.
    """
    own = module.state_dict()
    difference = compare_state(own, state)
    if difference:
        shown, everything = difference.describe()
        raise CheckpointError(
            f"Checkpoint {source} does not fit {network}: {shown}. "
            "Choose the network that it was trained as.",
            everything,
        )
    with torch.no_grad():
        for key, target in own.items():
            if key in state:
                _check_type(key, state[key], target, source)
                target.copy_(state[key])
    for key, target in own.items():
        if target.is_floating_point() and not torch.isfinite(target).all():
            bad = int((~torch.isfinite(target)).sum())
            raise CheckpointError(
                f"Checkpoint {source} has NaN or infinite weights: {bad} of {target.numel()} "
                f"values in '{key}'. Choose a checkpoint from before the training broke down."
            )


@dataclass(frozen=True)
class StateDifference:
    """How a checkpoint's keys differ from a network's; false if they do not."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]  # key -> (file's, network's)

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes)

    def describe(self) -> tuple[str, str]:
        """Say what differs: the first keys of each kind, and all of them."""
        shapes = [f"{key} {given} instead of {own}" for key, (given, own) in self.shapes.items()]
        kinds = {"missing": self.missing, "unexpected": self.unexpected, "wrong shape": shapes}
        shown = "; ".join(f"{kind} {_first(keys)}" for kind, keys in kinds.items() if keys)
        everything = "\n".join(
            f"{kind}: {readable(key)}" for kind, keys in kinds.items() for key in keys
        )
        return shown, everything


def compare_state(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> StateDifference:
    """Compare a network's state with a checkpoint's, key by key, in the network's order."""
    return StateDifference(
        # Files from before torch 0.4.1 have no batch counters, and nothing here reads them.
        missing=tuple(k for k in own if k not in given and not k.endswith(BATCH_COUNTER)),
        unexpected=tuple(k for k in given if k not in own),
        shapes={
            key: (tuple(given[key].shape), tuple(own[key].shape))
            for key in own
            if key in given and given[key].shape != own[key].shape
        },
    )


def _load_file(path: Path) -> Any:
    find_file(path, "checkpoint", CheckpointError)
    with reading_whole(path, CheckpointError):
        return read_safetensors(path) if path.suffix.lower() == SUFFIX else _load_torch(path)


def _load_torch(path: Path) -> Any:
    try:
        # Reading warns of pickle protocols and TorchScript; the refusals below say it better.
        with warnings.catch_warnings(), torch.serialization.safe_globals(_INERT_TYPES):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise CheckpointError(
            f"Cannot read checkpoint {readable(path)}: {error.strerror}."
        ) from error
    except pickle.UnpicklingError as error:
        raise _refuse_pickle(path, error) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # torch.load raises almost anything on a broken file: EOFError, KeyError, OSError ...
        if "TorchScript" in str(error):
            raise CheckpointError(
                f"Checkpoint {readable(path)} is a TorchScript program, not a state dict. "
                "Save one with torch.save(network.state_dict(), path)."
            ) from error
        raise CheckpointError(
            f"Checkpoint {readable(path)} is truncated or not a checkpoint that torch.save wrote. "
            "Copy or download it again, or choose another file.",
            f"{type(error).__name__}: {error}",
        ) from error


def _refuse_pickle(path: Path, error: pickle.UnpicklingError) -> CheckpointError:
    called = re.search(r"GLOBAL:? ([\w.]+)", str(error))
    if called:
        reason = f"opening it would run code (it calls {readable(called.group(1))})"
    elif path.read_bytes()[:1] == b"\x80":  # how every binary pickle starts
        reason = "it is a pickle that torch.save did not write, and opening it could run code"
    else:
        reason = "it is truncated or not a checkpoint that torch.save wrote"
    return CheckpointError(
        f"Checkpoint {readable(path)} is refused: {reason}. Where you trust its source, load it "
        "yourself and save torch.save(network.state_dict(), path), or choose it as the network if "
        "it holds a whole one.",
        str(error),
    )


def _find_states(content: Any) -> dict[str, State]:
    if not isinstance(content, Mapping):
        return {}
    found: dict[str, State] = {}
    for nest in NESTS:
        found |= _under(nest, content.get(nest))
    tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
    if found or tensors:
        return found or {"": tensors}
    inner = [states for key, value in content.items() if (states := _under(str(key), value))]
    return inner[0] if len(inner) == 1 else {}


def _under(place: str, content: Any) -> dict[str, State]:
    return {
        ".".join(filter(None, (place, inner))): state
        for inner, state in _find_states(content).items()
    }


def _copies(state: State, own: Mapping[str, Tensor]) -> dict[str, State]:
    """What lies under each prefix that may hold the whole network, the fullest first.

    With a prefix, what lies beside the network (a loss, an average) is not the network's.
    """
    counts: Counter[str] = Counter()
    for key in state:
        parts = key.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in own:
                counts["".join(f"{part}." for part in parts[:start])] += 1
    needed = sum(not key.endswith(BATCH_COUNTER) for key in own)
    prefixes = [prefix for prefix, count in counts.most_common() if count >= needed]
    prefixes = prefixes or [
        max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")
    ]
    return {
        prefix: {
            key.removeprefix(prefix): value
            for key, value in state.items()
            if max((one for one in prefixes if key.startswith(one)), key=len, default=None)
            == prefix
        }
        for prefix in prefixes
    }


def _check_type(key: str, value: Tensor, target: Tensor, source: str) -> None:
    if value.is_meta or value.layout != torch.strided:
        what = "has no values" if value.is_meta else f"is sparse ({value.layout})"
        raise CheckpointError(
            f"Checkpoint {source} cannot be read: its weight '{key}' {what}. Save it with its "
            "values, densely."
        )
    is_plain = not (value.is_quantized or value.is_complex())
    if not is_plain or (target.is_floating_point() and not value.is_floating_point()):
        raise CheckpointError(
            f"Checkpoint {source} has weights that are not real numbers: '{key}' is "
            f"{str(value.dtype).removeprefix('torch.')}. Choose a float32 or float16 checkpoint."
        )


def _describe(content: Any) -> str:
    if isinstance(content, Mapping):
        return _first([repr(key) for key in content]) if content else "nothing in it"
    return f"a {type(content).__name__}"


def _first(keys: Iterable[str]) -> str:
    keys = [readable(key) for key in keys]
    more = len(keys) - SHOWN_KEYS
    return ", ".join(keys[:SHOWN_KEYS]) + (f" and {more} more" if more > 0 else "")


_scalar = np.float64(0).__reduce__()[0]
# Real checkpoints keep their accuracy and arguments as these; none can run anything.
_INERT_TYPES: list[Any] = [
    argparse.Namespace,
    np.dtype,
    type(np.dtype(np.float64)),
    type(np.dtype(np.float32)),
    type(np.dtype(np.int64)),
    (_scalar, "numpy._core.multiarray.scalar"),
    (_scalar, "numpy.core.multiarray.scalar"),  # the name before NumPy 2
]
