"""The transport interface: publish and subscribe, and named queues, between processes.

A transport moves bytes. It knows no consumer, no group and no message type: those live once, in
``layer`` and ``membership``, for all transports. There are two halves:

- *Topics* fan out: a payload goes to every process that subscribed. Groups use them, and the
  channels that belong to one process. How long a sender waits is one of four words: ``publish``
  (until it is queued), ``publish_confirmed`` (until it survives the sender), ``tell`` (until the
  one receiver has handled it), ``ask`` (until all receivers have).
- *Named queues* hand out: a payload goes to one of those who pull. Channels without an exclamation
  mark use them (``runworker``). They can't be built on topics, because the sender of a message may
  have exited before the first worker starts: somebody has to keep it, count it against the
  capacity and let it expire. That is why this half is told a capacity and an expiry.

A worker calls all methods on its home loop. Elsewhere ``LocalTransport`` and ``CrossingTransport``
are called from any thread, and deliver in whatever thread publishes or reads.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from channels_bridge.groups.layer_statistics import LinkStatistics

#: Called with topic and payload; never blocks. Returns False when there was no room.
Deliver = Callable[[str, bytes], bool]


class GroupTransport(ABC):
    """Carries payloads between the processes of a project.

    Order: what one process publishes and pushes arrives in that order everywhere. Over NATS that is
    so for each topic and each queue, not among them, while something is asked for again.

    Loss: nothing is lost and nothing arrives twice while a connection breaks and comes back. A
    process that stays away longer is forgotten, and misses what is sent meanwhile. The methods that
    wait raise TransportUnavailable when there is no answer in time.
    """

    @property
    def is_alone(self) -> bool:
        """Whether there certainly are no other processes. May be asked from any thread.

        What only they could get is then done at once; what somebody would have to keep, by
        ``push()`` and ``bind()``, is not.
        """
        return False

    @abstractmethod
    def start(self, deliver: Deliver) -> None:
        """Begin, on the running loop. Connecting goes on behind.

        Args:
            deliver: gets what others publish to the topics subscribed here. What this process
                publishes never comes back to it.
        """

    @abstractmethod
    def subscribe_nowait(self, topic: str) -> None:
        """Ask for a topic.

        When this is called within ``deliver``, the subscription is in force before ``tell()`` or
        ``ask()`` returns to the sender of that payload.
        """

    @abstractmethod
    async def subscribe(self, topic: str) -> None:
        """Ask for a topic, unless it was asked for before; return once that is in force.

        All that is published afterwards is delivered. What was published a moment before, while
        this process hadn't subscribed, may be, too.
        """

    @abstractmethod
    def unsubscribe(self, topic: str) -> None:
        """Stop asking for a topic. What is on its way may still be delivered."""

    @abstractmethod
    async def publish(self, topic: str, payload: bytes) -> None:
        """Send to all other processes that subscribed, and to the queues bound to the topic.

        Returns once the payload is queued here; waits while too much is queued already.
        """

    @abstractmethod
    def publish_nowait(self, topic: str, payload: bytes) -> None:
        """Do the same without waiting, however much is queued.

        It is for short answers, and for callers that look at ``is_full`` before.

        When this is called within ``deliver``, the payload has arrived before ``ask()`` returns to
        the sender of what is being delivered.
        """

    @abstractmethod
    async def publish_confirmed(self, topic: str, payload: bytes) -> None:
        """Do the same, but return once the payload no longer depends on this process.

        It survives that this process ends at once. It need not have arrived anywhere yet.
        """

    async def publish_all_confirmed(self, topics: Sequence[str], payload: bytes) -> None:
        """Do the same for several topics; return once that is so for all of them.

        Where it fails for some, the others have been waited for.
        """
        publications = (self.publish_confirmed(topic, payload) for topic in topics)
        for result in await asyncio.gather(*publications, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    @abstractmethod
    async def tell(self, topic: str, payload: bytes) -> bool:
        """Send to the one process that subscribed; return once it has handled the payload.

        False when it had no room. True when nobody has subscribed; it is an error, though, that
        nobody can be reached.
        """

    @abstractmethod
    async def ask(self, topic: str, payload: bytes, *, required: bool = True) -> None:
        """Send as ``publish()`` does; return once all who subscribed have handled the payload.

        What they have published meanwhile, within ``deliver``, is here then: their answers.

        Args:
            required: whether it is an error that nobody can be reached. Otherwise all are asked
                then, as there are none.
        """

    @abstractmethod
    async def push(self, queue: str, payload: bytes, *, capacity: int, expiry: float) -> bool:
        """Append to a named queue; return once it is there.

        Args:
            capacity: how many payloads may wait. False when they do: this one is dropped.
            expiry: seconds until it is dropped unless pulled.
        """

    @abstractmethod
    async def pull(self, queue: str) -> bytes:
        """Wait for the next payload of a named queue, for as long as it takes.

        Cancelling this never loses a payload.
        """

    @abstractmethod
    def give_back(self, queue: str, payload: bytes, *, expiry: float) -> None:
        """Put what was pulled at the front again, whatever the capacity."""

    @abstractmethod
    async def bind(
        self, topic: str, queue: str, *, capacity: int, expiry: float, lifetime: float
    ) -> None:
        """Push what anybody publishes to a topic into a queue, too; return once that is in force.

        The binding outlives this process. It ends after ``lifetime`` seconds, or by ``unbind()``
        from any process.
        """

    @abstractmethod
    async def unbind(self, topic: str, queue: str) -> None:
        """Undo ``bind()``."""

    @abstractmethod
    async def clear_queues(self) -> None:
        """Empty all named queues, and undo all bindings."""

    @property
    def is_full(self) -> bool:
        """Whether ``publish()`` would wait. May be asked from any thread."""
        return False

    def statistics(self) -> LinkStatistics | None:
        """Say how the connection is; None where there is none. May be called from any thread."""
        return None

    @abstractmethod
    async def aclose(self) -> None:
        """Send what is queued, wait for its arrival for at most a few seconds, and disconnect."""
