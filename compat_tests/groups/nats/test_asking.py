"""Asking: whom it waits for, and whom it no longer waits for."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.groups.nats import asking
from channels_bridge.groups.nats.acknowledgements import Acknowledgements
from channels_bridge.groups.nats.asking import Asker
from channels_bridge.groups.nats.client.subscriptions import Subscriptions
from channels_bridge.groups.nats.subjects import Subjects
from compat_tests.groups.hubs import soon

ME, OTHER = b"identity", b"other--a"


class Nodes:
    """What nodes say of the other process, look after look."""

    def __init__(self, looks):
        self.looks = list(looks)
        self.left = asyncio.Event()
        self.subjects = Subjects("p", ME)

    async def find(self, subject, timeout):
        if subject == self.subjects.control_of(OTHER):
            return {OTHER: "host:1"}
        listens = self.looks.pop(0)
        if not self.looks:
            self.left.set()
            self.looks.append(listens)
        return {OTHER: "host:1"} if listens else {}


@pytest.fixture
def ask(monkeypatch):
    """Asks the other process, of which nodes say whether it listens; returns the task."""
    monkeypatch.setattr(asking, "LOOK", 0.01)
    acknowledgements = Acknowledgements(ME, lambda *message: None, lambda topic: True)

    def ask(looks):
        nodes = Nodes(looks)
        asker = Asker(
            subjects=nodes.subjects,
            listeners=nodes,
            acknowledgements=acknowledgements,
            send=lambda *message: None,
            timeout=0.5,
        )
        return nodes, asyncio.create_task(asker.ask("g:room", b"hello"))

    return ask


async def test_on_its_way(ask):
    """Who has just connected, and is still subscribing to what it had, is waited for."""
    nodes, task = ask([True, False, True])
    await soon(nodes.left.wait())
    with pytest.raises(Exception, match="host:1 has not handled it"):
        await soon(task)


async def test_again_and_again(ask):
    """A process that is away for a look now and then is waited for as well."""
    nodes, task = ask([True, *[False, True] * 5])
    await soon(nodes.left.wait())
    with pytest.raises(Exception, match="host:1 has not handled it"):
        await soon(task)


async def test_unsubscribed(ask):
    """Who is connected, and doesn't listen a look later, has left."""
    _, task = ask([True, False, False])
    await soon(task)


def test_what_shows_that_all_is_there():
    """On a new link, what was subscribed first, of which others look, comes last."""
    subscriptions = Subscriptions()
    for subject in ("p.c.own", "p.g.one", "p.g.two"):
        subscriptions.add(subject, subject)
    assert [command.split()[1] for command in subscriptions.encode_all()] == [
        b"p.g.two",
        b"p.g.one",
        b"p.c.own",
    ]
