"""How soon the graph of a large network is drawn, and how smooth it moves: a table.

    python -m tests.benchmarks.drawing

For each network once as it is shown first and once with every block unfolded. "layout" is the
placing alone, "picture" all from the analysis to the first painting, both in ms. "frames" is
how many are painted in a second in software while the view pans and zooms and masks change 20
times a second. The screen is only in memory.
"""

import os
import sys
import time
from collections.abc import Callable

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.graph_layout import arrange, lay_out
from app.panels.graph import GraphPanel
from app.selection import Selection
from app.theme import LIGHT, apply_palette
from core.events import NetworkOpened
from core.graph.coupling import CouplingGroups
from core.graph.layers import LayerGraph
from tests.app.layer_graphs import chain_network

NETWORKS = {"resnet152": 224, "efficientnet_b3": 300, "densenet169": 224, "swin_t": 224}
CHAIN_LENGTH = 1000
PANEL_PX = (1180, 560)
MOVING_SECONDS = 2.0
MASK_SECONDS = 0.05
HEADER = f"{'network':<16} {'shown':<9} {'cards':>6} {'layout':>7} {'picture':>8} {'frames':>7}\n"


def main() -> None:
    """Print two rows for each network."""
    app = QApplication([])
    apply_palette(app, LIGHT)
    sys.stdout.write(HEADER)
    for name, make in network_makers().items():
        for row in measure(name, *make()):
            sys.stdout.write(row)
            sys.stdout.flush()
    sys.stdout.write(f"{os.cpu_count()} cores\n")


def network_makers() -> dict[str, Callable[[], tuple[LayerGraph, CouplingGroups]]]:
    """What analyses each network, by name."""
    makers: dict[str, Callable[[], tuple[LayerGraph, CouplingGroups]]] = {
        name: lambda name=name, side=side: _analyse(name, side) for name, side in NETWORKS.items()
    }
    return makers | {f"chain of {CHAIN_LENGTH}": _chain}


def measure(name: str, graph: LayerGraph, groups: CouplingGroups) -> list[str]:
    """Rows of the table for one network."""
    panel = GraphPanel(Selection(), settings=QSettings(os.devnull, QSettings.Format.IniFormat))
    panel.resize(*PANEL_PX)
    panel.show()
    QApplication.processEvents()
    shows: dict[str, Callable[[], None]] = {
        "first": lambda: panel.show_event(_opened(name, graph, groups)),
        "unfolded": panel.unfold_all,
    }
    rows = []
    for words, show in shows.items():
        start = time.perf_counter()
        show()
        panel.view.viewport().repaint()
        picture = time.perf_counter() - start
        layout = _layout_seconds(panel)
        frames = _frames_per_second(panel, groups.channel_count)
        rows.append(
            f"{name:<16} {words:<9} {len(panel.scene.nodes):>6} {1e3 * layout:>7.0f} "
            f"{1e3 * picture:>8.0f} {frames:>7.0f}\n"
        )
    panel.close()
    panel.deleteLater()
    QApplication.processEvents()
    return rows


def _layout_seconds(panel: GraphPanel) -> float:
    sizes = {name: item.size for name, item in panel.scene.nodes.items()}
    start = time.perf_counter()
    lay_out(arrange(panel.scene.shown.seen.graph, sizes), PANEL_PX)
    return time.perf_counter() - start


def _frames_per_second(panel: GraphPanel, channels: int) -> float:
    draw, view = np.random.default_rng(0), panel.view
    start, masks, frames = time.perf_counter(), 0, 0
    while (now := time.perf_counter() - start) < MOVING_SECONDS:
        if now >= masks * MASK_SECONDS:
            masks += 1
            panel.scene.show_mask(draw.random(channels) < draw.uniform(0.3, 1.0))
        if frames % 40 < 20:
            view.zoom_by(1.05 if frames % 40 < 10 else 1 / 1.05)
        else:
            view.pan_by(7 if frames % 40 < 30 else -7, 3)
        view.viewport().repaint()
        frames += 1
    return frames / (time.perf_counter() - start)


def _analyse(name: str, side: int) -> tuple[LayerGraph, CouplingGroups]:
    import torch
    import torchvision

    from core.graph.trace import analyse_network

    module = torchvision.models.get_model(name, weights=None).eval()
    analysis = analyse_network(module, torch.zeros(1, 3, side, side))
    return analysis.graph, analysis.groups


def _chain() -> tuple[LayerGraph, CouplingGroups]:
    builder = chain_network(CHAIN_LENGTH)
    return builder.graph, builder.groups()


def _opened(name: str, graph: LayerGraph, groups: CouplingGroups) -> NetworkOpened:
    return NetworkOpened(
        network=name,
        dataset="digits",
        graph=graph,
        groups=groups,
        macs=1,
        params=1,
        magnitude=np.zeros(groups.channel_count, np.float32),
        image_counts={},
        handle=None,
    )


if __name__ == "__main__":
    main()
