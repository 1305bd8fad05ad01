"""The right to serve a unix socket's path, which one hub at a time has, and what hubs leave."""

import contextlib
import fcntl
import json
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.address import find_intruders

__all__ = ["SocketPlace"]


class SocketPlace:
    """
    A socket's path, guarded by a lock on the file beside it (``<path>.lock``).

    The lock ends with its process, however that ends. The file stays: removing it would let two
    hubs hold locks on two files of the same name.

    While a hub runs, and after one that left processes behind, ``<path>.roster`` has the processes
    that are receiving, for the next hub; ``<path>.roster.old`` those of a time that is over, where
    the present ones can't be written.

    Raises:
        HubAddressError: the directory can't be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._roster = Path(f"{path}.roster")
        self._old_roster = Path(f"{path}.roster.old")
        self._require_directory()
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._lock = os.open(f"{path}.lock", flags, 0o600)
        except OSError as error:
            raise self._error(f"{path}.lock can't be opened ({error.strerror})") from None

    def try_take(self) -> bool:
        """Take the place, unless another process has it."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def prepare(self) -> None:
        """
        Remove the socket that a killed hub left; only for who has taken the place.

        Raises:
            HubAddressError: what is there doesn't come from a hub.
        """
        self._remove_stale_socket()

    def read_roster(self) -> dict[bytes, str] | None:
        """
        Return whom the hub before left behind: id -> presence. None when it left no word.

        Raises:
            HubAddressError: it can't be read.
        """
        try:
            with open(self._roster, opener=_open_own) as file:
                return {bytes.fromhex(id): str(presence) for id, presence in json.load(file)}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise self._error(f"{self._roster} can't be read ({error}): remove it") from None

    @property
    def is_unused(self) -> bool:
        """Whether there certainly was no hub that left processes behind."""
        return not self._roster.exists() and not self._old_roster.exists()

    def write_roster(self, roster: Mapping[bytes, str]) -> None:
        """Leave word for the next hub, whatever happens to this one."""
        # Replaced as a whole: a hub may be killed at any moment.
        new = Path(f"{self._roster}.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with open(new, "x", opener=_open_own) as file:
            json.dump([[id.hex(), presence] for id, presence in roster.items()], file)
        new.replace(self._roster)
        self._old_roster.unlink(missing_ok=True)

    def withdraw_roster(self) -> None:
        """Let the next hub believe nothing that was written; takes no room on the disk."""
        with contextlib.suppress(OSError):  # it was withdrawn before, or nothing can be done
            self._roster.replace(self._old_roster)

    def clear(self, *, leaves_processes: bool) -> None:
        """Remove the socket; only for who has taken the place."""
        self.path.unlink(missing_ok=True)
        if not leaves_processes:
            self._roster.unlink(missing_ok=True)
            self._old_roster.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another hub take the place."""
        os.close(self._lock)

    def _require_directory(self) -> None:
        try:
            trouble = find_intruders(self.path.parent)
        except FileNotFoundError:
            raise self._error(f"there is no directory {self.path.parent}: make it") from None
        except OSError as error:
            raise self._error(f"{self.path.parent}: {error.strerror}") from None
        if trouble is not None:
            raise self._error(trouble)

    def _remove_stale_socket(self) -> None:
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise self._error("there is something else of that name: remove it")
        if found.st_uid != os.getuid():
            raise self._error(f"the socket is owned by another user (uid {found.st_uid})")
        if self._somebody_listens():
            raise self._error("another program listens there: choose another address")
        self.path.unlink()

    def _somebody_listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(self.path))
            except OSError:
                return False
            return True

    def _error(self, reason: str) -> HubAddressError:
        return HubAddressError(f"unix:{self.path}", reason)


def _open_own(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
