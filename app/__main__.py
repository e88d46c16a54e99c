"""Start: `espalier` opens the window, `espalier search` works in the terminal."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TypedDict

from app.command_line import parse, run_config
from app.process import prepare_process
from app.streams import write_out
from core.errors import ConfigError, EspalierError

EXIT_MEND = 2  # something that the user can mend
EXIT_BROKEN_OFF = 130  # what shells say after Ctrl-C


class Manner(TypedDict):
    """What every command that works in the terminal is told besides."""

    allow_download: bool
    trust: bool
    is_quiet: bool
    is_verbose: bool


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line `words` (default: this process's); returns the exit code."""
    prepare_process()  # before torch starts
    arguments = parse(words)
    try:
        match arguments.command:
            case "search":
                return _search(arguments)
            case "resume":
                return _resume(arguments)
            case "round":
                return _round(arguments)
            case "report":
                return _report(arguments)
            case "finetune":
                return _finetune(arguments)
            case "compare":
                return _compare(arguments)
            case "train-agent":
                return _train_agent(arguments)
            case "settings":
                return _list_settings(arguments)
            case "networks":
                return _list_networks()
            case _:
                return _open_window(arguments)
    except EspalierError as error:
        sys.stderr.write(f"espalier: {error}\n")
        return EXIT_MEND
    except KeyboardInterrupt:
        return EXIT_BROKEN_OFF


def _manner(arguments: argparse.Namespace) -> Manner:
    return Manner(
        allow_download=arguments.allow_download,
        trust=arguments.trust,
        is_quiet=arguments.quiet,
        is_verbose=arguments.verbose,
    )


def _search(arguments: argparse.Namespace) -> int:
    from app.headless import run_headless

    return run_headless(
        run_config(arguments),
        arguments.out,
        **_manner(arguments),
    )


def _resume(arguments: argparse.Namespace) -> int:
    from app.headless import resume_headless

    return resume_headless(
        arguments.folder,
        **_manner(arguments),
    )


def _round(arguments: argparse.Namespace) -> int:
    from app.headless import round_headless

    return round_headless(
        arguments.folder,
        arguments.out,
        arguments.to,
        macs_budget=arguments.macs_budget,
        **_manner(arguments),
    )


def _report(arguments: argparse.Namespace) -> int:
    from core.runs.html_report import write_html_report

    _print(f"{write_html_report(arguments.folder)}\n")
    return 0


def _finetune(arguments: argparse.Namespace) -> int:
    from app.finetune_words import finetune_config
    from app.headless_finetune import run_finetuning

    return run_finetuning(
        finetune_config(arguments),
        arguments.folder,
        arguments.out,
        resume=arguments.resume,
        **_manner(arguments),
    )


def _compare(arguments: argparse.Namespace) -> int:
    from app.compare_words import split_methods
    from app.headless_compare import run_comparison

    return run_comparison(
        run_config(arguments),
        split_methods(arguments.methods),
        arguments.seeds,
        arguments.finetune_epochs,
        arguments.out,
        **_manner(arguments),
    )


def _train_agent(arguments: argparse.Namespace) -> int:
    from app.headless_training import run_training
    from app.training_words import practice_networks, training_config

    return run_training(
        practice_networks(arguments),
        training_config(arguments),
        arguments.out,
        **_manner(arguments),
    )


def _list_networks() -> int:
    from core.networks import network_names

    _print("".join(f"{name}\n" for name in network_names()))
    return 0


def _list_settings(arguments: argparse.Namespace) -> int:
    from app.setting_arguments import settings_text

    _print(settings_text(arguments.part))
    return 0


def _print(text: str) -> None:
    """Write to standard output; `espalier networks | head` wants no more, which is no error."""
    failure = write_out(sys.stdout, text)
    if failure is not None and not isinstance(failure, BrokenPipeError):
        raise EspalierError(
            f"Cannot write to the output: {failure.strerror or failure}. Make room there, or "
            "choose another place."
        ) from failure


def _open_window(arguments: argparse.Namespace) -> int:
    _check_window_words(arguments)
    if not has_display():
        return _go_without_display(arguments)
    try:
        from app.main_window import run_window
    except ImportError as error:
        if not str(error).startswith("lib"):
            raise
        raise EspalierError(
            f"Cannot open the window: Qt misses a library of the system ({error}). "
            f"Run 'python3 packaging/bootstrap.py run' once, or use 'espalier search'."
        ) from error
    return run_window(arguments)


def _check_window_words(arguments: argparse.Namespace) -> None:
    """Refuse before the window opens what can be refused without torch."""
    if arguments.demo and (arguments.network or arguments.data or arguments.checkpoint):
        raise ConfigError(
            "The demo brings its own network and images. Leave out --demo or the other words."
        )
    run_config(arguments)


def has_display() -> bool:
    """Whether a window can be shown here."""
    if os.environ.get("QT_QPA_PLATFORM") or not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _go_without_display(arguments: argparse.Namespace) -> int:
    if not (arguments.demo or arguments.start):
        raise EspalierError(
            "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set). "
            "Use 'espalier search' to search in the terminal."
        )
    _print("There is no display here; the same search runs in the terminal.\n")
    from app.headless import run_headless

    return run_headless(run_config(arguments), None)


if __name__ == "__main__":
    sys.exit(main())
