"""A hub or a worker that is killed: the server heals by itself."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed

from compat_tests.callers.conftest import DEADLINE, MEMBERS, heard
from compat_tests.servers import wait_for


def say(member, text):
    member.send(json.dumps({"text": text}))


def test_killed_hub(project):
    """The hub is killed: what is sent meanwhile arrives once, and members stay members."""
    with project.members() as members:
        say(members[0], "before")
        assert heard(members) == [["before"]] * MEMBERS
        hub = project.hub()
        hub.kill()
        for number in range(50):
            say(members[number % MEMBERS], number)
        for texts in heard(members, 50):
            assert sorted(texts) == list(range(50))
            for sender in range(MEMBERS):
                own = [number for number in texts if number % MEMBERS == sender]
                assert own == sorted(own)
        assert wait_for(lambda: not hub.is_running(), DEADLINE)
        assert project.hub().pid != hub.pid
        say(members[1], "after")
        assert heard(members) == [["after"]] * MEMBERS


@pytest.mark.parametrize("project", [["--worker-timeout", "3"]], indirect=True)
def test_stuck_hub(project):
    """A hub that is stopped for good is replaced; what is sent meanwhile arrives once."""
    with project.members() as members:
        hub = project.hub()
        hub.suspend()
        for number in range(50):
            say(members[number % MEMBERS], number)
        project.server.wait_for_log(f"hub [{hub.pid}] is killed: stuck for 3 s:", 1, DEADLINE)
        for texts in heard(members, 50):
            assert sorted(texts) == list(range(50))
        assert wait_for(lambda: not hub.is_running(), DEADLINE)
        assert project.hub().pid != hub.pid


def test_killed_worker(project):
    """A worker is killed: its clients reconnect, the others' connections and groups go on."""
    with project.members() as members:
        workers = [child for child in project.server.children() if child.pid != project.hub().pid]
        victim = next(worker for worker in workers if _clients(worker, project.server.port))
        ports = _clients(victim, project.server.port)
        lost = [member for member in members if member.socket.getsockname()[1] in ports]
        assert len(lost) == MEMBERS // 2
        victim.kill()
        for member in lost:
            with pytest.raises(ConnectionClosed):
                member.recv(DEADLINE)
        project.server.wait_for_log("is ready", 4)
        with project.members(len(lost)) as again:
            everyone = [member for member in members if member not in lost] + again
            say(everyone[0], "after")
            assert heard(everyone) == [["after"]] * MEMBERS


def _clients(process, port):
    """The ports of those that a process serves."""
    connections = process.net_connections(kind="tcp")
    return {each.raddr.port for each in connections if each.raddr and each.laddr.port == port}
