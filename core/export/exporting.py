"""One export from the mask to the files: write beside, read back, compare, move into place."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from core.config import RunConfig
from core.errors import ConfigError, EspalierError, ExportError
from core.evaluation import norms_at_once, resolve_device
from core.events import (
    BoolArray,
    Event,
    Events,
    ExportFinished,
    NoticeRaised,
    StageAdvanced,
    StageStarted,
)
from core.export.about import about_pruned, write_about
from core.export.conversion import Convert, convert_apart, first_line
from core.export.half import HalfParity, compare_half
from core.export.loading_file import LOADER_FILE
from core.export.onnx import (
    HALF_FILE,
    ONNX_FILE,
    convert_to_half_onnx,
    convert_to_onnx,
    onnx_readers,
)
from core.export.pruned import PrunedNetwork, cut_network, describe_pruned, refit_for
from core.export.pytorch import (
    DESCRIPTION_FILE,
    PROGRAM_FILE,
    STATE_FILE,
    convert_to_program,
    pytorch_readers,
    write_state,
)
from core.export.verify import ParityGate, Reader, module_reader
from core.memory import told_shortage
from core.opening import Opened
from core.pruning.macs import MacsModel
from core.pruning.masks import approximate_cuts

CUT_IS_MASKED = "hard_vs_soft"
NAMED_LAYERS = 3  # of those that a notice is about


@dataclass(frozen=True)
class Exporter:
    """How one kind of export is written and read back."""

    label: str  # for a person: "ONNX"
    files: tuple[str, ...]
    check: str  # a name in verify.CHECKS
    write: Callable[[PrunedNetwork, Path], None] | None  # what is written at once
    convert: Convert | None  # what torch.export and others make, in a process of its own
    readers: Callable[[PrunedNetwork, Path], Iterator[Reader]]
    convert_half: Convert | None = None  # the same in float16
    half_checks: tuple[str, ...] = ()  # names that core.export.half compares


def export_pruned(
    opened: Opened,
    keep: BoolArray,
    folder: Path,
    *,
    formats: Sequence[str] = ("pytorch", "onnx"),
    config: RunConfig,
) -> Events:
    """Cut the network by `keep` (channels,), fit its norms to real images and write it.

    Raises: ExportError if a file cannot be written, ParityError if one computes something else.
    """
    with told_shortage("exporting"):
        yield from _cut_and_export(opened, keep, folder, formats, config)


def _cut_and_export(
    opened: Opened, keep: BoolArray, folder: Path, formats: Sequence[str], config: RunConfig
) -> Events:
    yield StageStarted("Cutting the network")
    at_once = norms_at_once()
    device = resolve_device(config.search.device)
    refit = (yield from refit_for(opened, [keep], device)) if config.refit else None
    module = cut_network(opened, keep, device, at_once, refit)
    yield from at_once.take_notices()
    costs = MacsModel(opened.analysis, opened.network.module)
    pruned = describe_pruned(
        opened,
        keep,
        module,
        {"macs": float(costs.macs(keep)), "macs_kept": float(costs.kept_share(keep))},
    )
    yield from export_network(pruned, opened, folder, formats, is_half_kept=config.export_half)


def export_network(
    pruned: PrunedNetwork,
    opened: Opened,
    folder: Path,
    formats: Sequence[str],
    *,
    is_half_kept: bool = False,
) -> Events:
    """Write a pruned network that is already made; ExportFinished is the last event.

    The files are written beside their places, read back, compared, and only then moved there.
    Where a mask removes channels of approximate groups, how far cut and masked network differ is
    measured and said; the files must equal the cut network all the same. In float16 they are
    measured too; `is_half_kept` writes pruned_float16.onnx if that is near enough.
    Raises: ExportError if a file cannot be written, ParityError if one computes something else.
    """
    exporters = {name: _exporter(name) for name in formats}
    with _staging(folder) as stage:
        yield StageStarted("Comparing the cut network with the masked one")
        gate = ParityGate.of(pruned.module, opened.images.held_out)
        masked = pruned.soft_twin()
        reader = module_reader(masked)
        for done, _ in enumerate(gate.compare(CUT_IS_MASKED, reader), start=1):
            yield StageAdvanced(done)
        approximate = approximate_cuts(opened.analysis.groups, pruned.keep)
        if approximate:
            yield NoticeRaised(_say_approximate(approximate, gate.differences[CUT_IS_MASKED]))
        yield from _write(exporters, pruned, stage)
        for exporter in exporters.values():
            yield StageStarted(f"Reading {_words(exporter.files)} back")
            yield from _read_back(exporter, pruned, stage, gate)
        yield from gate.at_once.take_notices()
        gate.require(measured={CUT_IS_MASKED} if approximate else ())
        names = [name for exporter in exporters.values() for name in exporter.files]
        twin = pruned.module if approximate else masked
        half = yield from _compare_half(exporters, pruned, opened, stage, twin)
        if is_half_kept and half.why_refused is None:
            names.append(HALF_FILE)
        elif is_half_kept:
            yield NoticeRaised(f"{HALF_FILE} is not written: {half.why_refused}")
        if ONNX_FILE in names and HALF_FILE not in names:
            _remove(folder / HALF_FILE)  # that of an earlier network would be taken for this one's
        files = tuple(str(_publish(stage / name, folder)) for name in names)
    yield ExportFinished(
        files,
        dict(gate.differences),
        tuple(approximate),
        dict(half.differences),
        dict(half.not_measured),
    )


def _compare_half(
    exporters: Mapping[str, Exporter],
    pruned: PrunedNetwork,
    opened: Opened,
    stage: Path,
    twin: nn.Module,
) -> Generator[Event, None, HalfParity]:
    checks = [
        check
        for exporter in exporters.values()
        if exporter.convert is not None
        for check in exporter.half_checks
    ]
    if not checks:
        return HalfParity()
    masked = ParityGate.of(twin, opened.images.held_out)
    return (yield from compare_half(pruned, stage, masked, checks))


def _exporter(name: str) -> Exporter:
    if name not in EXPORTERS:
        raise ConfigError(f"Unknown export '{name}'. Known: {', '.join(sorted(EXPORTERS))}.")
    return EXPORTERS[name]


def _words(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _write(exporters: Mapping[str, Exporter], pruned: PrunedNetwork, stage: Path) -> Events:
    converters = {name: e.convert for name, e in exporters.items() if e.convert is not None}
    try:
        for exporter in exporters.values():
            if exporter.write is not None:
                yield StageStarted(f"Writing {_words(exporter.files)}")
                exporter.write(pruned, stage)
        if converters:
            labels = [exporters[name].label for name in converters]
            yield StageStarted(f"Converting to {_words(labels)}")
            write_about(about_pruned(pruned, stage.parent), stage)
            shape = pruned.network.input_shape
            halves = {
                name: convert
                for name in converters
                if (convert := exporters[name].convert_half) is not None
            }
            yield from convert_apart(pruned.module, shape, converters, stage, halves)
    except OSError as error:
        raise _unwritable(stage.parent, error) from error


def _read_back(exporter: Exporter, pruned: PrunedNetwork, stage: Path, gate: ParityGate) -> Events:
    try:
        done = 0
        for reader in exporter.readers(pruned, stage):
            for _ in gate.compare(exporter.check, reader):
                done += 1
                yield StageAdvanced(done)
    except EspalierError:
        raise
    except Exception as error:
        raise ExportError(
            f"Cannot read {_words(exporter.files)} back: {first_line(error)} "
            f"Choose another format.",
            str(error),
        ) from error


def _unwritable(what: object, error: OSError) -> ExportError:
    reason = error.strerror or str(error)
    return ExportError(
        f"Cannot write {what}: {reason}. Make room there or choose another folder.", str(error)
    )


@contextlib.contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A hidden folder beside the files' places, gone afterwards whatever happens."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _publish(written: Path, folder: Path) -> Path:
    target = folder / written.name
    try:
        os.replace(written, target)
    except OSError as error:
        raise _unwritable(target, error) from error
    return target


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _say_approximate(reasons: Mapping[str, str], difference: float) -> str:
    """What a person must know of a mask whose cut differs from it by nature."""
    named = ", ".join(list(reasons)[:NAMED_LAYERS])
    others = len(reasons) - NAMED_LAYERS
    where = f"{named} and {others} more" if others > 0 else named
    return (
        f"Cut and masked network differ by {difference:.1e} (relative), because channels of "
        f"{where} were removed: {'; '.join(sorted(set(reasons.values())))}. The files are held "
        "against the cut network, which is the one that was scored. Choose groups = exact to "
        "keep these channels."
    )


EXPORTERS = {
    "pytorch": Exporter(
        "PyTorch",
        (STATE_FILE, DESCRIPTION_FILE, LOADER_FILE, PROGRAM_FILE),
        "reloaded",
        write_state,
        convert_to_program,
        pytorch_readers,
        half_checks=("state", "program"),
    ),
    "onnx": Exporter(
        "ONNX",
        (ONNX_FILE,),
        "onnx",
        None,
        convert_to_onnx,
        onnx_readers,
        convert_to_half_onnx,
        half_checks=("onnx",),
    ),
}
