"""The words of `espalier train-agent`, and the settings that they make."""

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from app.run_words import add_reopening_words
from app.search_words import DATA_WORDS, NETWORK_WORDS
from core.config import RunConfig, load_training_config
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
    training.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        dest="training_config",
        help="a TOML file of the settings below, such as least_budget = 0.3; words given here win "
        "over it",
    )
    for entry in fields(TrainingConfig):
        training.add_argument(
            f"--{entry.name.replace('_', '-')}",
            metavar=METAVARS[type(entry.default)],
            type=type(entry.default),
            dest=f"training_{entry.name}",
            help=f"{SENTENCES[entry.name]} (default: {entry.default})",
        )
    add_reopening_words(training)


METAVARS = {int: "COUNT", float: "NUMBER", str: "NAME"}
SENTENCES = {
    "updates": "how often the agent learns",
    "minutes": "end after so long in any case; 0: never",
    "seed": "of all that is random",
    "device": "where it runs: auto, cpu, cuda, ...",
    "threads": "CPU threads; 0: all cores but one",
    "least_budget": "the least share of the MACs that it practises to keep",
    "most_budget": "the greatest",
    "reward_images": "images that each mask is scored on",
    "tasks_per_update": "networks with a budget that each update practises",
    "samples_per_task": "masks that are tried of each",
    "cheap_share": "the share of the training that is rewarded by the refit's error alone, "
    "which is faster and says less above 40 %% of the MACs",
    "learning_rate": "of Adam at first, a fifth of it at the end",
    "first_deviation": "how far from its own answer it tries others, at first",
    "last_deviation": "and at the end",
    "epochs": "passes over the masks of an update",
    "clip_coef": "how far PPO lets one update move the policy",
}


def training_config(arguments: argparse.Namespace) -> TrainingConfig:
    """Make the settings: the defaults, --config, each word that was given.

    Raises: ConfigError if the file cannot be read or a value does not fit.
    """
    file = arguments.training_config
    base = TrainingConfig() if file is None else load_training_config(file)
    given = {one.name: getattr(arguments, f"training_{one.name}") for one in fields(base)}
    return replace(base, **{name: value for name, value in given.items() if value is not None})


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
