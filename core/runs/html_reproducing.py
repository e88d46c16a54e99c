"""What report.html says of how to come to the same numbers, and where it cannot be done."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.runs.files import CONFIG_FILE, ENVIRONMENT_FILE
from core.runs.history import read_json
from core.runs.html_page import code, paragraph, section, table
from core.runs.html_words import mapping_of, number_of, text_of

SEARCHING = f"espalier search --config {CONFIG_FILE} --out again"
SAME = "On the CPU, with the same versions and seed, the numbers are the same."
STOPPED = (
    "This run was stopped. The same settings search to the end, and the numbers are others; its "
    "own mask is in masks.npz."
)
TIMED = (
    "The layers' latency is measured anew, so that the numbers come near these and are not the "
    "same."
)
ROUNDED = "The widths were rounded after a search; the command is given beside its folder."


def reproducing_section(folder: Path, report: Mapping[str, Any]) -> str:
    """Show the command, what comes of it, the settings and what computed the numbers."""
    title, command, words = _how(report)
    environment = read_json(folder / ENVIRONMENT_FILE) or mapping_of(report, "environment")
    rows = [(str(name), str(value)) for name, value in environment.items()]
    try:
        settings = (folder / CONFIG_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        settings = f"{CONFIG_FILE} is missing."
    return section(title, code(command), paragraph(words), code(settings), table(("", ""), rows))


def _how(report: Mapping[str, Any]) -> tuple[str, str, str]:
    """A title that promises no more than the command holds, the command, and what comes of it."""
    again, reproducing = "Searching again", "Reproducing it"
    rounded = mapping_of(report, "rounded")
    multiple, budget = number_of(rounded, "to"), number_of(report, "macs_budget")
    if multiple is not None and budget is not None:
        source = shlex.quote(text_of(rounded, "from"))
        command = f"espalier round {source} --to {multiple:.0f} --macs-budget {budget:g}"
        return reproducing, command, f"{ROUNDED} {SAME}"
    if report.get("stopped") is True:
        return again, SEARCHING, STOPPED
    if mapping_of(report, "further_budgets").get("latency") is not None:
        return again, SEARCHING, TIMED
    return reproducing, SEARCHING, SAME
