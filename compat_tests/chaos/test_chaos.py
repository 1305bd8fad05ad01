"""A real server survives what happens to its processes and clients, and its judges would notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compat_tests.chaos import faults, node_faults
from compat_tests.chaos.journal import Journal, Record
from compat_tests.chaos.outcomes import DECLARED, Suffered, undeclared
from compat_tests.chaos.staging import playing
from compat_tests.chaos.verdict import judge, missed_by
from compat_tests.groups.nats.nats_servers import require_nats_server
from compat_tests.servers import REPOSITORY

DEPLOYMENT = Path(REPOSITORY, "migration_guide", "deployment.md")


async def test_faults():
    """A worker and the hub are killed, and the disk is full: no message is lost or comes twice,
    and no connection ends otherwise than declared.
    """
    async with playing(1, workers=2, clients=9, pause=1, confirm=False) as scene:
        hub_killed = faults.disk_full if scene.disk.is_small else faults.hub_killed
        await scene.suffer(faults.worker_killed, hub_killed)
        report = await scene.end()
        assert report.is_good, list(report.complaints())
    assert report.faults == 2
    assert report.outcomes.total() > 9
    assert report.messages.published > 0
    assert any(client.story.messages for client in scene.resuming)


@pytest.mark.timeout(300)  # it starts a server three times
async def test_restarts():
    """Everything is killed and started again: who resumes goes on where it was, and is told where
    history was lost, then and only then.
    """
    async with playing(3, workers=1, clients=9, pause=1, confirm=False) as scene:
        await scene.suffer(faults.everything_killed)
        assert not any(client.story.gaps for client in scene.resuming)
        await scene.suffer(faults.everything_killed_history_removed)
        report = await scene.end()
        assert report.is_good, list(report.complaints())
    assert all(client.story.gaps for client in scene.resuming)


async def test_faults_on_nodes():
    """The same where groups are on nodes of NATS: a worker and a node are killed, and links break;
    no message is lost or comes twice, and nobody's connection ends by what happens to nodes.
    """
    require_nats_server()
    playing_on_nodes = playing(2, workers=2, clients=9, pause=1, confirm=False, layer="nats")
    async with playing_on_nodes as scene:
        await scene.suffer(faults.worker_killed, node_faults.node_killed)
        await scene.suffer(node_faults.links_cut)
        report = await scene.end()
        assert report.is_good, list(report.complaints())
    assert report.messages.published > 0


def sender(*numbers, name="sender", worker=1):
    """What a client has written down that sent some messages, a second apart."""
    sent = {number: float(number) for number in numbers}
    return Record(name, worker=worker, sent=sent, stayed=True)


def member(*numbers, joined=0.0, stayed=True, room=""):
    """What a client has written down that got some messages."""
    got = [("sender", number) for number in numbers]
    return Record("member", room, joined=joined, got=got, stayed=stayed)


def test_verdict():
    """Messages that arrived once and in order are fine."""
    verdict = judge([sender(1, 2, 3), member(1, 2, 3)])
    assert verdict.is_good
    assert str(verdict) == (
        "3 published, 0 refused, 3 delivered, 0 lost, 0 duplicated, 0 out of order"
    )


@pytest.mark.parametrize(
    ("got", "lost", "duplicated", "disordered"),
    [
        ((1, 3), [2], [], []),
        ((1, 2), [3], [], []),
        ((), [1, 2, 3], [], []),
        ((1, 2, 2, 3), [], [2], []),
        ((1, 3, 2), [], [], [2]),
        ((1, 2, 3, 1), [], [1], [1]),
    ],
)
def test_bad_verdict(got, lost, duplicated, disordered):
    """What is missing, comes again or comes late is named."""
    verdict = judge([sender(1, 2, 3), member(*got)])
    assert not verdict.is_good
    assert verdict.lost == [("member", ("sender", number)) for number in lost]
    assert verdict.duplicated == [("member", ("sender", number)) for number in duplicated]
    assert verdict.disordered == [("member", ("sender", number)) for number in disordered]


@pytest.mark.parametrize(("killed", "told", "lost"), [({1}, 1, 0), ({1}, 0, 2), (set(), 1, 2)])
def test_declared_losses(killed, told, lost):
    """What nodes lost of a killed sender is no loss where its receivers' process was told of it."""
    members = [member(1, 3), replace(member(1, 3), name="another")]
    verdict = judge([sender(1, 2, 3), *members], killed=killed, told=told)
    assert len(verdict.lost) == lost
    assert verdict.declared == (told if not lost else 0)


@pytest.mark.parametrize(("moment", "lost"), [(2.0, 0), (3.0, 1)])
def test_forgotten_messages(moment, lost):
    """What a hub had in its memory only is no loss where those who resume were told of it."""
    verdict = judge([sender(1, 2, 3), member(1, 3)], forgotten=lambda room, sent: sent == moment)
    assert (len(verdict.lost), verdict.declared) == (lost, 1 - lost)


def test_reading_what_was_declared():
    """Each process says how many messages to groups it has missed."""
    line = "this process has missed {} to {} from another one: the sender does not answer\n"
    counts = [("245 messages", "g:room-1"), ("1 message", "g:room-2"), ("7 messages", "p:ab")]
    assert missed_by("".join(line.format(*each) for each in counts)) == 246


@pytest.mark.parametrize(("got", "lost"), [((1, 2), []), ((), []), ((1, 3), [2])])
@pytest.mark.parametrize("who", ["the sender's worker was killed", "the member left"])
def test_the_end_of_a_connection(got, lost, who):
    """What came last may be lost with a killed worker or to a member that left; no more."""
    stayed, killed = (True, {1}) if who.startswith("the sender") else (False, set())
    verdict = judge([sender(1, 2, 3), member(*got, stayed=stayed)], killed=killed)
    assert verdict.lost == [("member", ("sender", number)) for number in lost]


def test_confirmed_messages():
    """A worker that waits for the confirmation takes nothing with it when it is killed."""
    verdict = judge([sender(1, 2), member(1)], killed={1}, confirmed=True)
    assert verdict.lost == [("member", ("sender", 2))]


def test_strangers():
    """Who isn't there yet, or is in another room, needn't get a message."""
    assert judge([sender(1, 2), member(joined=None)]).is_good
    assert judge([sender(1, 2), member(room="other")]).is_good
    late = judge([sender(1, 2, 3), member(joined=2.5)])
    assert late.lost == [("member", ("sender", 3))]


def ended(outcome, *, at=1.5, name="client", worker=1):
    """A connection that ended so."""
    return Record(name, worker=worker, ended=at, outcome=outcome)


@pytest.mark.parametrize(
    "record",
    [
        ended("own will", at=99, worker=7),
        ended("1006"),
        ended("no response", worker=0),
        ended("1001", worker=3),
        ended("1008", name="flood", worker=7),
    ],
)
def test_declared_outcomes(record):
    """A connection may end as the documents say, by a fault that it was a victim of."""
    suffered = [
        Suffered("worker_killed", 1, {1}, over=2),
        Suffered("reloaded", 1, {2, 3}, over=2),
        Suffered("client_flooding", 1, {"flood"}, over=2),
    ]
    assert not undeclared([record], suffered)


@pytest.mark.parametrize(
    "record",
    [
        ended("1006", worker=2),
        ended("1006", at=0.5),
        ended("1006", at=2.5),
        ended("1011"),
        ended("HTTP 500", worker=0),
        ended("1001"),
        Record("open"),
    ],
)
def test_undeclared_outcomes(record):
    """Any other end, at another time or of somebody else's connection, is found."""
    assert undeclared([record], [Suffered("worker_killed", 1, {1}, over=2)]) == [record]


@pytest.mark.parametrize("declared", DECLARED, ids=lambda it: f"{it.fault}-{it.outcome}")
def test_declarations(declared):
    """Each outcome that is allowed is in the documents, and its fault is one that happens."""
    assert declared.words in " ".join(DEPLOYMENT.read_text().split())
    assert declared.fault == "server_ended" or hasattr(faults, declared.fault)


def test_names_of_connections():
    """Each connection has a name of its own, also of one client."""
    journal = Journal()
    assert [journal.begin(client, "").name for client in "aba"] == ["a.1", "b.1", "a.2"]
