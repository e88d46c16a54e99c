"""The words of the terminal about budgets beside that of the MACs."""

import argparse

from core.config import SearchConfig

WHAT = {
    "params": "parameters",
    "size": "weights' file, in bytes,",
    "latency": "time for a batch, predicted from layers timed once before the search,",
}


def add_budget_words(parser: argparse.ArgumentParser) -> None:
    """Add --params-budget, --size-budget, --latency-budget and --latency-batch."""
    usual = SearchConfig()
    group = parser.add_argument_group(
        "further budgets", "one or several at a time, beside that of the MACs; 1 sets no limit"
    )
    for name, what in WHAT.items():
        group.add_argument(
            f"--{name}-budget",
            metavar="SHARE",
            type=float,
            help=f"share of the network's {what} that may stay, from 0.01 to 1 "
            f"(default: {getattr(usual, f'{name}_budget'):g})",
        )
    group.add_argument(
        "--latency-batch",
        metavar="IMAGES",
        type=int,
        help=f"images at once for which latency is predicted (default: {usual.latency_batch})",
    )
