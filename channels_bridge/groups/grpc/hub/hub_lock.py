"""A hub's lock, which one hub at a time holds, its socket, and its roster for the hub after it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from channels_bridge.common.unix_sockets import Freshness, is_listened_to
from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.discovery.hub_address import find_intruders
from channels_bridge.groups.discovery.hub_holder import Holder, lock_path, open_own
from channels_bridge.groups.discovery.runtime_directory import keep_private, leave

logger = logging.getLogger("channels_bridge.groups")

#: How often the lock may be found shared by those who only look, before it counts as taken.
LOOKERS = 1000


class SocketPlace:
    """A socket's path, guarded by a lock on the file beside it (``<path>.lock``).

    The lock ends with its process, however that ends. What counts is the file that is there: who
    gets the lock of one that was removed meanwhile tries again with the one in its place, and a
    hub that serves calls ``is_kept()`` now and then, which makes it again.

    While a hub runs, and after one that left processes behind, ``<path>.roster`` has the processes
    that are receiving, for the next hub; ``<path>.roster.old`` those of a time that is over, where
    the present ones can't be written.

    Args:
        path: where the socket is; for TCP, where there is none.
        address: the hub's, for errors.
        holder: who takes the place, for others to read.
        is_private: whether the directory is one of ours, which is made where it is missing.

    Raises:
        HubAddressError: the directory can't be used.
    """

    def __init__(
        self,
        path: Path,
        address: str = "",
        *,
        holder: Holder | None = None,
        is_private: bool = False,
    ) -> None:
        self.path = path
        self.address = address or f"unix:{path}"
        self._holder = holder
        self._is_private = is_private
        self._lock_path = lock_path(path)
        self._roster = Path(f"{path}.roster")
        self._old_roster = Path(f"{path}.roster.old")
        self._is_taken = False
        self._socket: os.stat_result | None = None  # the socket that was made there
        self._freshness = Freshness()
        self._trouble = ""  # what was logged last of what can't be made again
        self._lock = self._open_lock()

    def try_take(self) -> bool:
        """Take the place, unless another process has it."""
        while _try_lock(self._lock):
            if self._has_lock_file():
                self._is_taken = True
                self._sign()
                return True
            self._reopen_lock()
        return False

    def is_kept(self) -> bool:
        """Look after a place that was taken: make again what somebody has removed.

        Returns False where another hub has the place by now.
        """
        if self._is_taken and not self._has_lock_file():
            try:
                self._reopen_lock()
                logger.warning("%s was removed; it is made again", self._lock_path)
                self._is_taken = self.try_take()
            except HubAddressError as error:
                self._complain(error.reason)
                return True
        self._touch()
        return self._is_taken

    def note_socket(self) -> None:
        """Remember the socket that is there as the one to look after."""
        with contextlib.suppress(FileNotFoundError):  # none, on TCP
            self._socket = self.path.lstat()

    def has_socket(self) -> bool:
        """Whether nobody has removed the socket from a directory that is there."""
        if self._socket is None:
            return True
        try:
            found = self.path.lstat()
        except OSError:
            return not self.path.parent.is_dir()
        if not os.path.samestat(found, self._socket):
            self._complain(f"another program has replaced the socket {self.path}")
        return True

    def prepare(self) -> None:
        """Remove the socket that a killed hub left; only for who has taken the place.

        Raises:
            HubAddressError: what is there doesn't come from a hub.
        """
        self._remove_stale_socket()

    def read_roster(self) -> dict[bytes, str] | None:
        """Return whom the hub before left behind: id -> presence. None when it left no word.

        Raises:
            HubAddressError: it can't be read.
        """
        try:
            with open_own(self._roster) as file:
                return {bytes.fromhex(id): str(presence) for id, presence in json.load(file)}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise self._error(f"{self._roster} can't be read ({error}): remove it") from None

    @property
    def is_unused(self) -> bool:
        """Whether there certainly was no hub that left processes behind."""
        return not self._roster.exists() and not self._old_roster.exists()

    @property
    def has_roster(self) -> bool:
        """Whether there is word of the processes for the next hub."""
        return self._roster.exists()

    def write_roster(self, roster: Mapping[bytes, str]) -> None:
        """Leave word for the next hub, whatever happens to this one."""
        # Replaced as a whole: a hub may be killed at any moment.
        new = Path(f"{self._roster}.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with open(new, "x", opener=_make_own) as file:
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
            # While it is locked: those who wait for it see that it is another one by then.
            self._lock_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another hub take the place."""
        os.close(self._lock)
        if self._is_private:
            leave(self.path.parent)

    def _open_lock(self) -> int:
        self._make_directory()
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(self._lock_path, flags, 0o600)
        except OSError as error:
            reason = f"{self._lock_path} can't be opened ({error.strerror})"
            raise self._error(f"{reason}: give `address` another directory") from None

    def _reopen_lock(self) -> None:
        lock = self._open_lock()
        os.close(self._lock)
        self._lock = lock

    def _has_lock_file(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._lock), self._lock_path.lstat())
        except OSError:
            return False

    def _sign(self) -> None:
        """Write into the lock who has it."""
        with contextlib.suppress(OSError):  # the disk is full: nobody can be told
            os.ftruncate(self._lock, 0)
            if self._holder is not None:
                os.pwrite(self._lock, self._holder.dumps().encode(), 0)

    def _touch(self) -> None:
        directory = [self.path.parent] if self._is_private else []
        self._freshness.touch(
            self.path, self._lock_path, self._roster, self._old_roster, *directory
        )

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            logger.error("no other process can reach the groups hub: %s", trouble)

    def _make_directory(self) -> None:
        if not self._is_private:
            self._require_directory()
            return
        try:
            keep_private(self.path.parent)
        except ValueError as error:
            is_socket = self.address.startswith("unix:")
            other = ", or set `address` in the layer's CONFIG" if is_socket else ""
            raise self._error(f"{error}{other}") from None

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
            raise self._error("there is something else than a socket: remove it")
        if found.st_uid != os.getuid():
            raise self._error(
                f"the socket is owned by another user (uid {found.st_uid}): remove it, or choose "
                f"another address"
            )
        if is_listened_to(self.path):
            raise self._error("another program listens there: choose another address")
        self.path.unlink()

    def _error(self, reason: str) -> HubAddressError:
        return HubAddressError(self.address, reason)


def _try_lock(lock: int) -> bool:
    """Lock it, unless a hub has it. Who only looks whether one has shares it for an instant."""
    for _ in range(LOOKERS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if not _try_share(lock):
                return False
    return False


def _try_share(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True


def _make_own(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
