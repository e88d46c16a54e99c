"""Opening, searching, exporting and reporting ask nobody for anything: the sockets are closed.

A sitecustomize that every process finds first writes down who asks for an address or a connection,
and refuses; the exporters' own process included. Where the system lets us, there is no network
at all besides.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.html_report import html_report
from tests.core.runs.made import make_run

ROOT = Path(__file__).resolve().parents[1]
CLOSED = """
import os, socket, traceback

def refuse(*arguments, **named):
    with open(os.environ["ESPALIER_SOCKET_LOG"], "a") as log:
        log.write("".join(traceback.format_stack(limit=8)) + repr(arguments) + "\\n")
    raise OSError("this socket is closed")

class Closed(socket.socket):
    connect = connect_ex = sendto = refuse

socket.socket = Closed
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
"""
WINDOW = """
import sys
from PySide6.QtWidgets import QApplication
from app import main_window
from app.command_line import parse

class Window(main_window.MainWindow):
    def __init__(self, *parts):
        super().__init__(*parts)
        self.session.event_received.connect(self.leave)

    def leave(self, event):
        if type(event).__name__ == "NetworkOpened":
            self.shut_down()

main_window.MainWindow = Window
sys.exit(main_window.run_window(parse(["--demo"])))
"""


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """Run Python where every socket is closed; returns what was asked for."""
    (tmp_path / "sitecustomize.py").write_text(CLOSED)
    log = tmp_path / "sockets.txt"
    log.touch()
    monkeypatch.setenv("ESPALIER_SOCKET_LOG", str(log))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT))))

    def run(*words: str, fails: bool = False) -> str:
        command = [*alone(), sys.executable, *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert fails or done.returncode == 0, done.stderr[-2000:]
        return log.read_text()

    return run


def alone() -> list[str]:
    """A prefix that takes a command's network away, where the system has one that works."""
    if shutil.which("unshare") is None:
        return []
    words = ["unshare", "--map-root-user", "--net"]
    done = subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if done.returncode == 0 else []


def test_a_download_would_be_noticed(closed):
    asked = closed(
        "-c", "import urllib.request; urllib.request.urlopen('https://example.org')", fails=True
    )
    assert "example.org" in asked


@pytest.mark.timeout(600)
def test_opening_searching_exporting_and_reporting_need_no_network(closed, tmp_path):
    out = tmp_path / "run"
    words = ["search", "--quiet", "--network", "demo", "--data", "digits", "--evaluations", "4"]
    assert closed("-m", "app", *words, "--no-latency", "--out", str(out)) == ""
    assert (out / "pruned.onnx").exists()
    assert (out / "pruned.pt2").exists()
    (out / "report.html").unlink()
    assert closed("-m", "app", "report", str(out)) == ""
    assert (out / "report.html").exists()


def test_the_window_needs_no_network(closed):
    assert closed("-c", WINDOW) == ""


def test_the_report_asks_nobody_for_anything(tmp_path):
    text = html_report(make_run(tmp_path / "run"))
    for word in ("<script", "<link", "src=", "url(", "@import", "<iframe"):
        assert word not in text
