"""The words of the command line, and what happens without a display."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.__main__ import has_display, main
from app.command_line import build_parser, names_something, parse, run_config
from app.finetune_words import finetune_config
from core.config import RunConfig, SearchConfig, to_toml
from core.errors import ConfigError, RunError


def test_no_words_ask_for_an_empty_window():
    arguments = parse([])
    assert arguments.command is None
    assert not names_something(arguments)
    assert run_config(arguments) == RunConfig()


def test_search_words_become_settings():
    words = (
        "search --network cifar_resnet20 --checkpoint a.th --data b.npz --macs-budget 0.3 "
        "--evaluations 20 --seed 7 --device cpu --threads 2 --reward self_competition "
        "--constraint penalty --prior l1_uniform --streams prune --groups exact --out c"
    )
    arguments = parse(words.split())
    assert run_config(arguments) == RunConfig(
        network="cifar_resnet20",
        data="b.npz",
        checkpoint="a.th",
        search=SearchConfig(
            macs_budget=0.3,
            evaluations=20,
            seed=7,
            device="cpu",
            threads=2,
            reward="self_competition",
            constraint="penalty",
            prior="l1_uniform",
            streams="prune",
            groups="exact",
        ),
    )
    assert arguments.out == Path("c")


def test_words_about_the_images_of_a_network_become_settings():
    words = "search --network nets.py:make --normalisation half --input-shape 1x20x30 --trust"
    arguments = parse(words.split())
    assert arguments.trust
    assert run_config(arguments) == RunConfig(
        network="nets.py:make", normalisation="half", input_shape="1x20x30"
    )


def test_a_file_runs_its_code_only_with_trust(capsys, tmp_path):
    mark = tmp_path / "ran"
    code = f"import torch\nopen({str(mark)!r}, 'w').close()\nNet = torch.nn.Identity\n"
    (tmp_path / "nets.py").write_text(code)
    words = ["search", "--network", f"{tmp_path / 'nets.py'}:Net", "--data", "digits"]
    assert main(words) == 2
    assert "runs code" in capsys.readouterr().err and not mark.exists()
    assert main([*words, "--trust"]) == 2
    assert "nets.py:Net' gives" in capsys.readouterr().err and mark.exists()


def test_words_before_the_command_are_not_lost():
    arguments = parse(["--seed", "3", "search", "--evaluations", "5"])
    assert run_config(arguments).search.seed == 3
    assert run_config(arguments).search.evaluations == 5


def test_words_win_over_the_config_file(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(to_toml(RunConfig(network="resnet18", search=SearchConfig(seed=4))))
    config = run_config(parse(["search", "--config", str(file), "--seed", "9"]))
    assert config.network == "resnet18"
    assert config.search.seed == 9


def test_a_budget_out_of_range_is_one_sentence_and_exit_code_2(capsys):
    assert main(["search", "--macs-budget", "1.5"]) == 2
    shown = capsys.readouterr()
    assert shown.err == ("espalier: Setting 'macs_budget' must be between 0.01 and 1.0, not 1.5.\n")
    assert shown.out == ""


def test_a_missing_config_file_is_named(capsys, tmp_path):
    assert main(["search", "--config", str(tmp_path / "gone.toml")]) == 2
    assert "gone.toml" in capsys.readouterr().err


def test_demo_and_a_network_of_its_own_exclude_each_other(capsys):
    assert main(["--demo", "--network", "resnet18"]) == 2
    assert "--demo" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["search"], ["networks"]])
def test_every_word_is_explained(command, capsys):
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    lines = [line.split() for line in text.splitlines() if line.startswith("  --")]
    assert all(len(words) > 1 for words in lines)


def test_help_imports_neither_torch_nor_qt():
    code = (
        "import sys\n"
        "from app.__main__ import main\n"
        "try:\n    main(['search', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "sys.exit('torch' in sys.modules or 'PySide6' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == 0


def test_openmp_threads_wait_passively(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    main(["search", "--macs-budget", "7"])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


@pytest.fixture
def no_display(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_display_the_terminal_is_offered(no_display, capsys):
    assert main([]) == 2
    assert "espalier search" in capsys.readouterr().err


def test_without_a_display_the_demo_runs_in_the_terminal(no_display, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "app.headless.run_headless", lambda config, folder: asked.append((config, folder)) or 0
    )
    assert main(["--demo", "--start", "--seed", "5"]) == 0
    assert asked == [(RunConfig(search=SearchConfig(seed=5)), None)]
    assert "no display" in capsys.readouterr().out


def test_an_offscreen_platform_is_a_display(no_display, monkeypatch):
    assert not has_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert has_display()


def test_an_unknown_setting_names_the_known_ones(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("[search]\nspeed = 3\n")
    with pytest.raises(ConfigError, match=r"search\.speed"):
        run_config(parse(["search", "--config", str(file)]))


def test_a_preset_is_the_base_that_words_win_over():
    config = run_config(parse(["search", "--preset", "paper", "--evaluations", "40"]))
    assert config.search.reward == "self_competition"
    assert config.search.evaluations == 40
    assert config.network == "demo"


def test_finetune_words_change_a_runs_own_settings(tmp_path):
    run = RunConfig(network="cifar_resnet20", search=SearchConfig(seed=3, macs_budget=0.3))
    (tmp_path / "config.toml").write_text(to_toml(run), encoding="utf-8")
    words = ["finetune", str(tmp_path), "--epochs", "2", "--lr", "0.5", "--compare", "best"]
    config = finetune_config(parse([*words, "--seed", "9", "--data", "more.npz", "--threads", "1"]))
    assert config.network == "cifar_resnet20"
    assert (config.search.seed, config.search.macs_budget, config.search.threads) == (3, 0.3, 1)
    tuned = config.finetune
    assert (tuned.epochs, tuned.learning_rate, tuned.compare) == (2, 0.5, "best")
    assert (tuned.seed, tuned.data, tuned.momentum) == (9, "more.npz", 0.9)


def test_finetune_of_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="Give the folder of a run"):
        finetune_config(parse(["finetune", str(tmp_path)]))


def test_channels_are_pinned_by_words_that_may_be_repeated():
    words = [
        "--pinned-keep",
        "conv1:0-3,7",
        "--pinned-keep",
        "conv2:all",
        "--pinned-removed",
        "a:1",
    ]
    search = run_config(parse(["search", *words])).search
    assert search.pinned_keep == ("conv1:0-3,7", "conv2:all")
    assert search.pinned_removed == ("a:1",)
    assert run_config(parse(["search"])).search == SearchConfig()
