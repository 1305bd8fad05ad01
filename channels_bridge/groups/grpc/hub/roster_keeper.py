"""Upkeep of a hub's roster: the processes that are receiving, for the hub after it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from channels_bridge.groups.grpc.hub.hub_lock import SocketPlace

logger = logging.getLogger("channels_bridge.groups")


class RosterKeeper:
    """Leaves word of the processes that are receiving.

    Where that can't be written, what was written before is withdrawn, since it names those that are
    gone and leaves out those that came; the processes then tell the next hub of each other.
    """

    def __init__(self, place: SocketPlace) -> None:
        self._place = place
        self._last: Mapping[bytes, str] | None = None
        self._unwritten: Mapping[bytes, str] | None = None

    def keep(self, roster: Mapping[bytes, str]) -> None:
        """Leave word of these from now on."""
        was_written = self._unwritten is None
        self._last = self._unwritten = roster
        try:
            self.retry()
        except OSError as error:
            self._place.withdraw_roster()
            if was_written:
                logger.error("the next groups hub won't know whom to wait for: %s", error)

    def renew(self) -> None:
        """Write again what somebody has removed."""
        if self._last is not None and self._unwritten is None and not self._place.has_roster:
            self.keep(self._last)

    def retry(self) -> None:
        """Write what could not be written before, if there is anything.

        Raises:
            OSError: it still can't be.
        """
        if self._unwritten is not None:
            self._place.write_roster(self._unwritten)
            self._unwritten = None
