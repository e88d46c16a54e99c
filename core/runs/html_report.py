"""report.html: a run for a colleague who has no Espalier, in one file. Needs no torch."""

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RunError, readable
from core.events import CandidateEvaluated, CriterionEvaluated, Event, SearchStarted
from core.runs.comparison_reading import TABLE_FILE, is_comparison
from core.runs.files import REPORT_HTML_FILE, write_text
from core.runs.finetune_file import read_finetune_file
from core.runs.history import list_runs, read_report, read_summary
from core.runs.html_budgets import budgets_section, budgets_words
from core.runs.html_export import loading_section, parity_section
from core.runs.html_finetuned import finetuned_section, left_out_words
from core.runs.html_latency import latency_section
from core.runs.html_page import page, paragraph, section, table
from core.runs.html_refit import refit_section
from core.runs.html_reproducing import reproducing_section
from core.runs.html_searched import budget_words, sameness_words, searched_words
from core.runs.html_svg import Level, Points, plot, strip
from core.runs.html_words import (
    UNKNOWN,
    count_of,
    decimal,
    interval,
    mapping_of,
    number_of,
    percent,
    points_ahead,
    text_of,
)
from core.runs.replay import replay_run
from core.runs.stored_masks import read_stored_masks
from core.runs.verdict import LEARNED, UNPRUNED, Estimate, Outcome, Verdict, judge, read_outcome

UNTESTED = (
    "The criteria's masks were not tested (test_criteria = false), so there is nothing to compare "
    "the learned one with."
)
NAMES = {LEARNED: "learned mask", UNPRUNED: "unpruned network"}


def write_html_report(folder: Path) -> Path:
    """Write report.html into a finished run's folder; returns the file.

    Raises: RunError if there is no finished run, or the file cannot be written.
    """
    path = folder / REPORT_HTML_FILE
    text = html_report(folder)
    try:
        write_text(path, text)
    except OSError as error:
        raise RunError(
            f"Cannot write {readable(path)}: {error.strerror or error}. Make room or allow "
            "writing there."
        ) from error
    return path


def html_report(folder: Path) -> str:
    """Tell a finished run as HTML; every name in it is escaped.

    Raises: RunError if the folder holds no report.json that can be read.
    """
    report = read_report(folder)
    if not report and is_comparison(folder):
        raise RunError(
            f"There is a comparison in {readable(folder)}, not one run. Its table is in "
            f"{TABLE_FILE} there; for a page, name the folder of one of its runs, or open the "
            "comparison in the window."
        )
    if not report:
        raise RunError(
            f"There is no finished run in {readable(folder)}: it has no report.json that can be "
            "read. Finish it with 'espalier resume', or name another folder."
        )
    outcomes = _kin(folder, report)
    verdict = judge(outcomes) if outcomes else None
    title = f"{text_of(report, 'network')} at {budgets_words(report)}"
    return page(
        f"{title} - Espalier",
        [
            f"<h1>{escape(title)}</h1>",
            paragraph(searched_words(report, read_summary(folder)), "muted"),
            paragraph(_sentence(verdict, report), "verdict"),
            _results(report, verdict),
            refit_section(report),
            budgets_section(report),
            _search(folder),
            _masks(folder),
            parity_section(report),
            latency_section(report),
            finetuned_section(read_finetune_file(folder)),
            loading_section(folder),
            reproducing_section(folder, report),
        ],
    )


def _kin(folder: Path, report: Mapping[str, Any]) -> list[Outcome]:
    """The outcomes of this run and of those beside it that differ from it in their seed alone."""
    own = read_outcome(report, read_finetune_file(folder))
    if own is None:
        return []
    kinship, found = read_summary(folder).kinship, {own.seed: own}
    try:
        for run in list_runs(folder.absolute().parent):
            if kinship and run.kinship == kinship and run.is_finished:
                other = read_outcome(read_report(run.folder), read_finetune_file(run.folder))
                if other is not None:
                    found.setdefault(other.seed, other)
    except RunError:
        pass  # the folder above is closed to us: then there is this run alone
    return list(found.values())


def _sentence(verdict: Verdict | None, report: Mapping[str, Any]) -> str:
    if verdict is None:
        return "The test images were not read, so nothing can be said about accuracy."
    learned, best = verdict.row(LEARNED), verdict.best_criterion(is_after=False)
    if learned is None or learned.before is None or best is None or best.lead_before is None:
        return _without_criteria(verdict)
    lead = best.lead_before
    runs = f", {len(verdict.seeds)} seeds" if len(verdict.seeds) > 1 else ""
    facts = (
        f"On {verdict.test_images:,} test images{runs} the learned mask, with at most "
        f"{budgets_words(report)}, is right in "
        f"{percent(learned.before.mean)}, the best one-shot criterion ({best.name}) in "
        f"{percent(best.before.mean if best.before else None)}, before any fine-tuning: "
    )
    return facts + _difference(lead)


def _without_criteria(verdict: Verdict) -> str:
    """Say why there is no criterion before fine-tuning, and who is ahead after it."""
    if not verdict.is_untested:
        return "There is no criterion to compare with."
    tuned = verdict.best_criterion(is_after=True)
    if tuned is None or tuned.lead_after is None:
        return UNTESTED
    return (
        "Before fine-tuning the criteria's masks were not tested (test_criteria = false). After it "
        f"the learned one against the best criterion ({tuned.name}): "
        f"{_difference(tuned.lead_after)}"
    )


def _difference(lead: Estimate) -> str:
    if not lead.is_measurable:
        return f"no measurable difference ({points_ahead(lead)})."
    return f"{'better by' if lead.mean > 0 else 'worse:'} {points_ahead(lead)}."


def _results(report: Mapping[str, Any], verdict: Verdict | None) -> str:
    shown = verdict.rows if verdict else ()
    left_out = left_out_words(verdict) if verdict else ""
    few_tuned = ""
    if verdict is not None and verdict.has_few_tuned:
        few_tuned = (
            " After fine-tuning, those of methods with fewer than three: of the test images alone."
        )
    is_finetuned = any(row.after for row in shown)
    header = ["", "MACs kept", "accuracy", "cross-entropy (nats)", "learned is ahead by"]
    if is_finetuned:
        header.append("accuracy, fine-tuned")
    rows: list[list[str]] = []
    strong: int | None = None
    for row in shown:
        strong = len(rows) if row.name == LEARNED else strong
        cells = [
            NAMES.get(row.name, row.name),
            percent(row.macs_kept),
            interval(row.before),
            decimal(number_of(_entry(report, row.name), "cross_entropy")),
            UNKNOWN if row.lead_before is None else points_ahead(row.lead_before),
        ]
        rows.append([*cells, interval(row.after)] if is_finetuned else cells)
    sizes = [
        (
            name,
            *(count_of(_entry(report, key), what) for what in ("macs", "params")),
            _bytes(key, report),
        )
        for name, key in ((NAMES[UNPRUNED], UNPRUNED), (NAMES[LEARNED], LEARNED))
    ]
    return section(
        "Result",
        table(header, rows, strong=strong),
        paragraph(
            "Intervals are of 95 %: over seeds, or of one run or two over test images." + few_tuned,
            "muted",
        ),
        *([paragraph(left_out, "muted")] if left_out else []),
        table(("", "MACs of one image", "parameters", "weights' file"), sizes),
    )


def _search(folder: Path) -> str:
    try:
        events: list[Event] = list(replay_run(folder))
    except RunError as error:
        return section("Search", paragraph(str(error)))
    tried = [event for event in events if isinstance(event, CandidateEvaluated)]
    criteria = [event for event in events if isinstance(event, CriterionEvaluated)]
    started = [event for event in events if isinstance(event, SearchStarted)]
    evaluation = np.array([event.evaluation for event in tried], dtype=np.float64)
    accuracy = 100 * np.array([event.accuracy for event in tried], dtype=np.float64)
    ema = 100 * np.array([event.ema_accuracy for event in tried], dtype=np.float64)
    macs = 100 * np.array([event.macs_kept for event in tried], dtype=np.float64)
    best = max((100 * event.accuracy for event in criteria), default=math.nan)
    levels = [Level("best one-shot criterion", "criteria", best)]
    if started:
        unpruned = 100 * started[0].baseline_accuracy
        levels.append(Level("unpruned, on held-out images", "baseline", unpruned))
    falls = budget_words(started[0], tried, read_summary(folder)) if started else ""
    return section(
        "Search",
        *([paragraph(falls)] if falls else []),
        plot(
            [
                Points("evaluated masks", "candidate", evaluation, accuracy),
                Points("moving average", "learned", evaluation, ema, is_line=True),
            ],
            levels,
            x_label="evaluation",
            y_label="accuracy on reward images (%)",
            y_limits=(0.0, 100.0),
        ),
        plot(
            [
                Points(
                    "one-shot criteria",
                    "criteria",
                    100 * np.array([event.macs_kept for event in criteria], dtype=np.float64),
                    100 * np.array([event.accuracy for event in criteria], dtype=np.float64),
                ),
                Points("evaluated masks", "candidate", macs, accuracy),
            ],
            [],
            x_label="MACs kept (%)",
            y_label="accuracy on reward images (%)",
            y_limits=(0.0, 100.0),
        ),
    )


def _masks(folder: Path) -> str:
    try:
        masks = read_stored_masks(folder)
    except RunError as error:
        return section("Masks", paragraph(str(error)))
    name = "l1_uniform" if "l1_uniform" in masks.criteria else next(iter(masks.criteria), None)
    rows = []
    for index, group in enumerate(masks.group_names):
        own = masks.group_of_channel == index
        keep = masks.best[own]
        strips, alike = strip(keep, "learned"), UNKNOWN
        if name is not None:
            other = masks.criteria[name][own]
            either = int((keep | other).sum())
            alike = f"{(keep & other).sum() / either:.2f}" if either else UNKNOWN
            strips += "<br>" + strip(other, "criteria")
        rows.append(
            f"<tr><td>{escape(group)}</td><td>{int(keep.sum())} of {len(keep)}</td>"
            f"<td>{alike}</td><td>{strips}</td></tr>\n"
        )
    against = f"{escape(name)} (below)" if name else "no criterion"
    return section(
        "Masks, layer by layer",
        *([paragraph(same)] if (same := sameness_words(masks)) else []),
        f"<p>The learned mask (above) and {against}; kept channels are high, removed ones low.</p>",
        '<div class="wide"><table><thead><tr><th>layer</th><th>kept</th><th>Jaccard</th>'
        f"<th></th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>",
    )


def _entry(report: Mapping[str, Any], method: str) -> Mapping[str, Any]:
    if method in (LEARNED, UNPRUNED):
        return mapping_of(report, "pruned" if method == LEARNED else "baseline")
    return mapping_of(mapping_of(report, "criteria"), method)


def _bytes(method: str, report: Mapping[str, Any]) -> str:
    number = number_of(_entry(report, method), "file_bytes")
    return UNKNOWN if number is None else f"{number / 1024:,.0f} KiB"
