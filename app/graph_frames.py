"""Where the unfolded blocks of a laid out graph are: frames behind their layers; no Qt."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from app.graph_blocks import BlockTree
from app.graph_layout import Box, GraphLayout

_MARGIN, _MARGIN_STEP, _LARGEST_MARGIN = 5.0, 3.0, 9.0


@dataclass(frozen=True)
class Frame:
    """The part of a block that stands in one row of the page."""

    block: str
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in the frame."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom


def block_frames(page: GraphLayout, tree: BlockTree) -> list[Frame]:
    """Frame the blocks whose layers are to be seen, outer blocks first.

    A frame that would also hold something of another block is left out, and so is one round
    more than half of the network: it would say nothing.
    """
    members: dict[str, list[str]] = {name: [] for name in tree.blocks}
    depths: dict[str, int] = defaultdict(int)  # of blocks with frames within a block
    for node in page.boxes:
        home = tree.home.get(node)
        around = tree.around(node) if home else ()
        for height, block in enumerate(reversed(around)):
            depths[block] = max(depths[block], height)
    framed = {tree.home[node] for node in page.boxes if tree.home.get(node)}
    framed = {b for b in framed if 2 * len(tree.blocks[b].layers) <= len(tree.home)}
    for node in page.boxes:
        for block in tree.around(node):
            if block in framed:
                members[block].append(node)
    frames = []
    for block, nodes in members.items():
        margin = min(_MARGIN + _MARGIN_STEP * depths[block], _LARGEST_MARGIN)
        frames += _frames_of(block, nodes, page, margin)
    return frames


def _frames_of(block: str, nodes: Iterable[str], page: GraphLayout, margin: float) -> list[Frame]:
    rows: dict[int, list[Box]] = defaultdict(list)
    mine = set(nodes)
    for node in mine:
        rows[page.boxes[node].row].append(page.boxes[node])
    frames = []
    for row, boxes in rows.items():
        frame = Frame(
            block,
            min(box.x for box in boxes) - margin,
            min(box.y for box in boxes) - margin,
            max(box.x + box.width for box in boxes) + margin,
            max(box.y + box.height for box in boxes) + margin,
        )
        others = (box for name, box in page.boxes.items() if box.row == row and name not in mine)
        if not any(_touches(frame, box) for box in others):
            frames.append(frame)
    return sorted(frames, key=lambda frame: (frame.top, frame.left))


def _touches(frame: Frame, box: Box) -> bool:
    return (
        frame.left < box.x + box.width
        and box.x < frame.right
        and frame.top < box.y + box.height
        and box.y < frame.bottom
    )
