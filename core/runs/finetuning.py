"""Fine-tune a run's winner and what it is compared with; test, export and report them."""

import contextlib
import copy
from collections.abc import Generator, Mapping
from pathlib import Path

import torch

from core.config import RunConfig
from core.data import ImagePart
from core.data.training import open_training_images
from core.errors import EspalierError, ExportError, MemoryShortage
from core.evaluation import limited_threads, norms_at_once, resolve_device
from core.events import (
    BoolArray,
    Event,
    Events,
    ExportFinished,
    FinetuneReported,
    NoticeRaised,
    StageStarted,
    StopRequested,
)
from core.export import EXPORTERS, cut_network, describe_pruned, export_network, refit_for
from core.export.half import HalfParity
from core.export.onnx import ONNX_FILE, written_opset
from core.export.pytorch import state_bytes
from core.finetuning.judging import compare_with_unpruned
from core.finetuning.loop import LEARNED, CheckpointPlace, Finetuned, finetune
from core.memory import told_shortage
from core.opening import Opened
from core.pruning.macs import MacsModel
from core.runs.adapted import read_adapted
from core.runs.files import (
    FINETUNE_FILE,
    FINETUNED_FOLDER,
    FINETUNING_FOLDER,
    folder_to_fill,
    move_earlier_finetuning,
    write_text,
)
from core.runs.finetune_file import file_contents
from core.runs.finetune_result import UNPRUNED, FinetuneResult, describe_result
from core.runs.flow import stopped_words
from core.runs.lock import locked_folder
from core.runs.masks import RunMasks, choose_masks
from core.runs.measuring import measure_run
from core.runs.report import report_text

MEMORY_REMEDY = (
    "Close other programs and go on with --resume, or fine-tune with a smaller batch size."
)


def record_finetuning(
    opened: Opened,
    masks: RunMasks,
    config: RunConfig,
    folder: Path,
    *,
    run_folder: Path | None = None,
    resume: bool = False,
) -> Events:
    """Fine-tune the learned mask, and others by `config.finetune.compare`, with one schedule.

    Then the test images are read once for all of them, the learned network goes through the
    parity gate into `folder`/finetuned, and finetune.json is written. The first StopRequested
    ends the training, and what is trained so far is still tested and written.
    FinetuneReported is the last event. What an earlier fine-tuning has written there is moved
    into a folder of its own.

    run_folder: where the weights lie that adapted in the search; `folder` if None.
    Raises: RunError, DataError before anything is trained; ExportError or ParityError after
        FinetuneReported if the network could not be exported.
    """
    with folder_to_fill(folder), locked_folder(folder):
        yield from _record(opened, masks, config, folder, run_folder or folder, resume)


def _record(
    opened: Opened,
    masks: RunMasks,
    config: RunConfig,
    folder: Path,
    run_folder: Path,
    resume: bool,
) -> Events:
    result = FinetuneResult()
    with limited_threads(config.search.threads), told_shortage("fine-tuning", MEMORY_REMEDY):
        training = yield from _open_training(opened, config)
        result.training_images = len(training)
        chosen = yield from choose_masks(opened, masks, config)
        folders = folder, run_folder
        yield from _train_all(opened, chosen, training, config, folders, result, resume)
        error = yield from _test_and_export(opened, config, folder, result)
    contents = file_contents(describe_result(opened, config, chosen, result))
    yield from _write(folder, report_text(contents))
    yield FinetuneReported(str(folder), contents)
    if error is not None:
        raise error


def export_finetuned(
    opened: Opened,
    finetuned: Finetuned,
    folder: Path,
    formats: tuple[str, ...],
    *,
    is_half_kept: bool = False,
) -> Events:
    """Write a fine-tuned network through the parity gate; ExportFinished is the last event.

    Raises: ExportError if a file cannot be written, ParityError if one computes something else.
    """
    with told_shortage("exporting the fine-tuned network"):
        yield from _export(opened, finetuned, folder, (formats, is_half_kept), None)


def _open_training(opened: Opened, config: RunConfig) -> Generator[Event, None, ImagePart]:
    if not config.finetune.data:
        return opened.images.reward
    yield StageStarted("Opening the training images")
    part, notices = open_training_images(config.finetune.data, opened.images)
    for notice in notices:
        yield NoticeRaised(notice)
    yield NoticeRaised(
        f"Trained on {len(part):,} images of {config.finetune.data}. If the held-out images are "
        "among them, the choice of the epoch favours the last ones; the test images decide."
    )
    return part


def _train_all(
    opened: Opened,
    chosen: Mapping[str, BoolArray],
    training: ImagePart,
    config: RunConfig,
    folders: tuple[Path, Path],
    result: FinetuneResult,
    resume: bool,
) -> Events:
    folder, run_folder = folders
    if not resume:
        _forget_progress(folder)
    device, at_once = resolve_device(config.search.device), norms_at_once()
    # a refit would take back what the weights have learned
    adapted = read_adapted(run_folder, opened, chosen[LEARNED]) if LEARNED in chosen else None
    refitted = [keep for name, keep in chosen.items() if not (adapted and name == LEARNED)]
    refit = None
    if config.finetune.refit and refitted:
        refit = yield from refit_for(opened, refitted, device)
    for name, keep in chosen.items():
        path = folder / FINETUNING_FOLDER / f"{name}.pt"
        # of those that were not begun before the crash there is nothing to take up
        place = CheckpointPlace(path, resume and (name == LEARNED or path.is_file()))
        own, fitted = (adapted, None) if adapted and name == LEARNED else (opened, refit)
        before = cut_network(own, keep, device, at_once, fitted)
        yield from at_once.take_notices()
        finetuned = yield from finetune(
            opened, keep, config, name=name, start=before, training=training, checkpoint=place
        )
        result.befores[name] = before
        result.finetuned.append(finetuned)
        if finetuned.is_stopped:
            return


def _forget_progress(folder: Path) -> None:
    """Remove where earlier trainings stood: going on with the next one must not find them."""
    for path in (folder / FINETUNING_FOLDER).glob("*.pt"):
        with contextlib.suppress(OSError):  # it is refused by name where it would be taken up
            path.unlink()


def _test_and_export(
    opened: Opened, config: RunConfig, folder: Path, result: FinetuneResult
) -> Generator[Event, None, EspalierError | None]:
    """Fills `result`; returns what the export was refused for."""
    try:
        with told_shortage("testing and exporting the fine-tuned network"):
            if earlier := move_earlier_finetuning(folder):
                yield NoticeRaised(earlier)
            yield from _test(opened, config, result)
            learned = result.finetuned[0]
            place = folder / FINETUNED_FOLDER
            if config.exports:
                keeping = tuple(EXPORTERS), config.export_half
                yield from _export(opened, learned, place, keeping, result)
            result.file_bytes = {
                "baseline": state_bytes(opened.network.module),
                "pruned": state_bytes(learned.module),
            }
            if config.latency and not learned.is_stopped:
                keep = learned.keep
                result.measured = yield from measure_run(opened, learned.module, keep, place)
    except StopRequested:
        is_unread, is_unwritten = not result.scores, config.exports and not result.parity
        yield NoticeRaised(stopped_words(is_unread=is_unread, is_unwritten=is_unwritten))
    except (ExportError, MemoryShortage) as error:
        result.export_error = str(error)
        return error
    return None


def _test(
    opened: Opened, config: RunConfig, result: FinetuneResult
) -> Generator[Event, None, None]:
    """Read the test images once, for the networks before and after together."""
    device = resolve_device(config.search.device)
    unpruned = copy.deepcopy(opened.network.module).to(device)
    modules = {UNPRUNED: unpruned}
    for finetuned in result.finetuned:
        before = copy.deepcopy(result.befores[finetuned.name])
        modules[f"before {finetuned.name}"] = before.to(device)
        modules[f"after {finetuned.name}"] = copy.deepcopy(finetuned.module).to(device)
    result.scores = yield from compare_with_unpruned(unpruned, modules, opened.images.test, device)


def _export(
    opened: Opened,
    finetuned: Finetuned,
    folder: Path,
    keeping: tuple[tuple[str, ...], bool],
    result: FinetuneResult | None,
) -> Events:
    """Write `keeping`: the formats, and whether that in float16 is written too."""
    costs = MacsModel(opened.analysis, opened.network.module)
    macs = {
        "macs": float(costs.macs(finetuned.keep)),
        "macs_kept": float(costs.kept_share(finetuned.keep)),
    }
    module = copy.deepcopy(finetuned.module).to("cpu", torch.float32)
    score = None if result is None else result.scores.get(f"after {finetuned.name}")
    accuracy = None if score is None else score.accuracy
    pruned = describe_pruned(opened, finetuned.keep, module, macs, accuracy)
    formats, is_half_kept = keeping
    exporting = export_network(pruned, opened, folder, formats, is_half_kept=is_half_kept)
    with contextlib.closing(exporting) as events:
        for event in events:
            if result is not None and isinstance(event, ExportFinished):
                # cut and masked differ by nature where channels of approximate groups went
                measured = {"hard_vs_soft"} if event.approximate else set()
                result.parity = {
                    check: value for check, value in event.parity.items() if check not in measured
                }
                result.half = HalfParity(dict(event.half), dict(event.half_not_measured))
                is_onnx = str(folder / ONNX_FILE) in event.files
                result.opset = written_opset(folder / ONNX_FILE) if is_onnx else None
            yield event


def _write(folder: Path, text: str) -> Events:
    try:
        write_text(folder / FINETUNE_FILE, text)
    except OSError as error:
        yield NoticeRaised(
            f"Cannot write {folder / FINETUNE_FILE}: {error.strerror or error}. Its numbers are "
            "shown here only. Make room there and fine-tune again with --resume."
        )
