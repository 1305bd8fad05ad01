"""A whole server on each of two hosts, which groups cross; one of them is unplugged."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
from websockets.sync.client import ClientConnection

from compat_tests.groups.nats.nats_servers import require_nats_server
from compat_tests.hosts.namespaces import require_namespaces
from compat_tests.hosts.site import DEADLINE, KEEP_SECONDS, Served, served_on_two_hosts

MEMBERS = 4
MESSAGES = 50


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Served]]:
    """The project on two hosts."""
    require_namespaces()
    require_nats_server()
    with served_on_two_hosts(tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture
def members(
    hosts: list[Served], request: pytest.FixtureRequest
) -> Iterator[list[ClientConnection]]:
    """Clients on both hosts in turn, in a room of the test's own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(hosts[number % 2].join(request.node.name))
            for number in range(MEMBERS)
        ]


def say(members: Sequence[ClientConnection], first: int, count: int) -> None:
    """Let each member say so many messages, with its own number before each."""
    for number in range(first, first + count):
        for index, member in enumerate(members):
            member.send(json.dumps({"text": [index, number]}))


def hear(member: ClientConnection, last: int) -> dict[int, list[int]]:
    """What a member hears, by who said it, until it has the last word of everybody."""
    heard: dict[int, list[int]] = {index: [] for index in range(MEMBERS)}
    deadline = time.monotonic() + DEADLINE
    while not all(numbers and numbers[-1] == last for numbers in heard.values()):
        index, number = json.loads(member.recv(deadline - time.monotonic()))["text"]
        heard[index].append(number)
    return heard


def test_groups_cross(members: list[ClientConnection]) -> None:
    """Each member hears everything that is said on either host, once and in order."""
    say(members, 0, MESSAGES)
    for member in members:
        assert hear(member, MESSAGES - 1) == dict.fromkeys(range(MEMBERS), [*range(MESSAGES)])


def test_unplugged(hosts: list[Served], members: list[ClientConnection]) -> None:
    """A host is unplugged for less than senders keep their messages: nobody misses any."""
    before = sum(host.missed() for host in hosts)
    say(members, 0, MESSAGES)
    hosts[1].host.unplug()
    say(members, MESSAGES, MESSAGES)
    time.sleep(KEEP_SECONDS / 5)  # how long it lasts is what is tried
    hosts[1].host.plug_in()
    say(members, 2 * MESSAGES, 1)
    for member in members:
        expected = dict.fromkeys(range(MEMBERS), [*range(2 * MESSAGES + 1)])
        assert hear(member, 2 * MESSAGES) == expected
    assert sum(host.missed() for host in hosts) == before


def test_unplugged_for_too_long(hosts: list[Served], members: list[ClientConnection]) -> None:
    """A host is unplugged for longer: what is missing then was declared, and groups go on."""
    before = sum(host.missed() for host in hosts)
    say(members, 0, MESSAGES)
    hosts[1].host.unplug()
    say(members, MESSAGES, MESSAGES)
    time.sleep(1.2 * KEEP_SECONDS)  # the same
    hosts[1].host.plug_in()
    say(members, 2 * MESSAGES, 1)
    lost = 0
    for member in members:
        for numbers in hear(member, 2 * MESSAGES).values():
            assert numbers == sorted(set(numbers))
            lost += 2 * MESSAGES + 1 - len(numbers)
    # There is a member in each worker: what one misses, the other does not.
    assert lost == sum(host.missed() for host in hosts) - before
