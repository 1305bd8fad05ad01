"""What goes over the links of a connection, and what outlives each of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from channels_bridge.groups.nats.client import nats_commands
from channels_bridge.groups.nats.client.nats_errors import Denial
from channels_bridge.groups.nats.client.nats_headers import read_reply
from channels_bridge.groups.nats.client.nats_requests import Requests
from channels_bridge.groups.nats.client.node_link import NodeLink
from channels_bridge.groups.nats.client.server_info import ServerInfo
from channels_bridge.groups.nats.client.subscriptions import Subscriptions
from channels_bridge.groups.nats.client.write_queue import WriteQueue

logger = logging.getLogger("channels_bridge.groups")


class TrafficEvents(Protocol):
    """Who is told what happens to a link."""

    def info_changed(self, before: ServerInfo) -> None:
        """The node has said something new of itself."""

    def denied_by_node(self, denial: Denial) -> None:
        """The node keeps a subject from this user."""


class Traffic:
    """Subscriptions, requests and what waits to be written, and the link that they use.

    Args:
        on_message: gets the key that was given to ``subscribe()``, payload and reply's subject.
        reply_prefix: of the subjects for replies.
        events: who is told what happens.

    Attributes:
        link: the current one; None while there is none, or it is being left.
        is_linked: whether there is one.
        queue: what waits.
        requests: those whose replies are expected.
    """

    def __init__(
        self,
        on_message: Callable[[Any, bytes, bytes], None],
        reply_prefix: str,
        events: TrafficEvents,
    ) -> None:
        self.link: NodeLink | None = None
        self.is_linked = asyncio.Event()
        self.queue = WriteQueue()
        self.requests = Requests(reply_prefix)
        self._on_message = on_message
        self._events = events
        self._subscriptions = Subscriptions()
        self._by_number = self._subscriptions.by_number
        self._replies = self._subscriptions.add(self.requests.subject, self.requests)

    def subscribe(self, subject: str, key: Any) -> None:
        """Ask for a subject, on this link and all later ones."""
        number = self._subscriptions.add(subject, key)
        if self.link is not None:
            self.queue.add(nats_commands.encode_subscribe(subject, number))

    def unsubscribe(self, key: Any) -> None:
        """Ask for no more of it."""
        number = self._subscriptions.remove(key)
        if number is not None and self.link is not None:
            self.queue.add(nats_commands.encode_unsubscribe(number))

    def attach(self, link: NodeLink) -> None:
        """Use a link: all subscriptions are written first, then what waits."""
        self.link = link
        link.write(b"".join(self._subscriptions.encode_all()))
        self.queue.attach(link)
        self.is_linked.set()

    def detach(self) -> None:
        """Write nothing more to the link, after what its socket takes now."""
        self.queue.write()
        self.queue.detach()
        self.link = None
        self.is_linked.clear()

    # What the link calls.

    def link_message(
        self, subject: bytes, number: int, reply: bytes, headers: bytes, payload: bytes
    ) -> None:
        found = self._by_number.get(number)
        if found is None:
            return  # it was on its way when its subscription ended
        try:
            if number == self._replies:
                self.requests.received(subject, read_reply(headers, payload, reply))
            else:
                self._on_message(found[1], payload, reply)
        except Exception:
            logger.exception("a message on %s was not handled", found[0])

    def link_info(self, link: NodeLink, before: ServerInfo) -> None:
        if link is self.link:
            self._events.info_changed(before)

    def link_denied(self, denial: Denial) -> None:
        self._events.denied_by_node(denial)

    def link_writable(self) -> None:
        self.queue.write()

    def link_ping(self, link: NodeLink) -> None:
        write = self.queue.add if link is self.link else link.write
        write(nats_commands.PING)
