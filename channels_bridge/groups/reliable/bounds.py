"""The bounds of the reliable layer: what is kept, for how long, and how often is asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Bounds of one process. All processes on a bus have the same ``keep_seconds``.

    Attributes:
        keep_seconds: how long a sender keeps what it has sent. Failures shorter than this, less a
            second or two for noticing them, lose nothing.
        keep_bytes: how much a sender keeps at most, over all topics. Where this is used up sooner,
            the time is shorter (``ReliableStatistics.window``).
        quiet_seconds: a mark follows the last message on a topic after so long.
        retry_seconds: a request without an answer is repeated after so long, later after
            ``longest_retry_seconds``.
        requests: how many gaps a receiver asks for at a time.
        burst_bytes: with how much a sender answers one request. With ``requests`` it bounds what is
            on its way to a receiver besides what is new, so that a slow one is not cut off.
        asker_bytes: how much a sender sends again to one process in ``tick_seconds``.
        resent_bytes: the same, to all processes: less than the way to the bus takes, so that what
            is new has room on it, however many ask.
        marks: how many marks are said in ``tick_seconds``, over all topics.
        held_messages, held_bytes: how much a receiver holds of one chain while a gap in it is being
            filled. What comes beyond is dropped, and asked for again later.
        all_held_bytes: the same over all chains.
        audit_seconds: how often some others are told what was sent lately: ``audit_peers`` of them,
            about ``audit_topics`` topics.
        announce_seconds: how often a process says that it is there. Others know then whom to audit,
            and notice when they have not heard it for a while.
        peers: how many others are known at most.
    """

    keep_seconds: float = 15.0
    keep_bytes: int = 32 << 20
    quiet_seconds: float = 0.1
    retry_seconds: float = 0.15
    longest_retry_seconds: float = 1.0
    requests: int = 16
    burst_bytes: int = 32 << 10
    asker_bytes: int = 1 << 20
    resent_bytes: int = 2 << 20
    marks: int = 500
    tick_seconds: float = 0.02
    held_messages: int = 10_000
    held_bytes: int = 4 << 20
    all_held_bytes: int = 32 << 20
    audit_seconds: float = 5.0
    audit_peers: int = 3
    audit_topics: int = 200
    announce_seconds: float = 30.0
    peers: int = 4096

    @property
    def reminder_seconds(self) -> float:
        """When the last number on a topic is said a second time, in case that the first was lost.

        There has to be time left to ask for it. A topic that is used more often never pays for it.
        """
        return self.keep_seconds / 2

    @property
    def farewell_seconds(self) -> float:
        """When the last number on a topic is said before it is forgotten.

        What was lost then cannot be had any more, but it can still be declared.
        """
        return self.remember_seconds - self.keep_seconds

    @property
    def patience_seconds(self) -> float:
        """How long a receiver asks without an answer. The sender keeps nothing for longer."""
        return self.keep_seconds

    @property
    def remember_seconds(self) -> float:
        """How long a sender knows the last number of a topic that it does not use.

        Longer than it keeps messages: so what is lost can be declared after longer failures, too.
        """
        return 4 * self.keep_seconds

    @property
    def forget_seconds(self) -> float:
        """When a receiver forgets a chain of which it hears nothing.

        By then the sender has forgotten it, too, whatever the way of its frames took: else a
        receiver would take the chain that it has known for one that it has to ask for.
        """
        return 2 * self.remember_seconds
