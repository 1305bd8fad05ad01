"""Group membership in this process: fans messages out to the members' inboxes.

Rules of this file:

- A channel of this process is either *attached*, then its messages go straight into a consumer's
  inbox, or not, then they wait in a queue until ``receive()`` takes them.
- Each member gets its own copy of a message.
- A full member doesn't get the message: the newest is dropped, for that member only, unless
  ``overflow`` says otherwise of messages to groups. Whoever calls is told the names of those that
  were full.
- A message that nobody took before it expired is dropped. An unattached channel leaves a group
  ``group_expiry`` after it joined.
- Spec deviation: an attached channel stays in its groups however old its membership is. It leaves
  when its consumer ends: that is certain here, and all that ``group_expiry`` is there for.

Used on the home loop, or under the lock of ``threadsafe_node``. No I/O, no tasks.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from channels_bridge.groups.codec import Codec
from channels_bridge.groups.named_queues import MessageQueues
from channels_bridge.groups.overflow import OVERFLOW, Inbox, Policy
from channels_bridge.groups.shared_frames import Made


class Membership:
    """The channels of one process and the groups they are in.

    Args:
        codec: makes messages of payloads.
        get_capacity: how many messages may wait for a channel.
        expiry: seconds until a message is dropped unless taken.
        group_expiry: seconds until an unattached channel leaves a group.
        overflow: what to do with a message to a group for which an attached channel has no room.
    """

    def __init__(
        self,
        *,
        codec: Codec,
        get_capacity: Callable[[str], int],
        expiry: float,
        group_expiry: float,
        overflow: Policy = OVERFLOW["drop_newest"],
    ) -> None:
        self.waiting = MessageQueues()  # what was sent to unattached channels, and their groups
        self._codec = codec
        self._get_capacity = get_capacity
        self._expiry = expiry
        self._group_expiry = group_expiry
        self._overflow = overflow
        self._inboxes: dict[str, Inbox] = {}  # channel -> inbox
        self._groups: dict[str, dict[str, Inbox]] = {}  # group -> channel -> inbox
        self._joined: dict[str, set[str]] = {}  # attached channel -> groups

    def attach(self, channel: str, inbox: Inbox) -> None:
        """From now on messages for ``channel`` go into ``inbox``; so do those that wait for it."""
        inbox.capacity = self._get_capacity(channel)
        self._inboxes[channel] = inbox
        for item in self.waiting.empty(channel):
            inbox.put_message(self._codec.decode(item.payload), item.expires)
        for group in self.waiting.unbind_all(channel):
            self._join(group, channel, inbox)

    def detach(self, channel: str) -> set[str]:
        """Forget ``channel``. Returns the groups that it was in."""
        self._inboxes.pop(channel, None)
        self.waiting.empty(channel)
        left = self.waiting.unbind_all(channel) | self._joined.get(channel, set())
        for group in left:
            self.discard(group, channel)
        return left

    def add(self, group: str, channel: str) -> None:
        """Make ``channel`` a member. For one that is a member already, its time starts anew."""
        inbox = self._inboxes.get(channel)
        if inbox is not None:
            self._join(group, channel, inbox)
        else:
            self.waiting.bind(
                group,
                channel,
                capacity=self._get_capacity(channel),
                expiry=self._expiry,
                lifetime=self._group_expiry,
            )

    def discard(self, group: str, channel: str) -> None:
        """End a membership; nothing happens when there is none."""
        self.waiting.unbind(group, channel)
        members = self._groups.get(group, {})
        if members.pop(channel, None) is None:
            return
        if not members:
            del self._groups[group]
        self._joined[channel].discard(group)
        if not self._joined[channel]:
            del self._joined[channel]

    def has_members(self, group: str) -> bool:
        """Whether anybody in this process is in ``group``."""
        return group in self._groups or self.waiting.has_bound(group)

    def count(self, group: str) -> int:
        """How many members ``group`` has in this process."""
        return len(self._groups.get(group, ())) + self.waiting.count_bound(group)

    def sizes(self) -> dict[str, int]:
        """How many attached members each group has in this process."""
        return {group: len(members) for group, members in self._groups.items()}

    def groups_of(self, channel: str) -> set[str]:
        """The groups that an attached channel is in."""
        return set(self._joined.get(channel, ()))

    def deliver(self, group: str, payload: bytes) -> list[str]:
        """Give every member its copy. Returns the names of those that were full."""
        full = []
        members = self._groups.get(group)
        if members is not None:
            expires = time.monotonic() + self._expiry
            # Decoded when the first member wants a copy: where all share frames, one is made.
            copies = self._codec.copies(payload)
            made: Made = {}  # a cache for this message: what shared handlers have made of it
            for channel, inbox in members.items():
                message = next(copies) if inbox.sharing is None else inbox.sharing(made, copies)
                if message is not None and not inbox.put_message(message, expires):
                    full.append(channel)
                    self._overflow(inbox, message, expires)
        full += self.waiting.route(group, payload)
        return full

    def put(self, channel: str, payload: bytes) -> bool:
        """Give one channel a message. False when it was full."""
        inbox = self._inboxes.get(channel)
        if inbox is not None:
            message = self._codec.decode(payload)
            return inbox.put_message(message, time.monotonic() + self._expiry)
        capacity = self._get_capacity(channel)
        return self.waiting.push(channel, payload, capacity=capacity, expiry=self._expiry)

    def clear(self) -> None:
        """End all memberships, and drop what waits for unattached channels."""
        self._groups.clear()
        self._joined.clear()
        self.waiting.clear()

    def _join(self, group: str, channel: str, inbox: Inbox) -> None:
        self._groups.setdefault(group, {})[channel] = inbox
        self._joined.setdefault(channel, set()).add(group)
