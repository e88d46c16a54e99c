"""A run: the search, its files while it goes, and at the end one test reading and the exports."""

import contextlib
import copy
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from torch import nn

from core.config import RunConfig
from core.errors import EspalierError, ExportError, MemoryShortage, RunError
from core.evaluation import limited_threads, norms_at_once, read_part, resolve_device
from core.events import (
    Event,
    Events,
    ExportFinished,
    NoticeRaised,
    RunReported,
    SearchFinished,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.export import (
    EXPORTERS,
    PrunedNetwork,
    cut_network,
    describe_pruned,
    export_network,
    refit_for,
)
from core.export.half import HalfParity
from core.export.onnx import ONNX_FILE, written_opset
from core.export.pytorch import state_bytes
from core.export.second_count import count_again
from core.memory import told_shortage
from core.opening import Opened
from core.pruning.macs import MacsModel
from core.runs.adapted import UNREFITTED, with_weights
from core.runs.files import folder_to_fill
from core.runs.html_report import write_html_report
from core.runs.lock import locked_folder
from core.runs.measuring import measure_run
from core.runs.paths import with_absolute_paths
from core.runs.prediction import measure_prediction, predict
from core.runs.recording import RunRecorder
from core.runs.report import BASELINE, PRUNED, RunResult, before_refit, build_report
from core.search import run_search

MEMORY_REMEDY = (
    "Close other programs and go on with 'espalier resume', or search again with fewer reward "
    "images."
)


def record_run(opened: Opened, config: RunConfig, folder: Path) -> Events:
    """Search, write everything into `folder`, read the test images once, export and report.

    The search's events pass through. The first StopRequested ends the search early, and the
    run still ends with its files; one that comes later skips what is left but the report.
    RunReported is the last event.
    A crash leaves a folder that resume_run goes on with; where nothing was written, it goes.
    Raises: RunError before the search if `folder` cannot be written, or is written by another
        Espalier; MemoryShortage if memory runs out whatever is halved; ExportError or ParityError
        after RunReported if the network could not be exported.
    """
    with folder_to_fill(folder), locked_folder(folder):
        config = with_absolute_paths(config)
        with contextlib.closing(RunRecorder(opened, config, folder)) as recorder:
            search = run_search(opened, config.search)
            yield from finish_run(opened, config, recorder, search)


def finish_run(
    opened: Opened,
    config: RunConfig,
    recorder: RunRecorder,
    search: Events,
    *,
    rounded_run: str = "",
) -> Events:
    """Drive a search that may have begun another day, and end its run; see record_run.

    rounded_run: the name of the folder whose search is told again with rounded widths.
    """
    with told_shortage("searching", MEMORY_REMEDY):
        finished: SearchFinished = yield from _watched(search, recorder.record)
    result = RunResult(finished, is_stopped=finished.is_stopped, seconds=dict(finished.seconds))
    result.prediction = predict(recorder.latency_table, config.search.latency_budget, finished)
    result.rounded_run = rounded_run
    result.adapted = None if recorder.adapted is None else recorder.adapted.weights
    yield from recorder.settle()
    error = yield from result.clock.counting(_finish(opened, config, recorder, result))
    # what the search counts goes on where a run was taken up again
    searched = opened.analysis_seconds + finished.seconds["total"]
    result.seconds["total"] = searched + result.clock.elapsed
    report = build_report(opened, config, result)
    yield from recorder.write_report(report)
    yield from _write_page(recorder.folder)
    yield RunReported(str(recorder.folder), report)
    if error is not None:
        raise error


def _write_page(folder: Path) -> Events:
    """Write report.html from the other files; what hinders it is told, for they are there."""
    try:
        write_html_report(folder)
    except RunError as error:
        yield NoticeRaised(str(error))


def _watched(
    events: Generator[Event, None, None], watch: Callable[[Event], Sequence[Event]]
) -> Generator[Event, None, SearchFinished]:
    """Pass events through, each followed by what `watch` says to it; returns SearchFinished.

    A StopRequested that is thrown in goes on into `events`.
    """
    finished: SearchFinished | None = None
    stop: StopRequested | None = None
    try:
        while True:
            event = next(events) if stop is None else events.throw(stop)
            stop = None
            if isinstance(event, SearchFinished):
                finished = event
            for told in (event, *watch(event)):
                try:
                    yield told
                except StopRequested as request:
                    stop = request
    except StopIteration:
        pass
    except StopRequested:
        if finished is None:
            raise
    finally:
        events.close()
    if finished is None:
        raise RuntimeError("a search ended without SearchFinished")
    return finished


def _finish(
    opened: Opened, config: RunConfig, recorder: RunRecorder, result: RunResult
) -> Generator[Event, None, EspalierError | None]:
    """Read the test images and export; fills `result`, returns what the export was refused for."""
    try:
        with (
            limited_threads(config.search.threads),
            told_shortage("testing and exporting the pruned network"),
        ):
            pruned = yield from _judge(opened, config, result)
            if config.exports:
                yield from _export(opened, pruned, config, recorder, result)
            if config.latency and not result.is_stopped:
                yield from _measure(opened, pruned, recorder, result)
                if result.prediction is not None:
                    device = resolve_device(config.search.device)
                    result.prediction = yield from measure_prediction(
                        opened, pruned, device, result.prediction
                    )
    except StopRequested:
        result.is_stopped = True
        is_unread, is_unwritten = not result.scores, config.exports and not result.parity
        yield NoticeRaised(stopped_words(is_unread=is_unread, is_unwritten=is_unwritten))
    except (ExportError, MemoryShortage) as error:
        result.export_error = str(error)
        return error
    return None


def stopped_words(*, is_unread: bool, is_unwritten: bool) -> str:
    """Say what a stop after the search, or the training, has left out."""
    left_out = ["the test images were not read"] if is_unread else []
    left_out += ["nothing was exported"] if is_unwritten else []
    return f"Stopped: {' and '.join(left_out) or 'all was done'}."


def _judge(
    opened: Opened, config: RunConfig, result: RunResult
) -> Generator[Event, None, nn.Module]:
    """Read the test part once, for all networks together; returns the pruned network."""
    started = result.clock.elapsed
    device = resolve_device(config.search.device)
    criteria = result.finished.criteria if config.test_criteria else {}
    masks = {PRUNED: result.finished.keep, **criteria}
    modules: dict[str, nn.Module] = {BASELINE: copy.deepcopy(opened.network.module).to(device)}
    learned = opened if result.adapted is None else with_weights(opened, result.adapted)
    refit = None
    if config.refit and result.adapted is not None:
        yield NoticeRaised(UNREFITTED)
    refitted = criteria if result.adapted is not None else masks
    if config.refit and refitted:
        refit = yield from refit_for(opened, refitted.values(), device)
    yield StageStarted("Fitting the norms of the winner and the criteria", len(masks))
    at_once = norms_at_once()
    for done, (name, keep) in enumerate(masks.items(), start=1):
        is_learned = name == PRUNED and result.adapted is not None  # a refit knows nothing of it
        source = learned if is_learned else opened
        own_refit = None if is_learned else refit
        modules[name] = cut_network(source, keep, device, at_once, own_refit).to(device)
        if refit is not None and not is_learned:
            modules[before_refit(name)] = cut_network(opened, keep, device, at_once).to(device)
        yield from at_once.take_notices()
        yield StageAdvanced(done)
    result.scores = yield from read_part(
        modules, opened.images.test, device=device, stage="Reading the test images"
    )
    result.seconds["test"] = result.clock.elapsed - started
    result.file_bytes = {name: state_bytes(modules[name].cpu()) for name in (BASELINE, PRUNED)}
    return modules[PRUNED]


def _export(
    opened: Opened,
    module: nn.Module,
    config: RunConfig,
    recorder: RunRecorder,
    result: RunResult,
) -> Events:
    """Count once more and write every format into the run's folder, or another if it is full."""
    started = result.clock.elapsed
    keep = result.finished.keep
    costs = MacsModel(opened.analysis, opened.network.module)
    pruned = describe_pruned(
        opened,
        keep,
        module,
        {"macs": float(costs.macs(keep)), "macs_kept": float(costs.kept_share(keep))},
        result.scores[PRUNED].accuracy,
    )
    yield StageStarted("Counting the MACs a second time")
    result.second_count = count_again(pruned.module, opened.network.input_shape, pruned.macs)
    try:
        yield from _export_into(recorder.folder, opened, pruned, config, result)
    except ExportError as error:
        folder = recorder.folder
        if isinstance(error.__cause__, OSError):
            yield from recorder.leave(error.__cause__)
        if recorder.folder == folder:
            raise
        yield from _export_into(recorder.folder, opened, pruned, config, result)
    result.seconds["export"] = result.clock.elapsed - started


def _measure(opened: Opened, module: nn.Module, recorder: RunRecorder, result: RunResult) -> Events:
    started = result.clock.elapsed
    keep = result.finished.keep
    result.measured = yield from measure_run(opened, module, keep, recorder.folder)
    result.seconds["latency"] = result.clock.elapsed - started


def _export_into(
    folder: Path, opened: Opened, pruned: PrunedNetwork, config: RunConfig, result: RunResult
) -> Events:
    formats, is_half_kept = tuple(EXPORTERS), config.export_half
    exporting = export_network(pruned, opened, folder, formats, is_half_kept=is_half_kept)
    with contextlib.closing(exporting) as events:
        for event in events:
            if isinstance(event, ExportFinished):
                result.parity = event.parity
                result.half = HalfParity(dict(event.half), dict(event.half_not_measured))
                is_onnx = str(folder / ONNX_FILE) in event.files
                result.opset = written_opset(folder / ONNX_FILE) if is_onnx else None
            yield event
