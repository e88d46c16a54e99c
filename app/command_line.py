"""The words of the command line, and the settings that they make."""

import argparse
import dataclasses
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from app.budget_words import add_budget_words
from app.compare_words import add_compare_command
from app.finetune_words import add_finetune_command
from app.run_words import add_report_command, add_resume_command, add_round_command
from app.setting_arguments import add_set_word, add_settings_command, with_assignments
from core.config import RunConfig, SearchConfig, load_run_config
from core.presets import PRESETS, apply_preset

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
  events.jsonl, candidates.npz, environment.json   all that happened, every mask, on what machine
"""
NETWORK_WORDS = (
    "demo, cifar_resnet20, a torchvision name (see 'espalier networks'), timm:NAME, nets.py:make "
    "for what the function or class 'make' of that file makes, or a network saved as .pt, .pt2 "
    "(torch.export) or .onnx"
)
DATA_WORDS = (
    "digits, cifar10, cifar100, an .npz file (x_train, y_train, x_test, y_test), or a folder "
    "with train/ and test/ or val/ and in each a folder per class"
)


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
    _add_source(parser)
    _add_search_words(parser)
    add_set_word(parser, "assignments_before")  # the command's own would take the place of these
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    _add_search_command(commands)
    add_resume_command(commands)
    add_finetune_command(commands)
    _add_common_words(add_compare_command(commands))
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
    _add_common_words(search)
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


def _add_common_words(parser: argparse.ArgumentParser) -> None:
    """Add what every command asks that searches."""
    # A word may stand before the command too; an absent one must not erase it.
    _add_source(parser, default=argparse.SUPPRESS)
    _add_search_words(parser, default=argparse.SUPPRESS)
    _add_method_words(parser)
    add_budget_words(parser)
    add_set_word(parser)


def _add_source(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    parser.add_argument(
        "--network", metavar="NAME", default=default, help=f"what to prune: {NETWORK_WORDS}"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        default=default,
        help="its trained weights: a state dict saved by PyTorch, a .safetensors file, or "
        "'published' for those of torchvision or timm (default: those it comes with)",
    )
    parser.add_argument("--data", metavar="DATA", default=default, help=f"the images: {DATA_WORDS}")
    parser.add_argument(
        "--normalisation",
        metavar="NAME",
        default=default,
        help="mean and std of the images it was trained on: auto (the images' usual ones), "
        "imagenet, cifar10, half or none (default: auto)",
    )
    parser.add_argument(
        "--input-shape",
        metavar="CxHxW",
        default=default,
        help="what images from folders are resized to, for networks that do not say it: 3x224x224",
    )


def _add_search_words(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    usual = SearchConfig()
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default=default,
        help="how long to search and by what method; words given beside it win over it "
        "(default: quick)",
    )
    parser.add_argument(
        "--macs-budget",
        metavar="SHARE",
        type=float,
        default=default,
        help="share of the network's MACs that may stay, from 0.01 to 1 "
        f"(default: {usual.macs_budget})",
    )
    parser.add_argument(
        "--evaluations",
        metavar="COUNT",
        type=int,
        default=default,
        help=f"how many masks the agent tries on images (default: {usual.evaluations})",
    )
    parser.add_argument(
        "--seed",
        metavar="NUMBER",
        type=int,
        default=default,
        help=f"same seed, same machine, same result; a whole number from 0 (default: {usual.seed})",
    )


def _add_method_words(parser: argparse.ArgumentParser) -> None:
    default = SearchConfig()
    method = parser.add_argument_group("method and machine")
    method.add_argument(
        "--reward",
        metavar="NAME",
        help="what the agent is paid for: cross_entropy (of the pruned network), teacher "
        "(closeness to the unpruned network, without labels), self_competition (beating the "
        "moving average of its own accuracy), or improvement (by how much it beats that) "
        f"(default: {default.reward})",
    )
    method.add_argument(
        "--constraint",
        metavar="NAME",
        help="how the budget is kept: projection (every mask is made to fit it), or penalty "
        f"(masks may break it and are paid less) (default: {default.constraint})",
    )
    method.add_argument(
        "--prior",
        metavar="NAME",
        help="where the agent starts: tournament (the best one-shot criterion), none, or a "
        f"criterion such as l1_uniform (default: {default.prior})",
    )
    method.add_argument(
        "--streams",
        metavar="NAME",
        help="whether channels that pass through additions are pruned too: auto (only if the "
        f"budget needs it), keep, or prune (default: {default.streams})",
    )
    method.add_argument(
        "--groups",
        metavar="NAME",
        help="whether channels go where the cut network differs a little from the masked one "
        "(LayerNorm, GroupNorm): approximate (they may, and it is said), or exact (they stay) "
        f"(default: {default.groups})",
    )
    for name, what in (("keep", "always stay"), ("removed", "always go")):
        method.add_argument(
            f"--pinned-{name}",
            metavar="LAYER:CHANNELS",
            action="append",
            help=f"channels that {what}, such as layer1.0.conv1:0-3,7 or layer1.0.conv1:all; may "
            "be given several times",
        )
    method.add_argument(
        "--round-to",
        metavar="MULTIPLE",
        type=int,
        help="round the winner's widths to multiples of 4, 8 or 16 channels within the budget, "
        f"which hardware likes; 1: not at all (default: {default.round_to})",
    )
    method.add_argument(
        "--device",
        metavar="NAME",
        help=f"where to compute: auto, cpu, cuda, cuda:1 (default: {default.device})",
    )
    method.add_argument(
        "--threads",
        metavar="COUNT",
        type=int,
        help=f"CPU threads to use; 0 means all cores but one (default: {default.threads})",
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
