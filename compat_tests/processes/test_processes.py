"""The processes of a server, as the application in them finds them."""

from __future__ import annotations

import os
import signal

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from compat_tests.processes.conftest import DEADLINE
from compat_tests.servers import wait_for


def test_a_worker_is_a_plain_process(desk):
    """multiprocessing is as in any program; the project's main script ran in the server only."""
    with desk.connected() as ask, desk.connected("/sync/") as other:
        both = [ask("facts"), other("facts")]
        assert sorted(facts.pop("worker") for facts in both) == [0, 1]
        assert len({facts.pop("pid") for facts in both}) == 2
        assert both[0] == both[1]
        facts = both[0]
        default, first = facts.pop("methods")
        assert default == first
        assert facts == {
            "name": "MainProcess",
            "daemon": False,
            "has_parent": False,
            "argv": ["manage.py", "websockets_server"],
            "main": None,
        }
    assert len(desk.server.children()) == 3  # and the hub: nothing else runs


@pytest.mark.parametrize("path", ["/", "/sync/"])
def test_forks(desk, path):
    """What an application forks or starts is none of the worker's business, nor the reverse."""
    with desk.connected(path) as ask:
        assert ask("pool") == [1, 4, 9, None]
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR2):
            assert ask("signalled", number) == -number
        # Python ignores a KeyboardInterrupt in what it runs after a fork, before the process runs.
        assert ask("signalled", signal.SIGINT, False) in (1, -signal.SIGINT)
        assert ask("ignored").strip() == ""
        assert ask("spawned") == [16]


def test_errors_are_seen(desk):
    """A consumer's error is in the log with its traceback, whatever LOGGING says."""
    with desk.connected() as ask, pytest.raises(ConnectionClosed):
        ask("fail")
    desk.server.wait_for_log("LookupError: a consumer's error")
    assert "INFO worker [" in desk.server.log()


def test_breakpoints_without_a_terminal(desk):
    """breakpoint() says in a sentence what a debugger needs, and goes on; pdb ends with it."""
    with desk.connected() as ask:
        assert ask("stop_here") == 42
        desk.server.wait_for_log("breakpoint() is skipped (")
        with pytest.raises(ConnectionClosed):
            ask("stop_by_pdb")
    desk.server.wait_for_log("the debugger ended: a debugger needs a terminal")
    assert "BdbQuit" not in desk.server.log()


def test_schedulers(desk):
    """A thread that ready() starts runs in each worker once, which knows its number."""
    lines = desk.schedule.read_text().splitlines()
    before = len(lines)

    def alive():
        return set(desk.schedule.read_text().splitlines()[before:])

    assert wait_for(lambda: len(alive()) >= 2, DEADLINE)
    workers = {line.split()[1] for line in alive()}
    assert workers == {"0", "1"} and len(alive()) == 2, alive()


def test_a_helper_that_outlives_its_worker(desk):
    """Clients and the supervisor see a worker's end while what it has forked lives on."""
    with desk.connected() as ask:
        worker, helper = ask("facts"), psutil.Process(ask("helper"))
        started = desk.server.log().count("is ready")
        os.kill(worker["pid"], signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            ask.websocket.recv(DEADLINE)
        desk.server.wait_for_log("is ready", started + 1)
        assert helper.is_running()
        helper.kill()
    with desk.connected() as ask, desk.connected() as other:
        again = ask("facts"), other("facts")
        assert sorted(facts["worker"] for facts in again) == [0, 1]


def test_end(desk):
    """Threads that are no daemons keep neither a worker nor the server from ending."""
    assert desk.server.stop() == 0
    assert "is killed" not in desk.server.log()
    assert "ends without waiting for its threads: scheduler" in desk.server.log()
