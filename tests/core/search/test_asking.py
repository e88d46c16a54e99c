"""What settings ask for in vain is refused before any network is opened."""

import dataclasses

import pytest

from core.config import RunConfig, SearchConfig
from core.errors import BudgetError, ConfigError
from core.runs.comparison_flow import check_comparison
from core.search import check_search, run_search
from core.search.methods import method_names
from tests.core.tiny import open_tiny
from tests.networks import Chain


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reward": "fame"}, r"'reward' must be one of .*, not 'fame'"),
        ({"method": "luck"}, r"'method' must be one of agent, .*, not 'luck'"),
        ({"prior": "best"}, "'prior' must be tournament, none or"),
        ({"device": "cuda:99"}, "Device 'cuda:99' is not there"),
        ({"start_from": "no/where"}, "There is no agent to start from in no/where"),
        ({"start_from": "no/where", "method": "proposal"}, "There is no agent to start from"),
    ],
)
def test_what_no_network_can_mend_is_refused(changes, sentence):
    config = SearchConfig(**changes)
    with pytest.raises(ConfigError, match=sentence):
        check_search(config)
    with pytest.raises(ConfigError, match=sentence):
        next(run_search(open_tiny(Chain), config))
    if "method" not in changes:
        with pytest.raises(ConfigError, match=sentence):
            check_comparison(RunConfig(search=config), ["l1", "agent"])


def test_what_can_be_searched_is_not_refused(tmp_path):
    for method in method_names():
        check_search(SearchConfig(method=method))
    gone = SearchConfig(start_from=str(tmp_path / "agent.pt"))
    check_search(gone, is_fresh=False)  # what it began with is in its checkpoint
    check_search(dataclasses.replace(gone, method="random"))  # which asks no agent


def test_at_all_macs_there_is_nothing_to_prune_unless_something_else_is_limited():
    whole = SearchConfig(macs_budget=1.0)
    with pytest.raises(BudgetError, match=r"nothing to prune: the budget of 100 % of the MACs"):
        check_search(whole)
    with pytest.raises(BudgetError, match="nothing to prune"):
        check_comparison(RunConfig(search=whole), ["l1"])
    for changes in (
        {"params_budget": 0.5},
        {"size_budget": 0.5},
        {"latency_budget": 0.5},
        {"pinned_removed": ("conv1:0",)},
        {"macs_budget": 0.999},
    ):
        check_search(dataclasses.replace(whole, **changes))
    check_search(whole, is_fresh=False)
