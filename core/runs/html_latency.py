"""What report.html tells of time and memory. Needs no torch."""

from collections.abc import Mapping
from typing import Any

from core.runs.html_page import paragraph, section, table
from core.runs.html_words import UNKNOWN, count_of, mapping_of, number_of, text_of

HEADER = (
    "runtime",
    "device",
    "threads",
    "batch",
    "before, p50 (ms)",
    "p95",
    "pruned, p50 (ms)",
    "p95",
    "faster by",
)
SIZES = {
    "peak_activation_bytes": "activations of one image, at most",
    "file_bytes": "weights' file",
    "onnx_bytes": "ONNX file",
}
TIMES = ("before_p50_ms", "before_p95_ms", "after_p50_ms", "after_p95_ms")


def latency_section(report: Mapping[str, Any]) -> str:
    """Tell how long both networks take and what they need; says so if nothing was measured."""
    parts = latency_parts(report)
    return section("Latency and memory", *(parts or [paragraph("It was not measured.")]))


def latency_parts(report: Mapping[str, Any]) -> list[str]:
    """The same without a heading; nothing if nothing was measured."""
    found = report.get("latency")
    rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
    note = report.get("latency_note")
    skipped = mapping_of(report, "latency_not_measured")
    parts = []
    if rows:
        parts = [
            paragraph(
                "One forward pass of a batch of random numbers. Both networks take turns, after a "
                "warm-up. p50 is the median, p95 what 19 of 20 runs stay below."
            ),
            table(HEADER, [_row(row) for row in rows]),
            paragraph(note) if isinstance(note, str) else "",
        ]
    parts += [paragraph(f"Not measured: {name}: {reason}") for name, reason in skipped.items()]
    shown = [(what, words) for what, words in SIZES.items() if mapping_of(report, what)]
    if shown:
        parts.append(
            table(
                ("", *(words for _, words in shown)),
                [
                    (words, *(_size(mapping_of(report, what), name) for what, _ in shown))
                    for words, name in (("unpruned network", "baseline"), ("pruned", "pruned"))
                ],
            )
        )
    return parts


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    times = [number_of(row, name) for name in TIMES]
    before, after = times[0], times[2]
    return (
        text_of(row, "runtime"),
        text_of(row, "device"),
        count_of(row, "threads"),
        count_of(row, "batch"),
        *(UNKNOWN if time is None else f"{time:.2f}" for time in times),
        f"{before / after:.2f} x" if before and after else UNKNOWN,
    )


def _size(sizes: Mapping[str, Any], name: str) -> str:
    number = number_of(sizes, name)
    return UNKNOWN if number is None else f"{number / 1024:,.0f} KiB"
