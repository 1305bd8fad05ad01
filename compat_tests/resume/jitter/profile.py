"""Profiles: how often clients are away, and what dies meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """A bad network, and a bad night of a server.

    Args:
        name: what tables and the command line call it.
        what: it in words.
        messages: how many are published, one after another.
        rate: of them, per second.
        online: seconds that a connection lasts, on average.
        offline: seconds until the client is back, on average.
        settle: seconds that clients have after the last message; nobody is cut off then.
        worker_every: seconds between two SIGKILLs to a worker; 0 for none.
        hub_every: the same for what brings messages from process to process.
    """

    name: str
    what: str
    messages: int
    rate: float
    online: float
    offline: float
    settle: float
    worker_every: float = 0
    hub_every: float = 0

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.messages / self.rate + self.settle

    @property
    def has_faults(self) -> bool:
        """Whether processes are killed."""
        return bool(self.worker_every or self.hub_every)


#: AnyCable's, as published with its benchmark: nodejs-websocket-bench, methodology.md. It goes on
#: for 160 s; who is away for 3 s at most has come back long before, and nobody is cut off then.
NETWORK = Profile(
    "network",
    "each connection is cut every 15 s or so, and its client is back after 2 s",
    messages=120,
    rate=2,
    online=15,
    offline=2,
    settle=20,
)

FAULTS = Profile(
    "faults",
    "the same, and SIGKILL to a worker every 10 s, to the hub or broker every minute",
    messages=120,
    rate=2,
    online=15,
    offline=2,
    settle=20,
    worker_every=10,
    hub_every=60,
)

PROFILES: Mapping[str, Profile] = {each.name: each for each in (NETWORK, FAULTS)}
