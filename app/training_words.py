"""The words of `espalier train-agent`, and the settings that they make."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.run_words import add_reopening_words
from app.search_words import DATA_WORDS, NETWORK_WORDS
from core.config import RunConfig
from core.config.learning import AGENT_FILE
from core.config.training import TrainingConfig
from core.errors import ConfigError

EPILOG = """\
Each --network may be followed by the --checkpoint of its weights; all see the same images. The
agent practises at random budgets on reward images only, and nothing is exported. Then
  espalier search --method proposal --set search.start_from=FILE ...
writes its mask for another network or budget without any evaluation, and
  espalier search --set search.start_from=FILE ...
lets the mask compete with the criteria for being where the search begins. Ctrl-C once ends the
training and writes what is learned. Exit codes: 0 done, 2 something to mend, 130 broken off.
"""


def add_training_command(commands: Any) -> None:
    """Add `espalier train-agent` to the subcommands."""
    usual = TrainingConfig()
    training = commands.add_parser(
        "train-agent",
        help="train one agent on several networks and budgets, to propose masks for others",
        description="Train one agent on several networks and many budgets.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    training.add_argument(
        "--network",
        dest="networks",
        action=_Sources,
        metavar="NAME",
        default=(),
        help=f"one to practise on; may be given several times: {NETWORK_WORDS}",
    )
    training.add_argument(
        "--checkpoint",
        dest="networks",
        action=_Weights,
        metavar="FILE",
        default=(),
        help="trained weights of the network named before it (default: those it comes with)",
    )
    training.add_argument(
        "--data", metavar="DATA", dest="practice_data", help=f"the images: {DATA_WORDS}"
    )
    training.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        default=Path(AGENT_FILE),
        help=f"where the agent is written (default: {AGENT_FILE})",
    )
    for option, kind, sentence in _NUMBERS:
        default = getattr(usual, option.lstrip("-"))
        training.add_argument(
            option,
            metavar="COUNT" if kind is int else "NUMBER",
            type=kind,
            dest=f"training_{option.lstrip('-')}",
            default=default,
            help=f"{sentence} (default: {default:g})",
        )
    add_reopening_words(training)


_NUMBERS = (
    ("--updates", int, "how often the agent learns, each time from 32 masks"),
    ("--minutes", float, "end after so long in any case; 0: never"),
    ("--seed", int, "of all that is random"),
    ("--threads", int, "CPU threads; 0: all cores but one"),
)


def training_config(arguments: argparse.Namespace) -> TrainingConfig:
    """Make the settings of the training; ConfigError if a number does not fit."""
    names = (option.lstrip("-") for option, _, _ in _NUMBERS)
    return TrainingConfig(**{name: getattr(arguments, f"training_{name}") for name in names})


def practice_networks(arguments: argparse.Namespace) -> tuple[RunConfig, ...]:
    """What to open, one for each network; ConfigError if none is named."""
    if not arguments.networks:
        raise ConfigError("An agent needs a network to be trained on. Name one by --network.")
    data = arguments.practice_data
    return tuple(replace(one, data=data) if data else one for one in arguments.networks)


class _Sources(argparse.Action):
    """Adds a network to those that were named."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, (*before, RunConfig(network=values)))


class _Weights(argparse.Action):
    """Gives the network that was named last its weights."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest)
        if not before:
            parser.error("--checkpoint comes after the --network whose weights it has")
        setattr(namespace, self.dest, (*before[:-1], replace(before[-1], checkpoint=values)))
