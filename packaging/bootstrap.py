#!/usr/bin/env python3
"""Set Espalier up in .venv and open it, or pass its tests; needs nothing but Python and pip.

    python3 packaging/bootstrap.py run  [-- words for espalier]
    python3 packaging/bootstrap.py test [-- words for pytest]

The first call installs; later calls start at once, until pyproject.toml changes.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: two set-ups at once are not held apart there
    fcntl = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = (3, 11)
DEMO = ("--demo", "--start")
WORDS_WITHOUT_WINDOW = {"search", "networks", "-h", "--help", "--version"}
DISPLAY_NAMES = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")

# A process for each core, up to four: each imports torch, which takes a gigabyte. Tests of one file
# stay together, for they share what took long to make.
PYTEST = ("pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")

# Debian's names of what Qt's wheels leave to the system; ldd says whether any of it is missing.
QT_PACKAGES = (
    "libgl1",
    "libegl1",
    "libxkbcommon-x11-0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-shape0",
    "libfontconfig1",
    "libdbus-1-3",
)
FONT_PACKAGES = ("fonts-dejavu-core",)
SCREEN_PACKAGES = ("xvfb", "xauth")
# The few libraries whose Debian package does not follow from their name.
ODD_PACKAGES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libz.so.1": "zlib1g",
}


class SetupError(Exception):
    """What stops the set-up and how to mend it, in a sentence or two."""


def main(arguments: Sequence[str]) -> int:
    """Run the command that the words name; returns the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        say(old_python_sentence())
        return 2
    own, words = split_words(arguments)
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description="Set Espalier up in .venv and open it, or pass its tests.",
        epilog="Words after -- go to espalier (run) or to pytest (test).",
    )
    parser.add_argument("command", choices=sorted(COMMANDS))
    try:
        return COMMANDS[parser.parse_args(own).command](words)
    except SetupError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130


def run_espalier(words: Sequence[str]) -> int:
    """Open Espalier; without words its demo, whose search starts."""
    set_up(ROOT)
    words = words or DEMO
    environment = child_environment()
    if opens_window(words) and not screen_is_ready(ROOT, environment):
        # Espalier says itself that there is no display, and searches in the terminal.
        for name in DISPLAY_NAMES:
            environment.pop(name, None)
    # -P: a folder called app where the user stands must not be taken for Espalier.
    return hand_over([str(python_of(ROOT)), "-P", "-m", "app", *words], environment)


def run_tests(words: Sequence[str]) -> int:
    """Pass the style, type and test checks; the exit code is the first that is not 0."""
    set_up(ROOT, extra="test")
    if sys.platform == "linux":
        ensure_system_libraries(ROOT, "xcb", with_screen=True)
    checks = (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"], [*PYTEST, *words])
    failed = {}
    for check in checks:
        say(f"$ {' '.join(check)}")
        command = [str(python_of(ROOT)), "-m", *check]
        code = subprocess.run(command, cwd=ROOT, env=child_environment(), check=False).returncode
        if code:
            failed[" ".join(check)] = code
    if failed:
        say(f"Failed: {', '.join(failed)}.")
    return next(iter(failed.values()), 0)


def set_up(root: Path, extra: str = "") -> None:
    """Make .venv and install the project, unless that stands already for this pyproject.toml."""
    with one_at_a_time(root):
        begun = root / ".venv" / "espalier-install-begun"
        # An install that was killed may have left half a package that pip takes for a whole one.
        if begun.exists() or python_version(root) is None:
            make_environment(root)
        if is_current(root, extra):
            return
        ensure_pip(root)
        say(f"Installing Espalier into {root / '.venv'}; the first time takes some minutes.")
        stamp_file(root).unlink(missing_ok=True)
        begun.touch()
        error = install(root, extra)
        if not error:
            stamp = {"fingerprint": fingerprint(root), "extra": extra}
            stamp_file(root).write_text(json.dumps(stamp), encoding="utf-8")
        begun.unlink()
    if error:
        raise SetupError(f"{error}\npip could not install Espalier. Mend that and call this again.")
    say("Installed.")


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Let a second set-up of the same folder wait for the first."""
    with (root / "pyproject.toml").open("rb") as handle:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Another set-up of this folder is running; waiting for it.")
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError:  # a file system without locks
                pass
        yield


def python_of(root: Path) -> Path:
    """Return the path of the Python inside .venv."""
    return root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def python_version(root: Path) -> str | None:
    """Ask .venv's Python for its version; None if it does not run."""
    code = "import platform; print(platform.python_version())"
    try:
        answer = subprocess.run(
            [python_of(root), "-c", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def make_environment(root: Path) -> None:
    """Make an empty .venv; one that is broken or half installed is replaced."""
    folder = root / ".venv"
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        raise SetupError(f"{folder} is not a virtual environment. Move it away and call again.")
    say(f"Making {folder} with Python {sys.version.split()[0]}.")
    # pip follows in a step of its own, because Debian's Python may come without ensurepip.
    command = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"Cannot make {folder}: {(done.stdout + done.stderr).strip()}")


def ensure_pip(root: Path) -> None:
    """Put pip into .venv: from ensurepip, else with the pip outside, else from Debian's package."""
    python = str(python_of(root))
    if succeeds([python, "-m", "pip", "--version"]):
        return
    from_python = [python, "-m", "ensurepip", "--default-pip"]
    from_pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip"]
    if importlib.util.find_spec("ensurepip") and succeeds(from_python):
        return
    if importlib.util.find_spec("pip") and succeeds(from_pip):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if can_install_packages():
        apt_install([package])
        if succeeds(from_python):
            return
    remedy = f"sudo apt-get install -y {package}" if shutil.which("apt-get") else "ensurepip or pip"
    raise SetupError(f"This Python cannot put pip into .venv. Install what it lacks: {remedy}")


def fingerprint(root: Path) -> str:
    """Return what an install depends on: pyproject.toml, the Python and the folder."""
    parts = (str(python_version(root)), str(root), (root / "pyproject.toml").read_text("utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stamp_file(root: Path) -> Path:
    """Return the file that says what is installed in .venv."""
    return root / ".venv" / "espalier-installed.json"


def is_current(root: Path, extra: str) -> bool:
    """Whether .venv holds this pyproject.toml with the extra; the test extra includes none."""
    try:
        stamp = json.loads(stamp_file(root).read_text(encoding="utf-8"))
        return stamp["fingerprint"] == fingerprint(root) and extra in ("", stamp["extra"])
    except (OSError, ValueError, KeyError):
        return False


def install(root: Path, extra: str) -> str:
    """Install the project editable and say how it goes; returns pip's error, "" if none."""
    project = f".[{extra}]" if extra else "."
    command = [str(python_of(root)), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--no-input", "--progress-bar", "off", "--editable", project]
    lines: collections.deque[str] = collections.deque(maxlen=200)
    with subprocess.Popen(
        command,
        cwd=root,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.append(line.rstrip())
            progress = progress_words(line)
            if progress:
                say(f"  {progress}")
    return pip_error(list(lines)) if pip.returncode else ""


def progress_words(line: str) -> str:
    """Turn a line of pip's into progress for a person; "" for a line that says little."""
    collecting = re.match(r"Collecting ([\w.-]+).*\(from espalier", line)
    if collecting:
        return collecting[1]
    download = re.match(r"\s*Downloading ([\w.]+)-\S+ \((\d\S* [MG]B)\)", line)
    if download:
        return f"{download[1]}, {download[2]}"
    if line.startswith("Installing collected packages:"):
        return f"putting {line.count(',') + 1} packages in place, a minute or two"
    return ""


def pip_error(lines: Sequence[str]) -> str:
    """Cut pip's own error out of its output; the last lines if it named none."""
    for start, line in enumerate(lines):
        if line.lstrip().lower().startswith("error"):
            return "\n".join(lines[start:])
    return "\n".join(lines[-15:]) or "pip ended without a word."


def opens_window(words: Sequence[str]) -> bool:
    """Whether these words for espalier ask for the window."""
    return not WORDS_WITHOUT_WINDOW & set(words)


def has_display(environment: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether a window has somewhere to go."""
    if platform in ("darwin", "win32"):
        return True
    return any(environment.get(name) for name in DISPLAY_NAMES)


def screen_is_ready(root: Path, environment: Mapping[str, str]) -> bool:
    """Whether Qt can open a window here; on Linux its libraries are brought first.

    Raises: SetupError if there is a display and libraries are missing that we may not install.
    """
    if not has_display(environment):
        return False
    if sys.platform != "linux":
        return True
    usual = "xcb" if environment.get("DISPLAY") else "wayland"
    platform = re.split("[;:]", environment.get("QT_QPA_PLATFORM") or usual)[0]
    ensure_system_libraries(root, platform)
    # A display that is named may still not answer, as in a shell that outlived its desktop.
    probe = "from PySide6.QtGui import QGuiApplication; QGuiApplication([])"
    return succeeds([str(python_of(root)), "-c", probe])


def ensure_system_libraries(root: Path, platform: str, *, with_screen: bool = False) -> None:
    """See that Qt's libraries and a font are there; as root on Debian install what is missing.

    `with_screen` also brings Xvfb where that is allowed; without it only one test is skipped.
    Raises: SetupError with the command to call.
    """
    missing = missing_libraries(root, platform)
    packages = missing_packages(missing, with_screen=with_screen)
    if packages and can_install_packages():
        apt_install(packages)
        missing = missing_libraries(root, platform)
        if missing:
            raise SetupError(f"Qt still lacks these system libraries: {', '.join(missing)}.")
    elif missing:
        raise SetupError(f"Qt lacks {', '.join(missing)}. Call: {remedy_for(missing, packages)}")
    elif with_screen and not shutil.which("Xvfb"):
        say("Xvfb is not installed: the test of the real window will be skipped.")


def missing_libraries(root: Path, platform: str) -> list[str]:
    """Ask ldd which libraries Qt's window modules and platform plugin do not find."""
    found = list((root / ".venv").glob("lib/python*/site-packages/PySide6"))
    if not found or not shutil.which("ldd"):
        return []
    files = [*found[0].glob("QtGui.*so"), *found[0].glob("QtWidgets.*so")]
    files += found[0].glob(f"Qt/plugins/platforms/libq{platform}*.so")
    files += found[0].glob(f"Qt/plugins/{platform}glintegrations/*.so")
    output = subprocess.run(
        ["ldd", *files], capture_output=True, text=True, check=False, env=child_environment()
    ).stdout
    return unresolved_libraries(output)


def unresolved_libraries(ldd_output: str) -> list[str]:
    """Read the names that ldd could not resolve, sorted, each once."""
    return sorted(set(re.findall(r"^\s*(\S+) => not found", ldd_output, re.MULTILINE)))


def missing_packages(missing: Sequence[str], *, with_screen: bool) -> list[str]:
    """Name the Debian packages that bring the missing libraries, a font and, if asked, Xvfb."""
    if not shutil.which("dpkg-query"):
        return []
    wanted = [debian_package(library) for library in missing]
    if missing:  # ldd sees no further than the first library that is absent
        wanted += QT_PACKAGES
    if not has_fonts():
        wanted += FONT_PACKAGES
    if with_screen and not shutil.which("Xvfb"):
        wanted += SCREEN_PACKAGES
    return [package for package in dict.fromkeys(wanted) if not is_installed(package)]


def debian_package(library: str) -> str:
    """Name the Debian package of a library: libxcb-icccm.so.4 is in libxcb-icccm4."""
    if library in ODD_PACKAGES:
        return ODD_PACKAGES[library]
    stem, _, version = library.lower().replace("_", "-").partition(".so.")
    return f"{stem}-{version}" if stem[-1].isdigit() else f"{stem}{version}"


def has_fonts() -> bool:
    """Whether there is one font; without any, every letter is a hollow box."""
    folders = [Path(folder).expanduser() for folder in FONT_FOLDERS]
    return any(next(folder.rglob("*.[ot]tf"), None) is not None for folder in folders)


def is_installed(package: str) -> bool:
    """Whether dpkg has the package."""
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.startswith("ii")


def can_install_packages() -> bool:
    """Whether this is root on a system with apt-get."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages as root; SetupError with apt's words if that fails."""
    say(f"Installing system packages: {' '.join(packages)}")
    environment = {**child_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    # A list that cannot be refreshed may still serve; if not, the install says so.
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-q", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SetupError(
            f"{done.stderr.strip()}\napt-get could not install the packages. "
            f"Mend that or call: apt-get install -y {' '.join(packages)}"
        )


def remedy_for(missing: Sequence[str], packages: Sequence[str]) -> str:
    """Give the command that brings the libraries on this system."""
    if packages:
        return f"sudo apt-get install -y {' '.join(packages)}"
    if shutil.which("dnf"):  # which finds a package by the library that it holds
        return f"sudo dnf install {' '.join(repr(name + '()(64bit)') for name in missing)}"
    return "your system's package manager for the packages that hold these libraries"


def say(sentence: str) -> None:
    """Write a line at once, also into a pipe."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def split_words(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split at the first --: this script's words and the words passed on."""
    words = list(arguments)
    cut = words.index("--") if "--" in words else len(words)
    return words[:cut], words[cut + 1 :]


def old_python_sentence() -> str:
    """Say which Python is needed, and which newer one is there."""
    names = [f"python3.{minor}" for minor in range(15, OLDEST_PYTHON[1] - 1, -1)]
    newer = next((name for name in names if shutil.which(name)), "a newer python3")
    return (
        f"Espalier needs Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer, this is "
        f"{sys.version.split()[0]}. Call packaging/bootstrap.py with {newer}."
    )


def child_environment() -> dict[str, str]:
    """Return the environment of every process that is started here."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    # Spinning OpenMP threads starve the window where cores are few.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return environment


def succeeds(command: Sequence[str]) -> bool:
    """Run a command silently; whether it ended well."""
    done = subprocess.run(command, capture_output=True, env=child_environment(), check=False)
    return done.returncode == 0


def hand_over(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Become the command, so that Ctrl-C and the exit code are its own."""
    if os.name != "nt":
        os.execve(command[0], list(command), environment)
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the command had it too and ends in its own way
                continue


COMMANDS = {"run": run_espalier, "test": run_tests}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
