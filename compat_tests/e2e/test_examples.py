"""The examples in Chromium: two windows in one room, each on a worker of its own."""

from __future__ import annotations

import os
import signal

import pytest

ATTEMPTS = 20  # of two workers, the same one that often in a row is no chance

pytestmark = pytest.mark.timeout(180)


def spread(one, two):
    """Reload the second window until another worker serves it."""
    for _ in range(ATTEMPTS):
        if two.worker != one.worker:
            return
        two.reload()
    pytest.fail(f"worker {one.worker} served all of {ATTEMPTS} connections")


def test_two_windows_on_two_workers(site, enter):
    """Messages, presence and announcements reach the windows of one room on different workers."""
    ada, grace = enter("lobby", "Ada"), enter("lobby", "Grace")
    spread(ada, grace)
    for window in (ada, grace):
        window.wait_until(lambda window=window: window.people == ["Ada", "Grace"])

    ada.say("Hello from one worker.")
    grace.wait_until(lambda: grace.messages == ["Hello from one worker."])
    grace.type("Hello from")
    ada.wait_until(lambda: ada.typing == "Grace is typing…")
    grace.say(" the other.")
    site.announce("lobby", "The bridge opens at noon.")
    site.announce("elsewhere", "Not for this room.")
    said = ["Hello from one worker.", "Hello from the other.", "The bridge opens at noon."]
    for window in (ada, grace):
        window.wait_until(lambda window=window: window.messages == said)
        assert window.announcements == said[2:]
        assert not window.complaints()

    grace.driver.get("about:blank")
    ada.wait_until(lambda: ada.people == ["Ada"])


def test_killed_worker(site, enter):
    """The page of a killed worker says so, reconnects, and misses nothing that was said."""
    ada, grace = enter("harbour", "Ada"), enter("harbour", "Grace")
    spread(ada, grace)
    ada.say("first")
    grace.wait_until(lambda: grace.messages == ["first"])

    killed = ada.worker
    assert killed in {child.pid for child in site.server.children()}
    ada.record_statuses()
    os.kill(killed, signal.SIGKILL)
    grace.say("second")
    ada.wait_until(lambda: ada.status == "Connected" and ada.worker not in (killed, None))
    assert ada.statuses[0].startswith("Connection lost – trying again in ")

    ada.wait_until(lambda: ada.messages == ["first", "second"])
    ada.say("third")
    for window in (ada, grace):
        window.wait_until(lambda window=window: window.messages == ["first", "second", "third"])
        window.wait_until(lambda window=window: window.people == ["Ada", "Grace"])
