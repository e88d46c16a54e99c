"""events.jsonl: every event comes back to the bit, and nothing else does."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import RunError
from core.events import (
    AttentionMeasured,
    BestChanged,
    CandidateEvaluated,
    CriterionEvaluated,
    HealthRaised,
    HeldOutScored,
    ImportancesMeasured,
    MultiplierUpdated,
    NoticeRaised,
    PolicyCompared,
    PolicyUpdated,
    PretrainingAdvanced,
    SearchFinished,
    SearchResumed,
    SearchStarted,
)
from core.runs.event_log import RECORDED, LogHeader, event_line, header_line, read_header, read_log

KEEP = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1], dtype=np.bool_)  # 11 bits: two bytes
FLOATS = np.linspace(0, 1, 11).astype(np.float32) / 3
HEADER = LogHeader("nets/<b>x\n.py", (("stem", 4), ("inner", 7)))
EVENTS = (
    NoticeRaised("line\nbreak <script>"),
    SearchStarted(30, 0.5, 1000, 100, 1 / 3, 2 / 3, 0.1),
    SearchResumed(4),
    ImportancesMeasured({"l1": FLOATS, "random": FLOATS * np.float32(np.pi)}),
    CriterionEvaluated("l1_uniform", KEEP, 0.4999999999999999, 0.7, 1.1),
    CandidateEvaluated(1, 1, KEEP, np.float64(0.1) * 3, 0.1, 1e-17, -1.5, 0.25, np.True_, 3.3),
    PolicyUpdated(1, FLOATS, ~KEEP, 0.1, 0.2, 0.3, 0.4, 0.5),
    PolicyUpdated(2, FLOATS, ~KEEP),  # of a method without a policy
    AttentionMeasured(1, (("stem", "inner"), ("inner", "inner")), np.ones((2, 4, 2), np.float32)),
    MultiplierUpdated(1, 0.3),
    PretrainingAdvanced(2, 0.7, 0.1),
    HeldOutScored(4, 0.5, float("inf"), 1.25, 0.5, is_closer=True),
    PolicyCompared(4, 0.9, float("inf")),
    HealthRaised("overfitting", 4, "0.5 against 0.7", "Take more images."),
    BestChanged(1, KEEP, 0.4, 0.7, 1.1),
    SearchFinished(KEEP, 0.4, 0.7, 1.0, 30, {"l1_uniform": ~KEEP}, {"total": 2.5}, False),
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def write_log(path, events=EVENTS) -> bytes:
    content = header_line(HEADER) + b"".join(map(event_line, events))
    path.write_bytes(content)
    return content


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "events.jsonl"
    write_log(path)
    return path


def test_every_event_comes_back_to_the_bit(log):
    back = read_log(log).events
    assert [type(event) for event in back] == [type(event) for event in EVENTS]
    assert all(same(vars(one), vars(other)) for one, other in zip(EVENTS, back, strict=True))
    assert {type(event) for event in EVENTS} == set(RECORDED.values())


def test_a_log_is_one_plain_line_an_event(log):
    lines = log.read_bytes().split(b"\n")
    assert len(lines) == 1 + len(EVENTS) + 1
    assert all(32 <= letter < 127 for line in lines for letter in line)
    assert read_header(log) == HEADER
    assert read_header(log).channel_count == 11


def test_a_mask_takes_a_bit_a_channel():
    values = json.loads(event_line(EVENTS[4]))
    assert values["keep"]["shape"] == [11]
    assert base64.b64decode(values["keep"]["data"]) == bytes([0b10110010, 0b11100000])


def test_the_log_can_be_cut_anywhere(tmp_path):
    path = tmp_path / "events.jsonl"
    content = write_log(path)
    first = content.index(b"\n") + 1
    for size in range(first, len(content) + 1, 7):
        path.write_bytes(content[:size])
        log = read_log(path)
        assert len(log.events) == content[:size].count(b"\n") - 1
        assert content[: log.byte_count].count(b"\n") == content[:size].count(b"\n")
        assert content[: log.byte_count].endswith(b"\n")


def test_no_more_is_read_than_the_checkpoint_knows(log):
    content = log.read_bytes()
    size = len(b"".join(content.splitlines(keepends=True)[:3]))
    assert len(read_log(log, size).events) == 2
    assert len(read_log(log, size + 1).events) == 2
    assert len(read_log(log, size - 1).events) == 1


def test_an_event_of_a_later_version_is_passed_over(log):
    content = log.read_bytes()
    line = b'{"event":"MoonRisen","phase":0.5}\n'
    log.write_bytes(content + line + event_line(EVENTS[0]))
    read = read_log(log)
    assert len(read.events) == len(EVENTS) + 1
    assert read.byte_count == len(content) + len(line) + len(event_line(EVENTS[0]))


@pytest.mark.parametrize(
    "line",
    [
        b"\x00" * 400,
        b"[1]",
        b'{"event":"NoticeRaised","message":7}',
        b'{"event":"NoticeRaised"}',
        b'{"event":["x"],"message":"7"}',
        b"[" * 100_000,
        b'{"event":"HeldOutScored","evaluation":-1,"accuracy":1,"cross_entropy":1,'
        b'"reward_cross_entropy":1}',
        b'{"event":"HeldOutScored","evaluation":1,"accuracy":true,"cross_entropy":1,'
        b'"reward_cross_entropy":1}',
        event_line(EVENTS[4]).replace(b'"shape":[11]', b'"shape":[12]'),
        event_line(EVENTS[4]).replace(b'"shape":[11]', b'"shape":[1000000000000,1000000000]'),
        event_line(EVENTS[6]).replace(b"float32", b"float64"),
        event_line(EVENTS[6]).replace(b"float32", b"object"),
    ],
)
def test_a_damaged_line_ends_the_reading(log, line):
    whole = log.read_bytes()
    log.write_bytes(whole + line.strip() + b"\n" + event_line(EVENTS[0]))
    assert len(read_log(log).events) == len(EVENTS)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\x00\x01",
        b"{}",
        b"[" * 100_000,
        b'{"format":"espalier.events","version":1,"network":"x","groups":[["a",-1]]}',
        b'{"format":"espalier.events","version":1,"network":"x","groups":[["a",1e300]]}',
        b'{"format":"espalier.events","version":1,"network":"x","groups":[]}',
    ],
)
def test_a_log_without_its_first_line_is_refused(log, first):
    log.write_bytes(first + b"\n")
    with pytest.raises(RunError, match=r"Cannot read the events.*events\.jsonl is damaged"):
        read_log(log)


def test_a_log_of_another_version_names_it(log):
    log.write_bytes(log.read_bytes().replace(b'"version":1', b'"version":2', 1))
    with pytest.raises(RunError, match=r"format 2, this one reads 1"):
        read_log(log)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(place=st.integers(0, 10**9), value=st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused_in_a_sentence(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    content = bytearray(write_log(path))
    content[place % len(content)] = value
    path.write_bytes(content)
    try:
        assert len(read_log(path).events) <= len(EVENTS) + 1
    except RunError as error:
        assert str(path.parent) in str(error)
