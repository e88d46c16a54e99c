"""The words that every command has that searches: what to open, how long, by what method."""

import argparse

from app.budget_words import add_budget_words
from app.setting_arguments import add_set_word
from core.config import SearchConfig
from core.presets import PRESETS

NETWORK_WORDS = (
    "demo, cifar_resnet20, a torchvision name (see 'espalier networks'), timm:NAME, nets.py:make "
    "for what the function or class 'make' of that file makes, or a network saved as .pt, .pt2 "
    "(torch.export) or .onnx"
)
DATA_WORDS = (
    "digits, cifar10, cifar100, an .npz file (x_train, y_train, x_test, y_test), or a folder "
    "with train/ and test/ or val/ and in each a folder per class"
)


def add_common_words(parser: argparse.ArgumentParser) -> None:
    """Add what every command asks that searches."""
    # A word may stand before the command too; an absent one must not erase it.
    add_source(parser, default=argparse.SUPPRESS)
    add_search_words(parser, default=argparse.SUPPRESS)
    _add_method_words(parser)
    add_budget_words(parser)
    add_set_word(parser)


def add_source(parser: argparse.ArgumentParser, default: str | None = None) -> None:
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


def add_search_words(parser: argparse.ArgumentParser, default: str | None = None) -> None:
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
        help="how the budget is kept: projection (every mask is made to fit it), penalty "
        "(masks may break it and are paid less), or lagrange (at a price that is learned) "
        f"(default: {default.constraint})",
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
