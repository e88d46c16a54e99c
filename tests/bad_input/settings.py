"""Settings that cannot be read or do not fit, each with its sentence."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.bad_input.case import Case, written


def toml(text: str | bytes) -> Callable[[Path], str]:
    """Write a settings file."""
    return written(text, "settings.toml")


def search(text: str) -> Callable[[Path], str]:
    return toml(f"[search]\n{text}\n")


def unreadable(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    (folder / "settings.toml").symlink_to("settings.toml")
    return str(folder / "settings.toml")


CANNOT = r"Cannot read the settings: .*Mend or remove that line"

SETTINGS = (
    # the file
    Case("not there", lambda f: str(f / "gone.toml"), r"Cannot read settings from .*No such file"),
    Case("a folder", str, r"Cannot read settings from .*: Is a directory\. Choose another file"),
    Case("a ring of links", unreadable, r"Cannot read settings from .*links"),
    Case("an odd name", lambda f: str(f / "a\nb\x1b.toml"), r"settings from .*a\\nb\\x1b\.toml: "),
    Case("not UTF-8", toml(b"network = '\xff'"), r"it is not UTF-8 text\. Choose another file"),
    Case("UTF-16", toml("network = 'demo'".encode("utf-16")), r"it is not UTF-8 text"),
    Case("zero bytes", toml(b"\0\0\0"), CANNOT),
    Case("a picture", toml(b"\x89PNG\r\n\x1a\n"), r"it is not UTF-8 text"),
    # TOML
    Case("prose", toml("please prune my network"), CANNOT),
    Case("a bracket left open", toml("[search"), CANNOT),
    Case("a text left open", toml("network = 'demo"), CANNOT),
    Case("a key twice", toml("network = 'a'\nnetwork = 'b'"), CANNOT),
    Case("a table twice", toml("[search]\n[search]"), CANNOT),
    Case("no value", toml("network ="), CANNOT),
    Case("JSON", toml('{"network": "demo"}'), CANNOT),
    Case("a number of 9,999 digits", search("seed = " + "9" * 9999), CANNOT),
    Case("brackets in brackets", toml("network = " + "[" * 9999), CANNOT),
    Case("control letters", toml('network = "a\x1bb"'), CANNOT),
    # names
    Case(
        "a strange setting", toml("flavour = 3"), r"Unknown setting 'flavour'\. Known here: .*data"
    ),
    Case("a strange table", toml("[cooking]\nx = 1"), r"Unknown setting 'cooking'"),
    Case(
        "a setting elsewhere", toml("macs_budget = 0.5"), r"Unknown setting 'macs_budget'\. Known"
    ),
    Case("a strange search setting", search("speed = 3"), r"Unknown setting 'search\.speed'"),
    Case("a strange PPO setting", toml("[search.ppo]\nx = 1"), r"Unknown setting 'search\.ppo\.x'"),
    Case("a setting of two lines", toml('"a\\nb" = 1'), r"Unknown setting 'a\\nb'"),
    Case("an endless setting", toml(f"{'x' * 9999} = 1"), r"Unknown setting 'x{60}'"),
    # kinds
    Case("a network of numbers", toml("network = 3"), r"'network' must be a text, not 3"),
    Case(
        "a network of lists",
        toml("network = ['demo']"),
        r"'network' must be a text, not \['demo'\]",
    ),
    Case("search as text", toml("search = 'fast'"), r"'search' must be a table, not 'fast'"),
    Case("PPO as a number", search("ppo = 3"), r"'search\.ppo' must be a table, not 3"),
    Case(
        "a date",
        search("seed = 2020-01-01"),
        r"'search\.seed' must be a whole number, not datetime",
    ),
    Case(
        "a text as number",
        search("evaluations = '300'"),
        r"evaluations' must be a whole number, not '300'",
    ),
    Case(
        "a fraction as count",
        search("evaluations = 3.5"),
        r"evaluations' must be a whole number, not 3\.5",
    ),
    Case(
        "yes as a number",
        search("evaluations = true"),
        r"evaluations' must be a whole number, not True",
    ),
    Case(
        "yes as a share", search("macs_budget = true"), r"macs_budget' must be a number, not True"
    ),
    Case(
        "an endless text", search(f"seed = '{'s' * 9999}'"), r"must be a whole number, not 's+…\."
    ),
    Case("a pin of numbers", search("pinned_keep = [3]"), r"'pinned_keep' must be a list of texts"),
    Case(
        "a pin as text", search("pinned_keep = 'conv1:0'"), r"'pinned_keep' must be a list of text"
    ),
    # ranges
    Case("no budget", search("macs_budget = 0.0"), r"'macs_budget' must be between 0\.01 and 1"),
    Case("a budget in percent", search("macs_budget = 50"), r"between 0\.01 and 1\.0, not 50\.0"),
    Case("a negative budget", search("macs_budget = -0.5"), r"between 0\.01 and 1\.0, not -0\.5"),
    Case("NaN as budget", search("macs_budget = nan"), r"between 0\.01 and 1\.0, not nan"),
    Case("infinity as budget", search("macs_budget = inf"), r"between 0\.01 and 1\.0, not inf"),
    Case("an absurd budget", search("macs_budget = 1" + "0" * 400), r"between .* not inf"),
    Case("no evaluations", search("evaluations = 0"), r"between 1 and 1000000, not 0"),
    Case(
        "absurd evaluations", search("evaluations = 1" + "0" * 400), r"'evaluations' must be betwee"
    ),
    Case("a negative seed", search("seed = -1"), r"'seed' must be between 0 and"),
    Case("a large seed", search("seed = 2147483648"), r"'seed' must be between 0 and 2147483647"),
    Case("many threads", search("threads = 99999"), r"'threads' must be between 0 and 1024"),
    Case("one reward image", search("reward_images = 1"), r"'reward_images' must be between 2 and"),
    Case(
        "a strange constraint", search("constraint = 'hope'"), r"must be one of projection, penalt"
    ),
    Case(
        "a constraint as list",
        search("constraint = [1]"),
        r"must be one of projection, penalty, .*not",
    ),
    Case(
        "strange streams", search("streams = 'all'"), r"'streams' must be one of auto, keep, prune"
    ),
    Case(
        "a strange precision", search("precision = 'int8'"), r"'precision' must be one of auto, flo"
    ),
    Case("no PPO epochs", toml("[search.ppo]\nepochs = 0"), r"'epochs' must be between 1 and 100"),
    Case(
        "NaN as rate", toml("[search.ppo]\nlearning_rate = nan"), r"'learning_rate' must be between"
    ),
    # the shape of the images
    Case(
        "a flat shape", toml("input_shape = '3x32'"), r"'input_shape' must be channels, height and"
    ),
    Case("a shape of words", toml("input_shape = 'large'"), r"such as 3x32x32, not 'large'"),
    Case("a shape of nothing", toml("input_shape = '0x32x32'"), r"such as 3x32x32, not '0x32x32'"),
    Case("a shape too large", toml("input_shape = '9x99999x99999'"), r"must fit into the memory"),
    Case("a shape and more", toml('input_shape = "3x32x32\\n"'), r"not '3x32x32\\n'"),
)
