"""Hints for malformed addresses: what people meant who are used to another server.

The parsers of the server's and of the hub's addresses ask here about what they refuse.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

#: A host's name (RFC 1123), with the underscores that container networks allow. Python looks none
#: up that has a longer label.
HOST_NAME = re.compile(r"(?!.*\.\.)(?!.*[^.]{64})[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)

#: Schemes of URLs that stand for a host and a port. A broker's URL is another mistake, for which
#: there is no hint.
_SCHEMES = ("http", "https", "ws", "wss", "tcp", "tcp4", "tcp6", "ssl", "dns", "grpc", "grpcs")

#: Twisted's description of an endpoint, which Daphne takes.
_ENDPOINT = re.compile(r"(?:tcp6?|ssl):(?:port=)?([0-9]{1,5})(?::.*?interface=([^:]+).*|:.*)?")

#: The host where only a port was given: nobody but this machine can connect.
_LOCAL = "127.0.0.1"


class Meant(NamedTuple):
    """An address that was meant, and why what was written is not one.

    Attributes:
        why: what is wrong with how it was written.
        write: the address.
    """

    why: str
    write: str


def address_meant(text: str, port: int) -> Meant | None:
    """Guess what somebody meant by a text that isn't an address; None where that isn't clear.

    Args:
        port: what is suggested where it is the port that is missing.
    """
    text = text.strip(" \t'\"")
    scheme, found, rest = text.partition("://")
    if found:
        return _with_scheme(scheme.lower(), rest, port)
    if endpoint := _ENDPOINT.fullmatch(text):
        number, interface = endpoint.groups()
        write = _place(interface or _LOCAL, number)
        return Meant("an address is a host and a port", write) if write else None
    place, slash, path = text.partition("/")
    if slash and (write := _complete(place)):
        return Meant("an address has no path", write)
    if text and (slash or text.endswith((".sock", ".socket"))) and " " not in text:
        return Meant("a unix socket has unix: before its path", f"unix:{text}")
    return _host_or_port(text, port)


def _with_scheme(scheme: str, rest: str, port: int) -> Meant | None:
    if scheme == "fd":
        return Meant("a descriptor has no slashes", f"fd:{rest}") if rest.isdecimal() else None
    if scheme in ("unix", "http+unix", "file"):
        return Meant("a unix socket has unix: before its path", f"unix:/{rest.lstrip('/')}")
    if scheme not in _SCHEMES:
        return None
    place = re.split("[/?#]", rest.lstrip("/"), maxsplit=1)[0]
    write = _complete(place)
    if write is None and (meant := _host_or_port(place, port)) is not None:
        write = meant.write
    return Meant("an address has no scheme", write) if write else None


def _host_or_port(text: str, port: int) -> Meant | None:
    if _NUMBER.fullmatch(text.removeprefix(":")):
        write = _place(_LOCAL, text.removeprefix(":"))
        return Meant("the host is missing", write) if write else None
    if _is_ipv6(text):
        host, _, number = text.rpartition(":")
        if _is_ipv6(host) and _NUMBER.fullmatch(number):
            return Meant("an IPv6 address goes in brackets", f"[{host}]:{number}")
        return Meant("the port is missing", f"[{text}]:{port}")
    host, colon, number = text.rpartition(":")
    if colon and _is_ipv6(host):  # whose last part is more than four digits
        write = _place(host, number)
        return Meant("an IPv6 address goes in brackets", write) if write else None
    if host in ("*", "[*]") and (write := _place("0.0.0.0", number)):
        return Meant("every interface is 0.0.0.0", write)
    if not colon or text.endswith("]"):
        host = text.removeprefix("[").removesuffix("]")
        write = _place("0.0.0.0" if host == "*" else host, str(port))
        return Meant("the port is missing", write) if write else None
    write = _complete(text)
    return Meant("there is more than an address", write) if write else None


def _complete(text: str) -> str | None:
    """Return the address if it has a host and a port already."""
    host, colon, number = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    return _place(host[1:-1] if bracketed else host, number) if colon else None


def _place(host: str, number: str) -> str | None:
    """Join them to an address; None where one of them can't be meant."""
    if not _NUMBER.fullmatch(number) or int(number) > 65535:
        return None
    if _is_ipv6(host):
        return f"[{host}]:{number}"
    return f"{host}:{number}" if HOST_NAME.fullmatch(host) else None


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False
