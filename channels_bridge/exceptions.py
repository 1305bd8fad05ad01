"""The exceptions of this package, and those of ``channels.exceptions`` under their names.

::

    BridgeError
    +-- TransportUnavailable    other processes can't be reached, or don't answer in time
    +-- HubAddressError         the hub can't take the address it was given
    +-- LoopBlocked             a thread needs the worker's event loop, which is blocked
    +-- ForeignChannel          receive() from another process' channel; an AssertionError,
                                as in channels_redis
    +-- ChannelsFull            send_many() to channels that have no room; a ChannelFull

    of Channels: AcceptConnection, ChannelFull, DenyConnection, InvalidChannelLayerError,
    MessageTooLarge, RequestAborted, RequestTimeout, StopConsumer
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import channels.exceptions

from channels_bridge.surface import extend

if TYPE_CHECKING:
    from channels.exceptions import *  # noqa: F403

__all__ = [
    "BridgeError",
    "ChannelsFull",
    "ForeignChannel",
    "HubAddressError",
    "LoopBlocked",
    "TransportUnavailable",
]


class BridgeError(Exception):
    """Base class of this package's exceptions.

    The message is one line that says what to do. They can be pickled, with their attributes, as
    process pools, Celery and parallel tests do with what was raised elsewhere.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception would call the class with the message, which is not what its __init__() takes.
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[BridgeError], args: tuple[Any, ...]) -> BridgeError:
    """Make an exception again, without its attributes."""
    return kind.__new__(kind, *args)


class TransportUnavailable(BridgeError):
    """What joins the project's processes, and so the other ones, can't be reached.

    Attributes:
        peer: what was expected there: the groups hub, or a NATS server.
        address: the address, or addresses, where that was expected.
        reason: what happened there.
        advice: what to do; empty where the reason says it.
    """

    def __init__(
        self, address: str, reason: str, advice: str, *, peer: str = "the groups hub"
    ) -> None:
        self.peer = peer
        self.address = address
        self.reason = reason
        self.advice = advice
        what = f"no answer from {peer} at {address} ({reason})"
        super().__init__(f"{what}: {advice}" if advice else what)


class HubAddressError(BridgeError):
    """The hub can't listen at its address.

    Attributes:
        address: the address it was given.
        reason: why that doesn't work, and what to do about it.
    """

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(f"the groups hub can't listen at {address}: {reason}")


class LoopBlocked(BridgeError):
    """A thread of a worker needs the worker's event loop, where something blocks.

    Attributes:
        seconds: how long it has waited.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"the event loop of this process has not taken a call from another thread for "
            f"{seconds:g} seconds: something blocks it, such as async code that waits for that "
            f"thread without `await`; await it there with asyncio.to_thread() or sync_to_async()"
        )


class ForeignChannel(BridgeError, AssertionError):
    """A channel that belongs to a process can be received from in that process only.

    Attributes:
        channel: the name that was given to ``receive()``.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        super().__init__(
            f"channel {channel} belongs to another process: receive from channels "
            f"that new_channel() returned in this one, or from names without an exclamation mark"
        )


class ChannelsFull(BridgeError, channels.exceptions.ChannelFull):
    """Some channels have no room for a message; the others have got it.

    Attributes:
        channels: the names of the full ones, in the order they were given.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        self.channels = list(channels)
        super().__init__(
            f"no room in {', '.join(self.channels)}: receive from them faster, "
            f"or raise `capacity` or `channel_capacity` in the layer's CONFIG"
        )


extend(__name__)
