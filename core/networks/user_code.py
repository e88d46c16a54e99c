"""Run code that a user brings, and leave the program as it was."""

import contextlib
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from core.errors import EspalierError, NetworkError, readable
from core.networks.facts import shorten

ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(ROOT / name for name in ("core", "app", "tests"))  # tests make errors of ours


@contextlib.contextmanager
def running_code_of(path: Path, doing: str) -> Iterator[None]:
    """Let code import what lies beside `path`, and say in one sentence how it fails.

    Modules from that folder are forgotten afterwards: a file that changed, or one of the same
    name in another folder, is read anew.

    doing: what fails, as a sentence begins: "Cannot make network 'net' of nets.py".
    Raises: NetworkError for whatever the code raises, sys.exit() included.
    """
    import torch

    folder = str(path.parent)
    before = set(sys.modules)
    dtype = torch.get_default_dtype()
    sys.path.insert(0, folder)
    try:
        yield
    except EspalierError:
        raise
    except (Exception, SystemExit) as error:
        raise NetworkError(
            f"{doing}: {_kind_of(error)}{shorten(error)}{_place_of(error, path)}. Mend the code.",
            "".join(traceback.format_exception(error)),
        ) from error
    finally:
        torch.set_default_dtype(dtype)
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        _forget_modules(folder, before)


def error_of_own_code(error: Exception) -> NetworkError | None:
    """What to say of an error that came up in a network's own code; None: it did not."""
    import torch

    installed = [sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")]
    known = (*map(Path, installed), Path(torch.__file__).parents[1], *OURS)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if frame.filename.startswith("<") or any(file.is_relative_to(one) for one in known):
            continue
        place = f"line {frame.lineno} of {readable(file.name)}"
        return NetworkError(
            f"The network's own code failed: {_kind_of(error)}{shorten(error)} ({place}). "
            "Mend the code.",
            "".join(traceback.format_exception(error)),
        )
    return None


def _kind_of(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}: " if str(error).strip() else ""


def _place_of(error: BaseException, path: Path) -> str:
    """The last line of the user's own folder that the error passed through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).parent == path.parent:
            return f" (line {frame.lineno} of {readable(Path(frame.filename).name)})"
    return ""


def _forget_modules(folder: str, before: set[str]) -> None:
    packages = {name.partition(".")[0] for name in sys.modules if name not in before}
    for package in packages - before:
        if _lies_in(sys.modules.get(package), folder):
            for name in [n for n in sys.modules if n.partition(".")[0] == package]:
                del sys.modules[name]


def _lies_in(module: ModuleType | None, folder: str) -> bool:
    """Whether a module or package is a file or a folder directly in `folder`."""
    places = list(getattr(module, "__path__", ()))  # a package's own folders
    file = getattr(module, "__file__", None)
    return any(str(Path(place).parent) == folder for place in places or [file or ""])
