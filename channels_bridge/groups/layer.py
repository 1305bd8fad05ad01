"""The channel layer, as Channels' channel layer specification describes it.

It may be called from any thread and any event loop, and after a fork. What differs from
channels_redis and from InMemoryChannelLayer is labelled "Spec deviation:" where it happens.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from channels.layers import BaseChannelLayer
from django.utils.module_loading import import_string

from channels_bridge.common.other_layers import explain_attribute
from channels_bridge.common.trace_context import TRACE, TraceContext
from channels_bridge.groups import FOLLOWING, TRANSPORTS
from channels_bridge.groups.codec import Codec
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.history.position import Joined
from channels_bridge.groups.home import home_loop
from channels_bridge.groups.home.green_threads import require_threads
from channels_bridge.groups.home.sync_calls import waits_outside
from channels_bridge.groups.kept_groups import KeptGroups
from channels_bridge.groups.layer_config import LayerConfig, LocalConfig
from channels_bridge.groups.layer_statistics import LayerStatistics
from channels_bridge.groups.local_transport import LocalTransport
from channels_bridge.groups.membership import Membership
from channels_bridge.groups.message import GroupMessage
from channels_bridge.groups.node import Node
from channels_bridge.groups.overflow import OVERFLOW, Inbox, Overload
from channels_bridge.groups.policies.history_options import HistoryOptions
from channels_bridge.groups.threadsafe_node import ThreadsafeNode
from channels_bridge.groups.transport_interface import GroupTransport


class BridgeChannelLayer(KeptGroups, BaseChannelLayer):
    """A channel layer whose groups live in the processes that have members.

    Delivery: at most once, in the order sent by each sender; every member gets its own copy.

    Overflow: ``send()`` raises ChannelFull. ``group_send()`` never raises for a full member: a
    message is dropped for that member, this one unless CONFIG has another ``overflow``, and counted
    in ``messages_dropped``.

    Spec deviation: where no event loop runs, which is how ``async_to_sync()`` calls them, methods
    that send have done so when they return, before anybody awaits what they return.

    A signal handler may call ``async_to_sync(layer.group_send)`` unless it interrupts another
    ``async_to_sync()``: both need a lock of ``concurrent.futures``, and the handler may hang.
    """

    extensions = ["groups", "flush"]
    transport_name: ClassVar[str]
    config_class: ClassVar[type[LayerConfig]] = LayerConfig

    #: Whether groups have members in other processes, where this process finds some.
    reaches_others: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        self.config = config = self.config_class.from_options(options)
        super().__init__(expiry=config.expiry, capacity=config.capacity)  # type: ignore[arg-type]
        # BaseChannelLayer.get_capacity() reads compiled patterns, but nothing compiles them there.
        patterns = self.compile_capacities(dict(config.channel_capacity))
        self.channel_capacity = patterns  # type: ignore[assignment]
        self.group_expiry = config.group_expiry
        self._codec = Codec(config.max_message_size)
        #: What traces messages; None unless CONFIG has ``trace_context``.
        self.tracer: TraceContext | None = None
        if config.trace_context is not None:
            import_string(TRACE)(self, config.trace_context)
        self._overload = Overload()
        self._current: Node | None = None  # made when first needed, once per process
        self._lock = threading.RLock()
        home_loop.register(self)

    @property
    def messages_dropped(self) -> int:
        """How many messages to groups didn't reach a member of this process, which was full."""
        return self._overload.dropped

    def statistics(self) -> LayerStatistics:
        """Say what this layer has done in this process. May be called from any thread."""
        node = self._current
        return LayerStatistics(
            group_sends=node.group_sends if node is not None else 0,
            messages_dropped=self.messages_dropped,
            link=node.link_statistics() if node is not None else None,
            history=node.history_statistics() if node is not None else None,
        )

    def group_sizes(self) -> dict[str, int]:
        """How many consumers of this process are in each group. For the home loop."""
        return self._current.group_sizes() if self._current is not None else {}

    def groups_of(self, channel: str) -> set[str]:
        """The groups that a consumer of this process is in. For the home loop."""
        return self._current.groups_of(channel) if self._current is not None else set()

    @property
    def client_prefix(self) -> str:
        """The part of channel names that says that they are this layer's, in this process."""
        return self._node().prefix

    # The channel layer API. It may be called from anywhere.

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return the name of a new channel, which only this process can receive from."""
        node = self._node()
        return await home_loop.run(node.loop, node.new_channel(prefix))

    @waits_outside
    async def send(self, channel: str, message: dict[str, Any] | GroupMessage) -> None:
        """Put a message into a channel; return once it is there.

        Raises:
            ChannelFull: ``capacity`` messages wait in it already.
            TransportUnavailable: another process keeps the channel, and can't be reached.
            LoopBlocked: called in a thread of a worker, whose event loop is blocked.
        """
        self.require_valid_channel_name(channel)
        payload = self._encode(message)
        node = self._node()
        await home_loop.run(node.loop, node.send(channel, payload))

    @waits_outside
    async def send_many(
        self, channels: Iterable[str], message: dict[str, Any] | GroupMessage
    ) -> None:
        """Put one message into several channels; return once it is in all that have room.

        It is like ``send()`` to each of them in turn, a channel that is named twice gets it twice,
        but they are waited for together, and a full one doesn't keep the others from getting it.

        Raises:
            ChannelsFull: some are full; ``channels`` says which. It is a ChannelFull.
            TransportUnavailable: other processes keep some of the channels, and can't be reached;
                channels of this process have got the message.
        """
        names = _all_valid(channels, "channels", self.require_valid_channel_name)
        payload = self._encode(message)
        node = self._node()
        await home_loop.run(node.loop, node.send_many(names, payload))

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message in a channel. Cancelling this never loses one."""
        self.require_valid_channel_name(channel)
        node = self._node()
        give_back = functools.partial(node.give_back, channel)
        payload = await home_loop.fetch(node.loop, node.receive(channel), give_back)
        return self._codec.decode(payload)

    async def group_add(  # type: ignore[override]  # Channels' returns nothing
        self, group: str, channel: Any
    ) -> Joined | None:
        """Make a channel a member: it gets what is sent to the group after this returned.

        Args:
            channel: a name, or an object with a ``channel_name``.

        Returns:
            Of a group with history, whether the client goes on where it was; otherwise None, and
            for channels of other processes.
        """
        self.require_valid_group_name(group)
        name = self._channel_name(channel)
        node = self._node()
        return await home_loop.run(node.loop, node.group_add(group, name))

    async def group_discard(self, group: str, channel: Any) -> None:
        """End a membership, if there is one. Takes the same arguments as ``group_add()``."""
        self.require_valid_group_name(group)
        name = self._channel_name(channel)
        node = self._node()
        await home_loop.run(node.loop, node.group_discard(group, name))

    @waits_outside
    async def group_send(self, group: str, message: dict[str, Any] | GroupMessage) -> None:
        """Give a message to all members of a group.

        In a server's worker this returns once the message is queued for the other processes,
        elsewhere once they all have it or, over NATS, once a node has: so it survives that its
        sender exits. With ``confirm`` in CONFIG a worker waits as well, and over NATS everybody
        waits for all processes: what was sent survives that its sender is killed.

        A worker's threads don't wait for its event loop either, unless 4,096 messages or 16 MiB
        are queued: a consumer may block the loop until they have sent.

        Raises:
            TransportUnavailable: other processes can't be reached, though there may be some.
            LoopBlocked: it had to wait for a worker's event loop, which is blocked.
        """
        self.require_valid_group_name(group)
        # By the caller, in its thread: an error has its traceback, and the home loop less to do.
        payload = self._encode(message)
        node = self._node()
        # From a worker's thread it is only queued: a consumer may block the loop until that thread
        # is done.
        if not node.hand_over([group], payload):
            await home_loop.run(node.loop, node.group_send(group, payload))

    @waits_outside
    async def group_send_many(
        self, groups: Iterable[str], message: dict[str, Any] | GroupMessage
    ) -> None:
        """Give one message to all members of several groups.

        It is like ``group_send()`` to each of them in turn, a member of two groups gets it twice,
        but it is encoded once, and the other processes are waited for together.

        Raises:
            TransportUnavailable: other processes can't be reached; members in this one have got
                the message.
        """
        names = _all_valid(groups, "groups", self.require_valid_group_name)
        payload = self._encode(message)
        node = self._node()
        if not node.hand_over(names, payload):
            await home_loop.run(node.loop, node.group_send_many(names, payload))

    async def answer(self, subject: str, answerer: Callable[[Any], Any]) -> None:
        """From now on answer what anybody asks about ``subject``, until the layer is closed.

        Args:
            answerer: called with the question on the home loop, which it may not block.
        """
        node = self._node()
        await home_loop.run(node.loop, node.answer(subject, answerer))

    async def ask(self, subject: str, question: Any) -> list[Any]:
        """Ask all processes that ``answer()`` about ``subject``, and return what they say.

        Questions and answers are what MessagePack can hold.

        Raises:
            TransportUnavailable: other processes can't be reached.
        """
        node = self._node()
        return await home_loop.run(node.loop, node.ask(subject, question))

    async def flush(self) -> None:
        """Empty all channels and groups, in all processes. Inboxes keep what they have."""
        node = self._node()
        await home_loop.run(node.loop, node.flush())

    async def close(self) -> None:
        """Send what is queued, and disconnect.

        The layer may be used again: it then begins anew, without its channels and memberships.
        """
        node, self._current = self._current, None
        # On a loop that has ended nothing can be closed any more.
        if node is not None and not (node.loop is not None and node.loop.is_closed()):
            await home_loop.run(node.loop, node.aclose())

    async def close_pools(self) -> None:
        """Do nothing.

        Code for channels_redis calls this where an event loop ends, which its connections belong
        to. Ours belong to none of the caller's.
        """

    # What the server's run loop calls, on the home loop.

    def attach(self, channel: str, inbox: Inbox, listener: Listener | None = None) -> Feed | None:
        """Deliver messages for ``channel`` into ``inbox`` from now on.

        Args:
            listener: the connection, as groups with history see it.

        Returns:
            Where ``follows``, what its reader takes while it is behind: ``inbox.wake()`` is called
            when it is to look there.
        """
        return self._node().attach(channel, inbox, listener)

    def detach(self, channel: str) -> None:
        """Leave all groups and forget ``channel``."""
        self._node().detach(channel)

    # What home calls.

    def after_fork(self) -> None:
        """Begin anew in a forked child, which shares nothing with its parent."""
        if self._current is not None:
            # Destroying it would take the parent's file descriptors out of its event loop.
            _left_behind.append(self._current)
        self._current = None
        self._lock = threading.RLock()
        self._overload = Overload()

    # What differs between layers.

    def _make_transport(self) -> GroupTransport:
        """For a node of the home loop."""
        if self.follows:
            return self._make_local_transport()
        transport: GroupTransport = import_string(TRANSPORTS[self.transport_name])()
        return transport

    def _place(self) -> str | None:
        """Where this process finds others, unless it is a server's worker; None if nowhere."""
        return None

    def _make_transport_to(self, place: str | None) -> GroupTransport:
        """For a node that is called from anywhere."""
        return self._make_local_transport()

    def _make_local_transport(self) -> GroupTransport:
        if not self.follows:
            return LocalTransport()
        make = import_string(TRANSPORTS["local-history"])
        transport: GroupTransport = make(cast(HistoryOptions, self.config).history_bytes)
        return transport

    def _confirms(self) -> bool:
        """Whether ``group_send()`` waits until all processes have the message."""
        return not home_loop.is_claimed()

    def _require_threads(self) -> None:
        """Raise ImproperlyConfigured where threads are greenlets, and nothing works so."""
        require_threads()

    # Helpers.

    if not TYPE_CHECKING:  # else every name would pass for an attribute

        def __getattr__(self, name: str) -> NoReturn:
            text = explain_attribute(type(self).__name__, name)
            raise AttributeError(text, name=name, obj=self)

    if not hasattr(BaseChannelLayer, "require_valid_channel_name"):  # Channels 4.2.0
        require_valid_channel_name = BaseChannelLayer.valid_channel_name  # type: ignore[assignment]
        require_valid_group_name = BaseChannelLayer.valid_group_name  # type: ignore[assignment]

    def _node(self) -> Node:
        node = self._current
        if node is not None and node.loop is not None and not node.loop.is_closed():
            return node  # in a server's worker
        if not self._is_current(node):
            with self._lock:
                node = self._current
                if not self._is_current(node):
                    node = self._current = self._make_node(outdated=node)
        assert node is not None
        return node

    def _is_current(self, node: Node | None) -> bool:
        if isinstance(node, ThreadsafeNode):
            # A thread of the application may have made it just before a worker claimed its loop.
            return not home_loop.is_claimed() and node.place == self._place()
        return node is not None and node.loop is not None and not node.loop.is_closed()

    def _make_node(self, outdated: Node | None) -> Node:
        if isinstance(outdated, ThreadsafeNode) and outdated.place is not None:
            home_loop.spawn(outdated.aclose())
        node, threadsafe_node, membership = self._kinds()
        options: dict[str, Any] = {
            "config": self.config,
            "membership": membership(
                codec=self._codec,
                get_capacity=self.get_capacity,
                expiry=self.config.expiry,
                group_expiry=self.config.group_expiry,
                overflow=OVERFLOW[self.config.overflow],
            ),
            "get_capacity": self.get_capacity,
            "overload": self._overload,
            "confirm": self._confirms(),
        }
        self._require_threads()
        if home_loop.is_claimed():
            return node(loop=home_loop.loop(), make_transport=self._make_transport, **options)
        place = self._place()
        transport = functools.partial(self._make_transport_to, place)
        return threadsafe_node(place=place, make_transport=transport, **options)

    def _kinds(self) -> tuple[type[Node], type[ThreadsafeNode], type[Membership]]:
        """Return the classes of a node, a thread-safe node and a membership.

        Where nothing is followed, they are those that know nothing of it.
        """
        if self.follows:
            node, threadsafe_node, membership = map(import_string, FOLLOWING)
            return node, threadsafe_node, membership
        return Node, ThreadsafeNode, Membership

    def _encode(self, message: dict[str, Any] | GroupMessage) -> bytes:
        if not isinstance(message, GroupMessage):
            assert isinstance(message, dict), "message is not a dict"
            assert "__asgi_channel__" not in message
        return self._codec.encode(message)

    def _channel_name(self, channel: Any) -> str:
        name: str = getattr(channel, "channel_name", channel)
        self.require_valid_channel_name(name)
        return name


class LocalChannelLayer(BridgeChannelLayer):
    """A layer for one process: nothing leaves it.

    Unlike InMemoryChannelLayer it may be called from any thread and any event loop.
    """

    transport_name = "local"
    config_class = LocalConfig


def _all_valid(names: Iterable[str], argument: str, require: Callable[[str], Any]) -> list[str]:
    if isinstance(names, (str, bytes)):
        raise TypeError(f"{argument} must be a list of names, not {names!r}: write [{names!r}]")
    names = list(names)
    for name in names:
        require(name)
    return names


#: Nodes of the process that this one was forked from.
_left_behind: list[Node] = []
