"""The words of the command line, and the settings that they make."""

import argparse
import dataclasses
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from app.compare_words import add_compare_command
from app.finetune_words import add_finetune_command
from app.run_words import add_report_command, add_resume_command, add_round_command
from app.search_words import add_common_words, add_search_words, add_source
from app.setting_arguments import add_set_word, add_settings_command, with_assignments
from app.training_words import add_training_command
from core.config import RunConfig, SearchConfig, load_run_config
from core.presets import apply_preset
from core.runs.variants import SEARCHES

DESCRIPTION = (
    "Open a trained network, watch an agent prune it under a MACs budget, "
    "take the smaller one home."
)
WINDOW_EPILOG = """\
examples:
  espalier                      an empty window
  espalier --demo --start       a small network on handwritten digits, searching at once
  espalier --network cifar_resnet20 --checkpoint weights.th --data cifar10
  espalier search --help        the same search in a terminal
  espalier resume DIR           go on with a search that was broken off
  espalier round DIR --to 8     widths that hardware likes, for a finished run
  espalier finetune --help      train what a search has pruned
  espalier compare --help       compare methods over several seeds, in one table
  espalier train-agent --help   one agent for many networks, that proposes masks at once
  espalier networks             the names for --network
  espalier settings             every setting, for --set and --config
"""
SEARCH_EPILOG = """\
A MAC is one multiplication with its addition; a network's MACs are counted for one image.
Ctrl-C once ends the search, judges the best mask and writes all files; twice ends at once,
with the best mask so far in masks.npz. Exit codes: 0 done, 2 something to mend, 130 broken off.

DIR then holds:
  report.html     all of it on one page, for those who have no Espalier
  report.json     accuracy on the test images, MACs, parameters, file sizes, times
  pruned.onnx     the pruned network for ONNX Runtime and others
  pruned.pt2      the pruned network as a PyTorch program that needs no code of Espalier
  pruned.pt, pruned.json   its weights, and what is needed to load them with load_pruned
  load_pruned.py  loads them into your own network; needs PyTorch and no Espalier
  masks.npz       the best mask, the last one and those of the criteria
  trajectory.csv  one line per evaluated mask
  config.toml     these settings, for --config
  checkpoint.pt   where 'espalier resume DIR' goes on, should the search be broken off
  agent.pt        what the agent has learned, for --set search.start_from=DIR
  events.jsonl, candidates.npz, environment.json   all that happened, every mask, on what machine
"""


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of `espalier`, with its subcommands; imports neither torch nor Qt."""
    parser = argparse.ArgumentParser(
        prog="espalier",
        description=f"{DESCRIPTION} Without a command the window opens.",
        epilog=WINDOW_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"espalier {_version()}")
    parser.add_argument(
        "--demo", action="store_true", help="open the demo network and its handwritten digits"
    )
    parser.add_argument(
        "--start", action="store_true", help="start the search as soon as the network is open"
    )
    add_source(parser)
    add_search_words(parser)
    add_set_word(parser, "assignments_before")  # the command's own would take the place of these
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    _add_search_command(commands)
    add_resume_command(commands)
    add_finetune_command(commands)
    add_common_words(add_compare_command(commands))
    add_training_command(commands)
    add_round_command(commands)
    add_report_command(commands)
    commands.add_parser(
        "networks",
        help="list the networks that --network knows",
        description="List the networks that --network knows, one name per line.",
    )
    add_settings_command(commands)
    return parser


def _add_search_command(commands: Any) -> None:
    search = commands.add_parser(
        "search",
        help="search in the terminal, without a window",
        description="Search in the terminal: prune a network under a MACs budget and export it.",
        epilog=SEARCH_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common_words(search)
    search.add_argument(
        "--method",
        metavar="NAME",
        help=f"who proposes the masks: {', '.join(SEARCHES)}, proposal or a criterion, l1_uniform "
        f"say (default: {SearchConfig().method})",
    )
    search.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="folder for the run's files (default: a new one in the user's data folder)",
    )
    search.add_argument(
        "--no-latency",
        dest="latency",
        action="store_false",
        default=None,
        help="do not measure at the end how fast the pruned network is, which takes some ten "
        "seconds",
    )
    search.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="start from a run's config.toml; words given here win over it",
    )
    search.add_argument(
        "--allow-download",
        action="store_true",
        help="permit to download CIFAR-10, CIFAR-100 or published weights that are not here yet",
    )
    search.add_argument(
        "--trust",
        action="store_true",
        help="run the code in the network's file (.py, .pt, .pt2) this once, without having "
        "agreed to it in the window",
    )
    search.add_argument(
        "--quiet", action="store_true", help="print only the final table, notices and errors"
    )
    search.add_argument(
        "--verbose", action="store_true", help="print the details behind an error, too"
    )


def run_config(arguments: argparse.Namespace) -> RunConfig:
    """Make the settings: the defaults, --config, --preset, each word that was given, --set.

    Raises: ConfigError if a file cannot be read or a value does not fit.
    """
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    base = load_run_config(given["config"]) if "config" in given else RunConfig()
    base = apply_preset(base, given["preset"]) if "preset" in given else base
    search = dataclasses.replace(base.search, **_known(SearchConfig, given))
    config = dataclasses.replace(base, **_known(RunConfig, given), search=search)
    assignments = (*given.get("assignments_before", ()), *given.get("assignments", ()))
    return with_assignments(config, assignments) if assignments else config


def names_something(arguments: argparse.Namespace) -> bool:
    """Whether the command line says what to open, so that the window need not invite."""
    return bool(arguments.demo or arguments.start or arguments.network or arguments.data)


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; prints and exits with 0 for --help, with 2 for a wrong word."""
    return build_parser().parse_args(words)


def _known(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    names = {entry.name for entry in dataclasses.fields(kind)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name in names
    }


def _version() -> str:
    try:
        return metadata.version("espalier")
    except metadata.PackageNotFoundError:
        return "(not installed)"
