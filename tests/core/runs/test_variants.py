"""A name in a comparison, and the settings that it stands for."""

import dataclasses

import pytest

from core.config import SearchConfig
from core.errors import ConfigError
from core.runs.comparison_flow import compared_names
from core.runs.variants import SEARCHES, VARIANTS, with_method
from core.search.methods import METHODS, method_names

GIVEN = SearchConfig(adaptation_steps=5, seed=3)


def test_the_agent_does_as_the_settings_say():
    assert with_method(GIVEN, "agent") == GIVEN


def test_the_frozen_agent_and_the_other_searches_leave_the_weights_alone():
    assert with_method(GIVEN, "agent_frozen") == dataclasses.replace(GIVEN, adaptation_steps=0)
    for name in (*SEARCHES[1:], "l1"):
        search = with_method(GIVEN, name)
        assert (search.method, search.seed, search.is_adapting) == (name, 3, False)


@pytest.mark.parametrize("name", ["random", "evolution", "layer_ratios"])
def test_an_adapting_search_takes_the_agents_steps_or_the_usual_ones(name):
    search = with_method(GIVEN, f"{name}_adapting")
    assert (search.method, search.adaptation_steps) == (name, 5)
    frozen = dataclasses.replace(GIVEN, adaptation_steps=0)
    usual = with_method(frozen, f"{name}_adapting").adaptation_steps
    assert usual == SearchConfig().adaptation_steps > 0


def test_adapting_gates_train_the_weights_themselves():
    search = with_method(GIVEN, "gates_adapting")
    assert (search.method, search.baselines.gates_train_weights) == ("gates", True)
    # and the others do not, as the table's note says, whatever the settings
    training = dataclasses.replace(GIVEN, baselines=search.baselines)
    assert not with_method(training, "gates").baselines.gates_train_weights


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.endswith("_adapting")])
def test_nothing_adapts_where_the_reward_looks_at_a_refit(name):
    staged = dataclasses.replace(GIVEN, reward="staged")
    with pytest.raises(ConfigError, match=f"'{name}' cannot adapt .* 'reward' is staged"):
        with_method(staged, name)
    assert with_method(staged, "agent_frozen").reward == "staged"


def test_every_variant_is_of_a_method_and_can_be_compared():
    assert set(SEARCHES) == set(METHODS)
    for name in VARIANTS:
        assert with_method(GIVEN, name).method in METHODS
    assert set(compared_names()) == {*method_names(), *VARIANTS}
    assert len(compared_names()) == len(method_names()) + len(VARIANTS)
