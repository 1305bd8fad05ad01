"""Rate-limited log lines."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from math import inf
from types import SimpleNamespace

import pytest

from channels_bridge.common import rate_limited_log
from channels_bridge.common.rate_limited_log import INTERVAL, MAX_KINDS, Notices

logger = logging.getLogger("channels_bridge.server")


@pytest.fixture
def clock(monkeypatch):
    """The time, which tests set."""
    times = [0.0]
    monkeypatch.setattr(rate_limited_log.time, "monotonic", lambda: times[0])
    return times


def messages(caplog):
    return [record.getMessage() for record in caplog.records]


def test_one_line_of_a_kind_per_interval(clock, caplog):
    """A kind of warning has one line per interval, which counts those that had none."""
    limited = Notices(logger)
    for second in range(int(INTERVAL) + 1):
        clock[0] = float(second)
        limited.warn("slow", "%s is slow at %d", "it", second)
        if second == 3:
            limited.warn("other", "something else")
    assert messages(caplog) == [
        "it is slow at 0",
        "something else",
        "it is slow at 10 (and 9 more since the last such line)",
    ]


def test_one_line_of_a_kind_ever(clock, caplog):
    """With an endless interval each kind is logged once, at the level that is asked for."""
    limited = Notices(logger, interval=inf)
    for time in (0.0, 1e9):
        clock[0] = time
        limited.log(logging.ERROR, "release", "of another release")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("ERROR", "of another release")
    ]


def test_spacing_of_kinds_that_clients_make_up(clock, caplog):
    """New kinds that come too soon have their line later; a known one doesn't delay others."""
    limited = Notices(logger, interval=inf, spacing=1.0)
    for time, kind in ((0.0, "a"), (0.9, "b"), (1.0, "a"), (1.0, "b"), (1.9, "c"), (2.0, "c")):
        clock[0] = time
        limited.warn(kind, kind)
    assert messages(caplog) == ["a", "b", "c"]


def test_a_caller_words_its_own_line(clock):
    """Occurrences are counted by what they stand for, so that the caller's line can tell."""
    limited = Notices(logger)
    assert limited.due("dropped", 5) == 0
    assert limited.due("dropped", 3) is None
    assert limited.due("dropped", 4) is None
    clock[0] += INTERVAL
    assert limited.due("dropped", 2) == 7
    clock[0] += INTERVAL
    assert limited.due("dropped") == 0


def test_few_kinds_are_remembered():
    """Made-up kinds push each other out, but not one that keeps occurring."""
    limited = Notices(logger, interval=inf)
    assert limited.due("known") == 0
    for number in range(2 * MAX_KINDS):
        assert limited.due(number) == 0
        assert limited.due("known") is None
    assert len(limited._kinds) == MAX_KINDS


def test_threads_share_a_line(caplog):
    """Threads that warn at the same time write one line between them, and none is uncounted."""
    limited = Notices(logger)
    start = threading.Barrier(8)

    def warn():
        start.wait()
        for _ in range(500):
            limited.warn("slow", "it is slow")

    threads = [threading.Thread(target=warn) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert messages(caplog) == ["it is slow"]
    assert limited._kinds["slow"].suppressed == 8 * 500 - 1


def test_a_signal_handler_does_not_wait_for_what_it_interrupts(monkeypatch):
    """A signal handler may have a line to log while the thread that it interrupts has one."""
    lines = Notices(logger)
    interruptions = ["signal"]

    def interrupted() -> float:
        if interruptions:
            interruptions.pop()
            lines.warn("kind", "a line of the signal handler's")
        return 0.0

    monkeypatch.setattr(rate_limited_log, "time", SimpleNamespace(monotonic=interrupted))
    thread = threading.Thread(target=lines.warn, args=["kind", "a line"], daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


def test_a_process_forked_amid_a_line_has_lines_of_its_own():
    """A child that is forked while another thread holds the lock does not wait for it for ever."""
    code = """
import logging, os, threading
from channels_bridge.common.rate_limited_log import Notices

lines = Notices(logging.getLogger())
held, done = threading.Event(), threading.Event()

def hold():
    with lines._lock:
        held.set()
        done.wait(30)

threading.Thread(target=hold).start()
held.wait(30)
child = os.fork()
if child == 0:
    os._exit(0 if lines.due("kind") == 0 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "0\n", result.stderr
