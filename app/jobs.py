"""The jobs that the search thread runs.

Everything that needs torch is imported inside these functions, so that the window is on the
screen before torch is, and the seconds of importing pass in the thread.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import RunConfig
from core.errors import ConfigError, EspalierError
from core.events import BoolArray, ComparisonReported, Event, StageStarted

if TYPE_CHECKING:
    from core.finetuning.loop import Finetuned
    from core.networks import NetworkFacts
    from core.opening import Opened


@dataclass(frozen=True)
class Choices:
    """What the settings can offer on this machine."""

    networks: tuple[str, ...] = ("demo",)
    datasets: tuple[str, ...] = ("digits",)
    rewards: tuple[str, ...] = ("teacher",)
    devices: tuple[str, ...] = ("auto", "cpu")
    methods: tuple[str, ...] = ("agent",)
    compared: tuple[str, ...] = ("agent",)  # methods, and their variants
    allocations: tuple[str, ...] = ()  # "uniform", what may stand behind a criterion's name
    priors: tuple[str, ...] = ("tournament", "none")


@dataclass(frozen=True)
class Looked:
    """What a look at a network found: its facts, or a sentence about why there are none."""

    network: str
    found: "NetworkFacts | str"


@dataclass(frozen=True)
class BudgetsChecked:
    """Whether a search can meet its budgets: a sentence about why not, empty if it can."""

    refusal: str


def look_at(network: str) -> Generator[Event, None, Looked]:
    """Find out what a network was made for; runs no code that nobody has agreed to."""
    yield StageStarted("Preparing")
    from core.networks import inspecting

    try:
        return Looked(network, (yield from inspecting(network)))
    except EspalierError as error:
        return Looked(network, str(error))


def list_choices() -> Generator[Event, None, Choices]:
    """Import the heavy libraries and say what there is to choose from."""
    yield StageStarted("Preparing")
    import torch

    yield StageStarted("Preparing")
    from core.data import DATASETS
    from core.networks import network_names
    from core.pruning.baselines import ALLOCATIONS
    from core.rl.rewards import REWARDS
    from core.runs.comparison_flow import compared_names
    from core.search.methods import method_names
    from core.search.tournament import prior_names

    accelerators = ("cuda",) if torch.cuda.is_available() else ()
    return Choices(
        networks=tuple(network_names()),
        datasets=tuple(DATASETS),
        rewards=tuple(REWARDS),
        devices=("auto", "cpu", *accelerators),
        methods=method_names(),
        compared=compared_names(),
        allocations=tuple(ALLOCATIONS),
        priors=prior_names(),
    )


def check_settings(config: RunConfig) -> Generator[Event, None, None]:
    """Refuse settings of a search that no network can mend, before one is opened for it."""
    yield StageStarted("Preparing")
    from core.search import check_search

    check_search(config.search)


def open_network(config: RunConfig, *, allow_download: bool) -> Generator[Event, None, "Opened"]:
    """Open the network and the images of `config`."""
    yield StageStarted("Preparing")
    from core.opening import open_run

    return (yield from open_run(config, allow_download=allow_download))


def check_budgets(opened: "Opened", config: RunConfig) -> Generator[Event, None, BudgetsChecked]:
    """Find out whether a search with these settings can meet its budgets; latency is not timed."""
    yield StageStarted("Preparing")
    from core.search import check_budget

    try:
        check_budget(opened, config.search)
    except ConfigError as error:
        return BudgetsChecked(str(error))
    return BudgetsChecked("")


def search(
    opened: "Opened", config: RunConfig, runs_folder: Path | None
) -> Generator[Event, None, Path]:
    """Search and record into a new folder in `runs_folder`; returns the new folder."""
    yield StageStarted("Preparing the run")
    from core.runs.files import new_run_folder
    from core.runs.flow import record_run

    folder = new_run_folder(config)
    if runs_folder is not None:
        folder = runs_folder / folder.name
    yield from record_run(opened, config, folder)
    return folder


def replay(opened: "Opened", folder: Path) -> Generator[Event, None, Path]:
    """Tell again what the search in `folder` told over the same network; returns the folder.

    Raises: RunError if the events cannot be read, or are another network's.
    """
    yield StageStarted("Reading the run")
    from core.runs.replay import replay_run

    yield from replay_run(folder, opened)
    return folder


def resume(opened: "Opened", folder: Path) -> Generator[Event, None, Path]:
    """Go on with the search in `folder` that was broken off; returns the folder."""
    yield StageStarted("Preparing the run")
    from core.runs.resuming import resume_run

    yield from resume_run(opened, folder)
    return folder


def round_widths(multiple: int, opened: "Opened", folder: Path) -> Generator[Event, None, Path]:
    """Round the widths of the finished run in `folder`; returns the folder beside it."""
    yield StageStarted("Preparing the run")
    from core.runs.rounding import round_run, rounded_folder, rounded_settings

    place = rounded_folder(folder, multiple)
    yield from round_run(opened, rounded_settings(folder, multiple), folder, place)
    return place


def compare(
    opened: "Opened",
    config: RunConfig,
    methods: tuple[str, ...],
    counts: tuple[int, int],
    folder: Path,
) -> Generator[Event, None, Path]:
    """Compare methods over so many seeds, fine-tuned for so many epochs; returns the folder."""
    yield StageStarted("Preparing the comparison")
    from core.runs.comparison_flow import plan_comparison, record_comparison

    plan = plan_comparison(opened, config, methods, *counts)
    yield from record_comparison(opened, config, plan, folder)
    return folder


def read_comparison(folder: Path) -> Generator[Event, None, Path]:
    """Show a comparison that was made before; returns its folder."""
    yield StageStarted("Reading the comparison")
    from core.runs import comparison_reading

    comparison = comparison_reading.read_comparison(folder)
    contents = comparison_reading.comparison_contents(comparison)
    yield ComparisonReported(str(folder), contents, comparison)
    return folder


def look_into_layer(opened: "Opened", layer: str) -> Generator[Event, None, None]:
    """Show a layer's filters and its activations on a few held-out images."""
    yield StageStarted("Looking into the layer")
    from core.inspection import look_into_layer as look

    yield from look(opened, layer)


def find_changed_images(
    opened: "Opened", keep: BoolArray, name: str, run_folder: Path | None
) -> Generator[Event, None, None]:
    """Find the held-out images of which the network pruned by a mask says another class.

    Raises: RunError if the weights that the run's network adapted to are damaged.
    """
    yield StageStarted("Comparing both networks")
    from core.inspection import find_changed_images as find
    from core.runs.adapted import read_adapted

    adapted = None if run_folder is None else read_adapted(run_folder, opened, keep)
    yield from find(opened, keep, name, adapted=adapted)


def finetune(
    opened: "Opened",
    masks: "tuple[BoolArray, Mapping[str, BoolArray]]",
    config: RunConfig,
    folder: Path | None,
    *,
    resume: bool = False,
) -> Generator[Event, None, Path]:
    """Train the network of the best mask, and of criteria's; returns the folder of its files.

    resume: go on with what was broken off in `folder`.
    """
    yield StageStarted("Preparing to fine-tune")
    from core.runs.files import new_run_folder
    from core.runs.finetuning import record_finetuning
    from core.runs.masks import RunMasks

    place = folder or new_run_folder(config)
    yield from record_finetuning(opened, RunMasks(*masks), config, place, resume=resume)
    return place


def export_finetuned(
    opened: "Opened",
    finetuned: "Finetuned",
    folder: Path,
    formats: tuple[str, ...],
    config: RunConfig,
) -> Generator[Event, None, Path]:
    """Write a fine-tuned network into `folder`, after the parity gate."""
    yield StageStarted("Preparing the export")
    from core.runs.finetuning import export_finetuned as export

    yield from export(opened, finetuned, folder, formats, is_half_kept=config.export_half)
    return folder


def export(
    opened: "Opened",
    keep: BoolArray,
    folder: Path,
    formats: tuple[str, ...],
    config: RunConfig,
    run_folder: Path | None = None,
) -> Generator[Event, None, Path]:
    """Write the pruned network into `folder`, after the parity gate.

    run_folder: of the run that chose the mask, where its network's weights lie if it adapted.
    """
    yield StageStarted("Preparing the export")
    from core.runs.exporting import export_of_run

    yield from export_of_run(opened, keep, folder, formats, config, run_folder)
    return folder
