"""A run's report as a table of plain text."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.pruning.limits import BUDGETED

HEADER = ("", "accuracy", "MACs kept", "MACs", "parameters", "file")
LATENCY_HEADER = ("Latency (ms)", "batch", "threads", "p50", "p95", "pruned p50", "p95", "faster")
LATENCY_COLUMNS = ("before_p50", "before_p95", "after_p50", "after_p95")
UNKNOWN = "-"
TESTED = "Accuracy on the test images, norms fitted again, before fine-tuning."
UNREAD = "The test images were not read."
UNLABELLED = "Without labels, accuracy is how often a network agrees with the unpruned one."
ADAPTED = "The pruned network was trained while it was pruned; the criteria have {} weights."
REFITTED = "All masks' networks were refitted by least squares; report.json has them before, too."
SHORT = {"macs": "MACs", "params": "parameters", "size": "file", "latency": "latency"}


def report_table(report: Mapping[str, Any], folder: str) -> str:
    """Lay out report.json for a terminal: who is how good and how large, and where it lies."""
    baseline, pruned = report["baseline"], report["pruned"]
    rows = [
        HEADER,
        _row("unpruned", baseline, 1.0),
        _row("pruned", pruned, pruned["macs_kept"]),
        *(_row(name, entry, entry["macs_kept"]) for name, entry in report["criteria"].items()),
    ]
    lines = [
        "",
        *aligned(rows),
        UNREAD if pruned["accuracy"] is None else TESTED,
        *([UNLABELLED] if report.get("is_labelled") is False else []),
        *_weight_lines(report),
        *_budget_lines(report),
        "",
        f"Parity: {_parity_words(report)}",
        f"MACs counted again by thop: {_count_words(report['thop'])}",
        *half_lines(report),
        *latency_lines(report),
        f"Time: {_time_words(report['seconds'])}",
        f"Files: {folder}",
        "",
    ]
    return "\n".join(lines)


def kept_words(shares: Mapping[str, float]) -> str:
    """Shares by the budget's name as "50.0 % of the MACs, 40.0 % of the parameters"."""
    return ", ".join(
        f"{as_percent(share)} of the {BUDGETED[name]}" for name, share in shares.items()
    )


def short_words(shares: Mapping[str, float]) -> str:
    """Shares by the budget's name as "MACs 50.0 %, parameters 40.0 %", where room is short."""
    return ", ".join(f"{SHORT[name]} {as_percent(share)}" for name, share in shares.items())


def _weight_lines(report: Mapping[str, Any]) -> list[str]:
    """Whose weights are no longer the original ones; nothing if all are as they were."""
    is_refitted = bool(report.get("before_refit"))
    if report.get("adapted") is True:
        return [ADAPTED.format("refitted" if is_refitted else "the original")]
    return [REFITTED] if is_refitted else []


def _budget_lines(report: Mapping[str, Any]) -> list[str]:
    """What is kept of what was budgeted beside the MACs; nothing if that was all."""
    budgets = report.get("further_budgets") or {}
    prediction = report.get("latency_prediction")
    lines = [
        f"Kept: {as_percent(entry['kept'])} of the {BUDGETED[name]} "
        f"(budget {as_percent(entry['budget'])})"
        for name, entry in budgets.items()
    ]
    return [*lines, *([prediction["note"]] if prediction else [])]


def half_lines(report: Mapping[str, Any]) -> list[str]:
    """How far the files are from float32 in float16; nothing if that was not compared."""
    words = {"onnx": "ONNX Runtime", "state": "pruned.pt", "program": "pruned.pt2"}
    known = report.get("parity_float16") or {}
    skipped = report.get("parity_float16_not_measured") or {}
    told = [f"{words[check]} {value:.1g}" for check, value in known.items()]
    told += [f"{words[check]} not measured: {reason}" for check, reason in skipped.items()]
    return [f"Parity in float16: {', '.join(told)}"] if told else []


def latency_lines(report: Mapping[str, Any]) -> list[str]:
    """How long both networks take, row by row; nothing if that was not measured."""
    measured = report.get("latency") or []
    if not measured:
        return []
    rows = [
        LATENCY_HEADER,
        *(
            (
                row["runtime"],
                str(row["batch"]),
                str(row["threads"]),
                *(f"{row[f'{which}_ms']:.2f}" for which in LATENCY_COLUMNS),
                f"{row['before_p50_ms'] / row['after_p50_ms']:.2f} x",
            )
            for row in measured
        ),
    ]
    note = report.get("latency_note")
    return ["", *aligned(rows), *([note] if note else []), ""]


def as_percent(share: float | None) -> str:
    """0.5 as "50.0 %"."""
    return UNKNOWN if share is None else f"{100 * share:.1f} %"


def _row(name: str, entry: Mapping[str, Any], macs_kept: float | None) -> tuple[str, ...]:
    return (
        name,
        as_percent(entry["accuracy"]),
        as_percent(macs_kept),
        _count(entry.get("macs")),
        _count(entry.get("params")),
        _size(entry.get("file_bytes")),
    )


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad the cells so that columns line up: the first to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _size(value: int | None) -> str:
    return "" if value is None else f"{value / 1024:,.0f} KiB"


def _parity_words(report: Mapping[str, Any]) -> str:
    if report["export_error"]:
        return "nothing was exported"
    if all(value is None for value in report["parity"].values()):
        return "not exported"
    words = {"hard_vs_soft": "cut = masked", "reloaded": "read back", "onnx": "ONNX Runtime"}
    if report.get("approximate"):
        words["hard_vs_soft"] = "cut ~ masked, by nature of the layers"
    numbers = ", ".join(
        f"{words[check]} {UNKNOWN if value is None else f'{value:.1g}'}"
        for check, value in report["parity"].items()
    )
    return f"{numbers} (greatest relative difference; ONNX opset {report['opset']})"


def _count_words(thop: Mapping[str, Any]) -> str:
    if thop["macs"] is None:
        return UNKNOWN
    return f"{thop['macs']:,}, {as_percent(thop['difference'])} off"


def _time_words(seconds: Mapping[str, float]) -> str:
    whole = ("total", "cpu")  # the others are parts of the total
    parts = [f"{name} {value:.1f} s" for name, value in seconds.items() if name not in whole]
    words = f"{seconds.get('total', 0.0):.1f} s in all" + (
        f" ({', '.join(parts)})" if parts else ""
    )
    cpu = seconds.get("cpu")
    return words if cpu is None else f"{words}; the search took {cpu:.1f} CPU-seconds"
