"""What is written where nobody reads any more, or where there is no room."""

import io
import os
import sys
from pathlib import Path

import pytest

from app.__main__ import main
from app.headless import Screen
from app.streams import write_out
from tests.app.test_headless import make_events

FULL = Path("/dev/full")


@pytest.fixture
def unread():
    """A pipe whose reader is gone, as tee is after Ctrl-C."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


def test_a_pipe_without_a_reader_swallows_all_after_it_was_found_out(unread):
    assert isinstance(write_out(unread, "first\n"), BrokenPipeError)
    assert write_out(unread, "second\n") is None


def test_a_search_goes_on_without_those_who_listened(unread):
    out = io.StringIO()
    screen = Screen(out, unread)
    for event in make_events():
        screen.show(event)
    assert screen.is_complete
    assert "runs/first" in out.getvalue()


def test_a_table_that_nobody_reads_needs_no_words(unread):
    err = io.StringIO()
    screen = Screen(unread, err)
    for event in make_events():
        screen.show(event)
    assert screen.is_complete
    assert "Cannot write" not in err.getvalue()


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_results_that_find_no_room_are_told(monkeypatch, capsys):
    err = io.StringIO()
    with FULL.open("w") as full:
        screen = Screen(full, err)
        for event in make_events():
            screen.show(event)
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["networks"]) == 2
    assert "Cannot write the results to the output: No space left" in err.getvalue()
    assert "Cannot write to the output: No space left" in capsys.readouterr().err
