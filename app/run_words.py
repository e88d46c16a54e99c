"""The words of `espalier resume`, `espalier round` and `espalier report`."""

import argparse
from pathlib import Path
from typing import Any

from core.config.searching import MULTIPLES

RESUME_EPILOG = """\
The run goes on after its last update, with the settings, network and images that it began with;
on a CPU it ends with the same numbers as a run that was never broken off. A run that was stopped
is finished. Exit codes: 0 done, 2 something to mend, 130 broken off.
"""


def add_resume_command(commands: Any) -> None:
    """Add `espalier resume DIR` to the subcommands."""
    resume = commands.add_parser(
        "resume",
        help="go on with a search that was broken off",
        description="Go on in the terminal with a search that a crash or a kill broke off.",
        epilog=RESUME_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    resume.add_argument("folder", metavar="DIR", type=Path, help="the run's folder")
    add_reopening_words(resume)


def add_reopening_words(parser: argparse.ArgumentParser) -> None:
    """Add what every command asks that opens a run's network and images again."""
    parser.add_argument(
        "--allow-download",
        action="store_true",
        help="permit to download images or published weights that are not here any more",
    )
    parser.add_argument(
        "--trust", action="store_true", help="run the code in the network's file this once"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print only the final table, notices and errors"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="print the details behind an error, too"
    )


def add_round_command(commands: Any) -> None:
    """Add `espalier round DIR --to 8` to the subcommands."""
    rounding = commands.add_parser(
        "round",
        help="round the widths of a finished run's network to multiples",
        description="Round the kept channels of a finished run to multiples that hardware likes, "
        "within its budget, then test, export and measure the network again, in a folder of its "
        "own. What it costs in MACs is said.",
    )
    rounding.add_argument("folder", metavar="DIR", type=Path, help="the folder of a finished run")
    rounding.add_argument(
        "--to",
        metavar="MULTIPLE",
        type=int,
        choices=MULTIPLES[1:],
        default=8,
        help="multiples of 4, 8 or 16 channels (default: 8)",
    )
    rounding.add_argument(
        "--macs-budget",
        metavar="SHARE",
        type=float,
        help="share of the network's MACs that the rounded network may have, from 0.01 to 1 "
        "(default: the run's own)",
    )
    rounding.add_argument(
        "--out", metavar="OUT", type=Path, help="folder for what is written (default: beside DIR)"
    )
    add_reopening_words(rounding)


def add_report_command(commands: Any) -> None:
    """Add `espalier report DIR` to the subcommands."""
    report = commands.add_parser(
        "report",
        help="write a finished run's report.html again",
        description="Write report.html again, a page for those who have no Espalier. What was "
        "fine-tuned meanwhile is in it, and the runs beside it that differ in their seed alone.",
    )
    report.add_argument("folder", metavar="DIR", type=Path, help="the folder of a finished run")
