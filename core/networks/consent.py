"""Who agreed to run which file's code.

A Python file, a pickled module and a .pt2 run code when they are opened. Opening one raises
ConsentNeeded until somebody agrees, who is shown its real path and the SHA-256 of what lies
there. The answer is remembered for that hash, so a file that changed asks again. In the window:

    try:
        opened = yield from open_run(config)
    except ConsentNeeded as asked:      # show asked.path, asked.sha256, asked.why
        ...
    grant(asked.path, asked.sha256)     # the person agreed: remember it, and open again

`open_run(config, trust=True)` agrees for one call only and remembers nothing; that is what
`--trust` in the terminal does.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from core.errors import ConfigError, ConsentNeeded, readable


def consents_file() -> Path:
    """Where the answers are remembered: JSON, SHA-256 -> the path that was shown."""
    return platformdirs.user_config_path("espalier") / "trusted.json"


def granted() -> Mapping[str, str]:
    """All remembered answers: SHA-256 -> path. An unreadable file counts as none."""
    try:
        content = json.loads(consents_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if isinstance(value, str)}


def require_consent(path: Path, sha256: str, why: str, *, trust: bool) -> None:
    """Return if code from this file may run.

    why: what would run, to follow a colon: "it is a Python file".
    Raises: ConsentNeeded if nobody has agreed yet.
    """
    if not trust and sha256 not in granted():
        raise ConsentNeeded(path, sha256, why)


def grant(path: Path, sha256: str) -> None:
    """Remember that a person agreed to run what has this hash.

    Raises: ConfigError if it cannot be written down; trust=True still opens the file.
    """
    _write({**granted(), sha256: readable(path)})


def revoke(sha256: str) -> None:
    """Ask again before what has this hash is run. Raises: ConfigError as `grant` does."""
    _write({key: path for key, path in granted().items() if key != sha256})


def _write(answers: Mapping[str, str]) -> None:
    """Replace the file in one step, so that a crash leaves the old answers or the new ones."""
    file = consents_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".trusted-", dir=file.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(answers, stream, indent=2)
            os.replace(temporary, file)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise ConfigError(
            f"Cannot remember your answer in {readable(file)}: {error.strerror}. "
            "Make room there, or allow writing."
        ) from error
