"""Open a run: its images, its network, and what the network's layers are."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from core.config import RunConfig
from core.data import Images, are_resized, open_images
from core.data.normalisation import AUTO
from core.errors import NetworkError, readable
from core.events import Event, NetworkOpened, NoticeRaised, StageStarted
from core.graph.assembly import Analysis
from core.labelling import label_images
from core.memory import told_shortage
from core.networks import (
    PUBLISHED,
    InputShape,
    Network,
    NetworkFacts,
    find_network,
    load_network,
)
from core.pruning.criteria import l1_importance
from core.pruning.macs import MacsModel
from core.pruning.verification import analysis_events

EXAMPLE_IMAGES = 2


@dataclass(frozen=True, eq=False)
class Opened:
    """All that a search needs: a network, its images, and how its channels hang together."""

    network: Network
    images: Images
    analysis: Analysis
    analysis_seconds: float


def open_run(
    config: RunConfig, *, allow_download: bool = False, trust: bool = False
) -> Generator[Event, None, Opened]:
    """Open what `config` names; ends with NetworkOpened, and returns its handle.

    The images' split does not depend on the search's seed, so that searches with different
    seeds are judged by the same images.

    allow_download: fetch images and published weights that are not on this machine.
    trust: run the code of the network's file without asking, this once.
    Raises: NetworkError, CheckpointError, DataError, ConfigError, GraphError or MemoryShortage, in
        one sentence each; ConsentNeeded before anything else is opened, see core.networks.consent.
    """
    with told_shortage("opening the network and its images"):
        return (yield from _open(config, allow_download, trust))


def _open(config: RunConfig, allow_download: bool, trust: bool) -> Generator[Event, None, Opened]:
    found = yield from find_network(config.network, trust=trust)
    yield StageStarted("Opening the images")
    images = open_images(
        config.data,
        input_shape=_wanted_shape(config, found.facts),
        allow_download=allow_download,
        normalisation=_normalisation(config, found.facts),
    )
    yield from map(NoticeRaised, images.notices)
    yield StageStarted("Opening the network")
    network = yield from load_network(
        found,
        config.checkpoint,
        len(images.class_names),
        images.image_shape,
        allow_download=allow_download,
    )
    yield from _weights_notice(config, found.facts)
    if not images.is_labelled:
        yield from label_images(network.module, images)
    began = time.perf_counter()
    example, _ = images.reward.batch(np.arange(EXAMPLE_IMAGES))
    analysis = yield from analysis_events(network.module, example)
    seconds = time.perf_counter() - began
    yield from map(NoticeRaised, analysis.warnings)
    opened = Opened(network, images, analysis, seconds)
    yield _describe(opened)
    return opened


def _wanted_shape(config: RunConfig, facts: NetworkFacts) -> InputShape | None:
    """The shape to which images are brought; asks for it where nobody else can say it."""
    shape = config.image_shape or facts.input_shape
    if shape is None and are_resized(config.data):
        raise NetworkError(
            f"Network '{facts.label}' does not say what size its images have, and those in "
            f"{readable(config.data)} can have any. Give --input-shape, for example "
            f"{facts.channels or 3}x224x224."
        )
    return shape


def _normalisation(config: RunConfig, facts: NetworkFacts) -> str:
    is_published = config.checkpoint == PUBLISHED and config.normalisation == AUTO
    return facts.normalisation or AUTO if is_published else config.normalisation


def _weights_notice(config: RunConfig, facts: NetworkFacts) -> Iterator[NoticeRaised]:
    if config.checkpoint or facts.is_trained:
        return
    certainty = (
        "so its weights are random"
        if facts.is_trained is False
        else ("so unless its code loads some its weights are random")
    )
    yield NoticeRaised(
        f"{facts.label} has no checkpoint, {certainty} and its accuracy says nothing. "
        "Give the checkpoint of a trained network."
    )


def _describe(opened: Opened) -> NetworkOpened:
    network, images, analysis = opened.network, opened.images, opened.analysis
    macs = MacsModel(analysis, network.module)
    return NetworkOpened(
        network=network.name,
        dataset=images.name,
        graph=analysis.graph,
        groups=analysis.groups,
        macs=macs.total,
        params=macs.total_params,
        magnitude=l1_importance(network.module, analysis.plan, analysis.groups),
        image_counts={
            "reward": len(images.reward),
            "held_out": len(images.held_out),
            "test": len(images.test),
        },
        handle=opened,
    )
