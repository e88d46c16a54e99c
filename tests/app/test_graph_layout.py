"""Facts about where layers stand and where wires run."""

import time
from itertools import pairwise

import networkx as nx
import pytest

from app.graph_layering import layer_ranks, make_layering
from app.graph_layout import Box, GraphLayout, arrange, lay_out
from tests.app.layer_graphs import random_graph, residual_network, small_network

VIEW = (900.0, 450.0)
RANDOM = pytest.mark.parametrize("seed", range(6))
NETWORKS = pytest.mark.parametrize(
    "graph",
    [residual_network(3).graph, residual_network(9).graph, small_network().graph],
    ids=["resnet20", "resnet56", "small"],
)


def sizes_of(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """Cards of several sizes, and small circles for additions."""
    return {
        name: (24.0, 24.0) if "add" in name else (50.0 + 7 * (index % 5), 80.0 + 11 * (index % 4))
        for index, name in enumerate(graph.nodes)
    }


def laid_out(graph: nx.DiGraph, view=VIEW, *, is_vertical: bool = False) -> GraphLayout:
    return lay_out(arrange(graph, sizes_of(graph), is_vertical=is_vertical), view)


def points_of(route, steps: int = 12):
    """Points along a chain of Bezier curves."""
    for segment in route:
        for step in range(steps + 1):
            t = step / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            yield tuple(
                sum(w * p[axis] for w, p in zip(weights, segment, strict=True)) for axis in (0, 1)
            )


def holds(box: Box, point, margin: float = 1.0) -> bool:
    x, y = point
    return (
        box.x + margin < x < box.x + box.width - margin
        and box.y + margin < y < box.y + box.height - margin
    )


def assert_nothing_is_hidden(graph: nx.DiGraph, page: GraphLayout) -> None:
    boxes = list(page.boxes.items())
    for index, (_, a) in enumerate(boxes):
        for _, b in boxes[:index]:
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x
            assert apart or a.y + a.height <= b.y or b.y + b.height <= a.y
    for (source, target), route in page.routes.items():
        others = [box for name, box in boxes if name not in (source, target)]
        for point in points_of(route):
            assert not any(holds(box, point) for box in others), (source, target)
            assert not holds(page.boxes[target], point, 2.0), (source, target)


@RANDOM
def test_random_graphs_hide_no_layer_and_no_wire(seed: int):
    graph = random_graph(seed, 30, 12)
    assert_nothing_is_hidden(graph, laid_out(graph))


@NETWORKS
def test_networks_hide_no_layer_and_no_skip_connection(graph):
    assert_nothing_is_hidden(graph, laid_out(graph))


@NETWORKS
def test_one_row_hides_nothing_either(graph):
    page = laid_out(graph, None)
    assert page.row_count == 1
    assert_nothing_is_hidden(graph, page)


@RANDOM
def test_downwards_hides_nothing_either(seed: int):
    graph = random_graph(seed, 30, 12)
    assert_nothing_is_hidden(graph, laid_out(graph, is_vertical=True))


@RANDOM
def test_downwards_data_flows_down_or_to_the_next_column(seed: int):
    graph = random_graph(seed, 40, 10)
    page = laid_out(graph, is_vertical=True)
    for source, target in graph.edges:
        a, b = page.boxes[source], page.boxes[target]
        assert a.row < b.row or (a.row == b.row and a.y + a.height < b.y)


def test_downwards_sizes_and_the_page_are_as_asked():
    graph = residual_network(9).graph
    page = laid_out(graph, is_vertical=True)
    sizes = {name: (box.width, box.height) for name, box in page.boxes.items()}
    assert sizes == sizes_of(graph)
    assert 0.5 < (page.width / page.height) / (VIEW[0] / VIEW[1]) < 2.0


@RANDOM
def test_data_flows_to_the_right_or_to_a_lower_row(seed: int):
    graph = random_graph(seed, 40, 10)
    page = laid_out(graph)
    for source, target in graph.edges:
        a, b = page.boxes[source], page.boxes[target]
        assert a.rank < b.rank
        assert a.row < b.row or (a.row == b.row and a.x + a.width < b.x)


@RANDOM
def test_routes_join_their_layers_without_a_break(seed: int):
    graph = random_graph(seed, 30, 12)
    page = laid_out(graph)
    for (source, target), route in page.routes.items():
        a, b = page.boxes[source], page.boxes[target]
        assert route[0][0] == pytest.approx((a.x + a.width, a.centre[1]))
        x, y = route[-1][3]
        on_left = x == pytest.approx(b.x) and y == pytest.approx(b.centre[1])
        on_top_or_bottom = x == pytest.approx(b.centre[0])
        assert on_left or on_top_or_bottom
        for before, after in pairwise(route):
            assert before[3] == pytest.approx(after[0])


@NETWORKS
def test_everything_lies_on_the_page(graph):
    page = laid_out(graph)
    for box in page.boxes.values():
        assert box.x >= 0 and box.x + box.width <= page.width
        assert box.y >= -1e-9 and box.y + box.height <= page.height + 1e-9
    for route in page.routes.values():
        for x, y in points_of(route):
            assert -1e-9 <= x <= page.width + 1e-9
            assert -1e-9 <= y <= page.height + 1e-9


def test_sizes_are_respected():
    graph = residual_network(3).graph
    sizes = sizes_of(graph)
    page = lay_out(arrange(graph, sizes), VIEW)
    assert {name: (box.width, box.height) for name, box in page.boxes.items()} == sizes


def test_a_rank_is_the_longest_path_from_the_input():
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")])
    assert layer_ranks(graph) == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_a_constant_stands_just_before_its_reader():
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "d"), ("constant", "d")])
    assert layer_ranks(graph)["constant"] == 2


def test_the_readers_of_one_output_share_a_lane():
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "d"), ("a", "c"), ("a", "d")])
    layering = make_layering(graph)
    assert sorted(layering.lane_of) == [("a", 1), ("a", 2)]
    assert [layering.names[slot] for slot in layering.path("a", "d")] == ["a", "a", "a", "d"]


def test_crossed_branches_are_uncrossed():
    graph = nx.DiGraph()
    graph.add_nodes_from(["in", "a", "b", "x", "y", "out"])
    graph.add_edges_from([("in", "a"), ("in", "b"), ("a", "y"), ("b", "x")])
    graph.add_edges_from([("x", "out"), ("y", "out")])
    ranks = make_layering(graph).ranks
    upper = [rank[0] for rank in ranks[1:3]]
    names = [make_layering(graph).names[slot] for slot in upper]
    assert names in (["a", "y"], ["b", "x"])


def test_the_main_path_of_a_resnet_is_level():
    graph = residual_network(3).graph
    page = laid_out(graph, None)
    main = [box for name, box in page.boxes.items() if not name.endswith("shortcut")]
    assert max(box.centre[1] for box in main) - min(box.centre[1] for box in main) < 1.0


def test_a_skip_connection_passes_above_what_it_skips():
    graph = residual_network(1, stages=1).graph
    page = laid_out(graph, None)
    highest = min(y for _, y in points_of(page.routes["conv1", "layer1.0.add"]))
    assert highest < page.boxes["layer1.0.conv1"].y
    assert highest < page.boxes["layer1.0.conv2"].y


def test_a_long_network_is_broken_into_rows_for_the_view():
    graph = residual_network(3).graph
    one_row, page = laid_out(graph, None), laid_out(graph)
    assert page.row_count > 1

    def scale(page):
        return min(VIEW[0] / page.width, VIEW[1] / page.height)

    assert scale(page) > 1.5 * scale(one_row)


def test_a_short_network_stays_in_one_row():
    assert laid_out(small_network().graph).row_count == 1


def test_no_layers_need_no_room():
    page = laid_out(nx.DiGraph())
    assert (page.boxes, page.routes, page.width) == ({}, {}, 0.0)


def test_the_same_graph_gives_the_same_layout():
    first, second = (laid_out(random_graph(5, 30, 10)) for _ in range(2))
    assert first.boxes == second.boxes
    assert first.routes == second.routes


def test_a_thousand_layers_take_a_moment():
    graph = nx.path_graph([str(index) for index in range(1000)], create_using=nx.DiGraph)
    start = time.process_time()
    page = laid_out(graph)
    # Measured 0.1-0.2 s; the limit only catches a wrong order of growth.
    assert time.process_time() - start < 2.0
    assert len(page.boxes) == 1000
