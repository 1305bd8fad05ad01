"""Addresses of a hub: ``unix:/path/to/socket``, or ``host:port``.

Checked here once, for settings, command line and hub alike. No gRPC in this file.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channels_bridge.common.address_hints import HOST_NAME, address_meant
from channels_bridge.common.unix_sockets import MAX_PATH
from channels_bridge.groups.discovery.runtime_directory import project_directory, require_private

#: The hub's socket in the project's directory.
SOCKET = "groups.sock"

#: What hints and examples have.
_EXAMPLE_PORT = 8765

#: Schemes of other layers' servers.
_BROKERS = ("redis", "rediss", "amqp", "amqps", "nats", "tls")

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A valid address.

    Attributes:
        path: the socket's path; None for TCP.
        host: name or IP address, without brackets; empty for unix sockets.
        port: 1 to 65535; 0 for unix sockets.
    """

    path: Path | None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: object) -> Address:
        """Read an address.

        Raises:
            ValueError: it isn't one; says what to write instead.
        """
        if not isinstance(text, str) or not text:
            raise ValueError(f"address {text!r} isn't valid: write unix:/path or host:port")
        _refuse_broker(text)
        try:
            return _parse(text)
        except ValueError:
            meant = address_meant(text, _EXAMPLE_PORT)
            if meant is None or not _is_one(meant.write):
                raise
            raise ValueError(
                f"address {text!r} isn't valid: {meant.why}, write {meant.write}"
            ) from None

    def find_trouble(self) -> str | None:
        """Say why nobody can be reached here, as far as that shows from outside."""
        if self.path is None:
            return None
        try:
            found = self.path.lstat()
            trouble = find_intruders(self.path.parent)
        except FileNotFoundError:
            return "there is no such socket"
        except OSError as error:
            return error.strerror
        if found.st_uid != os.getuid():
            return f"the socket is owned by another user (uid {found.st_uid})"
        return trouble

    def is_of_another_user(self) -> bool:
        """Whether there is another user's socket."""
        try:
            return self.path is not None and self.path.lstat().st_uid != os.getuid()
        except OSError:
            return False

    def is_of_this_machine(self) -> bool:
        """Whether a hub can listen here, for all that is known."""
        if self.path is not None:
            return True
        try:
            found = socket.getaddrinfo(self.host, 0, type=socket.SOCK_STREAM)
        except OSError:
            return False
        return any(_can_bind(family, place) for family, _, _, _, place in found)

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _can_bind(family: int, place: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(place)
    except OSError:
        return False
    return True


def find_intruders(directory: Path) -> str | None:
    """Say who else could put a socket of their own into a directory. Raises OSError."""
    found = directory.stat()
    if found.st_uid not in (os.getuid(), 0):
        return (
            f"the directory {directory} is owned by another user (uid {found.st_uid}): choose one "
            f"of this user's"
        )
    # Where the sticky bit is set, as in /tmp, nobody can replace what belongs to others.
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        return f"every user can write to the directory {directory}: chmod it to 0700"
    return None


def default_address() -> str:
    """Return the address of the project whose settings are in use. Nothing is made there.

    Raises:
        ValueError: it can't be used.
    """
    try:
        directory = project_directory()
        require_private(directory)
        size = len(os.fsencode(directory / SOCKET))
        if size > MAX_PATH:
            raise ValueError(
                f"a unix socket's path has at most {MAX_PATH} bytes, and {directory / SOCKET} has "
                f"{size}: set WEBSOCKET_RUNTIME_DIR to a shorter one"
            )
    except ValueError as error:
        raise ValueError(f"{error}, or set `address` in the layer's CONFIG") from None
    return f"unix:{directory / SOCKET}"


def _refuse_broker(text: str) -> None:
    """Raise ValueError for the URL of another layer's server."""
    scheme, found, _ = text.partition("://")
    if found and scheme.lower() in _BROKERS:
        # Not the address itself: a password may be in it.
        raise ValueError(
            f"address is a URL of {scheme}, which the hub does not use: remove it from CONFIG, or, "
            f"for a NATS server, set BACKEND to NatsChannelLayer and write 'servers'"
        )


def _parse(text: str) -> Address:
    return Address(_parse_path(text)) if text.startswith("unix:") else _parse_tcp(text)


def _is_one(text: str) -> bool:
    try:
        _parse(text)
    except ValueError:
        return False
    return True


def _parse_path(text: str) -> Path:
    # gRPC also knows unix:///path.
    path = text.removeprefix("unix:")
    path = path.removeprefix("//") if path.startswith("///") else path
    encoded = _encode_path(path)
    if not encoded.startswith(b"/") or encoded.endswith(b"/") or b"\0" in encoded:
        raise ValueError(
            f"address {text!r} isn't valid: write unix: and the absolute path of a socket, "
            f"for example unix:/run/app/groups.sock"
        )
    length = len(encoded)
    if length > MAX_PATH:
        raise ValueError(
            f"address {text!r} isn't valid: a unix socket's path has at most "
            f"{MAX_PATH} bytes, this one has {length}"
        )
    return Path(path)


def _encode_path(path: str) -> bytes:
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return b""


def _parse_tcp(text: str) -> Address:
    host, colon, digits = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    usable = colon and _is_host(host) and _PORT.fullmatch(digits)
    if not usable or not 0 < int(digits) < 65536:
        raise ValueError(
            f"address {text!r} isn't valid: write unix:/path or host:port, "
            f"for example unix:/run/app/groups.sock or 127.0.0.1:8765"
        )
    return Address(None, host, int(digits))


def _is_host(host: str) -> bool:
    """Whether this is an IP address or a name; not whether there is such a host."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return HOST_NAME.fullmatch(host) is not None
    return True
