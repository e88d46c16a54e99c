"""A network that a function or class in a Python file makes: `nets.py:make`."""

import ast
import copy
import hashlib
import inspect
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from core.errors import NetworkError, readable
from core.events import Event
from core.networks.consent import require_consent
from core.networks.facts import FoundNetwork, InputShape, NetworkFacts, NetworkSource
from core.networks.files import find_file
from core.networks.user_code import running_code_of

if TYPE_CHECKING:
    from torch import nn

SPEC = re.compile(r"(?P<path>.+\.py)(?::(?P<factory>[^:/\\]*))?", re.DOTALL | re.IGNORECASE)
WHY = "it is a Python file, and what it imports runs too"
# What factories call the two numbers that the images decide. A bare `channels` is left out: as
# often it is a width.
CLASS_WORDS = ("num_classes", "n_classes", "nb_classes", "class_count", "num_class", "classes")
CHANNEL_WORDS = ("in_channels", "in_chans", "input_channels", "image_channels", "in_ch")
SHOWN_FACTORIES = 5


def list_factories(path: Path) -> tuple[str, ...]:
    """Names of the functions and classes that a Python file defines; runs nothing.

    Raises: NetworkError if it is no Python that can be read.
    """
    path = find_file(path, "Python file")
    return tuple(dict.fromkeys(name for name, _ in _definitions(_Source(path, _read(path)))))


def split_spec(spec: str) -> tuple[str, str] | None:
    """Split "nets.py:make" into the file's path and the factory's name; None if it is neither."""
    written = SPEC.fullmatch(spec)
    return None if written is None else (written["path"], written["factory"] or "")


@dataclass(frozen=True)
class _Source:
    """A Python file as it was when somebody agreed to run it."""

    path: Path
    content: bytes


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NetworkError(
            f"Cannot read {readable(path)}: {error.strerror}. Copy it to another place."
        ) from error


def _find(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    yield from ()  # finding is a generator everywhere; a Python file is short
    written = SPEC.fullmatch(spec)
    assert written is not None  # _recognises has seen it
    path = find_file(written["path"], "Python file")
    source = _Source(path, _read(path))
    factory = _choose_factory(source, written["factory"] or "")
    require_consent(path, hashlib.sha256(source.content).hexdigest(), WHY, trust=trust)
    facts = NetworkFacts(spec, "python", f"{path.name}:{factory}", size_bytes=len(source.content))

    def make(class_count: int, input_shape: InputShape) -> "nn.Module":
        return _make_network(source, factory, class_count, input_shape)

    return FoundNetwork(facts, make)


def _definitions(source: _Source) -> list[tuple[str, int]]:
    """Names and lines of what stands at the outermost level and can be called."""
    path = source.path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old escapes in strings; running says it again
            tree = ast.parse(source.content, str(path))
    except SyntaxError as error:
        where = f" in line {error.lineno}" if error.lineno else ""
        raise NetworkError(
            f"Cannot read {readable(path)}: {error.msg}{where}. Mend that line.",
            str(error),
        ) from error
    except (ValueError, RecursionError) as error:
        raise NetworkError(f"Cannot read {readable(path)} as Python: {error}.") from error
    found = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not _is_overload(node):
            found.append((node.name, node.lineno))
    return found


def _is_overload(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)


def _choose_factory(source: _Source, factory: str) -> str:
    """Return the factory's name: the one given, or the only one there is."""
    path, definitions = source.path, _definitions(source)
    counts = Counter(name for name, _ in definitions)
    if not factory:
        public = [name for name in counts if not name.startswith("_")]
        if len(public) != 1:
            raise NetworkError(
                f"{readable(path)} needs the name of a function or class that makes the network: "
                f"{readable(path.name)}:NAME. {_those_there(public)}"
            )
        factory = public[0]
    if counts[factory] > 1:
        lines = [str(line) for name, line in definitions if name == factory]
        raise NetworkError(
            f"{readable(path)} defines '{factory}' more than once, in lines {', '.join(lines)}, "
            "and it is not clear which is meant. Rename one."
        )
    return factory


def _those_there(names: list[str]) -> str:
    if not names:
        return "It defines none."
    more = len(names) - SHOWN_FACTORIES
    shown = ", ".join(names[:SHOWN_FACTORIES])
    return f"It defines {shown}{f' and {more} more' if more > 0 else ''}."


def _make_network(
    source: _Source, factory: str, class_count: int, input_shape: InputShape
) -> "nn.Module":
    """Run the file anew and call its factory.

    Raises: NetworkError if anything of it fails, or gives no network.
    """
    from torch import nn

    path = source.path
    name = f"espalier_network_{path.stem}"  # no module's own, and never "__main__"
    with running_code_of(path, f"Cannot run {readable(path)}"):
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module  # dataclasses and pickle look it up there
        try:
            exec(compile(source.content, str(path), "exec"), module.__dict__)
            found = _callable_of(module, factory, source)
            with running_code_of(path, f"Cannot make network '{factory}' of {readable(path)}"):
                if isinstance(found, nn.Module):
                    made: Any = copy.deepcopy(found)
                else:
                    made = found(**_fitting(found, factory, path, class_count, input_shape))
        finally:
            sys.modules.pop(name, None)
    if not isinstance(made, nn.Module):
        raise NetworkError(
            f"'{factory}' of {readable(path)} gives {type(made).__name__}, not a torch.nn.Module. "
            "Name the function or class that makes the network."
        )
    return made


def _callable_of(module: ModuleType, factory: str, source: _Source) -> Callable[..., Any]:
    found = module.__dict__.get(factory)
    if callable(found):
        return found  # type: ignore[no-any-return]
    what = "is no function or class" if factory in module.__dict__ else "is not there"
    there = _those_there(list(dict.fromkeys(name for name, _ in _definitions(source))))
    raise NetworkError(f"'{factory}' {what} in {readable(source.path)}. {there}")


def _fitting(
    function: Callable[..., Any],
    factory: str,
    path: Path,
    class_count: int,
    input_shape: InputShape,
) -> dict[str, int]:
    """The arguments that can be filled from the images; the others must have defaults."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # made by C code, which says nothing of itself
        return {}
    known = dict.fromkeys(CLASS_WORDS, class_count) | dict.fromkeys(CHANNEL_WORDS, input_shape[0])
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    only_by_place = [p for p in parameters if p.kind is p.POSITIONAL_ONLY]
    unknown = [
        p.name
        for p in (*only_by_place, *named)
        if p.default is p.empty and (p in only_by_place or p.name not in known)
    ]
    if unknown:
        raise NetworkError(
            f"'{factory}' of {readable(path)} needs {', '.join(unknown)}, which only you know. "
            f"Give {'it a default' if len(unknown) == 1 else 'them defaults'}, or write a "
            "function without arguments that calls it."
        )
    return {p.name: known[p.name] for p in named if p.name in known}


def _recognises(spec: str) -> bool:
    return SPEC.fullmatch(spec) is not None


PYTHON = NetworkSource(_recognises, _find, suffixes=(".py",))
