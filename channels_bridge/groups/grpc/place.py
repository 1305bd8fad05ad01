"""The right to serve a unix socket's path, which one hub at a time has."""

import fcntl
import os
import socket
import stat
from pathlib import Path

from channels_bridge.exceptions import HubAddressError

__all__ = ["SocketPlace"]


class SocketPlace:
    """
    A socket's path, guarded by a lock on the file beside it (``<path>.lock``).

    The lock ends with its process, however that ends. The file stays: removing it would let two
    hubs hold locks on two files of the same name. While a hub runs, and after one was killed, the
    file isn't empty.

    Raises:
        HubAddressError: the directory can't be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._lock = os.open(f"{path}.lock", flags, 0o600)
        except FileNotFoundError:
            raise self._error(f"there is no directory {path.parent}: make it") from None
        except OSError as error:
            raise self._error(f"{path}.lock can't be opened ({error.strerror})") from None

    def try_take(self) -> bool:
        """Take the place, unless another process has it."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def prepare(self) -> bool:
        """
        Remove the socket that a killed hub left; only for who has taken the place.

        Returns whether the hub before left processes behind.

        Raises:
            HubAddressError: what is there doesn't come from a hub.
        """
        self._remove_stale_socket()
        left_behind = bool(os.pread(self._lock, 1, 0))
        os.pwrite(self._lock, b"1", 0)
        return left_behind

    def clear(self, *, leaves_processes: bool) -> None:
        """Remove the socket; only for who has taken the place."""
        self.path.unlink(missing_ok=True)
        if not leaves_processes:
            os.ftruncate(self._lock, 0)

    def close(self) -> None:
        """Let another hub take the place."""
        os.close(self._lock)

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
