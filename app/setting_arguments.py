"""Every setting in the terminal: `--set NAME=VALUE`, and `espalier settings`."""

import argparse
import textwrap
from collections.abc import Iterable
from typing import Any

import tomli_w

from app.setting_words import table_title, words_of
from app.setting_words.describing import say_values
from core.config import RunConfig
from core.config.settings import Setting, all_settings, parse_assignment, with_values
from core.errors import ConfigError

COLUMNS = 92
HEADER = (
    "All settings with their defaults. Kept in a file, this is what 'espalier search --config' "
    "and the window's File > Load settings read; one of them is set by --set, such as "
    "--set search.ppo.clip_coef=0.1."
)


def add_set_word(parser: argparse.ArgumentParser, dest: str = "assignments") -> None:
    """Add `--set`, which may be given several times."""
    parser.add_argument(
        "--set",
        dest=dest,
        metavar="NAME=VALUE",
        action="append",
        help="any setting by its name, such as search.ppo.clip_coef=0.1; may be given several "
        "times, and wins over all other words ('espalier settings' lists them)",
    )


def with_assignments(config: RunConfig, assignments: Iterable[str]) -> RunConfig:
    """Return `config` with what `--set` was given; the last of the same name counts.

    Raises: ConfigError that names what is unknown or does not fit.
    """
    return with_values(config, dict(parse_assignment(text) for text in assignments))


def add_settings_command(commands: Any) -> None:
    """Add `espalier settings` to the subcommands."""
    settings = commands.add_parser(
        "settings",
        help="list every setting with its sentence, range and default",
        description="List every setting as a TOML file with comments: what it is, what it "
        "takes, its default, and where it comes from.",
    )
    settings.add_argument(
        "part", metavar="PART", nargs="?", default="", help="only settings with this in their name"
    )


def settings_text(part: str = "") -> str:
    """Write all settings that have `part` in their names as TOML with comments.

    Raises: ConfigError if there are none.
    """
    chosen = [one for one in all_settings() if part in one.name]
    if not chosen:
        raise ConfigError(f"No setting has '{part}' in its name. 'espalier settings' lists all.")
    lines = [_comment(HEADER)]
    table = ""
    for setting in chosen:
        if setting.table != table:
            table = setting.table
            lines += [f"\n# {table_title(table)}", f"[{table}]"]
        lines += ["", _comment(_say(setting)), _assignment(setting)]
    return "\n".join(lines) + "\n"


def _say(setting: Setting) -> str:
    words = words_of(setting.name)
    said = (words.sentence, say_values(setting, words, str), words.source)
    return " ".join(part for part in said if part)


def _comment(text: str) -> str:
    return textwrap.fill(text, COLUMNS, initial_indent="# ", subsequent_indent="# ")


def _assignment(setting: Setting) -> str:
    return tomli_w.dumps({setting.field_name: setting.default}).strip()
