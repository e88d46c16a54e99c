"""`--set` takes every setting, `espalier settings` lists them."""

import json
import subprocess
import sys
import tomllib

import pytest

from app.__main__ import main
from app.command_line import parse, run_config
from app.finetune_words import finetune_config
from app.setting_arguments import settings_text
from core.config import RunConfig, SearchConfig, run_config_from_toml, to_toml
from core.config.settings import all_settings, value_of, with_values
from core.errors import ConfigError
from tests.app.every_setting import SETTINGS, another_value


def written(value) -> str:
    """A value as a person types it."""
    if isinstance(value, tuple):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_set_from_the_terminal(name, tmp_path):
    value = another_value(SETTINGS[name])
    wanted = with_values(RunConfig(), {name: value})
    assignment = f"{name}={written(value)}"
    assert value_of(wanted, name) == value
    assert run_config(parse(["search", "--set", assignment])) == wanted
    (tmp_path / "config.toml").write_text(to_toml(RunConfig()), encoding="utf-8")
    assert finetune_config(parse(["finetune", str(tmp_path), "--set", assignment])) == wanted


@pytest.mark.parametrize("name", SETTINGS)
def test_a_value_of_another_kind_is_refused_by_name(name):
    if SETTINGS[name].kind is str and not SETTINGS[name].choices:
        return  # whatever is typed is a text
    with pytest.raises(ConfigError, match=name.rpartition(".")[2]):
        run_config(parse(["search", "--set", f"{name}={{ a = 1 }}"]))


def test_set_wins_over_words_presets_and_files(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(to_toml(RunConfig(search=SearchConfig(seed=4))), encoding="utf-8")
    words = ["--preset", "paper", "--seed", "5", "--set", "search.seed=6"]
    config = run_config(parse(["search", "--config", str(file), *words]))
    assert (config.search.seed, config.search.constraint) == (6, "penalty")


def test_set_may_stand_before_the_command_and_the_last_one_counts():
    words = ["--set", "search.seed=1", "--set", "search.evaluations=7"]
    config = run_config(parse([*words, "search", "--set", "search.seed=2"]))
    assert (config.search.seed, config.search.evaluations) == (2, 7)
    assert run_config(parse(words)).search.seed == 1


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("search.ppo.clip=0.1", r"Unknown setting 'search\.ppo\.clip'\. Known here: .*clip_coef"),
        ("speed=0.1", "Unknown setting 'speed'. Known here: checkpoint, data"),
        (
            "search.ppo=0.1",
            r"'search\.ppo' is a table of settings\. Name one of search\.ppo\.epochs",
        ),
        ("search.seed.x=1", "Setting 'search.seed' must be"),
        ("search.seed", "Write a name and a value, such as"),
        ("=1", "Write a name and a value, such as"),
        ("search.ppo.clip_coef=2", "'clip_coef' must be between 0.01 and 1.0, not 2.0"),
        ("search.seed=", "Setting 'search.seed' must be"),
        ("search.evaluations=[[[", "Setting 'search.evaluations' must be"),
        ("search.macs_budget=nan", "'macs_budget' must be between"),
    ],
)
def test_what_cannot_be_set_is_one_sentence(assignment, sentence):
    with pytest.raises(ConfigError, match=sentence) as refused:
        run_config(parse(["search", "--set", assignment]))
    assert "\n" not in str(refused.value)


def test_bare_words_are_texts_and_one_line_is_a_list():
    words = ["data=2025-01-01", "network=true", "search.pinned_keep=stem:0-3,7"]
    config = run_config(parse(["search", *(f"--set={word}" for word in words)]))
    assert (config.data, config.network) == ("2025-01-01", "true")
    assert config.search.pinned_keep == ("stem:0-3,7",)


def test_the_list_is_a_settings_file_of_the_defaults():
    text = settings_text()
    assert run_config_from_toml(text) == RunConfig()
    values = tomllib.loads(text)
    for setting in all_settings():
        table = values
        for part in setting.table.split(".") if setting.table else ():
            table = table[part]
        assert table[setting.field_name] == (
            list(setting.default) if setting.kind is tuple else setting.default
        )
    assert text.count("# ") >= 2 * len(all_settings())
    assert "clip_coef = 0.2" in text and "From 0.01 to 1." in text


def test_the_list_can_be_shortened(capsys):
    assert main(["settings", "clip"]) == 0
    assert tomllib.loads(capsys.readouterr().out) == {"search": {"ppo": {"clip_coef": 0.2}}}
    assert main(["settings", "speed"]) == 2
    assert "No setting has 'speed' in its name" in capsys.readouterr().err


def test_the_list_needs_neither_torch_nor_qt():
    code = (
        "import sys\n"
        "from app.__main__ import main\n"
        "main(['settings'])\n"
        "sys.exit('torch' in sys.modules or 'PySide6' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == 0
