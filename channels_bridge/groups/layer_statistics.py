"""Statistics of a layer, for metrics: snapshots that cost a few additions to keep and to take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class LinkStatistics:
    """The state of this process' connection to the hub, or to NATS.

    What NATS has only is None, or 0, for a hub.

    Attributes:
        connected: whether the hub, or a node of NATS, has welcomed it.
        reconnects: how often it has been welcomed again, by the same one or by another.
        missed: how often it was away from the hub for so long that its members have missed
            messages; over NATS how many messages they have missed, for whatever reason.
        unacknowledged: how many requests, mostly messages, the hub hasn't answered yet; over NATS
            how many callers wait for other processes or for the node.
        unacknowledged_bytes: their size.
        lag: how many seconds ago the oldest of them was made; 0 when there is none. It is about
            a hundredth of a second under load, and grows while the hub or a receiver is away.
        alone: whether there is no hub, so that nobody else can be a member of anything.
        sent_alone: how many messages to groups were for nobody but members of this process
            therefore.
        engine: ``hub`` or ``nats``.
        node: the name of the node of NATS that it is connected to; None while it is away.
        round_trip: seconds from a PING to that node until its PONG; None before the first.
        waiting_bytes: what isn't written to the node yet.
        dropped: messages that were not written, as it was away for too long or they were too many.
            Those who miss them ask for them.
        gaps: how often a message from another process was found to be missing here.
        recovered: messages that have come after all, as this process asked their senders for them.
        resent: messages that this process has sent again, as others asked for them.
        kept_bytes: the copies of what was sent that this process keeps for that.
        window: how many seconds these reach back; None while nothing is kept. It is less than
            ``keep_seconds`` where ``keep_bytes`` is not enough for them.
        silent_nodes: nodes of NATS that this process knew and that no longer answer, when it asks
            who listens: by name, for how many seconds.
    """

    connected: bool
    reconnects: int
    missed: int
    unacknowledged: int
    unacknowledged_bytes: int
    lag: float
    alone: bool = False
    sent_alone: int = 0
    engine: str = "hub"
    node: str | None = None
    round_trip: float | None = None
    waiting_bytes: int = 0
    dropped: int = 0
    gaps: int = 0
    recovered: int = 0
    resent: int = 0
    kept_bytes: int = 0
    window: float | None = None
    silent_nodes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HistoryStatistics:
    """How much of groups' messages is kept in this process, and who reads it.

    Attributes:
        replicas: how many groups are followed.
        messages: how many messages of them are kept here.
        bytes: what these take.
        behind: how many members are behind, and catch up.
        replayed: how many messages members were fed while they were behind.
        evictions: how many messages have gone before their time, as ``history_bytes`` was reached.
        gaps: how often a member missed something.
        lost: how many messages these were, as far as that is known.
    """

    replicas: int
    messages: int
    bytes: int
    behind: int
    replayed: int = 0
    evictions: int
    gaps: int = 0
    lost: int


@dataclass(frozen=True, kw_only=True)
class LayerStatistics:
    """Counters of a layer in this process, since it was made or closed last.

    Attributes:
        group_sends: messages that were sent to groups here.
        messages_dropped: messages to groups that a member here had no room for; this number
            goes on when the layer is closed and used again.
        link: None for a layer that reaches no other process, and until it is used.
        history: None where no group has history, and until the layer is used.
    """

    group_sends: int
    messages_dropped: int
    link: LinkStatistics | None
    history: HistoryStatistics | None = None
