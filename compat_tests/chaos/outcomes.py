"""The ways in which a connection may end, each with the fault that allows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from compat_tests.chaos.journal import Record


@dataclass(frozen=True)
class Declared:
    """An outcome that the documents declare.

    Attributes:
        outcome: as in ``journal.Record``.
        fault: what must have happened, for as long as it is not over.
        words: say so in ``migration_guide/deployment.md``.
    """

    outcome: str
    fault: str
    words: str


#: Of a server that is killed as a whole.
GONE = "1006, and nobody listens until it is started again"

DECLARED = (
    Declared("1006", "worker_killed", "those of that worker: 1006"),
    Declared("no response", "worker_killed", "in handshakes a reset connection"),
    Declared("1001", "reloaded", "1001, and a server as soon as they reconnect"),
    Declared("1001", "server_ended", "1001, or `--drain-code`, with the reason"),
    Declared("1006", "client_stalled", "is cut off: the consumer is told 1006"),
    Declared("1013", "client_stalled", "closed with 1013, so that its client can start over"),
    Declared("1008", "client_flooding", "is closed with 1008"),
    Declared("HTTP 503", "crowd", "answered with 503 and `Retry-After`"),
    Declared("no response", "crowd", "further connections are closed without an answer"),
    Declared("no response", "worker_without_descriptors", "a reset connection"),
    Declared("1006", "everything_killed", GONE),
    Declared("no response", "everything_killed", GONE),
    Declared("1006", "everything_killed_history_removed", GONE),
    Declared("no response", "everything_killed_history_removed", GONE),
    Declared("1006", "everything_killed_history_shortened", GONE),
    Declared("no response", "everything_killed_history_shortened", GONE),
    # The site's own answer to TransportUnavailable.
    Declared("4503", "hub_killed", "raise `TransportUnavailable`"),
    Declared("4503", "hub_stopped", "raise `TransportUnavailable`"),
    Declared("4503", "disk_full", "raise `TransportUnavailable`"),
)

OWN_WILL = "own will"


@dataclass
class Suffered:
    """A fault that happened.

    Attributes:
        name: of the fault.
        began: when, in ``time.monotonic()``.
        victims: the processes and connections that it was done to; nobody in particular if empty.
        over: when everybody was well again.
    """

    name: str
    began: float
    victims: set[int | str] = field(default_factory=set)
    over: float = inf

    def explains(self, record: Record) -> bool:
        """Whether it may have ended a connection: it went on then, and that was a victim."""
        assert record.ended is not None
        unknown = not self.victims or record.worker == 0
        struck = unknown or record.worker in self.victims or record.name in self.victims
        return struck and self.began <= record.ended <= self.over


def undeclared(records: Iterable[Record], suffered: Iterable[Suffered]) -> list[Record]:
    """Find the connections that ended in a way that nothing declares, or not at all."""
    suffered = list(suffered)
    return [record for record in records if not _is_declared(record, suffered)]


def _is_declared(record: Record, suffered: list[Suffered]) -> bool:
    if record.ended is None or record.outcome == OWN_WILL:
        return record.outcome == OWN_WILL
    allowed = {declared.fault for declared in DECLARED if declared.outcome == record.outcome}
    return any(fault.name in allowed and fault.explains(record) for fault in suffered)
