"""The node: a channel layer's state in one process, between its members and its transport.

Everything here runs on the home loop; ``layer`` is what users call, from anywhere. Outside of a
server's workers ``threadsafe_node`` takes its place.

A node subscribes to

- ``g:<group>`` while it has a member of the group,
- ``p:<prefix>`` for what concerns its own channels: messages, joining and leaving groups,
- ``q:<subject>`` for questions that it answers,
- ``flush``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import cached_property, partial
from typing import Any, TypeVar, cast
from uuid import uuid4

import msgpack

from channels_bridge.exceptions import (
    ChannelFull,
    ChannelsFull,
    ForeignChannel,
    TransportUnavailable,
)
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.history.position import Joined
from channels_bridge.groups.home.handover import Handover
from channels_bridge.groups.layer_config import LayerConfig
from channels_bridge.groups.layer_statistics import HistoryStatistics, LinkStatistics
from channels_bridge.groups.membership import Membership
from channels_bridge.groups.named_queues import Item, take
from channels_bridge.groups.overflow import Inbox, Overload
from channels_bridge.groups.transport_interface import GroupTransport

logger = logging.getLogger("channels_bridge.groups")

T = TypeVar("T")

FLUSH = "flush:"


class Node:
    """A process' part in a channel layer.

    Args:
        loop: the home loop; None for a node that may be called anywhere.
        config: the layer's options.
        membership: empty.
        make_transport: called on the home loop when the transport is first needed.
        overload: counts what is dropped.
        confirm: whether ``group_send()`` waits until the message survives that this process ends.
            Otherwise it returns once the message is queued.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop | None,
        config: LayerConfig,
        membership: Membership,
        get_capacity: Callable[[str], int],
        make_transport: Callable[[], GroupTransport],
        overload: Overload,
        confirm: bool,
    ) -> None:
        self.loop = loop
        self.prefix = uuid4().hex  # the part of a channel's name that says whose it is
        self.group_sends = 0  # how many messages were sent to groups
        self._config = config
        self._membership = membership
        self._get_capacity = get_capacity
        self._make_transport = make_transport
        self._overload = overload
        self._confirm = confirm
        self._handover = Handover(loop)
        self._groups: set[str] = set()  # those whose topic is subscribed
        self._answerers: dict[str, Callable[[Any], Any]] = {}  # by subject
        self._asked = 0  # how many questions
        self._answers: dict[int, list[Any]] = {}  # to those that are being asked, by number
        self._sweeping: asyncio.TimerHandle | None = None
        self._topic_handlers: dict[str, Callable[[str, bytes], bool]] = {
            "g": self._group_message,
            "p": self._own_message,
            "q": self._question,
            "flush": self._flushed,
        }
        self._own_handlers: dict[str, Callable[..., bool]] = {
            "send": self._put_own,
            "add": self._added,
            "discard": self._discarded,
            "answer": self._answered,
        }

    @cached_property
    def _transport(self) -> GroupTransport:
        transport = self._make_transport()
        transport.start(self._deliver)
        self._sweep_later()
        return transport

    # Channels.

    async def new_channel(self, prefix: str) -> str:
        """Return a name that messages reach this process by, from the moment this returns."""
        await self._transport.subscribe(f"p:{self.prefix}")
        await self._transport.subscribe(FLUSH)
        return f"{prefix}.{self.prefix}!{uuid4().hex}"

    def attach(self, channel: str, inbox: Inbox, listener: Listener | None = None) -> Feed | None:
        """Deliver messages for ``channel`` into ``inbox`` from now on.

        Returns:
            What ``following_node`` makes of it; None here.
        """
        self._membership.attach(channel, inbox)
        return None

    def detach(self, channel: str) -> None:
        """Leave all groups and forget ``channel``."""
        for group in self._membership.detach(channel):
            self._unsubscribe_if_empty(group)

    async def send(self, channel: str, payload: bytes) -> None:
        """Put a message into a channel, or raise ChannelFull."""
        self._handover.take()
        if not await self._put(channel, payload):
            raise ChannelFull(channel)

    async def send_many(self, channels: list[str], payload: bytes) -> None:
        """Put a message into several channels, or raise ChannelsFull."""
        self._handover.take()
        rooms = await self._together(self._put(channel, payload) for channel in channels)
        full = [channel for channel, room in zip(channels, rooms, strict=True) if not room]
        if full:
            raise ChannelsFull(full)

    async def receive(self, channel: str) -> bytes:
        """Wait for the next message. Cancelling this never loses one."""
        owner = self._owner_of(channel)
        if owner is None:
            return await self._transport.pull(channel)
        if owner != self.prefix:
            raise ForeignChannel(channel)
        return (await self._take(channel)).payload

    def give_back(self, channel: str, payload: bytes) -> None:
        """Undo a ``receive()`` whose result came too late."""
        expiry = self._config.expiry
        if self._owner_of(channel) is None:
            self._transport.give_back(channel, payload, expiry=expiry)
        else:
            item = Item(time.monotonic() + expiry, payload)
            self._membership.waiting.push_front(channel, item)

    # Groups.

    async def group_add(self, group: str, channel: str) -> Joined | None:
        """Make a channel a member of a group, from the moment this returns."""
        owner = self._owner_of(channel)
        if owner is None:
            await self._transport.bind(
                f"g:{group}",
                channel,
                capacity=self._get_capacity(channel),
                expiry=self._config.expiry,
                lifetime=self._config.group_expiry,
            )
        elif owner == self.prefix:
            await self._add(group, channel)
        else:
            await self._tell(owner, "add", group, channel)
        return None

    async def group_discard(self, group: str, channel: str) -> None:
        """End a membership."""
        owner = self._owner_of(channel)
        if owner is None:
            await self._transport.unbind(f"g:{group}", channel)
        elif owner == self.prefix:
            self._discarded(group, channel)
        else:
            await self._tell(owner, "discard", group, channel)

    async def group_send(self, group: str, payload: bytes) -> None:
        """Give a message to all members: those of this process at once."""
        # What threads have handed over before is sent before: a sender's messages keep their order.
        self._handover.take()
        self.group_sends += 1
        # Members here depend on no connection, nor on how many processes are behind it.
        self._group_message(group, payload)
        if self._confirm:
            await self._transport.publish_confirmed(f"g:{group}", payload)
        else:
            await self._transport.publish(f"g:{group}", payload)

    async def group_send_many(self, groups: list[str], payload: bytes) -> None:
        """Give a message to all members of several groups: those of this process at once."""
        self._handover.take()
        self.group_sends += len(groups)
        for group in groups:
            self._group_message(group, payload)
        await self._publish(groups, payload)

    def hand_over(self, groups: list[str], payload: bytes) -> bool:
        """Give a message to all members of several groups, from any thread, without an answer.

        False where it has to be awaited: on the home loop, to be sure that it survives this
        process, and while too much is queued.
        """
        if self._confirm or asyncio._get_running_loop() is self.loop:
            return False
        # Not made here, in some thread: a transport is started on the home loop.
        transport: GroupTransport | None = self.__dict__.get("_transport")
        if transport is not None and transport.is_full:
            return False
        return self._handover.offer(partial(self._group_send_now, groups, payload), len(payload))

    def _group_send_now(self, groups: list[str], payload: bytes) -> None:
        self.group_sends += len(groups)
        for group in groups:
            self._group_message(group, payload)
        for group in groups:
            self._transport.publish_nowait(f"g:{group}", payload)

    def group_sizes(self) -> dict[str, int]:
        """How many consumers of this process are in each group."""
        return self._membership.sizes()

    def groups_of(self, channel: str) -> set[str]:
        """The groups that a consumer of this process is in."""
        return self._membership.groups_of(channel)

    async def flush(self) -> None:
        """Empty all channels and groups, here and in the other processes."""
        self._handover.take()
        self._flushed()
        await self._transport.clear_queues()
        if not self._transport.is_alone:
            await self._transport.ask(FLUSH, b"", required=False)

    def history_statistics(self) -> HistoryStatistics | None:
        """Say how much is kept in this process; None where nothing is."""
        return None

    def link_statistics(self) -> LinkStatistics | None:
        """Say how the connection to other processes is; None where there is none."""
        transport: GroupTransport | None = self.__dict__.get("_transport")
        return transport.statistics() if transport is not None else None

    async def aclose(self) -> None:
        """Send what is queued, then disconnect."""
        self._handover.take()
        if "_transport" not in self.__dict__:
            return
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._transport.aclose()

    # Questions.

    async def answer(self, subject: str, answerer: Callable[[Any], Any]) -> None:
        """Answer what anybody asks about ``subject``, as soon as others can know of it."""
        self._answerers[subject] = answerer
        self._transport.subscribe_nowait(f"q:{subject}")

    async def ask(self, subject: str, question: Any) -> list[Any]:
        """Return the answers of all processes, this one included."""
        await self._transport.subscribe(f"p:{self.prefix}")
        number = self._next_question()
        answers = self._answers[number] = []
        try:
            if subject in self._answerers:
                answers.append(self._answerers[subject](question))
            payload = msgpack.packb([self.prefix, number, question])
            await self._transport.ask(f"q:{subject}", payload)
        finally:
            del self._answers[number]
        return answers

    # What comes from other processes.

    def _deliver(self, topic: str, payload: bytes) -> bool:
        kind, _, name = topic.partition(":")
        try:
            return self._topic_handlers[kind](name, payload)
        except Exception:
            # The edge: what one process can't read must not cut it off from all others.
            logger.exception("a message to %s can't be delivered", topic)
            return True

    def _group_message(self, group: str, payload: bytes) -> bool:
        full = self._membership.deliver(group, payload)
        if full:
            self._overload.note(group, full, self._membership.count(group))
        # It counts as delivered: a full member of a group is not an error of the sender.
        return True

    def _own_message(self, _prefix: str, payload: bytes) -> bool:
        kind, *arguments = msgpack.unpackb(payload)
        return self._own_handlers[kind](*arguments)

    def _question(self, subject: str, payload: bytes) -> bool:
        asker, number, question = msgpack.unpackb(payload)
        answer = self._answerers[subject](question)
        # Now, and not in a task: so the asker has it before it knows that all have been asked.
        answered = msgpack.packb(["answer", number, answer])
        self._transport.publish_nowait(f"p:{asker}", answered)
        return True

    def _answered(self, number: int, answer: Any) -> bool:
        if number in self._answers:  # else: the asker was cancelled
            self._answers[number].append(answer)
        return True

    def _added(self, group: str, channel: str) -> bool:
        self._membership.add(group, channel)
        self._groups.add(group)
        self._transport.subscribe_nowait(f"g:{group}")
        return True

    def _discarded(self, group: str, channel: str) -> bool:
        self._handover.take()  # it is still a member for what threads have sent before
        self._membership.discard(group, channel)
        self._unsubscribe_if_empty(group)
        return True

    def _flushed(self, *_: Any) -> bool:
        self._membership.clear()
        for group in list(self._groups):
            self._unsubscribe_if_empty(group)
        return True

    # Helpers.

    async def _put(self, channel: str, payload: bytes) -> bool:
        owner = self._owner_of(channel)
        if owner is None:
            return await self._transport.push(
                channel,
                payload,
                capacity=self._get_capacity(channel),
                expiry=self._config.expiry,
            )
        if owner == self.prefix:
            return self._put_own(channel, payload)
        return await self._tell(owner, "send", channel, payload)

    def _owner_of(self, channel: str) -> str | None:
        """Return the prefix of the process that a channel belongs to; None for any process."""
        name, local, _ = channel.partition("!")
        return name.rpartition(".")[2] if local else None

    def _put_own(self, channel: str, payload: bytes) -> bool:
        return self._membership.put(channel, payload)

    async def _take(self, channel: str) -> Item:
        return await take(self._membership.waiting, channel)

    async def _add(self, group: str, channel: str) -> None:
        # Before that is confirmed: messages may come before the answer is read.
        self._added(group, channel)
        try:
            await self._transport.subscribe(f"g:{group}")
        except (TransportUnavailable, asyncio.CancelledError):
            self._discarded(group, channel)
            raise

    async def _publish(self, groups: list[str], payload: bytes) -> None:
        topics = [f"g:{group}" for group in groups]
        if self._confirm:
            await self._transport.publish_all_confirmed(topics, payload)
        else:
            for topic in topics:
                await self._transport.publish(topic, payload)

    async def _together(self, coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run them together, until the last one is done even if others have failed."""
        results = await asyncio.gather(*coroutines, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return cast("list[T]", results)

    async def _tell(self, owner: str, *words: str | bytes) -> bool:
        payload = msgpack.packb(words)
        return await self._transport.tell(f"p:{owner}", payload)

    def _next_question(self) -> int:
        self._asked += 1
        return self._asked

    def _unsubscribe_if_empty(self, group: str) -> None:
        if group in self._groups and not self._membership.has_members(group):
            self._groups.discard(group)
            self._transport.unsubscribe(f"g:{group}")

    def _sweep(self) -> None:
        self._membership.waiting.sweep()
        for group in list(self._groups):
            self._unsubscribe_if_empty(group)
        self._sweep_later()

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(self._config.expiry, self._sweep)
