"""The set-up script: what it decides, with pip, apt and ldd replaced by what they would say."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "packaging" / "bootstrap.py"


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sentences(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(bootstrap, "say", said.append)
    return said


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'espalier'\n")
    return tmp_path


@pytest.fixture
def installs(
    bootstrap: ModuleType, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Every call of pip install, by its extra; nothing is really installed."""
    extras: list[str] = []

    def install(root: Path, extra: str) -> str:
        extras.append(extra)
        return ""

    monkeypatch.setattr(bootstrap, "install", install)
    monkeypatch.setattr(bootstrap, "ensure_pip", lambda root: None)
    return extras


def test_words_after_the_dashes_are_passed_on(bootstrap: ModuleType) -> None:
    split = bootstrap.split_words(["run", "--", "search", "--out", "x", "--", "y"])
    assert split == (["run"], ["search", "--out", "x", "--", "y"])
    assert bootstrap.split_words(["test"]) == (["test"], [])


def test_old_python_is_told_which_one_is_needed(
    bootstrap: ModuleType, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    assert bootstrap.main(["run"]) == 2
    assert sentences[0].startswith("Espalier needs Python 3.11 or newer")


def test_unknown_command_exits_with_2(bootstrap: ModuleType) -> None:
    with pytest.raises(SystemExit) as stop:
        bootstrap.main(["fly"])
    assert stop.value.code == 2


def test_second_set_up_installs_nothing(
    bootstrap: ModuleType, project: Path, installs: list[str]
) -> None:
    bootstrap.set_up(project)
    bootstrap.set_up(project)
    assert installs == [""]


def test_changed_pyproject_is_installed_again(
    bootstrap: ModuleType, project: Path, installs: list[str]
) -> None:
    bootstrap.set_up(project)
    (project / "pyproject.toml").write_text("[project]\nname = 'espalier'\nversion = '2'\n")
    bootstrap.set_up(project)
    assert installs == ["", ""]


def test_test_extra_is_added_once_and_serves_run_too(
    bootstrap: ModuleType, project: Path, installs: list[str]
) -> None:
    for extra in ("", "test", "test", ""):
        bootstrap.set_up(project, extra)
    assert installs == ["", "test"]


def test_interrupted_install_starts_with_an_empty_environment(
    bootstrap: ModuleType, project: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(root: Path, extra: str) -> str:
        (root / ".venv" / "half-a-package").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", interrupt)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.set_up(project)
    bootstrap.set_up(project)
    assert installs == [""]
    assert not (project / ".venv" / "half-a-package").exists()


def test_failed_install_says_pips_words_and_keeps_the_environment(
    bootstrap: ModuleType, project: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.set_up(project)
    (project / ".venv" / "kept").touch()
    (project / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", lambda root, extra: "ERROR: no network")
        with pytest.raises(bootstrap.SetupError, match="ERROR: no network"):
            bootstrap.set_up(project)
    bootstrap.set_up(project)
    assert installs == ["", ""]
    assert (project / ".venv" / "kept").exists()


def test_broken_environment_is_replaced(
    bootstrap: ModuleType, project: Path, installs: list[str]
) -> None:
    bootstrap.set_up(project)
    python = bootstrap.python_of(project)
    python.unlink()
    bootstrap.set_up(project)
    assert python.exists()
    assert installs == ["", ""]


def test_folder_that_is_no_environment_is_left_alone(
    bootstrap: ModuleType, project: Path, installs: list[str]
) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "letter.txt").write_text("mine")
    with pytest.raises(bootstrap.SetupError, match="not a virtual environment"):
        bootstrap.set_up(project)
    assert (project / ".venv" / "letter.txt").read_text() == "mine"


def test_unreadable_stamp_counts_as_not_installed(
    bootstrap: ModuleType, project: Path, installs: list[str]
) -> None:
    bootstrap.set_up(project)
    bootstrap.stamp_file(project).write_text(json.dumps({"fingerprint": "x"})[:-4])
    bootstrap.set_up(project)
    assert installs == ["", ""]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_second_set_up_at_once_waits_for_the_first(
    bootstrap: ModuleType, project: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    real_lock: Callable[..., None] = bootstrap.fcntl.flock

    def flock(handle: object, mode: int) -> None:
        if mode & bootstrap.fcntl.LOCK_NB:
            real_lock(handle, mode)
        else:
            waits.append(mode)

    monkeypatch.setattr(bootstrap.fcntl, "flock", flock)
    with bootstrap.one_at_a_time(project), bootstrap.one_at_a_time(project):
        assert waits == [bootstrap.fcntl.LOCK_EX]
    assert sentences == ["Another set-up of this folder is running; waiting for it."]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Collecting torch>=2.9 (from espalier==0.1.0)\n", "torch"),
        ("Collecting sympy>=1.13.3 (from torch>=2.9->espalier==0.1.0)\n", ""),
        ("  Downloading torch-2.15.0-cp311-manylinux.whl (915.2 MB)\n", "torch, 915.2 MB"),
        ("  Downloading idna-3.20-py3-none-any.whl (70 kB)\n", ""),
        ("Installing collected packages: a, b, c\n", "putting 3 packages in place"),
        ("Requirement already satisfied: numpy>=2 in .venv\n", ""),
    ],
)
def test_progress_names_what_takes_long(bootstrap: ModuleType, line: str, words: str) -> None:
    said = bootstrap.progress_words(line)
    assert said.startswith(words) if words else said == ""


def test_pips_own_error_is_cut_out(bootstrap: ModuleType) -> None:
    lines = ["Collecting torch", "ERROR: No matching distribution", "see the manual"]
    assert bootstrap.pip_error(lines) == "ERROR: No matching distribution\nsee the manual"
    assert bootstrap.pip_error([]) == "pip ended without a word."


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libxcb-icccm.so.4", "libxcb-icccm4"),
        ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
        ("libGL.so.1", "libgl1"),
        ("libdbus-1.so.3", "libdbus-1-3"),
        ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
    ],
)
def test_debian_package_follows_from_the_library(
    bootstrap: ModuleType, library: str, package: str
) -> None:
    assert bootstrap.debian_package(library) == package


def test_ldd_output_gives_each_missing_library_once(bootstrap: ModuleType) -> None:
    output = (
        "QtGui.abi3.so:\n\tlibGL.so.1 => /lib/libGL.so.1 (0x1)\n"
        "libqxcb.so:\n\tlibxcb-keysyms.so.1 => not found\n\tlibxcb-icccm.so.4 => not found\n"
        "\tlibxcb-icccm.so.4 => not found\n"
    )
    assert bootstrap.unresolved_libraries(output) == ["libxcb-icccm.so.4", "libxcb-keysyms.so.1"]


def test_without_root_the_exact_command_is_said(
    bootstrap: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "missing_libraries", lambda *where: ["libxcb-cursor.so.0"])
    monkeypatch.setattr(
        bootstrap, "missing_packages", lambda missing, with_screen: ["libxcb-cursor0"]
    )
    monkeypatch.setattr(bootstrap, "can_install_packages", lambda: False)
    with pytest.raises(bootstrap.SetupError, match="sudo apt-get install -y libxcb-cursor0"):
        bootstrap.ensure_system_libraries(project, "xcb")


def test_root_on_debian_installs_what_is_missing(
    bootstrap: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [["libxcb-cursor.so.0"], []]
    installed: list[str] = []
    monkeypatch.setattr(bootstrap, "missing_libraries", lambda *where: missing.pop(0))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None if name == "Xvfb" else name)
    monkeypatch.setattr(bootstrap, "is_installed", lambda package: package == "libgl1")
    monkeypatch.setattr(bootstrap, "has_fonts", lambda: True)
    monkeypatch.setattr(bootstrap, "can_install_packages", lambda: True)
    monkeypatch.setattr(bootstrap, "apt_install", installed.extend)
    bootstrap.ensure_system_libraries(project, "xcb", with_screen=True)
    assert installed[0] == "libxcb-cursor0"
    assert installed[-2:] == ["xvfb", "xauth"]
    assert "libgl1" not in installed
    assert "fonts-dejavu-core" not in installed


def test_missing_libraries_elsewhere_are_named(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name if name == "dnf" else None)
    remedy = bootstrap.remedy_for(["libxcb-cursor.so.0"], [])
    assert remedy == "sudo dnf install 'libxcb-cursor.so.0()(64bit)'"


def test_display_is_needed_on_linux_only(bootstrap: ModuleType) -> None:
    assert not bootstrap.has_display({}, "linux")
    assert not bootstrap.has_display({"DISPLAY": ""}, "linux")
    assert bootstrap.has_display({"DISPLAY": ":0"}, "linux")
    assert bootstrap.has_display({"QT_QPA_PLATFORM": "offscreen"}, "linux")
    assert bootstrap.has_display({}, "darwin")


@pytest.mark.parametrize(
    ("words", "has_screen", "passed_on"),
    [
        ([], True, ["--demo", "--start"]),
        ([], False, ["--demo", "--start"]),
        (["--network", "demo"], True, ["--network", "demo"]),
        (["search", "--network", "demo"], True, ["search", "--network", "demo"]),
    ],
)
def test_run_passes_words_on_and_a_display_only_if_it_answers(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    has_screen: bool,
    passed_on: list[str],
) -> None:
    handed: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(bootstrap, "set_up", lambda root: None)
    monkeypatch.setattr(bootstrap, "screen_is_ready", lambda *where: has_screen)
    monkeypatch.setattr(bootstrap, "hand_over", lambda *what: handed.append(what))
    bootstrap.run_espalier(words)
    command, environment = handed[0]
    assert command[-len(passed_on) - 2 :] == ["-m", "app", *passed_on]
    assert ("DISPLAY" in environment) == has_screen


def test_only_words_for_the_window_need_a_display(bootstrap: ModuleType) -> None:
    assert bootstrap.opens_window(["--network", "cifar_resnet20"])
    assert not bootstrap.opens_window(["search", "--network", "demo"])
    assert not bootstrap.opens_window(["--help"])


def test_first_failing_check_is_the_exit_code_and_all_checks_run(
    bootstrap: ModuleType, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    codes = [0, 1, 0, 5]

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        calls.append(command[2:])
        return subprocess.CompletedProcess(command, codes[len(calls) - 1])

    monkeypatch.setattr(bootstrap, "set_up", lambda root, extra: None)
    monkeypatch.setattr(bootstrap, "ensure_system_libraries", lambda *where, with_screen: None)
    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    assert bootstrap.run_tests(["-k", "x"]) == 1
    assert [call[0] for call in calls] == ["ruff", "ruff", "mypy", "pytest"]
    assert calls[-1] == [*bootstrap.PYTEST, "-k", "x"]
    assert sentences[-1] == f"Failed: ruff format --check, {' '.join(calls[-1])}."


def test_children_do_not_let_openmp_spin(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("PYTHONHOME", "elsewhere")
    environment = bootstrap.child_environment()
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "PYTHONHOME" not in environment
