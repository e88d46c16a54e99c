"""The words of `espalier compare`."""

import argparse
from pathlib import Path
from typing import Any

from app.run_words import add_reopening_words

SEEDS = 5
METHOD_WORDS = (
    "agent (the default search), random (search round the best criterion), evolution, "
    "layer_ratios (AMC-style, by the cross-entropy method), gates (hard-concrete, by gradient), "
    "and the criteria without a search: l1, l2, fpgm, bn_scale, taylor, gradient, activation, "
    "contribution, obs_bn, obs_per_mac, each as the reward images like it best or with _uniform, "
    "_layer_normalised, _balanced or _global behind its name, and random_uniform; and proposal, "
    "what the agent of search.start_from, or the one that comes with Espalier, proposes at once. "
    "Beside the agent the weights stay as they are: random_adapting, evolution_adapting, "
    "layer_ratios_adapting and gates_adapting train them along, and agent_frozen does not"
)
EPILOG = """\
Every method gets the same images, evaluations and budget; a criterion gets no evaluation, in the
allocation over the layers that wins on the reward images. Each method and seed is a run of its
own in DIR, which 'espalier resume', 'espalier finetune' and the window open like any other.
Ctrl-C once breaks off the run that goes on and writes the table of what is finished; the same
command goes on with it. Exit codes: 0 done, 2 something to mend, 130 broken off.

DIR then holds:
  comparison.md    the table: test accuracy and cross-entropy, evaluations, CPU-seconds, tests
  comparison.csv   the same as plain numbers, with every p
  comparison.json  all of it, and every run
  METHOD-seedN/    the runs, without exports
"""


def add_compare_command(commands: Any) -> argparse.ArgumentParser:
    """Add `espalier compare` to the subcommands; returns its parser for the common words."""
    compare: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="compare methods over several seeds, in one table",
        description="Search with several methods and seeds, and put their networks into one table.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument(
        "--methods",
        metavar="NAMES",
        help=f"what to compare, separated by commas: {METHOD_WORDS} (default: all searches and "
        "contribution, obs_per_mac, obs_bn, l1)",
    )
    compare.add_argument(
        "--seeds",
        metavar="COUNT",
        type=int,
        default=SEEDS,
        help="how many seeds, counted from --seed; under three nothing is tested "
        f"(default: {SEEDS})",
    )
    compare.add_argument(
        "--finetune-epochs",
        metavar="COUNT",
        type=int,
        default=0,
        help="fine-tune every mask for so many epochs, all alike (default: 0, not at all)",
    )
    compare.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="folder for all runs and the table; what is in it is not done again (default: a new "
        "one in the user's data folder)",
    )
    compare.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="start from a run's config.toml; words given here win over it",
    )
    add_reopening_words(compare)
    return compare


def split_methods(words: str | None) -> tuple[str, ...]:
    """Read "agent,l1"; nothing if no word was given."""
    return tuple((words or "").split(",")) if words else ()
