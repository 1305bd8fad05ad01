"""Channels' tutorial after three lines of settings and one of JavaScript: its consumer and the rest
of its page are as they were.
"""

from __future__ import annotations

import os
import signal

import pytest

from compat_tests.resume.browser.tutorial import Tab, Tutorial

pytestmark = pytest.mark.timeout(180)


def test_a_killed_worker_while_somebody_types(site: Tutorial, tab: Tab) -> None:
    """A page shows a hundred messages once and in order, without being loaded again, though its
    worker is killed while somebody else types them.
    """
    said = [f"message {number}" for number in range(100)]
    tab.go("/chat/harbour/")
    tab.ask("window.neverReloaded = true")
    worker = site.busy_worker()
    with site.typist("harbour") as ada:
        site.wait_for_connections(1, 1)
        ada.say_all(said[:30])
        os.kill(worker, signal.SIGKILL)
        ada.say_all(said[30:])
        tab.wait_until(lambda: len(tab.chat) >= 100)
        tab.type("and one of my own")
        tab.wait_until(lambda: len(tab.chat) >= 101)
    assert tab.chat == [*said, "and one of my own"]
    assert tab.ask("window.neverReloaded") is True
    assert worker not in site.connections()
