"""What browsers do to pages: offline, asleep, left and come back to, loaded again, copied."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest

from compat_tests.resume.browser.tutorial import DEADLINE, SAMPLE, Tab, Tutorial
from compat_tests.servers import daphne

pytestmark = pytest.mark.timeout(180)

OPEN, RESUMED, LOST = ["open", None, None], ["resumed", True, None], ["reconnecting", 1006, None]


def open_notes(tab: Tab, room: str, query: str = "") -> None:
    """Show the page of notes, with its socket open."""
    tab.go(f"/notes/{room}/{query}")
    tab.wait_until(lambda: tab.notes == [OPEN])


def numbered(first: int, last: int) -> list[str]:
    return [f"message {number}" for number in range(first, last)]


def test_offline(site: Tutorial, tab: Tab) -> None:
    """A browser that goes offline and comes back has missed nothing."""
    with site.typist("offline") as ada:
        open_notes(tab, "offline")
        ada.say_all(numbered(0, 5))
        tab.wait_until(lambda: len(tab.said) == 5)
        with tab.offline():
            tab.wait_until(lambda: tab.notes[:2] == [OPEN, LOST])
            ada.say_all(numbered(5, 15))
            tab.ask("socket.send(JSON.stringify({message: 'typed offline'}))")
        tab.wait_until(lambda: len(tab.said) == 16)
        assert tab.said == [*numbered(0, 15), "typed offline"]
        assert [note for note in tab.notes if note[0] != "reconnecting"] == [OPEN, OPEN, RESUMED]


def test_sleep(site: Tutorial, tab: Tab) -> None:
    """A page that sleeps while its worker is killed has missed nothing once it is awake."""
    open_notes(tab, "sleep")
    worker = site.busy_worker()
    with site.typist("sleep") as ada:
        site.wait_for_connections(1, 1)
        tab.command("Page.setWebLifecycleState", state="frozen")
        ada.say_all(numbered(0, 5))
        os.kill(worker, signal.SIGKILL)
        ada.say_all(numbered(5, 10))
        tab.command("Page.setWebLifecycleState", state="active")
        tab.wait_until(lambda: len(tab.said) == 10)
        assert tab.said == numbered(0, 10)
        tab.wait_until(lambda: tab.notes[-1] == RESUMED)


def test_the_way_back(site: Tutorial, tab: Tab) -> None:
    """A page that the browser has kept goes on where it was left."""
    with site.typist("back") as ada:
        open_notes(tab, "back")
        ada.say_all(numbered(0, 5))
        tab.wait_until(lambda: len(tab.said) == 5)
        tab.go("/chat/")
        site.wait_for_connections(0, 1)  # it is left without a connection
        ada.say_all(numbered(5, 10))
        tab.driver.back()
        tab.wait_until(lambda: len(tab.said) == 10)
        assert tab.said == numbered(0, 10)
        tab.wait_until(lambda: tab.notes[-1] == RESUMED)
        assert tab.notes == [OPEN, LOST, ["from the cache"], OPEN, RESUMED]


def test_a_page_that_is_loaded_again(site: Tutorial, tab: Tab) -> None:
    """With a store, the page after a reload is told what came between the two."""
    with site.typist("reload") as ada:
        open_notes(tab, "reload", "?store")
        ada.say_all(numbered(0, 5))
        tab.wait_until(lambda: len(tab.said) == 5)
        tab.go("/chat/")
        site.wait_for_connections(0, 1)
        ada.say_all(numbered(5, 10))
        tab.go("/notes/reload/?store")
        tab.wait_until(lambda: len(tab.said) == 5)
        assert tab.said == numbered(5, 10)
        tab.wait_until(lambda: tab.notes == [OPEN, RESUMED])


def test_between_page_and_socket(site: Tutorial, tab: Tab) -> None:
    """What is said after the page was rendered and before its socket opened is not missed."""
    with site.typist("between") as ada:
        ada.say_all(numbered(0, 5))
        tab.go("/notes/between/?from&wait")
        ada.say_all(numbered(5, 10))
        tab.driver.execute_script("start()")
        tab.wait_until(lambda: len(tab.said) == 5)
        assert tab.said == numbered(5, 10)
        tab.wait_until(lambda: tab.notes == [OPEN, RESUMED])


def test_a_rolling_reload(site: Tutorial, tab: Tab) -> None:
    """A page that is moved to a new worker has missed nothing that was said meanwhile."""
    open_notes(tab, "rolling")
    worker = site.busy_worker()
    site.server.signal(signal.SIGHUP)
    site.announce("rolling", 0, 50)  # another process, which takes about as long to start
    site.server.wait_until(lambda: worker not in site.connections(), "another worker", DEADLINE)
    with site.typist("rolling") as ada:
        ada.say_all(numbered(50, 100))
    tab.wait_until(lambda: len(tab.said) == 100)
    assert tab.said == numbered(0, 100)
    assert RESUMED in tab.notes and not [note for note in tab.notes if note[0] == "close"]


def test_two_tabs_and_a_copy(site: Tutorial, tab: Tab) -> None:
    """Each tab has positions of its own; a copy of one begins anew, like any page."""
    with site.typist("tabs") as ada:
        open_notes(tab, "tabs", "?store")
        ada.say_all(numbered(0, 5))
        tab.wait_until(lambda: len(tab.said) == 5)
        first = tab.driver.current_window_handle
        tab.driver.execute_script("window.open(location.href)")  # with a copy of sessionStorage
        (second,) = set(tab.driver.window_handles) - {first}
        tab.driver.switch_to.window(second)
        tab.wait_until(lambda: tab.notes == [OPEN])
        ada.say_all(numbered(5, 10))
        tab.wait_until(lambda: len(tab.said) == 5)
        assert tab.said == numbered(5, 10)
        tab.driver.switch_to.window(first)
        tab.wait_until(lambda: len(tab.said) == 10)
        assert tab.said == numbered(0, 10)
        assert tab.notes == [OPEN]


def test_compression(site: Tutorial, tab: Tab) -> None:
    """Chromium asks for compression, and messages are understood with it."""
    with site.typist("deflate") as ada:
        open_notes(tab, "deflate")
        assert "permessage-deflate" in tab.ask("socket.extensions")
        texts = [str(number) * 3000 for number in range(5)]
        ada.say_all(texts)
        tab.wait_until(lambda: len(tab.said) == 5)
        assert tab.said == texts


def test_close(site: Tutorial, tab: Tab) -> None:
    """A page's close() is the end, with or without a code, and between two connections as well."""
    for arguments, code in (("", 1005), ("1000", 1000), ("3001, 'done'", 3001)):
        open_notes(tab, "close")
        tab.ask(f"socket.close({arguments})")
        tab.wait_until(lambda code=code: tab.notes == [OPEN, ["close", code, None]])
    open_notes(tab, "close")
    with tab.offline():
        tab.wait_until(lambda: LOST in tab.notes)
        tab.ask("socket.close()")
        tab.wait_until(lambda: tab.notes[-1] == ["close", 1005, None])
    assert tab.ask("socket.readyState") == 3
    site.wait_for_connections(0, 0)


def test_daphne(site: Tutorial, tab: Tab) -> None:
    """With a server that knows nothing of it, a page has a WebSocket that reconnects."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        env = {"TUTORIAL_DIRECTORY": directory}
        with daphne(SAMPLE, env=env) as first:
            port = str(first.port)
            open_notes(tab, "daphne", f"?server=127.0.0.1:{port}")
            say(tab, "!{before;")
            tab.wait_until(lambda: tab.said == ["!{before;"])
            first.process.kill()
            first.process.wait()
        tab.wait_until(lambda: tab.notes[:2] == [OPEN, LOST])
        say(tab, "meanwhile")
        with daphne(SAMPLE, env=env, arguments=["-p", port]):
            tab.wait_until(lambda: len(tab.said) == 2)
            say(tab, "after;")
            tab.wait_until(lambda: len(tab.said) == 3)
    assert tab.said == ["!{before;", "meanwhile", "after;"]
    assert [note for note in tab.notes if note != LOST] == [OPEN, OPEN]


def say(tab: Tab, text: str) -> None:
    """Say it as the page of notes."""
    tab.driver.execute_script("socket.send(JSON.stringify({message: arguments[0]}))", text)
