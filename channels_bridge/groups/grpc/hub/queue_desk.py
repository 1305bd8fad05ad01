"""The hub's end of named queues: pushes, and pulls whose items are on their way."""

from __future__ import annotations

import time
from collections.abc import Iterable

from channels_bridge.groups.grpc.hub.session import HandingOut, Session
from channels_bridge.groups.named_queues import Item, MessageQueues
from channels_bridge.groups.wire.v1 import groups_pb2 as wire


class QueueDesk:
    """Hands out what waits in queues. No item is lost on its way: it is sent again, or goes back.

    Args:
        queues: those that there are.
    """

    def __init__(self, queues: MessageQueues) -> None:
        self._queues = queues

    # Frames.

    def push(self, session: Session, push: wire.Push) -> bool:
        """Put an item into a queue. False when there was no room."""
        if push.front:
            item = Item(time.monotonic() + push.expiry, push.payload)
            self._queues.push_front(push.queue, item)
            return True
        return self._queues.push(
            push.queue, push.payload, capacity=push.capacity, expiry=push.expiry
        )

    def bind(self, bind: wire.Bind) -> None:
        """Push what is published to a topic into a queue as well."""
        self._queues.bind(
            bind.topic,
            bind.queue,
            capacity=bind.capacity,
            expiry=bind.expiry,
            lifetime=bind.lifetime,
        )

    def pull(self, session: Session, pull: wire.Pull) -> None:
        """Send a process the next item, once there is one; again, if it was sent before."""
        handing_out = session.pulls.setdefault(pull.id, HandingOut(session, pull.id, pull.queue))
        if handing_out.item is not None:
            handing_out.resend()
        elif not handing_out.is_waiting:
            handing_out.is_waiting = True
            self._queues.pull(handing_out.queue, handing_out.accept)

    def withdraw(self, session: Session, withdraw: wire.Withdraw) -> None:
        """A pull is off."""
        handing_out = session.pulls.pop(withdraw.id, None)
        if handing_out is not None:
            self._take_back(handing_out)
        session.write(wire.Withdrawn(id=withdraw.id))

    def taken(self, session: Session, taken: wire.Taken) -> None:
        """An item has arrived."""
        session.pulls.pop(taken.id, None)

    # Sessions come and go.

    def take_over(self, session: Session, pulls: Iterable[wire.Pull]) -> None:
        """A process is back, and these are its pulls."""
        waiting = {pull.id: pull for pull in pulls}
        for pull_id in session.pulls.keys() - waiting.keys():
            del session.pulls[pull_id]  # its item has been taken
        for pull in waiting.values():
            self.pull(session, pull)

    def lost(self, session: Session) -> None:
        """A stream has ended: nothing can be handed out to its process."""
        for handing_out in session.pulls.values():
            self._queues.withdraw(handing_out.queue, handing_out.accept)
            handing_out.is_waiting = False

    def forgotten(self, session: Session) -> None:
        """A process won't come back."""
        # The newest first, as each goes to the front: the oldest item is the next one again.
        for pull_id in sorted(session.pulls, reverse=True):
            self._take_back(session.pulls.pop(pull_id))

    def _take_back(self, handing_out: HandingOut) -> None:
        if handing_out.item is None:
            self._queues.withdraw(handing_out.queue, handing_out.accept)
        else:
            self._queues.push_front(handing_out.queue, handing_out.item)
