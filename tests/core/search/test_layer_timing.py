"""Layers of the tiny networks timed on a made-up machine, and once on the real one."""

import itertools

import numpy as np
import pytest
import torch

from core.errors import BudgetError, NetworkError
from core.events import LatencyTableMeasured, StageAdvanced, StageStarted, StopRequested
from core.pruning.latency_table import LatencyCost, LatencyTable
from core.pruning.surgery import prune_network
from core.search import run_search
from core.search.layer_timing import MOST_ROUNDS, measure_latency_table
from core.search.layer_work import FRACTIONS, list_work
from core.search.timers import TorchTimer
from tests.core.made_up_times import MadeUpTimer, NoFasterTimer
from tests.core.search.test_search import short
from tests.core.tiny import finish, open_tiny
from tests.networks import EXACT, Chain, InvertedResidual, Residual, Shared, Upsampled


def table_of(kind, timer=None, **options) -> LatencyTable:
    return finish(measure_latency_table(open_tiny(kind), timer or MadeUpTimer(), **options))[1]


def mask(a: int, b: int) -> np.ndarray:
    return np.concatenate([np.arange(8) < a, np.arange(6) < b])


def test_the_chain_is_timed_at_these_widths():
    table = table_of(Chain)
    widths = {one.layers: (one.inputs, one.outputs) for one in table.layers}
    assert widths == {
        ("first.0",): ((3,), (1, 2, 4, 6, 8)),
        ("second.0",): ((1, 2, 4, 6, 8), (1, 2, 3, 4, 6)),
        ("head",): ((1, 2, 3, 4, 6), (4,)),
    }
    assert table.layers[1].ms[2][4] == 0.1 + 0.001 * 4 * 6


def test_the_prediction_meets_the_whole_network_and_the_halved_one():
    opened, table = open_tiny(Chain), table_of(Chain)
    cost = LatencyCost(opened.analysis, table)
    # the layers take 0.3 + 0.001 (3a + ab + 4b), the network 0.5 and twice that
    assert (table.scale, table.rest_ms) == (pytest.approx(2.0), pytest.approx(0.5))
    assert table.unpruned_ms == pytest.approx(0.5 + 2 * (0.3 + 0.001 * (24 + 48 + 24)))
    assert float(cost.milliseconds(mask(8, 6))) == pytest.approx(table.unpruned_ms)
    halved = mask(4, 3)
    assert float(cost.milliseconds(halved)) == pytest.approx(table.half_ms)
    module = opened.network.module
    cut = prune_network(module, opened.analysis.plan, mask(4, 4))
    assert float(cost.milliseconds(mask(4, 4))) == pytest.approx(MadeUpTimer().network(cut))


def test_a_machine_that_is_no_faster_predicts_no_gain():
    opened, table = open_tiny(Chain), table_of(Chain, NoFasterTimer())
    assert (table.scale, table.rest_ms) == (0.0, 3.0)
    assert float(LatencyCost(opened.analysis, table).share(mask(1, 1))) == 1.0


def test_layers_slower_than_the_whole_network_leave_no_rest():
    class Quick(MadeUpTimer):
        def network(self, module):
            return 0.001 * module.second[0].weight.shape[0]  # 6 and 3 channels

    table = table_of(Chain, Quick())
    assert table.rest_ms == 0.0
    assert table.scale == pytest.approx(0.006 / (0.3 + 0.001 * (24 + 48 + 24)))


def test_layers_that_do_the_same_are_timed_together():
    timer = MadeUpTimer()
    table = table_of(Shared, timer)
    assert ("twice", "twice#2") in {one.layers for one in table.layers}
    grid = (1, 2, 3, 4, 6)
    pairs = [(i, o) for layers, i, o in timer.timed if layers == ("twice", "twice#2")]
    assert pairs.count((6, 6)) == MOST_ROUNDS + 1  # and once to see how long a round takes
    assert set(pairs) == set(itertools.product(grid, grid))


def test_time_that_is_short_makes_the_grid_coarse_and_the_rounds_few():
    class Slow(MadeUpTimer):
        now = 0.0

        def layer(self, work, inputs, outputs):
            Slow.now += 1.0
            return 1000.0 * super().layer(work, inputs, outputs)

    timer = Slow()
    table = table_of(Chain, timer, seconds=2.0, clock=lambda: Slow.now)
    second = next(one for one in table.layers if one.layers == ("second.0",))
    assert (second.inputs, second.outputs) == ((2, 4, 8), (2, 3, 6))
    points = 3 + 9 + 3
    assert len(timer.timed) == 3 + points  # one round is always whole
    assert table.seconds == 3 + points


def test_progress_goes_from_nothing_to_all_and_never_back():
    ticks = itertools.count(0, 0.01)  # two of them pass between two events
    measuring = measure_latency_table(
        open_tiny(Residual), MadeUpTimer(), seconds=2.0, clock=lambda: next(ticks)
    )
    events, _ = finish(measuring)
    assert events[0] == StageStarted("Measuring the layers' latency", 100)
    done = [event.done for event in events[1:] if isinstance(event, StageAdvanced)]
    assert len(done) == len(events) - 1
    assert done == sorted(done) and 50 < len(done) < 150
    assert 95 <= done[-1] <= 100


@pytest.mark.parametrize("name", EXACT)
def test_every_layer_computes_what_the_network_computes(name):
    opened = open_tiny(EXACT[name])
    shapes = {layer.name: layer.output_shape for layer in opened.analysis.graph.layers}
    for work in list_work(opened.analysis, opened.network.module):
        for inputs, outputs in itertools.product(*work.grid(FRACTIONS)):
            images, weight = (torch.randn(shape) for shape in work.shapes(inputs, outputs, 2))
            out = work.run(images, weight)
            for layer in work.layers:
                whole = shapes[layer]
                assert tuple(out.shape) == (2, outputs, *whole[1:])
    works = list_work(opened.analysis, opened.network.module)
    named = {layer for work in works for layer in work.layers}
    assert named == {op.layer for op in opened.analysis.operations}


@pytest.mark.parametrize("kind", [InvertedResidual, Upsampled])
def test_real_times_are_positive_and_the_network_is_left_alone(kind):
    opened = open_tiny(kind)
    module = opened.network.module
    before = {key: value.clone() for key, value in module.state_dict().items()}
    timer = TorchTimer(torch.device("cpu"), opened.network.input_shape, batch=2)
    table = finish(measure_latency_table(opened, timer, seconds=0.05))[1]
    assert (table.device, table.batch, table.threads) == ("CPU", 2, torch.get_num_threads())
    assert table.unpruned_ms > 0 and table.scale >= 0 and table.rest_ms >= 0
    assert all(ms > 0 for one in table.layers for row in one.ms for ms in row)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    total = LatencyCost(opened.analysis, table).total
    assert total == pytest.approx(table.unpruned_ms) or table.scale > 0


@pytest.fixture
def made_up_machine(monkeypatch):
    def put(timer=MadeUpTimer):
        place = "core.search.layer_timing.make_timer"
        monkeypatch.setattr(place, lambda device, shape, batch: timer(batch))

    return put


def test_a_search_times_its_layers_first_and_only_if_latency_is_limited(made_up_machine):
    made_up_machine()
    events = list(run_search(open_tiny(Chain), short(evaluations=4, latency_budget=0.95)))
    kinds = [type(event) for event in events]
    assert kinds.count(LatencyTableMeasured) == 1
    first = kinds.index(LatencyTableMeasured)
    assert set(kinds[:first]) == {StageStarted, StageAdvanced}
    table = LatencyTable.from_dict(events[first].table)
    assert table.batch == 1
    without = run_search(open_tiny(Chain), short(evaluations=4))
    assert not any(isinstance(event, LatencyTableMeasured) for event in without)


def test_a_stop_while_layers_are_timed_leaves_at_once(made_up_machine):
    made_up_machine()
    events = run_search(open_tiny(Chain), short(latency_budget=0.95))
    assert next(events).stage == "Measuring the layers' latency"
    next(events)
    with pytest.raises(StopRequested):
        events.throw(StopRequested())


def test_a_latency_that_pruning_cannot_reach_is_refused_with_the_least(made_up_machine):
    made_up_machine()
    # 1.1 + 0.002 (3 + 1 + 4) of 1.1 + 0.002 (24 + 48 + 24): 86.4 %
    events = run_search(open_tiny(Chain), short(latency_budget=0.5))
    words = r"50 % of the predicted latency cannot .*'chain': at least 86\.4 % remain\. Choose a"
    with pytest.raises(BudgetError, match=words):
        list(events)
    made_up_machine(NoFasterTimer)
    with pytest.raises(BudgetError, match=r"at least 100\.0 % remain\. Set latency_budget to 1"):
        list(run_search(open_tiny(Chain), short(latency_budget=0.5)))


def test_a_layer_that_cannot_be_timed_is_told_with_a_way_out(made_up_machine):
    class Broken(MadeUpTimer):
        def layer(self, work, inputs, outputs):
            raise RuntimeError("no kernel for this layout.\nAt line 7.")

    made_up_machine(Broken)
    words = r"time the layers of network 'chain': no kernel for this layout\. Set latency_budget"
    with pytest.raises(NetworkError, match=words):
        list(run_search(open_tiny(Chain), short(latency_budget=0.9)))
