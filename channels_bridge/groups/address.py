"""
Where the hub listens: ``unix:/path/to/socket``, or ``host:port`` on this machine.

Checked here once, for settings, command line and hub alike. No gRPC in this file.
"""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from channels_bridge.directory import private_directory
from channels_bridge.unix import MAX_PATH

__all__ = ["Address", "default_address"]


@dataclass(frozen=True)
class Address:
    """
    A valid address.

    Attributes:
        path: the socket's path; None for TCP.
        host: name or IP address, without brackets; empty for unix sockets.
        port: 1 to 65535; 0 for unix sockets.
    """

    path: Path | None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: object) -> "Address":
        """
        Read an address.

        Raises:
            ValueError: it isn't one; says what to write instead.
        """
        if not isinstance(text, str) or not text:
            raise ValueError(f"address {text!r} isn't valid: write unix:/path or host:port")
        if text.startswith("unix:"):
            return cls(_parse_path(text))
        return _parse_tcp(text)

    def find_trouble(self) -> str | None:
        """Say why nobody can be reached here, as far as that shows from outside."""
        if self.path is None:
            return None
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return "there is no such socket"
        except OSError as error:
            return error.strerror
        if found.st_uid != os.getuid():
            return f"the socket is owned by another user (uid {found.st_uid})"
        return None

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def default_address() -> str:
    """
    Return the address of the project whose settings are in use.

    Raises:
        ValueError: the directory for it can't be had.
    """
    try:
        return f"unix:{private_directory() / 'groups.sock'}"
    except ValueError as error:
        raise ValueError(f"{error}, or set `address` in the layer's CONFIG") from None


def _parse_path(text: str) -> Path:
    # gRPC also knows unix:///path.
    path = text.removeprefix("unix:")
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError(
            f"address {text!r} isn't valid: write unix: and the absolute path of a socket, "
            f"for example unix:/run/app/groups.sock"
        )
    length = len(os.fsencode(path))
    if length > MAX_PATH:
        raise ValueError(
            f"address {text!r} isn't valid: a unix socket's path has at most "
            f"{MAX_PATH} bytes, this one has {length}"
        )
    return Path(path)


def _parse_tcp(text: str) -> Address:
    host, colon, digits = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    usable = colon and host and "/" not in host and digits.isascii() and digits.isdigit()
    if not usable or not 0 < int(digits) < 65536:
        raise ValueError(
            f"address {text!r} isn't valid: write unix:/path or host:port, "
            f"for example unix:/run/app/groups.sock or 127.0.0.1:8765"
        )
    if not _is_loopback(host):
        raise ValueError(
            f"address {text!r} isn't on this machine: only loopback addresses can be used as yet, "
            f"connections with TLS between machines come with a later release"
        )
    return Address(None, host, int(digits))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
