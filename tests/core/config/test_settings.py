"""Settings are found by name, changed together, and checked by what their fields declare."""

from dataclasses import dataclass
from typing import Literal

import pytest

from core.config import RunConfig, SearchConfig, begun_config_from_toml, run_config_from_toml
from core.config.checks import check_fields
from core.config.declaring import among, number
from core.config.settings import (
    all_settings,
    parse_assignment,
    setting_named,
    value_of,
    with_values,
)
from core.errors import ConfigError


@dataclass(frozen=True)
class Sample:
    count: int = number(3, 1, 5)
    share: float = number(0.5, 0.0, 1.0)
    width: int = among(1, (1, 4))
    kind: Literal["a", "b"] = "a"
    is_on: bool = True
    lines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)


@pytest.mark.parametrize("values", [{"count": 1}, {"count": 5}, {"share": 1}, {"width": 4}])
def test_both_ends_of_a_range_are_taken(values):
    (name,) = values
    assert getattr(Sample(**values), name) == values[name]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 6}, "Setting 'count' must be between 1 and 5, not 6."),
        ({"count": True}, "Setting 'count' must be between 1 and 5, not True."),
        ({"share": -0.1}, "Setting 'share' must be between 0.0 and 1.0, not -0.1."),
        ({"share": float("nan")}, "Setting 'share' must be between 0.0 and 1.0, not nan."),
        ({"width": 2}, "Setting 'width' must be one of 1, 4, not 2."),
        ({"width": True}, "Setting 'width' must be one of 1, 4, not True."),
        ({"kind": "c"}, "Setting 'kind' must be one of a, b, not 'c'."),
        ({"is_on": 1}, "Setting 'is_on' must be true or false, not 1."),
        ({"lines": "a"}, "Setting 'lines' must be a list of texts, not 'a'."),
        ({"lines": (1,)}, "Setting 'lines' must be a list of texts, not (1,)."),
    ],
)
def test_what_does_not_fit_its_declaration_is_refused(values, sentence):
    with pytest.raises(ConfigError) as refused:
        Sample(**values)
    assert str(refused.value) == sentence


def test_every_setting_is_known_with_what_it_takes():
    clip_coef = setting_named("search.ppo.clip_coef")
    assert (clip_coef.table, clip_coef.field_name) == ("search.ppo", "clip_coef")
    assert (clip_coef.kind, clip_coef.default, clip_coef.range) == (float, 0.2, (0.01, 1.0))
    assert setting_named("search.round_to").choices == (1, 4, 8, 16)
    assert setting_named("search.streams").choices == ("auto", "keep", "prune")
    assert setting_named("search.reward").registry == "rewards"
    assert setting_named("finetune.data").is_path
    assert setting_named("search.pinned_keep").kind is tuple
    names = [setting.name for setting in all_settings()]
    assert names[0] == "network"
    assert len(set(names)) == len(names)


def test_tables_stand_behind_what_is_beside_them():
    tables = list(dict.fromkeys(setting.table for setting in all_settings()))
    assert tables[:2] == ["", "search"]
    assert tables[-1] == "finetune"
    seen = [setting.table for setting in all_settings()]
    assert seen == sorted(seen, key=tables.index)


def test_values_are_changed_together_and_the_rest_stays():
    before = RunConfig(search=SearchConfig(seed=7))
    after = with_values(before, {"search.ppo.epochs": 2, "finetune.patience": 9, "data": "x.npz"})
    assert value_of(after, "search.ppo.epochs") == 2
    assert (after.finetune.patience, after.data, after.search.seed) == (9, "x.npz", 7)
    assert with_values(after, {"search.ppo.epochs": 4, "finetune.patience": 0}) == RunConfig(
        data="x.npz", search=SearchConfig(seed=7)
    )
    assert before == RunConfig(search=SearchConfig(seed=7))


def test_values_that_fit_only_together_are_taken_together():
    values = {"search.policy.embedding": "global", "search.policy.architecture": "channels"}
    hierarchical = with_values(RunConfig(), {"search.policy.architecture": "hierarchical"})
    assert with_values(hierarchical, values).search.policy.embedding == "global"
    with pytest.raises(ConfigError, match="embedding"):
        with_values(hierarchical, {"search.policy.embedding": "global"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("search.seed=3", 3),
        (" search.seed = 0x10 ", 16),
        ("search.macs_budget=1", 1),
        ("search.macs_budget=5e-1", 0.5),
        ("latency=false", False),
        ("network=nets.py:make", "nets.py:make"),
        ('network="a b"', "a b"),
        ("network=3", "3"),
        ("checkpoint=", ""),
        ("search.reward=teacher", "teacher"),
        ("search.pinned_keep=a:1-3,7", ["a:1-3,7"]),
        ('search.pinned_keep=["a:1", "b:2"]', ["a:1", "b:2"]),
        ("data=a=b", "a=b"),
    ],
)
def test_an_assignment_is_read_as_toml_and_bare_words_as_texts(text, value):
    name, read = parse_assignment(text)
    assert name == text.partition("=")[0].strip()
    assert (read, type(read)) == (value, type(value))


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"Unknown setting 'search\.ppo\.clip'.*clip_coef"):
        with_values(RunConfig(), {"search.ppo.clip": 0.1})
    with pytest.raises(KeyError):
        setting_named("search.ppo.clip")


def test_layers_are_decided_where_the_network_adapts_unless_it_is_said_otherwise():
    def architecture(**values):
        named = {f"search.{name}": value for name, value in values.items()}
        return with_values(RunConfig(), named).search.agent_policy.architecture

    assert architecture() == "hierarchical"
    assert architecture(adaptation_steps=0) == "channels"
    assert architecture(reward="refit") == "channels"  # which leaves the weights alone
    for chosen in ("channels", "hierarchical"):
        assert architecture(**{"policy.architecture": chosen}) == chosen
    assert architecture(**{"policy.embedding": "global"}) == "channels"


def test_what_a_begun_run_is_too_old_to_name_is_as_it_was_then():
    old = "[search]\nseed = 3\n"
    assert begun_config_from_toml(old) == RunConfig(
        search=SearchConfig(seed=3, weight_mixing=False, adaptation_cutmix=0.0)
    )
    assert run_config_from_toml(old) == RunConfig(search=SearchConfig(seed=3))  # for a new one
    assert begun_config_from_toml("").search.weight_mixing is False
    named = "[search]\nweight_mixing = true\n"
    unmixed = SearchConfig(adaptation_cutmix=0.0)  # which was named later
    assert begun_config_from_toml(named) == RunConfig(search=unmixed)
    with pytest.raises(ConfigError, match="'search' must be a table"):
        begun_config_from_toml("search = 3\n")
