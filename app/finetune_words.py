"""The words of `espalier finetune`, and the settings that they make."""

import argparse
import dataclasses
import typing
from pathlib import Path
from typing import Any

from app.run_words import add_reopening_words
from app.setting_arguments import add_set_word, with_assignments
from core.config import Compare, FinetuneConfig, RunConfig, SearchConfig, Switch, load_run_config
from core.errors import RunError
from core.runs.files import CONFIG_FILE

EPILOG = """\
DIR is what 'espalier search' has left: its config.toml says what to open, its masks.npz what
was learned. Images on which the epoch is chosen are never trained on, and the test images are
read once, at the end, for all networks together. Ctrl-C once ends the training, keeps the best
epoch and still tests and writes it; twice ends at once. Exit codes: 0 done, 2 something to mend,
130 broken off.

DIR then also holds:
  finetune.json   accuracy, cross-entropy and distance to the unpruned network, before and after
  finetuned/      the fine-tuned network: pruned.onnx, pruned.pt2, pruned.pt, pruned.json
  finetuning/     where each training stands, for --resume
"""


def add_finetune_command(commands: Any) -> None:
    """Add `finetune` to the subcommands of the parser."""
    usual = FinetuneConfig()
    finetune = commands.add_parser(
        "finetune",
        help="train a run's pruned network, and test and export it again",
        description="Train the pruned network of a run until it is as good as it gets.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    finetune.add_argument("folder", metavar="DIR", type=Path, help="the folder of a finished run")
    for option, kind, sentence in _NUMBERS:
        name = option.lstrip("-").replace("-", "_")
        finetune.add_argument(
            option,
            *(("--lr",) if name == "learning_rate" else ()),
            metavar="COUNT" if kind is int else "NUMBER",
            type=kind,
            dest=f"finetune_{name}",
            help=f"{sentence} (default: as the run says, usually {getattr(usual, name):g})",
        )
    finetune.add_argument(
        "--flip",
        choices=typing.get_args(Switch),
        dest="finetune_flip",
        help="mirror images in training; auto spares grey ones, which often are digits "
        "(default: auto)",
    )
    finetune.add_argument(
        "--compare",
        choices=typing.get_args(Compare),
        dest="finetune_compare",
        help="train criteria's masks with the same schedule and seed: the best one-shot, "
        "l1_uniform and chance (best), all of them, or none (default: none)",
    )
    finetune.add_argument(
        "--data",
        metavar="DATA",
        dest="finetune_data",
        help="other images to train on, of the same classes: a .npz file, or a folder with a "
        "folder per class (default: the run's reward images)",
    )
    _add_machine_words(finetune)


def _add_machine_words(finetune: argparse.ArgumentParser) -> None:
    finetune.add_argument(
        "--out", metavar="OUT", type=Path, help="folder for what is written (default: DIR)"
    )
    finetune.add_argument(
        "--resume", action="store_true", help="go on where an earlier call was broken off"
    )
    finetune.add_argument("--device", metavar="NAME", help="where to compute: auto, cpu, cuda")
    finetune.add_argument("--threads", metavar="COUNT", type=int, help="CPU threads to use")
    add_set_word(finetune)
    add_reopening_words(finetune)


def finetune_config(arguments: argparse.Namespace) -> RunConfig:
    """The run's own settings, and each word that was given.

    Raises: RunError if the folder holds no run; ConfigError if a value does not fit.
    """
    path = arguments.folder / CONFIG_FILE
    if not path.is_file():
        raise RunError(f"There is no {path}. Give the folder of a run of 'espalier search'.")
    base = load_run_config(path)
    prefix = "finetune_"
    given = {
        name.removeprefix(prefix): value
        for name, value in vars(arguments).items()
        if name.startswith(prefix) and value is not None
    }
    machine = {
        name: value
        for name, value in (("device", arguments.device), ("threads", arguments.threads))
        if value is not None
    }
    search: SearchConfig = dataclasses.replace(base.search, **machine)
    finetune: FinetuneConfig = dataclasses.replace(base.finetune, **given)
    config = dataclasses.replace(base, search=search, finetune=finetune)
    return with_assignments(config, arguments.assignments or ())


_NUMBERS: tuple[tuple[str, type, str], ...] = (
    ("--epochs", int, "how often all images are seen"),
    (
        "--learning-rate",
        float,
        "the highest learning rate, after the warm-up; 0: 0.02, less in fewer than 200 steps",
    ),
    ("--batch-size", int, "images per step"),
    ("--cutmix", float, "share of the images that get a rectangle of another one pasted in"),
    ("--weight-decay", float, "of all weights but those of norms and biases"),
    (
        "--distillation",
        float,
        "how much of the loss comes from the unpruned network's answers, 0 to 1; the rest from "
        "the labels",
    ),
    ("--temperature", float, "of the answers in the distillation"),
    ("--patience", int, "epochs without a better one until it ends; 0: never"),
    ("--seed", int, "same seed, same machine, same result"),
)
