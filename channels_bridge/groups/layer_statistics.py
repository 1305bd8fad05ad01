"""Statistics of a layer, for metrics: snapshots that cost a few additions to keep and to take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LinkStatistics:
    """The state of this process' connection to the hub.

    Attributes:
        connected: whether the hub has welcomed it.
        reconnects: how often it has been welcomed again, by the same hub or by another.
        missed: how often it was away for so long that its members have missed messages.
        unacknowledged: how many requests, mostly messages, the hub hasn't answered yet.
        unacknowledged_bytes: their size.
        lag: how many seconds ago the oldest of them was made; 0 when there is none. It is about
            a hundredth of a second under load, and grows while the hub or a receiver is away.
        alone: whether there is no hub, so that nobody else can be a member of anything.
        sent_alone: how many messages to groups were for nobody but members of this process
            therefore.
    """

    connected: bool
    reconnects: int
    missed: int
    unacknowledged: int
    unacknowledged_bytes: int
    lag: float
    alone: bool = False
    sent_alone: int = 0


@dataclass(frozen=True, kw_only=True)
class LayerStatistics:
    """Counters of a layer in this process, since it was made or closed last.

    Attributes:
        group_sends: messages that were sent to groups here.
        messages_dropped: messages to groups that a member here had no room for; this number
            goes on when the layer is closed and used again.
        link: None for a layer without a hub, and until it is used.
    """

    group_sends: int
    messages_dropped: int
    link: LinkStatistics | None
