"""Every preset loads, and none says what is not its business."""

import dataclasses
import tomllib

import pytest

from core.config import RunConfig, SearchConfig
from core.config.settings import all_settings, with_values
from core.errors import ConfigError
from core.presets import OWN_DECISIONS, PRESETS, PRESETS_FOLDER, apply_preset, preset_of
from core.rl.rewards import REWARDS
from core.search.tournament import check_prior

OWN = RunConfig(
    network="cifar_resnet20",
    checkpoint="x.pt",
    data="cifar10",
    search=SearchConfig(macs_budget=0.3, seed=7, threads=2, device="cpu", streams="keep"),
)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_loads_and_can_be_searched_with(name):
    config = apply_preset(OWN, name)
    assert config.search.reward in REWARDS
    check_prior(config.search.prior)
    assert preset_of(config) == name


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_leaves_network_images_budget_seed_and_machine_alone(name):
    config = apply_preset(OWN, name)
    assert (config.network, config.checkpoint, config.data) == ("cifar_resnet20", "x.pt", "cifar10")
    kept = ("macs_budget", "seed", "threads", "device", "streams")
    assert [getattr(config.search, one) for one in kept] == [0.3, 7, 2, "cpu", "keep"]


def test_one_preset_after_the_other_is_the_other_alone():
    for first in PRESETS:
        for second in PRESETS:
            once = apply_preset(OWN, second)
            assert apply_preset(apply_preset(OWN, first), second) == once


def test_what_a_preset_does_not_name_is_at_its_default_and_else_it_is_none():
    quick = apply_preset(OWN, "quick")
    for name, value in {
        "search.method": "random",
        "search.ppo.advantage": "rank",
        "search.policy.rank_scale": 3.0,
        "finetune.momentum": 0.5,
    }.items():
        other = with_values(quick, {name: value})
        assert preset_of(other) is None
        assert apply_preset(other, "quick") == quick


def test_what_a_preset_names_is_never_ones_own_decision():
    for name in PRESETS:
        file = tomllib.loads((PRESETS_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        for table, own in OWN_DECISIONS.items():
            assert set(own) & set(file[table]) == set()
    known = {setting.name for setting in all_settings()}
    own = {f"{table}.{name}" for table, names in OWN_DECISIONS.items() for name in names}
    assert own <= known


def test_presets_are_what_they_are_called():
    sizes = {name: apply_preset(OWN, name).search.evaluations for name in PRESETS}
    assert (sizes["quick"], sizes["thorough"]) == (300, 2000)
    assert max(sizes, key=sizes.__getitem__) == "long"
    adapting = [name for name in PRESETS if apply_preset(OWN, name).search.is_adapting]
    assert adapting == ["quick", "thorough", "long"]
    paper = apply_preset(OWN, "paper").search
    assert (paper.reward, paper.constraint, paper.prior) == ("self_competition", "penalty", "none")
    assert (paper.policy.embedding, paper.policy.offsets) == ("global", False)
    assert paper.policy.pretraining_epochs > 0
    assert paper.policy.decision_steps > 1
    assert paper.ppo.ratio == "joint"
    assert "Not here" in (PRESETS_FOLDER / "paper.toml").read_text(encoding="utf-8")


def test_the_quick_preset_is_the_default_search():
    assert apply_preset(RunConfig(), "quick") == RunConfig()


def test_settings_of_ones_own_are_no_preset():
    search = dataclasses.replace(OWN.search, evaluations=301)
    assert preset_of(dataclasses.replace(OWN, search=search)) is None


def test_a_preset_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"'fast'.*quick, frozen, thorough"):
        apply_preset(OWN, "fast")
