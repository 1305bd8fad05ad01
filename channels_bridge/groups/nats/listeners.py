"""Finds who listens to a subject: asks all nodes, each for its own connections (CONNZ).

A cluster has no list of who has subscribed to what: a node knows its own clients, and of the other
nodes whether anybody there listens at all. So all nodes are asked at a time, and each connection's
name says which process it is of.

A node that is cut off from this one, or gone, does not answer, and the others don't know of it. It
is remembered (``known_nodes``): as long as its processes may be on their way to another node, it
isn't known who listens; after that a line says which nodes are silent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import time
from collections.abc import Mapping
from typing import Any

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import Reply
from channels_bridge.groups.nats.known_nodes import KnownNodes

logger = logging.getLogger("channels_bridge.groups")

#: What nodes are asked; any user of an account may, unless permissions forbid it.
SUBJECT = "$SYS.REQ.ACCOUNT.PING.CONNZ"

#: Seconds without another answer after which all nodes of a cluster have answered, as long as it is
#: not known how many there are; or so many round trips, where that is more.
QUIET = 0.15
QUIET_ROUND_TRIPS = 3

#: How often they are asked while fewer answer than the node knows addresses of. Right after this
#: process has connected, another node may not know the way back to it, and its answer is lost; but
#: a node may have several addresses.
ATTEMPTS = 3

#: The same while fewer answer than CONFIG names, too: three seconds on a short way.
SURE_ATTEMPTS = 20

#: Seconds after which nodes are asked again that have not answered.
AGAIN = 1.0

#: Seconds between two questions while processes move from a node to another one.
MOVING = 0.5

#: Seconds between two lines that say which nodes are silent.
NOTICE_INTERVAL = 60.0

#: How many connections a node may name: more than it has.
LIMIT = 1_000_000

_NAME = re.compile(r"channels_bridge ([0-9a-f]{16}) (.*)", re.DOTALL)


def connection_name(identity: bytes) -> str:
    """Return what a process calls its connection: the nodes' monitoring shows it, too."""
    return f"channels_bridge {identity.hex()} {socket.gethostname()}:{os.getpid()}"


def read_connection_name(name: str) -> tuple[bytes, str] | None:
    """Return the identity of a process, and where it runs; None for somebody else's connection."""
    found = _NAME.fullmatch(name)
    return (bytes.fromhex(found[1]), found[2]) if found else None


class Listeners:
    """Asks the nodes who listens.

    Args:
        connection: to any of the nodes.
        identity: this process', which is left out.
        servers: how many nodes CONFIG names.
    """

    def __init__(self, connection: NatsConnection, identity: bytes, servers: int = 1) -> None:
        self._connection = connection
        self._identity = identity
        self._servers = servers
        self._nodes: dict[str, str] = {}  # names by id; none while they aren't known
        self._remembered = KnownNodes()
        self._changes = 0
        self._changed = time.monotonic()
        self._surveys: set[_Survey] = set()  # under way
        self._notices = Notices(logger, interval=NOTICE_INTERVAL)

    def forget_nodes(self) -> None:
        """Find out again which nodes there are: the cluster, or the connection, has changed."""
        self._nodes = {}
        self._changes += 1
        self._changed = time.monotonic()
        for survey in self._surveys:
            survey.stop()

    @property
    def silent_nodes(self) -> dict[str, float]:
        """The nodes that were there and no longer answer: by name, for how many seconds.

        May be asked from any thread.
        """
        return self._remembered.silent(time.monotonic())

    async def find(self, subject: str, timeout: float) -> dict[bytes, str]:
        """Return the other processes that listen to a subject: identities, and where they run.

        Those at a node that has been silent for some seconds are not among them; a line in the log
        says so.

        Raises:
            NatsUnavailable: not all nodes have answered in time.
        """
        deadline = time.monotonic() + timeout
        attempt = 0
        while True:
            attempt += 1
            if not self._connection.connected:
                await self._connection.flush(deadline - time.monotonic())
            survey = await self._ask(subject, deadline - time.monotonic(), attempt)
            awaited = self._remembered.awaited(survey.asked)
            if survey.is_complete and not awaited:
                self._say_who_is_silent(subject)
                found = survey.listeners
                found.pop(self._identity, None)
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise NatsUnavailable(*self._explain(survey, awaited))
            if survey.is_complete:
                await asyncio.sleep(min(MOVING, left))

    async def _ask(self, subject: str, left: float, attempt: int) -> _Survey:
        # The last time they have as long as before, and not what is left over.
        is_last, changes = left < 2 * AGAIN, self._changes
        hoped = 0 if is_last else self._hoped(attempt)
        survey = _Survey(self._known_nodes(), self._quiet(), hoped)
        question = json.dumps({"filter_subject": subject, "limit": LIMIT}).encode()
        cancel = self._connection.request_many(SUBJECT, question, survey.on_reply)
        self._surveys.add(survey)
        try:
            await survey.wait(left if is_last else AGAIN)
        finally:
            self._surveys.discard(survey)
            cancel()
            survey.stop()
        if survey.is_complete and changes == self._changes:
            self._have_answered(survey.nodes, survey.asked)
        return survey

    def _have_answered(self, nodes: dict[str, str], asked: float) -> None:
        if not self._connection.info.cluster:
            self._remembered.forget_all()
            return
        self._remembered.have_answered(nodes, changed=self._changed, now=asked)
        # One that is awaited may be slow to answer: it isn't known yet how many there are.
        self._nodes = {} if self._remembered.awaited(asked) else nodes

    def _hoped(self, attempt: int) -> int:
        addresses = len(self._connection.info.connect_urls)
        if attempt < ATTEMPTS:
            return addresses
        return min(addresses, self._servers) if attempt < SURE_ATTEMPTS else 0

    def _known_nodes(self) -> Mapping[str, str]:
        info = self._connection.info
        return self._nodes if info.cluster else {info.server_id: info.server_name}

    def _quiet(self) -> float:
        return max(QUIET, QUIET_ROUND_TRIPS * (self._connection.round_trip or 0))

    def _say_who_is_silent(self, subject: str) -> None:
        text = "who listens to %s is known in a part of the NATS cluster only: %s"
        if silent := self.silent_nodes:
            names = ", ".join(f"{name} for {age:.0f} s" for name, age in silent.items())
            reason = f"there is no answer from {names}; processes connected there are not asked"
        elif self._connection.info.cluster and len(self._remembered.present) < self._servers:
            reason = (
                f"`servers` in CONFIG are {self._servers}, and {len(self._remembered.present)} "
                "answer; processes connected to others are not asked"
            )
        else:
            return
        self._notices.warn("silent nodes", text, subject, reason)

    def _explain(self, survey: _Survey, awaited: Mapping[str, str]) -> tuple[str, str]:
        if survey.refusal:
            return f"a node does not say who listens: {survey.refusal}", ""
        missing = {**awaited, **survey.missing}
        silent = ", ".join(sorted({*missing.values()})) or "every node"
        return (
            f"{silent} does not say who listens",
            f"let this user publish to {SUBJECT} in the server's `permissions`, and look at the "
            f"logs of that node",
        )


class _Survey:
    """One question to all nodes, and their answers.

    Args:
        expected: the nodes that there are, by id; empty where that isn't known.
        quiet: seconds without another answer after which that is known.
        hoped: how many there should be: with fewer it isn't.
    """

    def __init__(self, expected: Mapping[str, str], quiet: float, hoped: int) -> None:
        self.asked = time.monotonic()
        self.is_complete = False
        self.refusal = ""
        self.nodes: dict[str, str] = {}  # those that have answered
        self.listeners: dict[bytes, str] = {}
        self._expected = expected
        self._quiet = quiet
        self._hoped = hoped
        self._timer: asyncio.TimerHandle | None = None
        self._ended = asyncio.get_running_loop().create_future()

    @property
    def missing(self) -> dict[str, str]:
        """The nodes that have not answered: names by id."""
        return {node: name for node, name in self._expected.items() if node not in self.nodes}

    async def wait(self, patience: float) -> None:
        """Return once the survey is complete or stopped, or after so many seconds."""
        await asyncio.wait([self._ended], timeout=max(patience, 0))

    def on_reply(self, reply: Reply) -> None:
        """Take the answer of a node."""
        if reply.status is not None:
            self.refusal = reply.description or str(reply.status)
            return
        try:
            self._read(json.loads(reply.payload))
        except (ValueError, TypeError, KeyError, AttributeError):
            self.refusal = "its answer can't be read"
            return
        if self._expected:
            if not self.missing:
                self._complete()
        else:
            self._expect_more()

    def stop(self) -> None:
        """Wait for nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._ended.done():
            self._ended.set_result(None)

    def _read(self, answer: Any) -> None:
        if "error" in answer:
            self.refusal = str(answer["error"].get("description", answer["error"]))
            return
        for connection in answer["data"].get("connections") or ():
            found = read_connection_name(connection.get("name", ""))
            if found is not None:
                self.listeners[found[0]] = found[1]
        self.nodes[answer["server"]["id"]] = answer["server"]["name"]

    def _expect_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.nodes:
            self._timer = asyncio.get_running_loop().call_later(self._quiet, self._fall_quiet)

    def _fall_quiet(self) -> None:
        if len(self.nodes) < self._hoped:
            self.stop()
        else:
            self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        self.stop()
