"""events.jsonl: what a search told, one event a line, exact to the bit and safe to read.

The first line says whose events these are. A line is JSON: the event's name and its fields, an
array as its type, shape and bytes (booleans packed, base64). Whatever does not have the type
that its event declares ends the reading, as a power cut would.
"""

import base64
import contextlib
import dataclasses
import json
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import RunError, readable
from core.events import (
    AttentionMeasured,
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    CriterionEvaluated,
    Event,
    FloatArray,
    HealthRaised,
    HeldOutScored,
    ImportancesMeasured,
    MultiplierUpdated,
    NoticeRaised,
    PolicyCompared,
    PolicyUpdated,
    PretrainingAdvanced,
    SearchFinished,
    SearchResumed,
    SearchStarted,
)
from core.graph.coupling import CouplingGroups
from core.runs.files import EVENTS_FILE

FORMAT = "espalier.events"
FORMAT_VERSION = 1
LONGEST_LINE = 1 << 26  # bytes
MOST_CHANNELS = 1 << 22
DTYPES: dict[str, type[np.generic]] = {"bool": np.bool_, "float32": np.float32}
RECORDED: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        NoticeRaised,
        SearchStarted,
        SearchResumed,
        ImportancesMeasured,
        CriterionEvaluated,
        CandidateEvaluated,
        PolicyUpdated,
        AttentionMeasured,
        MultiplierUpdated,
        PretrainingAdvanced,
        HeldOutScored,
        PolicyCompared,
        HealthRaised,
        BestChanged,
        SearchFinished,
    )
}
BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
Edges = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LogHeader:
    """Whose events a log holds."""

    network: str
    groups: tuple[tuple[str, int], ...]  # name and channels of each coupling group

    @classmethod
    def of(cls, network: str, groups: CouplingGroups) -> "LogHeader":
        """Describe an opened network."""
        return cls(network, tuple((group.name, len(group)) for group in groups.groups))

    @property
    def channel_count(self) -> int:
        """How many channels a mask has."""
        return sum(count for _, count in self.groups)


def header_line(header: LogHeader) -> bytes:
    """Write the first line of a log."""
    return _line({"format": FORMAT, "version": FORMAT_VERSION, **dataclasses.asdict(header)})


def event_line(event: Event) -> bytes:
    """Write one event; its kind must be in RECORDED."""
    return _line({"event": type(event).__name__, **_encoded(vars(event))})


def read_header(path: Path) -> LogHeader:
    """Read the first line; RunError if this is no log of events, or a later version's."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.readline(LONGEST_LINE))
        if values["format"] != FORMAT:
            raise ValueError("another format")
        version = values["version"]
        groups = tuple((_text(name), _count(size)) for name, size in values["groups"])
        header = LogHeader(_text(values["network"]), groups)
        if not 0 < header.channel_count <= MOST_CHANNELS:
            raise ValueError("an absurd number of channels")
    except BROKEN as error:
        raise RunError(
            f"Cannot read the events of the run in {readable(path.parent)}: {EVENTS_FILE} is "
            "damaged. Its masks.npz and trajectory.csv may still be whole.",
            str(error),
        ) from error
    if version != FORMAT_VERSION:
        raise RunError(
            f"The run in {readable(path.parent)} was made by another version of Espalier "
            f"(format {version!r}, this one reads {FORMAT_VERSION}). Open it with that version."
        )
    return header


@dataclass(frozen=True, eq=False)
class LogContents:
    """A log as far as it is whole: its length, and the events that this version knows."""

    byte_count: int
    events: tuple[Event, ...]


def read_log(path: Path, byte_count: int | None = None) -> LogContents:
    """Read a log as far as it is whole, at most its first `byte_count` bytes.

    Raises: RunError if the first line cannot be read.
    """
    events: list[Event] = []
    length = 0
    for length, told in _read_lines(path, byte_count):  # noqa: B007
        events.extend(told)
    return LogContents(length, tuple(events))


def read_events(path: Path) -> Iterator[Event]:
    """Read the events of a log one by one, as far as it is whole.

    Raises: RunError if the first line cannot be read.
    """
    for _, told in _read_lines(path):
        yield from told


def _read_lines(
    path: Path, byte_count: int | None = None
) -> Iterator[tuple[int, tuple[Event, ...]]]:
    """Read where each whole line ends, and the events that it tells."""
    channels, length = read_header(path).channel_count, 0
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context(path.open("rb"))
            lines = _whole_lines(file, byte_count)
        except BROKEN:
            return
        while True:
            try:
                line = next(lines, None)
                told = tuple(decoded(line, channels)) if line and length else ()
            except BROKEN:
                return
            if line is None:
                return
            length += len(line)
            yield length, told


def _whole_lines(file: BinaryIO, byte_count: int | None) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        if not line.endswith(b"\n") or (byte_count is not None and file.tell() > byte_count):
            return
        yield line


def decoded(line: bytes, channels: int) -> Iterator[Event]:
    """Read one event; nothing if this version does not know it, one of BROKEN if it is damaged."""
    values = json.loads(line)
    kind = RECORDED.get(values["event"])
    if kind is not None:
        readers = READERS[kind]
        known = {name: read for name, read in readers.items() if name in values}  # older logs
        yield kind(**{name: read(values[name], channels) for name, read in known.items()})


Reader = Callable[[Any, int], Any]


def _reader(hint: Any) -> Reader:
    if hint == Edges:
        return lambda value, _: tuple((_text(source), _text(target)) for source, target in value)
    if typing.get_origin(hint) is Mapping:
        read = _reader(typing.get_args(hint)[1])
        return lambda value, channels: {
            _text(key): read(entry, channels) for key, entry in value.items()
        }
    return {
        BoolArray: _mask,
        FloatArray: _floats,
        bool: lambda value, _: _of(bool, value),
        int: lambda value, _: _count(value),
        float: lambda value, _: float(_of((int, float), value)),
        float | None: lambda value, _: None if value is None else float(_of((int, float), value)),
        str: lambda value, _: _text(value),
    }[hint]


def _mask(value: Any, channels: int) -> BoolArray:
    mask = _array(value)
    if mask.dtype != np.bool_ or mask.shape != (channels,):
        raise ValueError(f"a mask of shape {mask.shape}, not ({channels},)")
    return mask


def _floats(value: Any, channels: int) -> FloatArray:
    floats = _array(value)
    if floats.dtype != np.float32 or (floats.ndim == 1 and floats.shape != (channels,)):
        raise ValueError(f"numbers of shape {floats.shape}, not ({channels},)")
    return floats


def _array(value: Any) -> NDArray[Any]:
    dtype = DTYPES[value["dtype"]]
    shape = tuple(_count(size) for size in value["shape"])
    content = base64.b64decode(value["data"], validate=True)
    size = int(np.prod(shape, dtype=object))
    if dtype is np.bool_:
        if len(content) != -(-size // 8):
            raise ValueError("packed booleans of another length")
        bits = np.unpackbits(np.frombuffer(content, np.uint8), count=size)
        return bits.astype(np.bool_).reshape(shape)
    return np.frombuffer(content, dtype).reshape(shape).copy()


def _encoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        content = np.packbits(value) if value.dtype == np.bool_ else np.ascontiguousarray(value)
        return {
            "dtype": value.dtype.name,
            "shape": value.shape,
            "data": base64.b64encode(content.tobytes()).decode("ascii"),
        }
    if isinstance(value, Mapping):
        return {key: _encoded(entry) for key, entry in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def _of(kind: type[Any] | tuple[type[Any], ...], value: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{value!r} is not of {kind}")
    return value


def _text(value: Any) -> str:
    return str(_of(str, value))


def _count(value: Any) -> int:
    number = int(_of(int, value))
    if not 0 <= number <= 2**53:
        raise ValueError(f"{number} is no count")
    return number


READERS: dict[type[Any], dict[str, Reader]] = {
    kind: {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}
    for kind in RECORDED.values()
}
