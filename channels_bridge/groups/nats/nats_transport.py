"""The transport over NATS: every process talks to a node of the cluster, and there is no hub."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from functools import partial

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.layer_statistics import LinkStatistics
from channels_bridge.groups.nats import acknowledgements as kinds
from channels_bridge.groups.nats.acknowledgements import Acknowledgements, Question
from channels_bridge.groups.nats.asking import Asker, read_announcement
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.jetstream.jetstream_api import API
from channels_bridge.groups.nats.joined_flush import JoinedFlush
from channels_bridge.groups.nats.listeners import Listeners, connection_name
from channels_bridge.groups.nats.nats_queues import NatsQueues
from channels_bridge.groups.nats.nats_settings import authentication_of, tls_maker_of
from channels_bridge.groups.nats.nats_topics import NatsTopics
from channels_bridge.groups.nats.node_check import explain_unfit
from channels_bridge.groups.nats.node_reach import LINGER, NodeReach
from channels_bridge.groups.nats.subjects import BINDINGS, Subjects
from channels_bridge.groups.nats_config import NatsConfig
from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.transport_interface import Deliver, GroupTransport

logger = logging.getLogger("channels_bridge.groups")

#: Seconds that ``aclose()`` may take.
CLOSE_TIMEOUT = 5.0

#: Seconds after which all have noticed what they have missed of the last messages.
RECENT = 1.0

#: How much memory incomplete payloads may take: several large ones at a time.
HELD_PAYLOADS = 3


class NatsTransport(GroupTransport):
    """Joins the processes of any number of machines over NATS.

    Nobody waits for others to learn that there are none: whether there are any is not known. So
    nothing is settled alone, and ``required`` changes nothing.

    ``publish_confirmed()`` returns once a node has the payload, or with ``confirm`` once all who
    listen have handled it. What is asked for by ``ask()`` is sent once it is known who listens:
    what this process publishes meanwhile goes before it.

    "All who listen" are those at the nodes that answer. A node that was there and doesn't is waited
    for, as long as its processes may be on their way to another one. After that it is a WARNING,
    which names it, and no error: one that is cut off looks like one that has ended, and the others
    are to go on without that. Processes there get the payload when the link is there again.

    Args:
        config: where nodes are, and how to talk to them.
        get_capacity: how many payloads may wait in a named queue.
    """

    def __init__(self, config: NatsConfig, *, get_capacity: Callable[[str], int]) -> None:
        self._config = config
        self._get_capacity = get_capacity
        self._is_open = False
        self._notices = Notices(logger)

    def start(self, deliver: Deliver) -> None:
        config, self._deliver = self._config, deliver
        self._identity = os.urandom(8)
        self._subjects = Subjects(config.prefix, self._identity)
        self._connection = self._make_connection()
        self._node = NodeReach(self._connection, config.servers, config.timeout)
        self._flush = JoinedFlush(self._connection, config.timeout)
        self._topics = self._make_topics()
        self._in_force: dict[str, object] = {}  # subscriptions, by topic
        self._acknowledgements = Acknowledgements(
            self._identity, self._topics.publish, self._topics.__contains__
        )
        self._listeners = Listeners(
            self._connection, self._identity, servers=len(set(config.servers))
        )
        self._asker = self._make_asker()
        self._queues = self._make_queues()
        self._topics.subscribe(self._acknowledgements.topic)
        self._topics.subscribe(BINDINGS)
        self._connection.start()
        self._is_open = True

    def _make_connection(self) -> NatsConnection:
        config = self._config
        return NatsConnection(
            config.servers,
            name=connection_name(self._identity),
            reply_prefix=self._subjects.reply_prefix,
            authentication=authentication_of(config),
            make_tls=tls_maker_of(config),
            tls_first=config.tls_first,
            allow_unprotected_tcp=config.allow_unprotected_tcp,
            on_message=self._on_message,
            on_connected=self._on_connected,
            on_changed=self._on_changed,
            on_denied=self._on_denied,
        )

    def _make_topics(self) -> NatsTopics:
        config = self._config
        return NatsTopics(
            self._connection,
            self._subjects,
            identity=self._identity,
            bounds=Bounds(keep_seconds=config.keep_seconds, keep_bytes=config.keep_bytes),
            held_bytes=HELD_PAYLOADS * config.max_message_size,
            handle=self._handle,
        )

    def _make_asker(self) -> Asker:
        return Asker(
            subjects=self._subjects,
            listeners=self._listeners,
            acknowledgements=self._acknowledgements,
            send=self._send,
            timeout=self._config.timeout,
        )

    def _make_queues(self) -> NatsQueues:
        return NatsQueues(
            self._connection,
            self._subjects,
            get_capacity=self._get_capacity,
            timeout=self._config.timeout,
            unavailable=self._node.unavailable,
            tell=partial(self._asker.announce, BINDINGS),
        )

    # Topics.

    def subscribe_nowait(self, topic: str) -> None:
        self._topics.subscribe(topic)

    async def subscribe(self, topic: str) -> None:
        subscription = self._topics.subscribe(topic)
        if self._in_force.get(topic) is subscription:
            return
        with self._node.calling():
            await self._flush.wait()
            self._node.require(f"subscribe to {self._subjects.topic(topic)}")
        if topic in self._topics:
            # A topic that was left meanwhile, and asked for again, has another one.
            self._in_force[topic] = subscription

    def unsubscribe(self, topic: str) -> None:
        self._in_force.pop(topic, None)
        self._topics.unsubscribe(topic)
        self._acknowledgements.unsubscribed(topic)

    async def publish(self, topic: str, payload: bytes) -> None:
        if self._connection.is_full:
            await self._node.room()
        self.publish_nowait(topic, payload)

    def publish_nowait(self, topic: str, payload: bytes) -> None:
        self._send(topic, payload, None)
        self._queues.route(topic, payload)
        self._acknowledgements.note_published(topic)

    async def publish_confirmed(self, topic: str, payload: bytes) -> None:
        if self._config.confirm:
            await self.ask(topic, payload)
            return
        await self._node.room()
        await self._queues.ready()
        self._send(topic, payload, None)
        copied = self._queues.route(topic, payload)
        with self._node.calling():
            await self._node.be_sure()
            self._node.require(f"publish to {self._subjects.topic(topic)}")
        await self._queues.settle(copied)

    async def tell(self, topic: str, payload: bytes) -> bool:
        await self._node.room()
        with self._node.calling():
            return await self._asker.tell(topic, payload)

    async def ask(self, topic: str, payload: bytes, *, required: bool = True) -> None:
        await self._node.room()
        await self._queues.ready()
        copied = self._queues.route(topic, payload)
        with self._node.calling():
            await self._asker.ask(topic, payload)
        await self._queues.settle(copied)

    # Named queues.

    async def push(self, queue: str, payload: bytes, *, capacity: int, expiry: float) -> bool:
        return await self._queues.push(queue, payload, capacity=capacity, expiry=expiry)

    async def pull(self, queue: str) -> bytes:
        return await self._queues.pull(queue)

    def give_back(self, queue: str, payload: bytes, *, expiry: float) -> None:
        self._queues.give_back(queue, payload, expiry=expiry)

    async def bind(
        self, topic: str, queue: str, *, capacity: int, expiry: float, lifetime: float
    ) -> None:
        await self._queues.bind(topic, queue, capacity=capacity, expiry=expiry, lifetime=lifetime)

    async def unbind(self, topic: str, queue: str) -> None:
        await self._queues.unbind(topic, queue)

    async def clear_queues(self) -> None:
        await self._queues.clear_queues()

    # How it is, and its end.

    @property
    def is_full(self) -> bool:
        return self._connection.is_full

    def statistics(self) -> LinkStatistics:
        connection, topics = self._connection, self._topics.statistics
        return LinkStatistics(
            connected=connection.connected,
            reconnects=connection.reconnects,
            missed=topics.missed,
            unacknowledged=self._node.waiting,
            unacknowledged_bytes=0,
            lag=self._node.lag,
            engine="nats",
            node=connection.info.server_name if connection.connected else None,
            round_trip=connection.round_trip,
            waiting_bytes=connection.waiting_bytes,
            dropped=connection.dropped,
            gaps=topics.gaps,
            recovered=topics.recovered,
            resent=topics.resent,
            kept_bytes=topics.kept_bytes,
            window=topics.window if topics.kept else None,
            silent_nodes=self._listeners.silent_nodes,
        )

    async def aclose(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        deadline = time.monotonic() + CLOSE_TIMEOUT
        try:
            await asyncio.wait_for(self._finish(), CLOSE_TIMEOUT)
        except (asyncio.TimeoutError, NatsUnavailable) as error:
            if isinstance(error, asyncio.TimeoutError):
                error = NatsUnavailable(f"it didn't answer within {CLOSE_TIMEOUT:g} seconds")
            trouble = self._node.unavailable(error.reason, error.advice)
            logger.error("%s: what was sent last may be lost", trouble)
        finally:
            self._topics.close()
            self._flush.close()
            await self._connection.aclose(max(deadline - time.monotonic(), 0))

    async def _finish(self) -> None:
        """Let others have what was sent, and what they have missed of it."""
        await self._queues.aclose()
        returned = self._is_kept and await self._node.others_return()
        if returned:
            # What they have missed came before their subscriptions: they do not know of it.
            self._topics.cluster_changed()
        if self._connection.connected or self._is_recent:
            self._topics.say_last_numbers()
            await self._node.be_sure()
            if returned or (self._is_recent and self._may_have_lost):
                await asyncio.sleep(LINGER)

    @property
    def _is_kept(self) -> bool:
        """Whether there is something that others can be sent again."""
        return time.monotonic() - self._topics.published_at < self._config.keep_seconds

    @property
    def _is_recent(self) -> bool:
        """Whether what was published last may still be asked for."""
        return time.monotonic() - self._topics.published_at < RECENT

    @property
    def _may_have_lost(self) -> bool:
        """Whether something may get lost between here and others: one node loses nothing."""
        return bool(self._connection.info.cluster) or self._connection.reconnects > 0

    # What comes from the connection.

    def _on_message(
        self, key: str | Callable[[bytes, bytes], None], payload: bytes, reply: bytes
    ) -> None:
        if isinstance(key, str):
            self._topics.received(key, payload)
        else:
            key(payload, reply)

    def _on_connected(self, _is_first: bool) -> None:
        info = self._connection.info
        logger.info("connected to NATS: %s, nats-server %s", info.server_name, info.version)
        if (unfit := explain_unfit(info)) is not None:
            self._notices.log(logging.ERROR, "unfit", "%s", unfit)
        self._listeners.forget_nodes()
        self._topics.connected()
        self._queues.connected()

    def _on_changed(self) -> None:
        self._listeners.forget_nodes()
        self._topics.cluster_changed()

    def _on_denied(self, action: str, advice: str) -> None:
        if action.startswith(f"publish to {API}"):
            return  # whoever needs JetStream is told so
        text = "the NATS server does not let this process %s: %s"
        self._notices.log(logging.ERROR, action, text, action, advice)

    # What comes from other processes.

    def _handle(self, topic: str, sender: bytes, kind: int, payload: bytes) -> None:
        if kind == kinds.PLAIN:
            self._hand_over(topic, payload)
        elif kind == kinds.WANTS_ACKNOWLEDGEMENT:
            self._acknowledgements.handle(sender, payload, partial(self._hand_over, topic))
        elif kind == kinds.ACKNOWLEDGEMENT:
            self._acknowledgements.received(sender, payload)
        elif kind == kinds.FOLLOWS_ANSWER:
            self._acknowledgements.followed(topic, sender, payload)

    def _hand_over(self, topic: str, payload: bytes) -> bool:
        if topic != BINDINGS:
            return self._deliver(topic, payload)
        # Whoever has begun to listen since reads it where all bindings are stored.
        if (change := read_announcement(payload, self._identity)) is not None:
            self._queues.binding_changed(change)
        return True

    # Helpers.

    def _send(self, topic: str, payload: bytes, question: Question | None) -> None:
        if question is None:
            self._topics.publish(topic, payload)
        else:
            wrapped = question.wrap(payload)
            self._topics.publish(topic, wrapped, kinds.WANTS_ACKNOWLEDGEMENT, question)
