"""THE flow: criteria compete, the agent learns from the winner, the best mask is chosen.

`run_search` is a generator of events. `evaluations` counts the masks that the agent proposes.
The one-shot criteria that compete before it and the choice of the winner after it come on
top, because every search that starts here pays for them alike; `seconds` counts them.
"""

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

from core.config import SearchConfig
from core.evaluation import limited_threads
from core.events import Event, NoticeRaised, SearchEvent
from core.search.agent import check_agent
from core.search.asking import check_search
from core.search.feasibility import check_budget
from core.search.health import watched
from core.search.layer_timing import latency_table
from core.search.searching import Search
from core.search.state import SearchState

__all__ = ["SearchState", "check_budget", "check_search", "run_search"]

if TYPE_CHECKING:
    from core.opening import Opened


def run_search(
    opened: "Opened",
    config: SearchConfig,
    state: SearchState | None = None,
    earlier: Iterable[Event] = (),
) -> Generator[SearchEvent, None, None]:
    """Search the mask that loses least accuracy within the MACs budget.

    Events, in this order: stages, SearchStarted, ImportancesMeasured, a CriterionEvaluated for
    each one-shot competitor, the first BestChanged; then for each update CandidateEvaluated
    events, BestChanged if one is better, PolicyUpdated, now and then AttentionMeasured and
    HeldOutScored, and CheckpointReached; at last SearchFinished. HealthRaised comes behind the
    event that raised it.
    StopRequested thrown in ends it within one batch of images, with the best mask so far.
    The same opened network, images and config give the same events but for the seconds.

    state: of an earlier CheckpointReached of the same network, images and config. The search
        goes on with what came after it, and on a CPU its events are the same to the bit.
    earlier: the events up to there, for those who watch the search's health; what they told of
        the refit is not said again.
    Where latency is budgeted, the layers are timed before all this, and LatencyTableMeasured
    comes first; a stop that comes while they are timed leaves without a mask.

    Raises: BudgetError, ConfigError before anything is computed, or after the layers are timed.
    """
    check_search(config, is_fresh=state is None)
    check_budget(opened, config)
    check_agent(opened, config)
    with limited_threads(config.threads):
        table = yield from latency_table(opened, config, state)
        before = tuple(earlier)
        told = {event.message for event in before if isinstance(event, NoticeRaised)}
        search = Search(opened, config, state, table, told)
        yield from watched(search.clock.counting(search.run()), before)
