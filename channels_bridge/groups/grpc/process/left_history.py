"""The history that a hub has left: whether clients may come back to the next one for more."""

from __future__ import annotations

import time
from pathlib import Path

from channels_bridge.common.unix_sockets import TOUCH_INTERVAL
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_history import HubHistory
from channels_bridge.groups.discovery.hub_holder import hub_path

#: Seconds after a hub's end within which clients may come back that know their places: as long as
#: tickets are good (``resume.tickets.LIFE``). Until its end a hub has made the file look new.
COMING_BACK = 48 * 3600 + TOUCH_INTERVAL


class LeftHistory:
    """The history file at an address, seen by a process that finds no hub there.

    The next hub goes on where the file ends. A message that was sent to nobody meanwhile is missing
    there, and no client that knows its place in the file would be told.

    Args:
        address: where the hub would be.
        history: what it is to keep; None for nothing.
    """

    def __init__(self, address: Address, history: HubHistory | None) -> None:
        self._address = address
        self._history = history or HubHistory(file=None)

    @property
    def path(self) -> Path | None:
        """Where the file is; None where all is lost with the hub."""
        return self._history.path_beside(hub_path(self._address))

    def may_be_continued(self) -> bool:
        """Whether clients may know their places in it. May be asked from any thread."""
        path = self.path
        if path is None:
            return False
        try:
            last_used = path.stat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # such as a directory that this user can't enter: there may be one
            return True
        return time.time() - last_used < COMING_BACK
