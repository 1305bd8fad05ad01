"""The nodes of a cluster that are known, and those that have fallen silent since. No I/O.

A node that is gone, and one behind a broken link, look alike: the others don't know of it any more.
So one that was there is remembered. At first the processes that were connected to it may be on
their way to another node. Later it is said that it is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Seconds that processes have to move from a node to another one: the longest pause between their
#: attempts, and one.
MOVE = 3.0

#: Seconds after which a node that is silent is forgotten: it won't come back.
REMEMBER = 3600.0

#: How many silent nodes are remembered, those that fell silent last.
MAX_SILENT = 100


@dataclass(frozen=True, slots=True)
class _Silent:
    name: str
    since: float


class KnownNodes:
    """Remembers nodes.

    A node that was started again is another one, of the same name. One without a name (NATS'
    ``server_name``) can't be told from one that is gone: that is silent for an hour.

    Attributes:
        present: those that answered last: names by ID.
    """

    def __init__(self) -> None:
        self.present: dict[str, str] = {}
        self._silent: dict[str, _Silent] = {}  # by ID, in the order in which they fell silent

    def have_answered(self, nodes: Mapping[str, str], *, changed: float, now: float) -> None:
        """Note that these nodes, and no others, have answered.

        Args:
            nodes: names by ID.
            changed: when the cluster has changed last: those that are missing are since then.
            now: when they were asked, on the same clock.
        """
        gone = {
            node: _Silent(name, changed) for node, name in self.present.items() if node not in nodes
        }
        self.present = dict(nodes)
        kept = {
            node: silent
            for node, silent in (self._silent | gone).items()
            if node not in nodes and now - silent.since < self._patience(silent)
        }
        self._silent = dict(list(kept.items())[-MAX_SILENT:])

    def _patience(self, silent: _Silent) -> float:
        """How long a node is remembered; one that was started again until all have moved."""
        return MOVE if silent.name in self.present.values() else REMEMBER

    def awaited(self, now: float) -> dict[str, str]:
        """Those whose processes may be on their way to another node: names by ID.

        Args:
            now: when those who have answered were asked.
        """
        return {
            node: silent.name for node, silent in self._silent.items() if now - silent.since < MOVE
        }

    def silent(self, now: float) -> dict[str, float]:
        """Those that are silent: by name, for how many seconds. May be asked from any thread."""
        known, present = list(self._silent.values()), set(self.present.values())
        return {
            each.name: now - each.since
            for each in known
            if each.name not in present and now - each.since < REMEMBER
        }

    def forget_all(self) -> None:
        """There is no cluster."""
        self.present, self._silent = {}, {}
