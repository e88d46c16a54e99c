"""Open a run: its images, its network, and what the network's layers are."""

import time
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from core.config import RunConfig
from core.data import Images, open_images
from core.events import Event, NetworkOpened, NoticeRaised, StageStarted
from core.graph.assembly import Analysis
from core.graph.trace import analyse_network
from core.networks import Network, expected_input, has_own_weights, open_network
from core.pruning.criteria import l1_importance
from core.pruning.macs import MacsModel

EXAMPLE_IMAGES = 2


@dataclass(frozen=True, eq=False)
class Opened:
    """All that a search needs: a network, its images, and how its channels hang together."""

    network: Network
    images: Images
    analysis: Analysis
    analysis_seconds: float


def open_run(config: RunConfig, *, allow_download: bool = False) -> Generator[Event, None, Opened]:
    """Open what `config` names; ends with NetworkOpened, and returns its handle.

    The images' split does not depend on the search's seed, so that searches with different
    seeds are judged by the same images.

    Raises: NetworkError, CheckpointError, DataError or GraphError, in one sentence each.
    """
    yield StageStarted("Opening the images")
    images = open_images(
        config.data, input_shape=expected_input(config.network), allow_download=allow_download
    )
    yield from map(NoticeRaised, images.notices)
    yield StageStarted("Opening the network")
    network = open_network(
        config.network,
        config.checkpoint,
        class_count=len(images.class_names),
        input_shape=images.image_shape,
    )
    if not config.checkpoint and not has_own_weights(config.network):
        yield NoticeRaised(
            f"{config.network} has no checkpoint, so its weights are random and its accuracy "
            "says nothing. Give the checkpoint of a trained network."
        )
    yield StageStarted("Reading its layers")
    began = time.perf_counter()
    example, _ = images.reward.batch(np.arange(EXAMPLE_IMAGES))
    analysis = analyse_network(network.module, example)
    seconds = time.perf_counter() - began
    yield from map(NoticeRaised, analysis.warnings)
    opened = Opened(network, images, analysis, seconds)
    yield _describe(opened)
    return opened


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
