"""What a file holds, a whole network or only weights, found out without running any of it.

No torch here: the window asks while a file hangs under the mouse.
"""

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

CHECKPOINT_SUFFIXES = (".pt", ".pth", ".th", ".ckpt", ".bin", ".tar", ".pkl", ".safetensors")
WHOLE_SUFFIXES = (".py", ".pt2", ".onnx")  # always a network, whatever lies in it
WEIGHTS_SUFFIXES = (".safetensors",)  # never one
PICKLE_BYTES = 4 * 2**20  # of a pickle's beginning; that of a thousand layers is shorter
PICKLES_MOST = 5  # torch.save before 1.6 wrote three small ones first
# Names in a pickle that only a whole network needs, and those that any state dict has.
OF_NETWORKS = re.compile(r"torch\.(nn\.modules|nn\.parallel|fx|ao|jit)\.|torchvision\.models\.")
OF_WEIGHTS = re.compile(
    r"torch\.(\w+$|_utils\.|_tensor\.|nn\.parameter\.|storage\.)|numpy\b|"
    r"collections\.|argparse\.Namespace|_codecs\.encode|builtins\."
)
STATE_KEYS = {"state_dict", "model_state_dict", "model_state", "state_dict_ema"}


class FileKind(Enum):
    """What a network's file holds."""

    NETWORK = "network"
    WEIGHTS = "weights"
    UNCLEAR = "unclear"  # a pickle of strange things; only the person can say


def peek_kind(path: Path) -> FileKind:
    """Say whether a file holds a whole network or weights, by its name and its first bytes.

    A file that cannot be read counts as what its ending says; its reader tells what is wrong.
    """
    suffix = path.suffix.lower()
    if suffix in WHOLE_SUFFIXES:
        return FileKind.NETWORK
    if suffix in WEIGHTS_SUFFIXES:
        return FileKind.WEIGHTS
    try:
        if zipfile.is_zipfile(path):
            return _kind_of_archive(path)
        with path.open("rb") as stream:
            return _kind_of_pickles(stream.read(PICKLE_BYTES))
    except Exception:  # zipfile raises almost anything on a damaged archive
        return FileKind.WEIGHTS


def _kind_of_archive(path: Path) -> FileKind:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        inner = {name.partition("/")[2] for name in names} | set(names)
        # TorchScript and torch.export: whole programs, which their sources name or refuse
        if "constants.pkl" in inner or "models/model.json" in inner:
            return FileKind.NETWORK
        pickles = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
        if not pickles:
            return FileKind.WEIGHTS
        with archive.open(pickles[0]) as stream:
            return _kind_of_pickles(stream.read(PICKLE_BYTES))


def _kind_of_pickles(content: bytes) -> FileKind:
    strange = False
    has_state_key = False
    for name, is_global in _names(content):
        if not is_global:
            has_state_key = has_state_key or name in STATE_KEYS
        elif OF_NETWORKS.match(name):
            return FileKind.NETWORK
        elif not OF_WEIGHTS.match(name):
            strange = True
    return FileKind.UNCLEAR if strange and not has_state_key else FileKind.WEIGHTS


def _names(content: bytes) -> Iterator[tuple[str, bool]]:
    """All texts in a row of pickles, and whether each names a class or function.

    Reading the operations of a pickle runs none of them.
    """
    stream = io.BytesIO(content)
    for _ in range(PICKLES_MOST):
        texts: list[str] = []
        memo: dict[int, Any] = {}
        try:
            for operation, argument, _ in pickletools.genops(stream):
                match operation.name:
                    case "GLOBAL":
                        yield str(argument).replace(" ", ".", 1), True
                    case "STACK_GLOBAL":
                        yield ".".join(texts[-2:]), True
                    case "BINPUT" | "LONG_BINPUT" | "MEMOIZE" if texts:
                        memo[len(memo) if argument is None else argument] = texts[-1]
                    case "BINGET" | "LONG_BINGET" if argument in memo:
                        texts.append(memo[argument])
                    case _ if isinstance(argument, str):
                        texts.append(argument)
                        yield argument, False
        except Exception:  # genops raises what it likes on what is no pickle, or cut off
            return
