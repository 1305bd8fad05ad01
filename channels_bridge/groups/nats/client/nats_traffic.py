"""The traffic of a connection over its links, and what outlives each of them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.nats.client import nats_commands
from channels_bridge.groups.nats.client.nats_errors import Denial
from channels_bridge.groups.nats.client.nats_headers import read_reply
from channels_bridge.groups.nats.client.nats_requests import ReplyReceiver, Requests
from channels_bridge.groups.nats.client.node_link import NodeLink
from channels_bridge.groups.nats.client.server_info import ServerInfo
from channels_bridge.groups.nats.client.server_pool import ServerPool
from channels_bridge.groups.nats.client.subscriptions import Subscriptions
from channels_bridge.groups.nats.client.write_queue import WriteQueue

logger = logging.getLogger("channels_bridge.groups")


#: How many subjects that a node keeps from this user are remembered.
MAX_DENIED = 100

NOT_USED = (
    "is on another machine, and not used without TLS: write tls:// before `servers`, or "
    "`allow_unprotected_tcp` where the network is private"
)


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """Who is told of messages and events. What they raise is logged."""

    on_message: Callable[[Any, bytes, bytes], None]
    on_connected: Callable[[bool], None]
    on_changed: Callable[[], None]
    on_denied: Callable[[str, str], None]


class Traffic:
    """Subscriptions, requests and what waits to be written, and the link that they use.

    Args:
        callbacks: who is told.
        reply_prefix: of the subjects for replies.
        pool: learns of nodes.
        leave: called when the link's node is about to end, and there are others.

    Attributes:
        link: the current one; None while there is none, or it is being left.
        is_linked: whether there is one.
        heard_by: the last one that there was; within ``on_connected`` the one before.
        queue: what waits.
        requests: those whose replies are expected.
        info: what the node says of itself, or the last one did.
        links: how many there were.
        denied: by what the node keeps from this user, what to do.
    """

    def __init__(
        self, callbacks: Callbacks, reply_prefix: str, pool: ServerPool, leave: Callable[[], None]
    ) -> None:
        self.link: NodeLink | None = None
        self.heard_by: NodeLink | None = None
        self.is_linked = asyncio.Event()
        self.queue = WriteQueue()
        self.requests = Requests(reply_prefix)
        self.info = ServerInfo()
        self.links = 0
        self.denied: dict[str, str] = {}
        self._callbacks = callbacks
        self._notices = Notices(logger, interval=math.inf)
        self._on_message = callbacks.on_message
        self._pool = pool
        self._leave = leave
        self._subscriptions = Subscriptions()
        self._by_number = self._subscriptions.by_number
        self._subscriptions.add(self.requests.subject, self.requests)

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
        self.links += 1
        self.denied.clear()
        self.queue.attach(link, self._subscriptions.encode_all())
        self.is_linked.set()
        self._learn(link)
        _tell(self._callbacks.on_connected, self.links == 1)
        self.heard_by = link

    def detach(self) -> None:
        """Write nothing more to the link, after what its socket takes now."""
        self.queue.write()
        pings, link = self.queue.detach(), self.link
        if link is not None:
            link.forget_pings(pings)
        self.link = None
        self.is_linked.clear()

    # What the link calls.

    def link_message(
        self, subject: bytes, number: int, reply: bytes, headers: bytes, payload: bytes
    ) -> None:
        found = self._by_number.get(number)
        if found is None:
            return  # it was on its way when its subscription ended
        key = found[1]
        try:
            if isinstance(key, ReplyReceiver):
                key.received(subject, read_reply(headers, payload, reply))
            else:
                self._on_message(key, payload, reply)
        except Exception:
            logger.exception("a message on %s was not handled", found[0])

    def link_info(self, link: NodeLink, before: ServerInfo) -> None:
        if link is not self.link:
            return
        self._learn(link)
        if not link.info.lame_duck or link.info.connect_urls != before.connect_urls:
            _tell(self._callbacks.on_changed)

    def _learn(self, link: NodeLink) -> None:
        self.info = link.info
        for server in self._pool.learn(link.info.connect_urls, link.server):
            self._notices.warn(str(server), "%s %s", server, NOT_USED)
        if link.info.lame_duck and self._pool.has_others(link.server):
            self._leave()

    def link_denied(self, denial: Denial) -> None:
        if len(self.denied) < MAX_DENIED:
            self.denied[denial.action] = denial.advice
        self.requests.denied(denial)
        _tell(self._callbacks.on_denied, denial.action, denial.advice)

    def link_writable(self) -> None:
        self.queue.write()

    def link_ping(self, link: NodeLink) -> None:
        write = self.queue.add if link is self.link else link.write
        write(nats_commands.PING)


def _tell(callback: Callable[..., None], *arguments: object) -> None:
    try:
        callback(*arguments)
    except Exception:
        logger.exception("a callback of the connection to NATS has failed")
