"""The connection to NATS: one link at a time to one of the nodes, for ever.

::

    NatsConnection - reconnection ~ node_link - node_socket
         |                              |
    nats_traffic                    nats_parser, node_heartbeat
         |
    subscriptions, write_queue, nats_requests

Core NATS delivers at most once: what was on its way when a link ended is lost, both ways, and
``on_connected`` says so. Nothing that was asked for is lost: each new link begins with all
subscriptions, in one write, and what was published meanwhile follows them.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from channels_bridge.common.event_deadline import is_set_within
from channels_bridge.groups.nats.client import nats_commands
from channels_bridge.groups.nats.client.authentication import NOBODY, Authentication
from channels_bridge.groups.nats.client.connection_state import ConnectionState
from channels_bridge.groups.nats.client.link_options import LinkOptions
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import Reply
from channels_bridge.groups.nats.client.nats_requests import Cancel, OnReply, OwnReplies
from channels_bridge.groups.nats.client.nats_traffic import Callbacks, Traffic
from channels_bridge.groups.nats.client.node_heartbeat import INTERVAL
from channels_bridge.groups.nats.client.node_link import NodeLink, answer_ping
from channels_bridge.groups.nats.client.reconnection import Reconnection
from channels_bridge.groups.nats.client.server_pool import (
    ServerAddress,
    ServerPool,
    process_number,
)

logger = logging.getLogger("channels_bridge.groups")

#: Seconds that ``aclose()`` waits for the node to have what was published, unless it is told.
CLOSE_TIMEOUT = 2.0


class NatsConnection(ConnectionState):
    """A client of a cluster of NATS, or of one node.

    Lives on the event loop on which it was started; nothing is thread-safe.

    Args:
        servers: ``nats://host:port``, ``tls://host:port`` or ``host:port``; others that a node
            names are added.
        name: shown by the nodes' monitoring.
        reply_prefix: of the subjects for replies, without a dot at its end: nobody else's.
        authentication: what to show a node.
        make_tls: makes a TLS context for each link, so that new certificates are used; those
            without one, where a node wants TLS, trust the authorities of the system.
        tls_first: whether TLS begins before a node's INFO.
        allow_unprotected_tcp: whether nodes that others name may be on other machines where TLS is
            not used.
        connect_timeout: seconds that a node may take to greet.
        ping_interval: seconds between two beats; a node that is silent for three of them is left.
        on_message: gets the key that was given to ``subscribe()``, the payload, and the subject on
            which a reply is expected, empty without one. What it raises is logged.
        on_connected: called for each link, with whether it is the first. All subscriptions have
            been written by then; what was on its way since the link before is lost.
        on_changed: called when a node says that its cluster has changed.
        on_denied: called with what a node keeps from this user, and what to do about it.

    Raises:
        ValueError: a server's URL can't be read.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        name: str,
        reply_prefix: str,
        authentication: Authentication = NOBODY,
        make_tls: Callable[[], ssl.SSLContext] | None = None,
        tls_first: bool = False,
        allow_unprotected_tcp: bool = False,
        connect_timeout: float = 2.0,
        ping_interval: float = INTERVAL,
        on_message: Callable[[Any, bytes, bytes], None],
        on_connected: Callable[[bool], None] = lambda first: None,
        on_changed: Callable[[], None] = lambda: None,
        on_denied: Callable[[str, str], None] = lambda action, advice: None,
    ) -> None:
        pool = ServerPool(
            servers,
            start=process_number(),
            allow_unprotected_tcp=allow_unprotected_tcp or make_tls is not None or tls_first,
        )
        self._options = LinkOptions(
            name=name,
            authentication=authentication,
            make_tls=make_tls,
            uses_tls=make_tls is not None or pool.uses_tls,
            tls_first=tls_first,
            connect_timeout=connect_timeout,
            ping_interval=ping_interval,
        )
        callbacks = Callbacks(
            on_message=on_message,
            on_connected=on_connected,
            on_changed=on_changed,
            on_denied=on_denied,
        )
        traffic = Traffic(callbacks, reply_prefix, pool, lambda: self._reconnection.leave())
        super().__init__(
            traffic, Reconnection(pool, self._open_link, traffic.attach, traffic.detach)
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._reconnection.run())
        self._task.add_done_callback(_report)
        self._task.add_done_callback(self._abort)

    async def aclose(self, timeout: float = CLOSE_TIMEOUT) -> None:
        """Let the node have what was published, and disconnect.

        Args:
            timeout: seconds that the node has at most. What it doesn't have by then is lost, and
                logged.
        """
        task, self._task = self._task, None
        if task is None:
            return
        with suppress(NatsUnavailable):
            await self._empty(timeout)
        if lost := self.waiting_bytes:
            logger.warning("%d bytes were not sent to NATS: %s", lost, self.trouble or "no time")
        task.cancel()
        await asyncio.wait([task])
        if (link := self._traffic.link) is not None:
            self._traffic.detach()
            await link.aclose()

    async def _empty(self, timeout: float) -> None:
        """Let the node have all, also what is published meanwhile. Raises NatsUnavailable."""
        deadline = asyncio.get_running_loop().time() + timeout
        is_due = self._traffic.link is not None
        while is_due or self.waiting_bytes:
            await self.flush(deadline - asyncio.get_running_loop().time())
            is_due = False

    def _abort(self, task: asyncio.Task[None]) -> None:
        """Leave no socket open where a loop ends, and cancels its tasks, without ``aclose()``."""
        if self._task is task and (link := self._traffic.link) is not None:
            link.abort("its event loop has ended")

    # What is asked for.

    def subscribe(self, subject: str, key: Any) -> None:
        """Ask for what is published to ``subject``, on this link and all later ones.

        Args:
            key: told to ``on_message``; each has one subscription at most.

        Raises:
            ValueError: the key has one, or ``subject`` has something in it that none may have.
        """
        self._traffic.subscribe(subject, key)

    def unsubscribe(self, key: Any) -> None:
        """Ask for no more of it. Nothing comes under the key from now on."""
        self._traffic.unsubscribe(key)

    def publish(
        self,
        subject: str,
        *parts: bytes,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        """Publish a message to all but this connection; at most once.

        Written with all else of this round of the loop. Waits, within bounds, while there is no
        link.

        Args:
            parts: of the payload.
            reply: the subject on which a reply is expected.

        Returns:
            Whether there was room; otherwise it is dropped, and counted.

        Raises:
            ValueError: it is larger than the node allows, or the subject can't be one.
        """
        if headers is None:
            command = nats_commands.encode_publish(subject, parts, reply)
        else:
            command = nats_commands.encode_publish_with_headers(subject, parts, headers, reply)
        if len(command) > self.info.max_payload:
            self._require_room(sum(map(len, parts)), headers)
        return self._traffic.queue.publish(command)

    def _require_room(self, size: int, headers: Mapping[str, str] | None) -> None:
        size += len(nats_commands.encode_headers(headers)) if headers is not None else 0
        if size > self.info.max_payload:
            raise ValueError(
                f"a message of {size} bytes, where {self.info.server_name or 'the server'} allows "
                f"{self.info.max_payload}: raise its `max_payload`"
            )

    async def flush(self, timeout: float) -> None:
        """Return once the node has handled all that was asked for and published before.

        While there is no link, waits for one.

        Args:
            timeout: seconds.

        Raises:
            NatsUnavailable: it took longer, or the link ended meanwhile, so that what was published
                before may be lost.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while (link := self._traffic.link) is None:
            if not await is_set_within(self._traffic.is_linked, deadline - loop.time()):
                raise self._explain(timeout)
        if link.ended.done():
            await asyncio.sleep(0)  # else who tries again at once would keep it from being left
        # Asked here and not in a task of ``wait_for()``: what was published just now is written
        # together with the PING.
        pong = link.ping(self._traffic.queue.add)
        timer = loop.call_at(deadline, lambda: answer_ping(pong, self._explain(timeout)))
        try:
            trouble = await pong
        finally:
            timer.cancel()
        if trouble is not None:
            raise trouble

    async def request(
        self,
        subject: str,
        payload: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Reply:
        """Publish a message and return the first reply to it.

        That nobody listens is a reply as well, of the status 503.

        Args:
            timeout: seconds.

        Raises:
            NatsUnavailable: there was none in time, no room for the request, or the node does not
                let this user publish to the subject.
            ValueError: see ``publish()``.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply | NatsUnavailable] = loop.create_future()

        def settle(result: Reply | NatsUnavailable) -> None:
            if not answer.done():
                answer.set_result(result)

        subject_of_reply, cancel = self._traffic.requests.expect(subject, settle, settle)
        # Not wait_for(), which may forget before Python 3.12 that it was cancelled.
        timer = loop.call_later(timeout, lambda: settle(self._explain(timeout)))
        try:
            if not self.publish(subject, payload, reply=subject_of_reply, headers=headers):
                raise NatsUnavailable("too much waits to be published", "publish more slowly")
            result = await answer
        finally:
            timer.cancel()
            cancel()
        if isinstance(result, NatsUnavailable):
            raise result
        return result

    def request_many(
        self,
        subject: str,
        payload: bytes,
        on_reply: OnReply,
        *,
        headers: Mapping[str, str] | None = None,
        own_subject: bool = False,
    ) -> Cancel:
        """Publish a message, and get all replies to it until what this returns is called.

        Args:
            own_subject: whether to subscribe for these replies alone, as what JetStream hands out
                needs: by its subject it is no reply.

        Raises:
            ValueError: see ``publish()``.
        """
        if own_subject:
            subject_of_reply, cancel = self._subscribe_to_replies(on_reply)
        else:
            subject_of_reply, cancel = self._traffic.requests.expect(subject, on_reply)
        try:
            self.publish(subject, payload, reply=subject_of_reply, headers=headers)
        except BaseException:
            cancel()
            raise
        return cancel

    def _subscribe_to_replies(self, on_reply: OnReply) -> tuple[str, Cancel]:
        subject, key = self._traffic.requests.make_subject(), OwnReplies(on_reply)
        self.subscribe(subject, key)
        return subject, partial(self.unsubscribe, key)

    async def wait_for_room(self, timeout: float) -> None:
        """Return once publishers needn't wait.

        Raises:
            NatsUnavailable: that took longer than ``timeout`` seconds.
        """
        if not await self._traffic.queue.has_room_within(timeout):
            raise self._explain(timeout)

    async def _open_link(self, server: ServerAddress) -> NodeLink:
        link = NodeLink(server, self._options, self._traffic)
        await link.open()
        return link


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("the connection to NATS is not kept any more", exc_info=error)
